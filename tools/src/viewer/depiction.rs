//! [`Depiction`]: how the worlds of one game are shown, and [`Plain`], which shows those of any.
//!
//! Invariant: a depiction only reads. What it says of a world follows from that world and from names that it was given before.

use std::{collections::BTreeMap, sync::Arc};

use tickworld_sim::{
    diff::{StateView, WorldView},
    entity::Entity,
    game::Game,
    math::Cell,
    schema::{RowKind, Schema},
    world::{World, schema},
};

use super::map::{EntityLine, Spot, SpotKind, Window};
use crate::{diff_report::shown, packs::Names};

/// How a game is shown.
pub(crate) trait Depiction<G: Game>: Send {
    /// Columns and rows of the map; none for a game without one.
    fn map_size(&self, world: &World<G>) -> Option<(u16, u16)>;

    /// What is in the cells of a window, row by row.
    fn map(&self, world: &World<G>, window: Window, followed: Option<Entity>) -> Vec<Vec<Spot>>;

    /// Everybody within a window, or without a map everything, by index.
    fn entities(&self, world: &World<G>, window: Option<Window>) -> Vec<EntityLine>;

    /// Who can be followed, by index.
    fn followable(&self, world: &World<G>) -> Vec<Entity>;

    /// Whether somebody is there yet.
    fn is_there(&self, world: &World<G>, entity: Entity) -> bool;

    /// Where somebody is.
    fn place(&self, world: &World<G>, entity: Entity) -> Option<Cell>;

    /// What the world's tick told, one a line, in its order.
    fn events(&self, world: &World<G>) -> Vec<String>;
}

/// Rows and fields as they are stored, by the schema alone.
pub(crate) struct Plain {
    schema: Arc<Schema>,
}

/// Most entities that are read for a list: each is a search in every column.
const ENTITIES_READ_MAX: u32 = 1_000;

impl Plain {
    /// Shows worlds of the game `G`.
    pub(crate) fn of<G: Game>() -> Self {
        Self { schema: Arc::new(schema::<G>()) }
    }

    fn view<'w, G: Game>(&self, world: &'w World<G>) -> WorldView<'w, G> {
        WorldView::new(world, &self.schema)
    }

    /// The generation of whoever lives in a row.
    fn generation(view: &dyn StateView, row: u32) -> Option<u32> {
        let (at, _) = view.column(ALIVE)?;
        let mut bytes = Vec::new();
        let bytes = view.row_bytes(at, row, &mut bytes).then_some(bytes)?;
        Some(u32::from_le_bytes(*bytes.first_chunk()?))
    }

    /// Everybody who lives, by index.
    fn living(view: &dyn StateView) -> Vec<Entity> {
        let Some((at, column)) = view.column(ALIVE) else { return Vec::new() };
        let end = view.pages(at).last().map_or(0, |entry| (entry.page + 1).saturating_mul(column.page_rows.into()));
        let rows = 0..end.min(ENTITIES_READ_MAX);
        rows.filter_map(|row| entity(row, Self::generation(view, row)?)).collect()
    }

    /// The fields of a row in every column that has it, as `column field value`.
    fn fields(&self, view: &dyn StateView, row: u32) -> String {
        let mut texts = Vec::new();
        for (at, column) in view.schema().columns.iter().enumerate() {
            let mut bytes = Vec::new();
            let is_own = column.rows == RowKind::Entity && !column.name.starts_with(ENTITIES);
            if !is_own || !view.row_bytes(at, row, &mut bytes) {
                continue;
            }
            let mut fields: BTreeMap<String, String> = BTreeMap::new();
            let read = column.ty.read(&bytes, &mut |path, value| {
                let text = fields.entry(path.to_owned()).or_default();
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&shown(&value, &Names::default()));
            });
            if read.is_ok() {
                let fields = fields.iter().map(|(path, value)| format!("{path} {value}"));
                texts.push(format!("{}: {}", column.name, fields.collect::<Vec<_>>().join(", ")));
            }
        }
        texts.join("; ")
    }
}

/// The engine's own columns of who lives.
const ENTITIES: &str = "entities.";
/// The one that says the generation.
const ALIVE: &str = "entities.alive";
/// The one of what a tick told.
const EVENTS: &str = "events.list";

/// An entity of an index and a generation.
fn entity(index: u32, generation: u32) -> Option<Entity> {
    use tickworld_sim::component::Component as _;
    let mut bytes = [0; 8];
    let (low, high) = bytes.split_at_mut(4);
    low.copy_from_slice(&index.to_le_bytes());
    high.copy_from_slice(&generation.to_le_bytes());
    Entity::decode(&bytes).ok()
}

impl<G: Game> Depiction<G> for Plain {
    fn map_size(&self, _: &World<G>) -> Option<(u16, u16)> {
        None
    }

    fn map(&self, _: &World<G>, _: Window, _: Option<Entity>) -> Vec<Vec<Spot>> {
        Vec::new()
    }

    fn entities(&self, world: &World<G>, _: Option<Window>) -> Vec<EntityLine> {
        let view = self.view(world);
        let line = |entity: Entity| EntityLine {
            entity,
            glyph: '*',
            kind: SpotKind::Thing,
            name: String::new(),
            health: None,
            place: None,
            doing: self.fields(&view, entity.index()),
        };
        Self::living(&view).into_iter().map(line).collect()
    }

    fn followable(&self, world: &World<G>) -> Vec<Entity> {
        Self::living(&self.view(world))
    }

    fn is_there(&self, world: &World<G>, entity: Entity) -> bool {
        Self::generation(&self.view(world), entity.index()) == Some(entity.generation())
    }

    fn place(&self, _: &World<G>, _: Entity) -> Option<Cell> {
        None
    }

    fn events(&self, world: &World<G>) -> Vec<String> {
        let view = self.view(world);
        let Some((at, column)) = view.column(EVENTS) else { return Vec::new() };
        let mut lines = Vec::new();
        for row in 0..world.events().len() {
            let (mut bytes, mut words) = (Vec::new(), Vec::new());
            if !view.row_bytes(at, row, &mut bytes) {
                continue;
            }
            let read = column.ty.read(&bytes, &mut |path, value| {
                let value = shown(&value, &Names::default());
                words.push(if path.is_empty() { value } else { format!("{path} {value}") });
            });
            if read.is_ok() {
                lines.push(words.join(", "));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use tickworld_ledger::Ledger;

    use super::*;

    #[test]
    fn any_world_is_shown_by_its_schema() {
        let simulation = Ledger::open(3, 250);
        let (plain, world) = (Plain::of::<Ledger>(), simulation.world());
        let lines = plain.entities(world, None);
        let texts: Vec<String> = lines.iter().map(|line| format!("{} {}", line.entity, line.doing)).collect();
        assert_eq!(texts.len(), 3);
        assert_eq!(texts[1], "1v1 accounts: coins 250, transfers 0");
        let followable = Depiction::<Ledger>::followable(&plain, world);
        assert_eq!(followable, lines.iter().map(|line| line.entity).collect::<Vec<_>>());
        assert!(followable.iter().all(|entity| plain.is_there(world, *entity)));
        let gone = entity(1, 2).expect("eight bytes are an entity");
        assert!(!plain.is_there(world, gone));
        assert_eq!(Depiction::<Ledger>::map_size(&plain, world), None);
        assert_eq!(plain.events(world), Vec::<String>::new());
    }
}
