//! Items and coins: bags, what is picked up, put down, worn and given.
//!
//! Invariant: things and coins are moved, never copied or lost: what one side loses the other gains, or nothing happens, in this
//! very tick. What is equipped is in the bag. What was dropped or spilled is gone once content's time for it is over.

use alloc::vec::Vec;

use tickworld_content::model::ItemUse;
use tickworld_sim::{
    State,
    entity::{Entity, Row},
    math::Vec2,
    session::OutcomeCode,
    step::Step,
};

use crate::{
    command::codes,
    components::Position,
    items::{Equipment, GroundItem, Purse, Stack},
    key::ContentKey,
    limits, range,
    realm::{LivingCreature, Realm, bands},
    rules::Rules,
    ruleset::Ruleset,
    stats,
};

/// What became of an input: a code and the number that goes with it.
pub(crate) type Answer = Result<i64, (OutcomeCode, i64)>;

/// How many of an item are in the bag.
#[must_use]
pub(crate) fn item_count(realm: &Realm, row: Row, item: ContentKey) -> u32 {
    realm.bag.iter(row).find(|stack| stack.item == item).map_or(0, |stack| stack.count)
}

/// Puts things into a bag; gives whether they fit.
pub(crate) fn add(realm: &mut Realm, row: Row, stack: Stack) -> bool {
    let at = realm.bag.iter(row).position(|it| it.item == stack.item).and_then(|at| u32::try_from(at).ok());
    match at {
        Some(at) => {
            let Some(count) = item_count(realm, row, stack.item).checked_add(stack.count) else { return false };
            realm.bag.set(row, at, Stack { item: stack.item, count })
        }
        None => realm.bag.len(row) < limits::STACKS_MAX && realm.bag.push(row, stack).is_ok(),
    }
}

/// Takes `count` out of a bag; gives whether there were so many. What is then gone is taken off, too.
pub(crate) fn remove(realm: &mut Realm, row: Row, item: ContentKey, count: u32) -> bool {
    let Some(left) = item_count(realm, row, item).checked_sub(count) else { return false };
    realm.bag.retain(row, |stack| {
        if stack.item == item {
            stack.count = left;
        }
        stack.count > 0
    });
    if left == 0 {
        take_off(realm, row, item);
    }
    true
}

/// Takes an item off; gives whether it was on.
fn take_off(realm: &mut Realm, row: Row, item: ContentKey) -> bool {
    let Some(mut equipment) = realm.equipment.get(row).copied() else { return false };
    let before = equipment;
    for slot in [&mut equipment.weapon, &mut equipment.armor, &mut equipment.shield] {
        if *slot == Some(item) {
            *slot = None;
        }
    }
    if equipment == Equipment::default() {
        realm.equipment.remove(row);
    } else {
        realm.equipment.set(row, equipment);
    }
    before != equipment
}

/// Takes up what lies on the ground.
///
/// # Errors
/// The code that refuses it; nothing has then changed.
pub(crate) fn pick_up(realm: &mut Realm, rules: &Ruleset, who: &LivingCreature, item: Entity) -> Answer {
    let row = realm.entities.row(item).ok_or((codes::NO_SUCH_TARGET, 0))?;
    let ground = realm.ground_item.get(row).copied().ok_or((codes::NO_SUCH_TARGET, 0))?;
    let place = realm.position.get(row).ok_or((codes::NO_SUCH_TARGET, 0))?.0;
    let arm = realm.settings.cell().mul_int(rules.pack().constants.hand_cells.into());
    if !range::within(who.place, place, arm) {
        return Err((codes::TOO_FAR, who.place.distance(place).floor()));
    }
    // The purse before the bag: what is put into a bag is not taken out again.
    let coins = realm.purse.get(row).map_or(0, |purse| purse.0);
    let fits = coins == 0 || realm.purse.get(who.row).is_some_and(|purse| purse.0.checked_add(coins).is_some());
    if !fits {
        return Err((codes::BAD_AMOUNT, i64::try_from(coins).unwrap_or(i64::MAX)));
    }
    if let Some(stack) = ground.stack
        && !add(realm, who.row, stack)
    {
        return Err((codes::BAG_FULL, 0));
    }
    transfer_coins(realm, row, who.row, coins);
    realm.despawn(item);
    Ok(i64::from(ground.stack.map_or(0, |stack| stack.count)))
}

