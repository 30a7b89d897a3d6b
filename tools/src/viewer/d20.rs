//! [`D20Depiction`]: the d20 game on a map of cells.
//!
//! Invariant: names come from the content packs; a key that no pack has is "something", never a panic. Who stands in a cell
//! with others is shown as the living before the dead, and the lower index before the higher.

use std::collections::BTreeMap;

use tickworld_rules::{Event, Realm, Rules};
use tickworld_sim::{
    entity::{Entity, Row},
    join::join,
    math::{Cell, Vec2},
    world::World,
};

use super::{
    depiction::Depiction,
    map::{EntityLine, Spot, SpotKind, Window},
};
use crate::{packs::Names, run_summary::creature_name};

/// See the module.
pub(crate) struct D20Depiction {
    names: Names,
}

impl D20Depiction {
    /// Shows entries by these names.
    pub(crate) const fn new(names: Names) -> Self {
        Self { names }
    }

    fn title(&self, key: u64) -> &str {
        self.names.title(key).unwrap_or("something")
    }

    /// Who it is, and what they are called.
    fn called(&self, realm: &Realm, entity: Entity) -> String {
        format!("{} {entity}", creature_name(realm, entity, &self.names))
    }

    /// The sign of a creature: a player's is `@`, others have the first letter of their name.
    fn glyph(&self, realm: &Realm, row: Row, entity: Entity) -> char {
        if !realm.lives(row) {
            '%'
        } else if realm.controlled.contains(row) {
            '@'
        } else {
            creature_name(realm, entity, &self.names).chars().next().filter(char::is_ascii_alphabetic).unwrap_or('?')
        }
    }

    fn line(&self, realm: &Realm, row: Row, entity: Entity, place: Cell) -> Option<EntityLine> {
        let creature = realm.creature.get(row)?;
        let kind = if realm.lives(row) { SpotKind::Side(creature.faction.0) } else { SpotKind::Dead };
        let health = realm.health.get(row).map(|health| (health.current, health.maximum));
        let mut name = self.title(creature.key.0).to_owned();
        if let Some(player) = realm.controlled.get(row) {
            name.push_str(&format!(" (player {})", player.0.0));
        }
        let glyph = self.glyph(realm, row, entity);
        Some(EntityLine { entity, glyph, kind, name, health, place: Some(place), doing: self.doing(realm, row) })
    }

    /// What a creature does, and in which conditions it is.
    fn doing(&self, realm: &Realm, row: Row) -> String {
        let mut words = vec![if realm.corpse.contains(row) {
            "is dead".to_owned()
        } else if realm.rest.contains(row) {
            "rests".to_owned()
        } else if let Some(target) = realm.target.get(row) {
            let deed = if realm.motion.contains(row) { "goes for" } else { "fights" };
            format!("{deed} {}", self.called(realm, target.0))
        } else if realm.motion.contains(row) {
            "walks".to_owned()
        } else if realm.seeking.contains(row) {
            "looks for a way".to_owned()
        } else {
            "waits".to_owned()
        }];
        for affliction in realm.affliction.iter(row) {
            let title = self.title(affliction.condition.0).to_lowercase();
            if !words.contains(&title) {
                words.push(title);
            }
        }
        words.join(", ")
    }
}

fn cell_of(realm: &Realm, place: Vec2) -> Cell {
    realm.settings.cell_at(place)
}

impl Depiction<Rules> for D20Depiction {
    fn map_size(&self, world: &World<Rules>) -> Option<(u16, u16)> {
        let settings = &*world.state().settings;
        Some((settings.width_cells, settings.height_cells))
    }

