//! How creatures come into the world: by set-up, spawner, or as a player's character.
//!
//! Invariant: whoever comes stands in a free cell, has every row that a creature has, and is in the grid.

use tickworld_sim::{
    State,
    entity::{Band, Entity, Row},
    math::{Cell, Fx, Vec2},
    rng::Rng,
};

use crate::{
    components::{Creature, Health, Position, Turn},
    items::Purse,
    key::ContentKey,
    realm::Realm,
    round,
    ruleset::Ruleset,
    settings::Faction,
    space::Member,
};

/// Places that are tried at random before the cells are looked through.
const TRIES: u32 = 16;

/// What a new creature begins as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewCreature {
    /// The band of entities that it belongs to.
    pub(crate) band: Band,
    /// The stat block's key, `creature/NAME`.
    pub(crate) creature: ContentKey,
    /// The side that it fights on.
    pub(crate) faction: Faction,
    /// Its place in feet from the map's corner, in a free cell.
    pub(crate) place: Vec2,
    /// Coins in its purse, in copper pieces.
    pub(crate) coins: u64,
}

/// Brings a creature in, at full (average) hit points, with an initiative of its own. `None` where content does not know it or
/// the world is full.
pub(crate) fn spawn(realm: &mut Realm, rules: &Ruleset, new: &NewCreature, rng: &mut Rng) -> Option<(Entity, Row)> {
    rules.creature(new.creature)?;
    let entity = realm.spawn(new.band).ok()?;
    let row = realm.entities.row(entity)?;
    insert_rows(realm, rules, row, new, rng);
    Some((entity, row))
}

/// Gives a new entity the rows of a creature.
fn insert_rows(realm: &mut Realm, rules: &Ruleset, row: Row, new: &NewCreature, rng: &mut Rng) {
    let block = rules.creature(new.creature);
    let hit_points = block.map_or(1, |(block, _)| block.hit_points.max(1));
    let round = round::round_ticks(realm, rules);
    let phase = round::initiative(rng, block.map(|(_, sheet)| sheet), round);
    realm.creature.set(row, Creature { key: new.creature, faction: new.faction });
    realm.position.set(row, Position(new.place));
    realm.health.set(row, Health { current: hit_points, maximum: hit_points });
    realm.turn.set(row, Turn { phase, ready: false });
    realm.purse.set(row, Purse(new.coins));
    realm.grid.get_mut().insert(new.place, Member { row, faction: new.faction });
}

/// A free place within a rectangle of the map; `None` where all of it is blocked.
#[must_use]
pub(crate) fn free_place(realm: &Realm, rng: &mut Rng, from: Vec2, to: Vec2) -> Option<Vec2> {
    let within = |rng: &mut Rng, low: Fx, high: Fx| {
        let (low, high) = (low.min(high), low.max(high));
        Fx::from_bits(rng.range_inclusive_i64(low.to_bits(), high.to_bits()))
    };
    for _ in 0..TRIES {
        let place = Vec2::new(within(rng, from.x, to.x), within(rng, from.y, to.y));
        if !realm.obstacles.is_blocked_at(place) {
            return Some(realm.obstacles.inset(place));
        }
    }
    let (first, last) = (realm.settings.cell_at(from), realm.settings.cell_at(to));
    let mut cells = (first.y..=last.y).flat_map(|y| (first.x..=last.x).map(move |x| Cell::new(x, y)));
    let free = cells.find(|cell| !realm.obstacles.is_blocked(*cell))?;
    Some(free.center(realm.settings.cell()))
}