/// Moves coins from one purse to another; gives whether both sides could be written.
fn transfer_coins(realm: &mut Realm, from: Row, to: Row, coins: u64) -> bool {
    if coins == 0 || from == to {
        return true;
    }
    let (Some(giver), Some(taker)) = (realm.purse.get(from), realm.purse.get(to)) else { return false };
    let (Some(left), Some(sum)) = (giver.0.checked_sub(coins), taker.0.checked_add(coins)) else { return false };
    realm.purse.set(from, Purse(left));
    realm.purse.set(to, Purse(sum));
    true
}

/// Hands coins over.
///
/// # Errors
/// The code that refuses it; nothing has then changed.
pub(crate) fn give_coins(realm: &mut Realm, rules: &Ruleset, who: &LivingCreature, to: Entity, amount: i64) -> Answer {
    let coins = u64::try_from(amount).ok().filter(|coins| *coins > 0).ok_or((codes::BAD_AMOUNT, amount))?;
    let taker = realm.entities.row(to).filter(|row| realm.creature.contains(*row)).ok_or((codes::NO_SUCH_TARGET, 0))?;
    if taker == who.row {
        return Err((codes::SELF_TARGET, 0));
    }
    let taker = realm.living_in(taker).ok_or((codes::TARGET_DEAD, 0))?;
    let arms = realm.settings.cell().mul_int(rules.pack().constants.give_cells.into());
    if !range::within(who.place, taker.place, arms) {
        return Err((codes::TOO_FAR, who.place.distance(taker.place).floor()));
    }
    let owned = realm.purse.get(who.row).map_or(0, |purse| purse.0);
    if owned < coins {
        return Err((codes::NOT_ENOUGH_COINS, i64::try_from(owned).unwrap_or(i64::MAX)));
    }
    if transfer_coins(realm, who.row, taker.row, coins) { Ok(amount) } else { Err((codes::BAD_AMOUNT, amount)) }
}

/// Puts things from the bag on the ground.
///
/// # Errors
/// The code that refuses it; nothing has then changed.
pub(crate) fn drop(
    realm: &mut Realm,
    step: &Step<'_, Rules>,
    who: &LivingCreature,
    item: ContentKey,
    count: u32,
) -> Answer {
    if count == 0 {
        return Err((codes::BAD_AMOUNT, 0));
    }
    let owned = item_count(realm, who.row, item);
    if owned < count {
        return Err((codes::NOT_IN_BAG, i64::from(owned)));
    }
    let Some(heap) = new_heap(realm, step, who.place) else { return Err((codes::WORLD_FULL, 0)) };
    remove(realm, who.row, item, count);
    realm.ground_item.modify(heap, |ground| ground.stack = Some(Stack { item, count }));
    Ok(i64::from(count))
}

/// What a dead creature had falls to the ground: a heap of coins, and each kind of thing. Gives whether all of it found room;
/// what did not stays where it is.
pub(crate) fn drop_everything(realm: &mut Realm, step: &Step<'_, Rules>, dead: Row) -> bool {
    let Some(place) = realm.position.get(dead).map(|position| position.0) else { return true };
    let coins = realm.purse.get(dead).map_or(0, |purse| purse.0);
    if coins > 0 {
        let Some(heap) = new_heap(realm, step, place) else { return false };
        realm.purse.set(heap, Purse(0));
        transfer_coins(realm, dead, heap, coins);
    }
    let stacks: Vec<Stack> = realm.bag.iter(dead).copied().collect();
    for stack in stacks {
        let Some(heap) = new_heap(realm, step, place) else { return false };
        remove(realm, dead, stack.item, stack.count);
        realm.ground_item.modify(heap, |ground| ground.stack = Some(stack));
    }
    true
}

