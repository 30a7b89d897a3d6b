//! [`random_command`]: what a thoughtless player might send, for tests, bots and fuzzers.
//!
//! Invariant: a function of the generator and the state. Most commands make sense; some are nonsense on purpose: dead or
//! absurd targets, amounts that nobody has, places off the map.

use alloc::vec::Vec;

use tickworld_sim::{
    entity::Entity,
    math::{Fx, Vec2},
    rng::Rng,
};

use crate::{
    command::Command,
    components::Act,
    key::ContentKey,
    realm::{LivingCreature, Realm},
    ruleset::{Ruleset, known_spells},
};

/// How far a bot looks around, in feet.
const SIGHT: i32 = 120;

/// A command for the character `player`; [`Command::Stop`] for one who is dead or gone.
#[must_use]
pub fn random_command(rng: &mut Rng, realm: &Realm, rules: &Ruleset, player: Entity) -> Command {
    let Some(who) = realm.living(player) else { return Command::Stop };
    match rng.below(20) {
        0 => Command::Stop,
        1 => Command::Rest,
        2..=6 => Command::MoveTo { place: near(rng, realm, &who) },
        7..=13 => {
            let target = other(rng, realm, &who);
            let place = target.and_then(|it| realm.living(it)).map_or_else(|| near(rng, realm, &who), |it| it.place);
            let target = target.filter(|_| rng.chance(4, 5));
            Command::Use { act: act(rng, realm, rules, &who), target, place }
        }
        14 | 15 => Command::PickUp { item: ground(rng, realm).unwrap_or(player) },
        16 => Command::Drop { item: thing(rng, realm, &who), count: rng.below(3) },
        17 => Command::Equip { item: thing(rng, realm, &who) },
        18 => Command::Unequip { item: thing(rng, realm, &who) },
        _ => Command::GiveCoins { to: other(rng, realm, &who).unwrap_or(player), amount: amount(rng, realm, &who) },
    }
}

/// A place nearby; one in twenty is anywhere at all.
fn near(rng: &mut Rng, realm: &Realm, who: &LivingCreature) -> Vec2 {
    if rng.chance(1, 20) {
        return Vec2::new(Fx::from_bits(rng.next_u64().cast_signed()), Fx::from_bits(rng.next_u64().cast_signed()));
    }
    let mut offset = || Fx::from_int(rng.range_inclusive_i32(-SIGHT, SIGHT));
    let place = who.place.saturating_add(Vec2::new(offset(), offset()));
    let end = realm.settings.extent();
    Vec2::new(place.x.clamp(Fx::ZERO, end.x), place.y.clamp(Fx::ZERO, end.y))
}

/// Someone in sight; now and then oneself, somebody dead, or a thing.
fn other(rng: &mut Rng, realm: &Realm, who: &LivingCreature) -> Option<Entity> {
    if rng.chance(1, 10) {
        return [Some(who.entity), corpse(rng, realm), ground(rng, realm)][rng.below(3) as usize];
    }
    let mut rows = Vec::new();
    realm.grid.visit(who.place, Fx::from_int(SIGHT), u32::MAX, |member| rows.push(member.row));
    rows.sort_unstable();
    pick(rng, &rows).and_then(|row| realm.entities.entity(row))
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> Option<T> {
    let count = u32::try_from(from.len()).ok().filter(|count| *count > 0)?;
    from.get(rng.below(count) as usize).copied()
}

fn corpse(rng: &mut Rng, realm: &Realm) -> Option<Entity> {
    let mut dead = Vec::new();
    tickworld_sim::join::join((&realm.corpse, &realm.entities)).for_each(|_, (_, entity)| dead.push(entity));
    pick(rng, &dead)
}

fn ground(rng: &mut Rng, realm: &Realm) -> Option<Entity> {
    let mut things = Vec::new();
    tickworld_sim::join::join((&realm.ground_item, &realm.entities)).for_each(|_, (_, entity)| things.push(entity));
    pick(rng, &things)
}

fn thing(rng: &mut Rng, realm: &Realm, who: &LivingCreature) -> ContentKey {
    let bag: Vec<ContentKey> = realm.bag.iter(who.row).map(|stack| stack.item).collect();
    pick(rng, &bag).filter(|_| rng.chance(9, 10)).unwrap_or(ContentKey(rng.next_u64()))
}

/// Something that the character can do; one in ten is made up.
fn act(rng: &mut Rng, realm: &Realm, rules: &Ruleset, who: &LivingCreature) -> Act {
    let mut acts = Vec::new();
    if let Some((block, _)) = rules.creature(who.creature.key) {
        let pack = rules.pack();
        let actions = block.actions.iter().filter_map(|at| pack.actions.get(*at as usize));
        acts.extend(actions.map(|action| Act::Action { key: action.key.into() }));
        acts.extend((0_u8..).zip(&block.multiattack).map(|(index, _)| Act::Routine { index }));
        let spells = block.casting.iter().flat_map(known_spells).filter_map(|at| pack.spells.get(at as usize));
        acts.extend(spells.map(|spell| Act::Spell { key: spell.key.into() }));
    }
    acts.extend(realm.bag.iter(who.row).map(|stack| Act::Item { key: stack.item }));
    pick(rng, &acts).filter(|_| rng.chance(9, 10)).unwrap_or(Act::Spell { key: ContentKey(rng.next_u64()) })
}

/// Mostly affordable; sometimes negative, zero or more than there is in the world.
fn amount(rng: &mut Rng, realm: &Realm, who: &LivingCreature) -> i64 {
    let coins = realm.purse.get(who.row).map_or(0, |purse| i64::try_from(purse.0).unwrap_or(i64::MAX));
    match rng.below(6) {
        0 => rng.next_u64().cast_signed(),
        1 => 0,
        2 => coins.saturating_add(1),
        _ => rng.range_inclusive_i64(1, coins.max(1)),
    }
}
