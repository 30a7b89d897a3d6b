//! What an act costs: uses by recharge, by the day, spell slots, things used up (SRD 5.1 p. 100, and "Limited Usage" of
//! monsters).
//!
//! Invariant: nothing is used more often than its usage allows between two times that it comes back.

use alloc::vec::Vec;

use tickworld_content::model::{Creature, ItemUse, Spell, Usage};
use tickworld_sim::{entity::Row, session::OutcomeCode};

use crate::{
    command::codes,
    components::{Act, Back, Spent},
    inventory,
    key::ContentKey,
    limits,
    realm::Realm,
    ruleset::{Ruleset, known_spells},
    stats,
    travel_clock::TravelClock,
};

/// What is paid for an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    /// It costs nothing.
    Free,
    /// It costs a use of something that comes back.
    Use {
        /// The key under which the use is noted.
        key: ContentKey,
        /// The least roll that brings it back; none where it comes back with the day.
        roll: Option<u8>,
    },
    /// It costs one item out of the bag.
    Item {
        /// The item's key, `item/NAME`.
        item: ContentKey,
    },
}

/// Uses noted under a key.
fn used(realm: &Realm, row: Row, key: ContentKey) -> u8 {
    realm.spent.iter(row).find(|spent| spent.key == key).map_or(0, |spent| spent.count)
}

/// Whether one can do this at all: it is in the stat block, on the spell list, in hand or in the bag.
#[must_use]
pub(crate) fn knows(realm: &Realm, rules: &Ruleset, row: Row, block: &Creature, act: Act) -> bool {
    let pack = rules.pack();
    match act {
        Act::Action { key } => {
            let position = pack.action_position(key.key()).and_then(|position| u32::try_from(position).ok());
            position.is_some_and(|position| block.actions.contains(&position) || wields(realm, rules, row, position))
        }
        Act::Routine { index } => usize::from(index) < block.multiattack.len(),
        Act::Spell { key } => {
            let position = pack.spell_position(key.key()).and_then(|position| u32::try_from(position).ok());
            let casting = block.casting.as_ref();
            position.is_some_and(|position| casting.is_some_and(|it| known_spells(it).any(|known| known == position)))
        }
        Act::Item { key } => {
            inventory::item_count(realm, row, key) > 0
                && matches!(stats::item_use(rules, key), Some(ItemUse::Consumable { .. }))
        }
    }
}

/// Whether the action at `position` is the equipped weapon's; with both hands only without a shield (SRD 5.1 p. 65).
fn wields(realm: &Realm, rules: &Ruleset, row: Row, position: u32) -> bool {
    let Some(equipment) = realm.equipment.get(row) else { return false };
    match equipment.weapon.and_then(|weapon| stats::item_use(rules, weapon)) {
        Some(ItemUse::Weapon { action, versatile, .. }) => {
            *action == position || equipment.shield.is_none() && *versatile == Some(position)
        }
        _ => false,
    }
}

/// What an act costs the one in `row` now.
///
/// # Errors
/// [`codes::SPENT`] where no use is left, [`codes::UNKNOWN_ACTION`] where content has no such thing.
pub(crate) fn price(
    realm: &Realm,
    rules: &Ruleset,
    row: Row,
    block: &Creature,
    act: Act,
) -> Result<Price, OutcomeCode> {
    let pack = rules.pack();
    match act {
        Act::Routine { .. } => Ok(Price::Free),
        Act::Action { key } => {
            let action = pack.find_action(key.key()).ok_or(codes::UNKNOWN_ACTION)?;
            usage_price(realm, row, key, action.usage, 0)
        }
        Act::Spell { key } => {
            let position = pack.spell_position(key.key()).ok_or(codes::UNKNOWN_ACTION)?;
            spell_price(realm, rules, row, block, (position, &pack.spells[position]))
        }
        Act::Item { key } if inventory::item_count(realm, row, key) > 0 => Ok(Price::Item { item: key }),
        Act::Item { .. } => Err(codes::NOT_IN_BAG),
    }
}