/// Something on the ground, nothing as yet; `None` where the world is full.
fn new_heap(realm: &mut Realm, step: &Step<'_, Rules>, place: Vec2) -> Option<Row> {
    let entity = realm.spawn(bands::ITEMS).ok()?;
    let row = realm.entities.row(entity)?;
    let seconds = u64::from(step.content().pack().constants.litter_seconds);
    let ticks = seconds.saturating_mul(realm.settings.ticks_per_second.into());
    let until_tick = (seconds > 0).then(|| step.tick().0.saturating_add(ticks));
    realm.position.set(row, Position(place));
    realm.ground_item.set(row, GroundItem { stack: None, until_tick });
    Some(row)
}

/// Wears or holds a thing from the bag (SRD 5.1 pp. 62 to 66): a two-handed weapon leaves no hand for a shield.
///
/// # Errors
/// The code that refuses it; nothing has then changed.
pub(crate) fn equip(realm: &mut Realm, rules: &Ruleset, who: &LivingCreature, item: ContentKey) -> Answer {
    if item_count(realm, who.row, item) == 0 {
        return Err((codes::NOT_IN_BAG, 0));
    }
    let mut equipment = realm.equipment.get(who.row).copied().unwrap_or_default();
    let two_handed = |item: ContentKey| is_two_handed(rules, item);
    match stats::item_use(rules, item) {
        Some(ItemUse::Weapon { two_handed: true, .. }) if equipment.shield.is_some() => {
            return Err((codes::HANDS_FULL, 0));
        }
        Some(ItemUse::Weapon { .. }) => equipment.weapon = Some(item),
        Some(ItemUse::Armor { .. }) => equipment.armor = Some(item),
        Some(ItemUse::Shield { .. }) if equipment.weapon.is_some_and(two_handed) => return Err((codes::HANDS_FULL, 0)),
        Some(ItemUse::Shield { .. }) => equipment.shield = Some(item),
        _ => return Err((codes::NOT_EQUIPPABLE, 0)),
    }
    realm.equipment.set(who.row, equipment);
    Ok(0)
}

fn is_two_handed(rules: &Ruleset, item: ContentKey) -> bool {
    matches!(stats::item_use(rules, item), Some(ItemUse::Weapon { two_handed: true, .. }))
}

/// Brings the things of a creature that came from elsewhere into their ranges: one stack a kind, as many kinds as a bag takes, and
/// worn what is in it.
pub(crate) fn arrive(realm: &mut Realm, rules: &Ruleset, row: Row) {
    let stacks: Vec<Stack> = realm.bag.iter(row).copied().filter(|stack| stack.count > 0).collect();
    realm.bag.clear(row);
    // What does not fit was in nobody's bag: it is left out.
    stacks.into_iter().for_each(|stack| _ = add(realm, row, stack));
    let Some(Equipment { weapon, armor, shield }) = realm.equipment.get(row).copied() else { return };
    let owned = |item: Option<ContentKey>| item.filter(|item| item_count(realm, row, *item) > 0);
    let (weapon, armor) = (owned(weapon), owned(armor));
    let has_hand = !weapon.is_some_and(|weapon| is_two_handed(rules, weapon));
    let equipment = Equipment { weapon, armor, shield: owned(shield).filter(|_| has_hand) };
    if equipment == Equipment::default() {
        realm.equipment.remove(row);
    } else {
        realm.equipment.set(row, equipment);
    }
}

/// Takes a thing off.
///
/// # Errors
/// [`codes::NOT_EQUIPPED`].
pub(crate) fn unequip(realm: &mut Realm, who: &LivingCreature, item: ContentKey) -> Answer {
    if take_off(realm, who.row, item) { Ok(0) } else { Err((codes::NOT_EQUIPPED, 0)) }
}
