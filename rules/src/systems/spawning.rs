//! Spawners, and how players come in.
//!
//! Invariant: a spawner never has more creatures alive than its cap; its count is kept by births here and deaths in
//! `combat::death`.

use alloc::vec::Vec;

use tickworld_sim::{
    entity::{Entity, Row},
    frame::PlayerId,
    join::join,
    step::Step,
};

use crate::{
    components::{Controlled, Origin},
    event::Event,
    inventory,
    items::Stack,
    level::{Class, Spawner},
    realm::{Realm, bands},
    rules::Rules,
    spawn_creature::{self, NewCreature},
};

/// `spawning::spawn`: each spawner whose interval is over makes one creature, if fewer than its cap are alive.
pub(crate) fn spawn(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let mut due = Vec::new();
    join((&realm.spawner, &realm.entities)).for_each(|row, (spawner, entity)| {
        if spawner.alive < spawner.alive_max && tick.is_multiple_of(u64::from(spawner.interval_ticks.max(1))) {
            due.push((row, entity, *spawner));
        }
    });
    let rules = step.content();
    let mut stream = step.stream("spawning::spawn");
    for (row, origin, spawner) in due {
        let mut rng = stream.open(origin);
        let Some(place) = spawn_creature::free_place(realm, &mut rng, spawner.from, spawner.to) else { continue };
        let Spawner { creature, faction, .. } = spawner;
        let new = NewCreature { band: bands::CREATURES, creature, faction, place, coins: 0 };
        let Some((entity, born)) = spawn_creature::spawn(realm, rules, &new, &mut rng) else { continue };
        realm.origin.set(born, Origin(origin));
        realm.spawner.modify(row, |spawner| spawner.alive = spawner.alive.saturating_add(1));
        realm.tally.modify(|tally| tally.spawns = tally.spawns.wrapping_add(1));
        step.emit(Event::Arrived { entity, creature });
    }
}

/// The class that a player's id falls on; `None` in a world without classes.
#[must_use]
pub(crate) fn class_of(realm: &Realm, player: PlayerId) -> Option<(Row, Class)> {
    let mut classes = Vec::new();
    join((&realm.class,)).for_each(|row, (class,)| classes.push((row, *class)));
    let count = u64::try_from(classes.len()).ok().filter(|count| *count > 0)?;
    classes.get(usize::try_from(player.0.checked_rem(count)?).ok()?).copied()
}

/// A player's character, of their class; `None` in a world without classes or without room.
pub(crate) fn enter(realm: &mut Realm, step: &mut Step<'_, Rules>, player: PlayerId) -> Option<Entity> {
    let (class_row, class) = class_of(realm, player)?;
    let rules = step.content();
    let mut rng = step.player_rng("spawning::enter", player);
    let place = spawn_creature::free_place(realm, &mut rng, class.from, class.to)?;
    let Class { creature, faction, coins, .. } = class;
    let new = NewCreature { band: bands::PLAYERS, creature, faction, place, coins };
    let (entity, row) = spawn_creature::spawn(realm, rules, &new, &mut rng)?;
    realm.controlled.set(row, Controlled(player));
    let things: Vec<Stack> = realm.bag.iter(class_row).copied().collect();
    let who = realm.living_in(row)?;
    for stack in things {
        if inventory::add(realm, row, stack) {
            // What can be worn is worn; the rest stays in the bag.
            inventory::equip(realm, rules, &who, stack.item).unwrap_or(0);
        }
    }
    step.emit(Event::Arrived { entity, creature });
    Some(entity)
}
