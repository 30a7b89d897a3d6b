//! Players who travel: when a character may leave for another region or for the archive, and how it comes into a world.
//!
//! Invariant: who comes has every row of a living creature, in ranges that the rules keep, stands in a free cell, and is in the grid,
//! whatever bytes they were made of. Time stands still on the way: what had so many ticks left when they left has so many left. All
//! that a player has stands in the rows of their character, so it leaves and comes as one entity.

use tickworld_sim::{
    State,
    entity::{Entity, Row},
    frame::{PlayerId, Tick},
    join::{join, without},
    math::{Fx, Vec2},
    rng::Rng,
    step::Step,
};

use crate::{
    components::{Controlled, Health, Position, Turn},
    event::Event,
    inventory,
    items::Purse,
    limits,
    realm::{Realm, bands},
    round,
    rules::Rules,
    ruleset::Ruleset,
    settings::Faction,
    space::Member,
    spawn_creature,
    systems::{conditions, spawning},
    travel_clock::TravelClock,
    uses,
};

// DOC:TRAVEL
// entities     anew   another entity of the same band
// settings     here   of the world
// factions     here   of the world
// tally        here   of the world
// reckoned     here   of the world
// creature     kept   a key that the content lacks stays as it is, and does nothing; a faction above the last counts from 0 again
// controlled   anew   the player who came
// origin       here   spawners count their own
// position     anew   a free place where players of their class enter, or anywhere on a map without classes
// health       kept   1 to the maximum, and the maximum at least 1
// turn         moved  the turn comes after as many ticks as were left; an action at hand stays at hand
// target       left
// motion       left
// path         left
// seeking      left
// errand       left
// balked       left
// status       anew   what the conditions say
// affliction   moved  those by the character itself, each with as many ticks as were left; others keep a player from leaving
// rising       moved  as many ticks as were left, at most a round
// spent        moved  comes back with the rolls as before, or after as many ticks as were left, at most a day
// intent       left   whoever has one may not leave
// corpse       here   the dead do not leave
// rest         moved  as many ticks as were left, at most a whole rest
// deed         left
// blow         left
// struck       left
// purse        kept
// bag          kept   in its order; one stack a kind, and no more kinds than a bag takes
// equipment    kept   as far as it is in the bag, and no shield beside a weapon for two hands
// ground_item  here   of things
// wall         here   of the map
// spawner      here   of the map
// class        here   of the map
// exit         here   of the map
// DOC:END

/// Whether a player's character may leave. Nobody leaves a fight: not while a creature has them in mind (which is so from the moment
/// when it sees them as an enemy, or they hurt it, until it loses them), not before the turn after their last action, and not under a
/// condition that somebody else brought upon them. The dead stay, and so does who has asked for something that is not done yet. Those
/// who walk or rest may leave, and so may a player without a character.
///
/// O(creatures with somebody in mind), for those whom nothing else keeps.
#[must_use]
pub(crate) fn may_leave(realm: &Realm, entity: Option<Entity>) -> bool {
    let Some((own, row)) = entity.and_then(|own| Some((own, realm.entities.row(own)?))) else { return true };
    realm.lives(row)
        && realm.turn.get(row).is_some_and(|turn| turn.ready)
        && !realm.intent.contains(row)
        && realm.affliction.iter(row).all(|it| it.source == own)
        && !is_in_mind(realm, own)
}

fn is_in_mind(realm: &Realm, own: Entity) -> bool {
    let mut is_in_mind = false;
    join((&realm.target, without(&realm.corpse))).for_each(|_, (target, ())| is_in_mind |= target.0 == own);
    is_in_mind
}

/// Takes a character out of the grid, before its rows go.
pub(crate) fn depart(realm: &mut Realm, entity: Entity) {
    let Some(row) = realm.entities.row(entity) else { return };
    if let Some(position) = realm.position.get(row).copied() {
        realm.grid.get_mut().remove(position.0, row);
    }
}

