//! [`View`]: what is to be seen of a world at a tick, as plain data.
//!
//! Invariant: it is made from worlds and says nothing of a terminal: the same worlds and the same window give the same view,
//! from a trace, a journal or a session. What of it is drawn, and where, is [`render`](super::render())'s.

use serde_json::{Value, json};
use tickworld_sim::{entity::Entity, frame::Tick, game::Game, hash::Hash, math::Cell, world::World};

use super::{
    depiction::Depiction,
    history::History,
    map::{EntityLine, Spot, SpotKind, Window},
};

/// Ticks whose events are listed: three seconds of most worlds.
pub(crate) const EVENT_TICKS: u64 = 90;
/// Most events that a view lists.
const EVENTS_MAX: usize = 64;
/// Most entities that a view lists.
const ENTITIES_MAX: usize = 64;

/// A part of a map, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapView {
    /// Which part of the map it is.
    pub(crate) window: Window,
    /// Cells row by row.
    pub(crate) rows: Vec<Vec<Spot>>,
}

/// An event, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLine {
    /// The tick that told it.
    pub(crate) tick: Tick,
    /// What happened, as a sentence.
    pub(crate) text: String,
}

/// How many rows a column of the world has, for games without a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnLine {
    /// Name of the column.
    pub(crate) name: String,
    /// How many rows it has.
    pub(crate) rows: u64,
}

/// Whether the root of a tick, computed here, is the one that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootState {
    /// The root is the one that it should be.
    Verified,
    /// Nothing says so yet: what proves a root may come some ticks later.
    Unproven,
    /// This one, or one before it, is not.
    Different(RootDifference),
}

/// The first root that is not the one that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RootDifference {
    /// The tick whose root it is.
    pub(crate) tick: Tick,
    /// What it should be and what it is.
    pub(crate) detail: String,
}

impl RootState {
    /// Of a tick, by the last one whose root is known to be right and the first one whose root is not.
    pub(crate) fn of(tick: Tick, proven: Option<Tick>, difference: Option<&RootDifference>) -> Self {
        match difference {
            Some(difference) if difference.tick <= tick => Self::Different(difference.clone()),
            _ if proven >= Some(tick) => Self::Verified,
            _ => Self::Unproven,
        }
    }
}

impl RootDifference {
    /// Of a root that `witness` says is another one, in these columns as far as it can be told.
    pub(crate) fn new(tick: Tick, witness: &str, [said, found]: [Hash; 2], columns: &[String]) -> Self {
        let mut detail = format!("{witness} {said:.16}, found {found:.16}");
        if !columns.is_empty() {
            detail.push_str(&format!(", in {}", columns.join(", ")));
        }
        Self { tick, detail }
    }

    /// Keeps whichever is of the earlier tick, or what is there already.
    pub(crate) fn keep_first(first: &mut Option<Self>, other: Self) {
        if first.as_ref().is_none_or(|first| other.tick < first.tick) {
            *first = Some(other);
        }
    }
}

/// What a source says of a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLine {
    /// What the world is called.
    pub(crate) title: String,
    /// Where it comes from: `trace a.trace`.
    pub(crate) name: String,
    /// The first and the last tick that can be shown.
    pub(crate) span: (Tick, Tick),
    /// Ticks a second, when nothing slows the world.
    pub(crate) ticks_per_second: u32,
    /// What is known of the root of the tick that is shown.
    pub(crate) root: RootState,
    /// What the roots were compared with: `as recorded`.
    pub(crate) witness: &'static str,
    /// Roots that were compared so far.
    pub(crate) compared: u64,
    /// How the session is, where there is one.
    pub(crate) session: Option<SessionLine>,
}

/// How a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionLine {
    /// The shortest way to the server and back of late, in microseconds.
    pub(crate) round_trip_micros: Option<u64>,
    /// Ticks that the newest one here is behind the server's clock, as far as that can be told.
    pub(crate) behind_ticks: Option<u64>,
    /// What is wrong with it at present.
    pub(crate) trouble: Option<String>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Where it comes from, and whether that is right.
    pub(crate) source: SourceLine,
    /// The tick that is shown.
    pub(crate) tick: Tick,
    /// Its root, as computed here.
    pub(crate) root: Hash,
    /// Who is followed.
    pub(crate) followed: Option<Entity>,
    /// The map around a place; none for games that have none.
    pub(crate) map: Option<MapView>,
    /// How large the whole map is.
    pub(crate) map_size: Option<(u16, u16)>,
    /// The columns with their rows, where there is no map.
    pub(crate) columns: Vec<ColumnLine>,
    /// Who is within the window, the nearest to its middle first.
    pub(crate) entities: Vec<EntityLine>,
    /// How many are, listed or not.
    pub(crate) entity_count: usize,
    /// The last events, the newest last.
    pub(crate) events: Vec<EventLine>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewpoint {
    /// The tick; it is in the history.
    pub(crate) tick: Tick,
    /// The middle of the window.
    pub(crate) middle: Cell,
    /// Who is followed: the window goes with them while they are there.
    pub(crate) followed: Option<Entity>,
    /// Columns and rows of the window.
    pub(crate) size: (u16, u16),
}

