//! Players' inputs.
//!
//! Invariant: every input is answered; a refused one changes nothing; the dead change nothing at all.

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{math::Vec2, session::OutcomeCode, step::Step};

use crate::{
    command::{Command, codes},
    components::{Deed, Intent, Rest},
    inventory::{self, Answer},
    range,
    realm::{LivingCreature, Realm},
    rules::Rules,
    ruleset::{self, Ruleset},
    targeting, walking,
};

/// `orders::apply`: does what players ask, in the order of the tick's inputs, and answers.
pub(crate) fn apply(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let inputs = step.inputs();
    for (index, input) in inputs.iter().enumerate() {
        let answer = match input.entity.and_then(|entity| realm.living(entity)) {
            None => Err((codes::DEAD, 0)),
            Some(who) => handle_input(realm, step, &who, &input.body),
        };
        match answer {
            Ok(value) => step.answer(index, OutcomeCode::APPLIED, value),
            Err((code, value)) => step.answer(index, code, value),
        }
    }
}

fn handle_input(realm: &mut Realm, step: &mut Step<'_, Rules>, who: &LivingCreature, command: &Command) -> Answer {
    let rules = step.content();
    if takes_hands(command) && realm.has_effect(who.row, ConditionEffect::NoActions) {
        return Err((codes::INCAPACITATED, 0));
    }
    match *command {
        Command::Stop => {
            realm.halt(who.row);
            realm.intent.remove(who.row);
            realm.rest.remove(who.row);
            Ok(0)
        }
        Command::MoveTo { place } => move_to(realm, step, who, place),
        Command::Use { act, target, place } => use_act(realm, rules, step.tick().0, who, Deed { act, target, place }),
        Command::PickUp { item } => inventory::pick_up(realm, rules, who, item),
        Command::Drop { item, count } => inventory::drop(realm, step, who, item, count),
        Command::Equip { item } => inventory::equip(realm, rules, who, item),
        Command::Unequip { item } => inventory::unequip(realm, who, item),
        Command::GiveCoins { to, amount } => inventory::give_coins(realm, rules, who, to, amount),
        Command::Rest => rest(realm, rules, step.tick().0, who),
    }
}

/// Whether a command takes a hand, as everything between things and people does: the incapacitated cannot.
const fn takes_hands(command: &Command) -> bool {
    matches!(
        command,
        Command::PickUp { .. }
            | Command::Drop { .. }
            | Command::Equip { .. }
            | Command::Unequip { .. }
            | Command::GiveCoins { .. }
    )
}

fn move_to(realm: &mut Realm, step: &Step<'_, Rules>, who: &LivingCreature, place: Vec2) -> Answer {
    let rules = step.content();
    if realm.has_effect(who.row, ConditionEffect::NoMovement) {
        return Err((codes::INCAPACITATED, 0));
    }
    if realm.obstacles.is_blocked_at(place) {
        return Err((codes::BLOCKED, 0));
    }
    let goal = realm.obstacles.inset(place);
    if walking::nears_what_is_feared(realm, rules, who, goal) {
        return Err((codes::INCAPACITATED, 0));
    }
    realm.rest.remove(who.row);
    walking::walk_to(realm, step, who.row, goal);
    Ok(0)
}

/// Done at the player's turn: in this very tick where the action is at hand.
fn use_act(realm: &mut Realm, rules: &Ruleset, tick: u64, who: &LivingCreature, deed: Deed) -> Answer {
    let deed =
        targeting::check_deed(realm, rules, who, deed).map_err(|code| (code, distance_feet(realm, who, &deed)))?;
    let ready = realm.turn.get(who.row).is_some_and(|turn| turn.ready);
    if ready && realm.intent.get(who.row).is_some_and(|intent| intent.asked_tick == tick) {
        // What was asked for just now will be done in this very tick, and was answered so.
        return Err((codes::BUSY, 0));
    }
    realm.intent.set(who.row, Intent { deed, asked_tick: tick });
    if ready { Ok(0) } else { Err((codes::QUEUED, 0)) }
}

fn distance_feet(realm: &Realm, who: &LivingCreature, deed: &Deed) -> i64 {
    let place = deed.target.and_then(|target| realm.living(target)).map_or(deed.place, |target| target.place);
    who.place.distance(place).floor()
}

/// A long rest needs peace: no enemy within awareness (SRD 5.1 p. 87).
fn rest(realm: &mut Realm, rules: &Ruleset, tick: u64, who: &LivingCreature) -> Answer {
    let awareness = rules
        .creature(who.creature.key)
        .map_or(tickworld_sim::math::Fx::ZERO, |(block, _)| ruleset::feet(block.awareness));
    let mut enemies = 0;
    realm.grid.visit(who.place, awareness, realm.factions.enemies_of(who.creature.faction), |member| {
        let near = realm.position.get(member.row).is_some_and(|it| range::within(who.place, it.0, awareness));
        enemies = i64::saturating_add(enemies, near.into());
    });
    if enemies > 0 {
        return Err((codes::ENEMIES_NEAR, enemies));
    }
    realm.halt(who.row);
    realm.intent.remove(who.row);
    let until_tick = tick.saturating_add(u64::from(realm.settings.rest_ticks));
    realm.rest.set(who.row, Rest { until_tick });
    Ok(0)
}