    fn map(&self, world: &World<Rules>, window: Window, followed: Option<Entity>) -> Vec<Vec<Spot>> {
        let realm = world.state();
        let mut spots: BTreeMap<(i32, i32), Spot> = BTreeMap::new();
        join((&realm.position, &realm.ground_item)).for_each(|_, (position, _)| {
            let place = cell_of(realm, position.0);
            spots.insert((place.y, place.x), Spot { glyph: '*', kind: SpotKind::Thing, count: 1 });
        });
        for is_living in [false, true] {
            join((&realm.position, &realm.creature)).for_each(|row, (position, creature)| {
                let place = cell_of(realm, position.0);
                let Some(entity) = realm.entities.entity(row) else { return };
                if realm.lives(row) != is_living || !window.holds(place) {
                    return;
                }
                let kind = match is_living {
                    _ if followed == Some(entity) => SpotKind::Followed,
                    true => SpotKind::Side(creature.faction.0),
                    false => SpotKind::Dead,
                };
                let new = Spot { glyph: self.glyph(realm, row, entity), kind, count: 1 };
                let spot = spots.entry((place.y, place.x)).or_insert(new);
                let is_taken = matches!(spot.kind, SpotKind::Side(_) | SpotKind::Followed);
                if is_living && is_taken && *spot != new {
                    spot.count = spot.count.saturating_add(1);
                    if kind == SpotKind::Followed {
                        (spot.glyph, spot.kind) = (new.glyph, kind);
                    }
                } else if is_living && !is_taken {
                    *spot = new;
                }
            });
        }
        let mut exits = Vec::new();
        join(&realm.exit).for_each(|_, exit| exits.push(*exit));
        let spot = |x: i32, y: i32| {
            let settings = &realm.settings;
            if !settings.holds(Cell::new(x, y)) {
                Spot::NOWHERE
            } else if let Some(spot) = spots.get(&(y, x)) {
                *spot
            } else if realm.obstacles.is_blocked(Cell::new(x, y)) {
                Spot::WALL
            } else if exits.iter().any(|exit| exit.holds(Cell::new(x, y).center(settings.cell()))) {
                Spot::EXIT
            } else {
                Spot::FREE
            }
        };
        let columns = |y: i32| (window.x..).take(window.width.into()).map(move |x| (x, y));
        (window.y..).take(window.height.into()).map(|y| columns(y).map(|(x, y)| spot(x, y)).collect()).collect()
    }

    fn entities(&self, world: &World<Rules>, window: Option<Window>) -> Vec<EntityLine> {
        let realm = world.state();
        let mut lines = Vec::new();
        join((&realm.position, &realm.creature)).for_each(|row, (position, _)| {
            let place = cell_of(realm, position.0);
            if window.is_none_or(|window| window.holds(place)) {
                let entity = realm.entities.entity(row);
                lines.extend(entity.and_then(|entity| self.line(realm, row, entity, place)));
            }
        });
        lines
    }

    fn followable(&self, world: &World<Rules>) -> Vec<Entity> {
        let realm = world.state();
        let mut living = Vec::new();
        join(&realm.creature).for_each(|row, _| {
            if realm.lives(row) {
                living.extend(realm.entities.entity(row));
            }
        });
        living
    }

    fn is_there(&self, world: &World<Rules>, entity: Entity) -> bool {
        let realm = world.state();
        realm.entities.row(entity).is_some_and(|row| realm.creature.contains(row))
    }

    fn place(&self, world: &World<Rules>, entity: Entity) -> Option<Cell> {
        let realm = world.state();
        let position = realm.position.get(realm.entities.row(entity)?)?;
        Some(cell_of(realm, position.0))
    }

    fn events(&self, world: &World<Rules>) -> Vec<String> {
        let realm = world.state();
        let called = |entity: Entity| self.called(realm, entity);
        let event = |event: &Event| match *event {
            Event::Acted { actor, action } => format!("{} uses {}", called(actor), self.title(action.0)),
            Event::Missed { source, target } => format!("{} misses {}", called(source), called(target)),
            Event::Hurt { source, target, amount, critical } => {
                let how = if critical { ", critically" } else { "" };
                format!("{} hits {} for {amount}{how}", called(source), called(target))
            }
            Event::Healed { source, target, amount } => {
                format!("{} heals {} by {amount}", called(source), called(target))
            }
            Event::Afflicted { target, condition } => format!("{} is {}", called(target), self.title(condition.0)),
            Event::Recovered { target, condition } => {
                format!("{} is {} no more", called(target), self.title(condition.0))
            }
            Event::Died { target } => format!("{} dies", called(target)),
            Event::Arrived { entity, creature } => format!("{} {entity} comes", self.title(creature.0)),
            Event::Fizzled { actor } => format!("{} cannot do what was asked", called(actor)),
        };
        world.events().iter().map(event).collect()
    }
}