impl View {
    /// Of the tick that `viewpoint` names; none where the history does not hold it.
    pub(crate) fn of<G: Game>(
        history: &History<G>,
        source: SourceLine,
        depiction: &dyn Depiction<G>,
        viewpoint: &Viewpoint,
    ) -> Option<Self> {
        let moment = history.moment(viewpoint.tick)?;
        let world = &moment.world;
        let map_size = depiction.map_size(world);
        let followed = viewpoint.followed.filter(|entity| depiction.is_there(world, *entity));
        let middle = followed.and_then(|entity| depiction.place(world, entity)).unwrap_or(viewpoint.middle);
        let window = map_size.map(|map| Window::around(middle, viewpoint.size, map));
        let map = window.map(|window| MapView { window, rows: depiction.map(world, window, followed) });
        let columns = if map.is_none() { columns(world) } else { Vec::new() };
        let first = usize::try_from(viewpoint.middle.y).unwrap_or(0);
        let mut entities = depiction.entities(world, window);
        let entity_count = entities.len();
        match window {
            Some(window) => {
                let middle = followed.map_or_else(|| window.middle(), |_| middle);
                let far = |line: &EntityLine| line.place.map_or(u32::MAX, |place| place.chebyshev_distance(middle));
                entities.sort_by_key(|line| (line.kind == SpotKind::Dead, far(line), line.entity.index()));
            }
            None => entities = entities.split_off(first.min(entity_count)),
        }
        if let Some(at) = followed.and_then(|entity| entities.iter().position(|line| line.entity == entity)) {
            entities[..=at].rotate_right(1);
        }
        entities.truncate(ENTITIES_MAX);
        let events = events(history, depiction, viewpoint.tick);
        let (tick, root) = (viewpoint.tick, moment.root);
        Some(Self { source, tick, root, followed, map, map_size, columns, entities, entity_count, events })
    }

    /// Where the window stands, on a map.
    pub(crate) fn middle(&self) -> Option<Cell> {
        self.map.as_ref().map(|map| map.window.middle())
    }

    /// The view as one JSON value.
    pub(crate) fn to_json(&self) -> Value {
        let (source, session) = (&self.source, self.source.session.as_ref());
        let difference = match &source.root {
            RootState::Different(difference) => json!({ "tick": difference.tick.0, "detail": difference.detail }),
            RootState::Verified | RootState::Unproven => Value::Null,
        };
        let map = self.map.as_ref().map(|map| {
            let rows = map.rows.iter().map(|row| row.iter().map(|spot| spot.glyph).collect::<String>());
            json!({ "x": map.window.x, "y": map.window.y, "rows": rows.collect::<Vec<_>>() })
        });
        let entities = self.entities.iter().map(|line| {
            json!({
                "entity": line.entity.to_string(),
                "name": line.name,
                "glyph": line.glyph,
                "health": line.health.map(|(current, maximum)| json!({ "current": current, "maximum": maximum })),
                "place": line.place.map(|place| json!([place.x, place.y])),
                "doing": line.doing,
            })
        });
        json!({
            "title": source.title,
            "source": source.name,
            "tick": self.tick.0,
            "first_tick": source.span.0.0,
            "last_tick": source.span.1.0,
            "root": self.root.to_string(),
            "verified": source.root == RootState::Verified,
            "difference": difference,
            "compared": source.compared,
            "round_trip_micros": session.and_then(|session| session.round_trip_micros),
            "behind_ticks": session.and_then(|session| session.behind_ticks),
            "followed": self.followed.map(|entity| entity.to_string()),
            "map": map,
            "columns": self.columns.iter().map(|it| json!({ "column": it.name, "rows": it.rows })).collect::<Vec<_>>(),
            "entities": entities.collect::<Vec<_>>(),
            "entity_count": self.entity_count,
            "events": self.events.iter().map(|it| json!({ "tick": it.tick.0, "text": it.text })).collect::<Vec<_>>(),
        })
    }
}

/// What the ticks up to `tick` told, as far as they are kept; the newest last.
fn events<G: Game>(history: &History<G>, depiction: &dyn Depiction<G>, tick: Tick) -> Vec<EventLine> {
    let mut lines = Vec::new();
    let first = tick.0.saturating_sub(EVENT_TICKS - 1);
    for at in (first..=tick.0).rev().map(Tick) {
        let Some(moment) = history.moment(at) else { break };
        let mut told = depiction.events(&moment.world);
        told.reverse();
        lines.extend(told.into_iter().map(|text| EventLine { tick: at, text }));
        if lines.len() >= EVENTS_MAX {
            break;
        }
    }
    lines.truncate(EVENTS_MAX);
    lines.reverse();
    lines
}

/// The columns that have rows.
fn columns<G: Game>(world: &World<G>) -> Vec<ColumnLine> {
    let columns = world.column_list().into_iter().map(|(name, column)| {
        let rows = (0..column.page_limit()).map(|page| u64::from(column.page_row_count(page))).sum();
        ColumnLine { name, rows }
    });
    columns.filter(|line| line.rows > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_stays_on_the_map_and_a_small_map_stands_in_the_middle() {
        let at = Cell::new;
        let window = |middle, size, map| {
            let Window { x, y, .. } = Window::around(middle, size, map);
            (x, y)
        };
        assert_eq!(window(at(50, 50), (20, 10), (100, 100)), (40, 45));
        assert_eq!(window(at(-7, 3), (20, 10), (100, 100)), (0, 0));
        assert_eq!(window(at(i32::MAX, i32::MIN), (20, 10), (100, 100)), (80, 0));
        assert_eq!(window(at(99, 99), (20, 10), (12, 8)), (-4, -1));
        assert_eq!(window(at(0, 0), (0, 0), (12, 8)), (0, 0));
    }

    #[test]
    fn a_window_holds_its_own_cells_and_no_others() {
        let window = Window { x: -2, y: 3, width: 4, height: 2 };
        let held = |x, y| window.holds(Cell::new(x, y));
        assert!(held(-2, 3) && held(1, 4));
        assert!(!held(2, 3) && !held(-3, 3) && !held(0, 5) && !held(0, 2));
        assert_eq!(window.middle(), Cell::new(0, 4));
    }
}
