//! Conditions: how they come, last and go (SRD 5.1 p. 358).
//!
//! Invariant: [`Status`] says exactly what the list of afflictions says, and is there only where the list is not empty. A
//! condition of `r` rounds inflicted in tick `t` is gone from tick `t + r * round` on, exactly.

use alloc::vec::Vec;

use tickworld_sim::{
    entity::Row,
    join::{join, without},
    step::Step,
};

use super::{movement, turns};
use crate::{
    body::{Affliction, Blow, Status},
    dice,
    event::Event,
    game::Rules,
    limits,
    realm::Realm,
    ruleset::Ruleset,
    stats,
};

/// `conditions::expire`: those whose time is over end.
pub fn expire(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let mut due = Vec::new();
    join((&realm.status,)).for_each(|row, (status,)| {
        if status.expiry_tick.is_some_and(|expiry| expiry <= tick) {
            due.push(row);
        }
    });
    for row in due {
        end(realm, step, row, |it| it.expiry_tick.is_some_and(|expiry| expiry <= tick));
    }
}

/// `conditions::inflict`: blows that bring conditions. One that is there already lasts as long as the longer of both
/// (SRD 5.1 p. 358: it does not get worse).
pub fn inflict(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let mut hit: Vec<(Row, Affliction)> = Vec::new();
    join((&realm.struck, without(&realm.corpse))).for_each(|row, _| {
        hit.extend(realm.blow.iter(row).filter_map(|blow| match blow {
            Blow::Inflict { affliction } => Some((row, *affliction)),
            _ => None,
        }));
    });
    for (row, affliction) in hit {
        add(realm, step, row, affliction);
    }
}

fn add(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row, affliction: Affliction) {
    let rules = step.content();
    let Some(who) = realm.someone_in(row) else { return };
    if rules.is_immune(who.creature.key, affliction.condition.key()) {
        return;
    }
    let same = realm.affliction.iter(row).position(|it| it.condition == affliction.condition);
    if let Some(index) = same.and_then(|index| u32::try_from(index).ok()) {
        let old = realm.affliction.get(row, index).copied().unwrap_or(affliction);
        if lasts_longer(&affliction, &old) {
            realm.affliction.set(row, index, affliction);
        }
    } else if realm.affliction.len(row) < limits::AFFLICTIONS_MAX && realm.affliction.push(row, affliction).is_ok() {
        step.emit(Event::Afflicted { target: who.entity, condition: affliction.condition });
    }
    refresh(realm, rules, step.tick().0, row);
}

/// `None` is for ever.
fn lasts_longer(new: &Affliction, old: &Affliction) -> bool {
    match (new.expiry_tick, old.expiry_tick) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    }
}

/// `conditions::save`: at the end of a creature's turn it may save against what lets it (SRD 5.1 p. 358).
pub fn save(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let clock = turns::RoundClock::of(realm, rules, step.tick().0);
    let mut due = Vec::new();
    join((&realm.status, &realm.turn, without(&realm.corpse))).for_each(|row, (_, turn, ())| {
        if clock.since_turn(*turn) == 0 {
            due.push(row);
        }
    });
    let mut stream = step.stream("conditions::save");
    for row in due {
        let Some(who) = realm.someone_in(row) else { continue };
        let mut rng = stream.open(who.entity);
        let mut shaken_off = Vec::new();
        for (index, affliction) in (0_u32..).zip(realm.affliction.iter(row)) {
            let Some(save) = affliction.save else { continue };
            let Some((bonus, edge)) = stats::save(realm, rules, &who, stats::ability(save.ability)) else { continue };
            if dice::judge_save(dice::d20(&mut rng, edge), bonus, i32::from(save.difficulty)) {
                shaken_off.push(index);
            }
        }
        if !shaken_off.is_empty() {
            let mut indices = 0_u32..;
            end(realm, step, row, |_| indices.next().is_some_and(|index| shaken_off.contains(&index)));
        }
    }
}

/// Ends every condition.
pub fn clear(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row) {
    end(realm, step, row, |_| true);
}

/// Ends those that `ends` names; asked once for each, in order.
fn end(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row, mut ends: impl FnMut(&Affliction) -> bool) {
    if realm.affliction.is_empty(row) {
        return;
    }
    let target = realm.entities.entity(row);
    realm.affliction.retain(row, |it| {
        let stays = !ends(it);
        if let (false, Some(target)) = (stays, target) {
            step.emit(Event::Recovered { target, condition: it.condition });
        }
        stays
    });
    refresh(realm, step.content(), step.tick().0, row);
}

/// Makes the status say what the list says, and a walk go on at the speed of now.
fn refresh(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    let before = realm.status.get(row).map(|status| status.effects);
    let mut status = Status { effects: 0, expiry_tick: None };
    for affliction in realm.affliction.iter(row) {
        status.effects |= rules.condition_effects(affliction.condition);
        status.expiry_tick = match (status.expiry_tick, affliction.expiry_tick) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    if realm.affliction.is_empty(row) {
        realm.status.remove(row);
    } else {
        realm.status.set(row, status);
    }
    if before.unwrap_or(0) != status.effects {
        movement::repace(realm, rules, tick, row);
    }
}