/// Makes a character of what came with a player, who left at the end of tick `from` elsewhere. Where nothing came that is one, or no
/// cell of the map is free, nothing of it stays, and the player gets a new character when they enter.
pub(crate) fn arrive(realm: &mut Realm, step: &mut Step<'_, Rules>, player: PlayerId, entities: &[Entity], from: Tick) {
    let Some((own, others)) = entities.split_first() else { return };
    others.iter().for_each(|other| _ = realm.despawn(*other));
    let is_character = |row: &Row| realm.creature.contains(*row) && realm.entities.band(*row) == Some(bands::PLAYERS);
    let Some(row) = realm.entities.row(*own).filter(is_character) else {
        realm.despawn(*own);
        return;
    };
    // First of all: a class that comes along would say where players enter.
    forget_what_is_no_characters(realm, row);
    let mut rng = step.player_rng("travel::arrive", player);
    let Some(place) = place_of_entry(realm, &mut rng, player) else {
        realm.despawn(*own);
        return;
    };
    let rules = step.content();
    let clock = TravelClock::new(from, step.tick());
    bring_into_range(realm, rules, row, &mut rng);
    move_ticks(realm, rules, row, &clock);
    conditions::arrive(realm, rules, row, &clock);
    uses::arrive(realm, row, &clock);
    inventory::arrive(realm, rules, row);
    realm.controlled.set(row, Controlled(player));
    realm.position.set(row, Position(place));
    if let Some(creature) = realm.creature.get(row).copied() {
        realm.grid.get_mut().insert(place, Member { row, faction: creature.faction });
        step.emit(Event::Arrived { entity: *own, creature: creature.key });
    }
}

/// A free place where players of their class enter; anywhere, where there is none.
fn place_of_entry(realm: &Realm, rng: &mut Rng, player: PlayerId) -> Option<Vec2> {
    let class = spawning::class_of(realm, player);
    let entry = class.and_then(|(_, class)| spawn_creature::free_place(realm, rng, class.from, class.to));
    let end = realm.settings.extent().saturating_sub(Vec2::new(Fx::EPSILON, Fx::EPSILON));
    entry.or_else(|| spawn_creature::free_place(realm, rng, Vec2::ZERO, end))
}

/// Drops rows of things, of the map and of the dead, which only a stranger's parcel has.
fn forget_what_is_no_characters(realm: &mut Realm, row: Row) {
    realm.origin.remove(row);
    realm.corpse.remove(row);
    realm.ground_item.remove(row);
    realm.wall.remove(row);
    realm.spawner.remove(row);
    realm.class.remove(row);
    realm.exit.remove(row);
}

/// Brings rows that every creature has into their ranges; what is missing is as a newcomer's, without coins.
fn bring_into_range(realm: &mut Realm, rules: &Ruleset, row: Row, rng: &mut Rng) {
    realm.creature.modify(row, |creature| {
        creature.faction = Faction(creature.faction.0.checked_rem(limits::FACTIONS_MAX).unwrap_or(0));
    });
    let block = realm.creature.get(row).and_then(|creature| rules.creature(creature.key));
    let full = block.map_or(1, |(block, _)| block.hit_points);
    let health = realm.health.get(row).copied().unwrap_or(Health { current: full, maximum: full });
    let maximum = health.maximum.max(1);
    realm.health.set(row, Health { current: health.current.clamp(1, maximum), maximum });
    if !realm.turn.contains(row) {
        let round = round::round_ticks(realm, rules);
        let phase = round::initiative(rng, block.map(|(_, sheet)| sheet), round);
        realm.turn.set(row, Turn { phase, ready: false });
    }
    if !realm.purse.contains(row) {
        realm.purse.set(row, Purse(0));
    }
}

fn move_ticks(realm: &mut Realm, rules: &Ruleset, row: Row, clock: &TravelClock) {
    let round = round::round_ticks(realm, rules);
    let rest_ticks = u64::from(realm.settings.rest_ticks);
    realm.turn.modify(row, |turn| turn.phase = clock.phase(turn.phase, round));
    realm.rising.modify(row, |rising| rising.until_tick = clock.ahead(rising.until_tick, round));
    realm.rest.modify(row, |rest| rest.until_tick = clock.ahead(rest.until_tick, rest_ticks));
}