/// What an action's own usage costs one who has `paid` so many uses more than the state knows of.
///
/// # Errors
/// [`codes::SPENT`] where no use is left.
pub(crate) fn usage_price(
    realm: &Realm,
    row: Row,
    key: ContentKey,
    usage: Usage,
    paid: u8,
) -> Result<Price, OutcomeCode> {
    let used = || used(realm, row, key).saturating_add(paid);
    match usage {
        Usage::Recharge(from) if used() == 0 => Ok(Price::Use { key, roll: Some(from) }),
        Usage::PerDay(times) if used() < times => Ok(Price::Use { key, roll: None }),
        Usage::Recharge(_) | Usage::PerDay(_) => Err(codes::SPENT),
        _ => Ok(Price::Free),
    }
}

/// At will, so often a day, or a slot: the lowest that is left of the spell's level or above (SRD 5.1 p. 100).
fn spell_price(
    realm: &Realm,
    rules: &Ruleset,
    row: Row,
    block: &Creature,
    (position, spell): (usize, &Spell),
) -> Result<Price, OutcomeCode> {
    let casting = block.casting.as_ref().ok_or(codes::UNKNOWN_ACTION)?;
    let daily = casting.spells.iter().find(|(known, _)| *known as usize == position);
    match daily {
        Some((_, 0)) => return Ok(Price::Free),
        Some((_, times)) if used(realm, row, spell.key.into()) < *times => {
            return Ok(Price::Use { key: spell.key.into(), roll: None });
        }
        _ => {}
    }
    if !casting.slotted.iter().any(|known| *known as usize == position) {
        return Err(codes::SPENT);
    }
    for level in spell.level.max(1)..=9 {
        let Some(key) = rules.slot_key(level) else { break };
        if used(realm, row, key) < casting.slots[usize::from(level.saturating_sub(1))] {
            return Ok(Price::Use { key, roll: None });
        }
    }
    Err(codes::SPENT)
}

/// Takes the price from the one in `row`, in this tick. All uses of a key come back together, when the first of them does.
pub(crate) fn pay(realm: &mut Realm, row: Row, price: Price, tick: u64) {
    match price {
        Price::Free => {}
        Price::Item { item } => {
            inventory::remove(realm, row, item, 1);
        }
        Price::Use { key, roll } => {
            let noted = realm.spent.iter(row).position(|spent| spent.key == key);
            let at = noted.and_then(|at| u32::try_from(at).ok());
            let known = realm.spent.iter(row).find(|spent| spent.key == key).copied();
            // Those of a day that is over would have come back with the turn.
            let known = known.filter(|spent| !matches!(spent.back, Back::Day { until_tick } if until_tick <= tick));
            let count = known.map_or(0, |spent| spent.count).saturating_add(1);
            let back = match (roll, known.map(|spent| spent.back)) {
                (Some(from), _) => Back::Roll { from },
                (None, Some(back @ Back::Day { .. })) => back,
                (None, _) => Back::Day { until_tick: next_day(realm, tick) },
            };
            match at {
                Some(at) => {
                    realm.spent.set(row, at, Spent { key, count, back });
                }
                // A full pool forgets the use: the alternative is to stop the world.
                None => realm.spent.push(row, Spent { key, count, back }).unwrap_or(()),
            }
        }
    }
}

/// The tick in which the day after this tick's begins: days count from the beginning of the world.
fn next_day(realm: &Realm, tick: u64) -> u64 {
    let day = u64::from(realm.settings.day_ticks.max(1));
    tick.saturating_sub(tick.checked_rem(day).unwrap_or(0)).saturating_add(day)
}

/// Brings the uses of a creature that came from elsewhere into their ranges: one count a key, rolls that a die can make, and a day
/// that is as far ahead as it was.
pub(crate) fn arrive(realm: &mut Realm, row: Row, clock: &TravelClock) {
    let day_ticks = u64::from(realm.settings.day_ticks);
    let mut known: Vec<ContentKey> = Vec::new();
    realm.spent.retain(row, |spent| {
        if spent.count == 0 || known.len() >= limits::SPENT_MAX || known.contains(&spent.key) {
            return false;
        }
        known.push(spent.key);
        match &mut spent.back {
            Back::Roll { from } => *from = (*from).clamp(1, 6),
            Back::Day { until_tick } => *until_tick = clock.ahead(*until_tick, day_ticks),
        }
        true
    });
}
