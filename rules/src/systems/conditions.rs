//! Conditions: how they come, last and go (SRD 5.1 p. 358).
//!
//! Invariant: [`Status`] says exactly what the list of afflictions says, and is there only where the list is not empty. A
//! condition of `r` rounds inflicted in tick `t` is gone from tick `t + r * round` on, exactly. Every condition has an end: a
//! length, a source that must hold on, a check to escape, or the creature's own rising. The same condition by two sources is
//! two afflictions, each with its own end; its effects count once, and it is told when the first comes and the last goes.

use alloc::vec::Vec;

use tickworld_content::model::{ConditionEffect, Feet};
use tickworld_sim::{
    entity::{Entity, Row},
    join::{join, without},
    rng::Rng,
    step::Step,
};

use crate::{
    components::{Affliction, Blow, Reckoned, RepeatSave, Rising, Status},
    dice::{self, Edge},
    event::Event,
    key::ContentKey,
    limits, range,
    realm::{LivingCreature, Realm},
    round::{RoundClock, round_ticks},
    rules::Rules,
    ruleset::{Ruleset, feet},
    stats,
    travel_clock::TravelClock,
    walking,
};

/// `conditions::expire`: those whose time is over end. After a switch of content, what conditions do is worked out anew.
pub(crate) fn expire(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let rules = step.content();
    let print = Reckoned(rules.conditions_fingerprint());
    let mut due = Vec::new();
    if *realm.reckoned != print {
        realm.reckoned.set(print);
        join((&realm.status,)).for_each(|row, _| due.push(row));
        due.drain(..).for_each(|row| refresh(realm, rules, tick, row));
    }
    join((&realm.status,)).for_each(|row, (status,)| {
        if status.expiry_tick.is_some_and(|expiry| expiry <= tick) {
            due.push(row);
        }
    });
    for row in due {
        end(realm, step, row, |it| it.expiry_tick.is_some_and(|expiry| expiry <= tick));
    }
}

/// `conditions::release`: what a source must hold ends when the source is gone, incapacitated or out of reach (SRD 5.1 appendix
/// PH-A, "Grappled").
pub(crate) fn release(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let mut held = Vec::new();
    join((&realm.status, without(&realm.corpse))).for_each(|row, (status, ())| {
        if status.held {
            held.push(row);
        }
    });
    for row in held {
        let Some(who) = realm.living_in(row) else { continue };
        let let_go = |it: &Affliction| it.hold.is_some_and(|reach| !holds(realm, rules, &who, it.source, Feet(reach)));
        let sources: Vec<Entity> = realm.affliction.iter(row).filter(|it| let_go(it)).map(|it| it.source).collect();
        if !sources.is_empty() {
            end(realm, step, row, |it| it.hold.is_some() && sources.contains(&it.source));
        }
    }
}

fn holds(realm: &Realm, rules: &Ruleset, held: &LivingCreature, source: Entity, reach: Feet) -> bool {
    realm.living(source).is_some_and(|holder| {
        !realm.has_effect(holder.row, ConditionEffect::NoActions)
            && range::reaches(realm, rules, &holder, held, feet(reach))
    })
}

/// `conditions::rise`: at the start of its turn a creature that can move stands up, and walks slower for a round (SRD 5.1,
/// "Being Prone").
pub(crate) fn rise(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let tick = step.tick().0;
    let mut risen = Vec::new();
    join((&realm.rising,)).for_each(|row, (rising,)| {
        if rising.until_tick <= tick {
            risen.push(row);
        }
    });
    for row in risen {
        realm.rising.remove(row);
        walking::repace(realm, rules, tick, row);
    }
    let clock = RoundClock::of(realm, rules, tick);
    let mut down = Vec::new();
    join((&realm.status, &realm.turn, without(&realm.corpse))).for_each(|row, (status, turn, ())| {
        if status.has(ConditionEffect::EndsByRising)
            && !status.has(ConditionEffect::NoMovement)
            && clock.since_turn(*turn) == 0
        {
            down.push(row);
        }
    });
    let until_tick = tick.saturating_add(round_ticks(realm, rules));
    let ends = |it: &Affliction| rules.has_itself(it.condition, ConditionEffect::EndsByRising);
    for row in down {
        if realm.affliction.iter(row).any(ends) {
            realm.rising.set(row, Rising { until_tick });
            end(realm, step, row, ends);
        }
    }
}

/// `conditions::inflict`: blows that bring conditions. One that the same source brought already lasts as long as the longer
/// of both (SRD 5.1 p. 358: it does not get worse).
pub(crate) fn inflict(realm: &mut Realm, step: &mut Step<'_, Rules>) {
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
    let Some(who) = realm.living_in(row) else { return };
    if rules.is_immune(who.creature.key, affliction.condition.key()) {
        return;
    }
    let is_new = !realm.affliction.iter(row).any(|it| it.condition == affliction.condition);
    let same = |it: &Affliction| it.condition == affliction.condition && it.source == affliction.source;
    let same = realm.affliction.iter(row).position(same);
    if let Some(index) = same.and_then(|index| u32::try_from(index).ok()) {
        let old = realm.affliction.get(row, index).copied().unwrap_or(affliction);
        if lasts_longer(&affliction, &old) {
            realm.affliction.set(row, index, affliction);
        }
    } else if realm.affliction.len(row) < limits::AFFLICTIONS_MAX
        && realm.affliction.push(row, affliction).is_ok()
        && is_new
    {
        step.emit(Event::Afflicted { target: who.entity, condition: affliction.condition });
    }
    refresh(realm, rules, step.tick().0, row);
}

/// `None` has no end of its own.
fn lasts_longer(new: &Affliction, old: &Affliction) -> bool {
    match (new.expiry_tick, old.expiry_tick) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    }
}

/// `conditions::save`: at the end of a creature's turn it may save against what lets it (SRD 5.1 p. 358), and, unless
/// incapacitated, try to escape from what can be escaped from. The SRD asks an action for the attempt; here it is free.
pub(crate) fn save(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let clock = RoundClock::of(realm, rules, step.tick().0);
    let mut due = Vec::new();
    join((&realm.status, &realm.turn, without(&realm.corpse))).for_each(|row, (_, turn, ())| {
        if clock.since_turn(*turn) == 0 {
            due.push(row);
        }
    });
    let mut stream = step.stream("conditions::save");
    for row in due {
        let Some(who) = realm.living_in(row) else { continue };
        let mut attempt = Attempt { realm, rules, who: &who, rng: stream.open(who.entity), checks: Vec::new() };
        let attempts = (0_u32..).zip(realm.affliction.iter(row));
        let ended: Vec<u32> =
            attempts.filter(|(_, affliction)| attempt.ends(affliction)).map(|(index, _)| index).collect();
        if !ended.is_empty() {
            let mut indices = 0_u32..;
            end(realm, step, row, |_| indices.next().is_some_and(|index| ended.contains(&index)));
        }
    }
}

/// A creature that tries to shake off what is on it.
struct Attempt<'a> {
    realm: &'a Realm,
    rules: &'a Ruleset,
    who: &'a LivingCreature,
    rng: Rng,
    /// Its checks to escape in this turn: one against each source, for all that the source does.
    checks: Vec<(Entity, u32)>,
}

impl Attempt<'_> {
    fn ends(&mut self, affliction: &Affliction) -> bool {
        affliction.save.is_some_and(|save| self.saves(save))
            || affliction.escape.is_some_and(|difficulty| self.escapes(affliction.source, difficulty))
    }

    fn saves(&mut self, save: RepeatSave) -> bool {
        let bonus = stats::save(self.realm, self.rules, self.who, stats::ability(save.ability));
        bonus.is_some_and(|(bonus, edge)| {
            dice::judge_save(dice::d20(&mut self.rng, edge), bonus, i32::from(save.difficulty))
        })
    }

    fn escapes(&mut self, source: Entity, difficulty: u8) -> bool {
        if self.realm.has_effect(self.who.row, ConditionEffect::NoActions) {
            return false;
        }
        let known = self.checks.iter().find(|(against, _)| *against == source).map(|(_, natural)| *natural);
        let natural = known.unwrap_or_else(|| {
            let natural = dice::d20(&mut self.rng, Edge::NONE);
            self.checks.push((source, natural));
            natural
        });
        dice::judge_save(natural, stats::escape_bonus(self.rules, self.who), i32::from(difficulty))
    }
}

/// Lets the conditions of a creature that came from elsewhere go on: those by itself, for as long as they had left and no longer than
/// content can say. Whoever brought others upon it is not here, and what has no end besides lasts for the usual length.
pub(crate) fn arrive(realm: &mut Realm, rules: &Ruleset, row: Row, clock: &TravelClock) {
    let Some(own) = realm.entities.entity(row) else { return };
    let tick = clock.now().0;
    let rounds = |count: u16| round_ticks(realm, rules).saturating_mul(count.into());
    let (longest, usual) = (rounds(u16::MAX), rounds(rules.pack().constants.condition_rounds));
    let mut known: Vec<ContentKey> = Vec::new();
    realm.affliction.retain(row, |it| {
        let fits = u32::try_from(known.len()).is_ok_and(|count| count < limits::AFFLICTIONS_MAX);
        if it.source != own || !fits || known.contains(&it.condition) {
            return false;
        }
        known.push(it.condition);
        it.expiry_tick = match it.expiry_tick {
            Some(expiry) => Some(clock.ahead(expiry, longest)),
            None if has_end_of_its_own(rules, it) => None,
            None => Some(tick.saturating_add(usual)),
        };
        true
    });
    refresh(realm, rules, tick, row);
}

/// Whether a condition by the creature itself ends though no tick is set: nobody lets go of themselves.
fn has_end_of_its_own(rules: &Ruleset, it: &Affliction) -> bool {
    let takes_actions = rules.condition_effects(it.condition) >> (ConditionEffect::NoActions as u32) & 1 == 1;
    it.save.is_some()
        || it.escape.is_some() && !takes_actions
        || rules.has_itself(it.condition, ConditionEffect::EndsByRising)
}

/// Ends every condition on the creature in `row`.
pub(crate) fn clear(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row) {
    end(realm, step, row, |_| true);
}

/// Ends those that `ends` names; asked once for each, in order.
fn end(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row, mut ends: impl FnMut(&Affliction) -> bool) {
    if realm.affliction.is_empty(row) {
        return;
    }
    let mut ended: Vec<ContentKey> = Vec::new();
    realm.affliction.retain(row, |it| {
        let stays = !ends(it);
        if !stays && !ended.contains(&it.condition) {
            ended.push(it.condition);
        }
        stays
    });
    for condition in ended {
        let lasts = realm.affliction.iter(row).any(|it| it.condition == condition);
        if let (false, Some(target)) = (lasts, realm.entities.entity(row)) {
            step.emit(Event::Recovered { target, condition });
        }
    }
    refresh(realm, step.content(), step.tick().0, row);
}

/// Makes the status say what the list says, and a walk go on at the speed of now.
fn refresh(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    let before = realm.status.get(row).map(|status| status.effects);
    let creature = realm.creature.get(row).map_or(ContentKey(0), |creature| creature.key);
    let mut status = Status { effects: 0, expiry_tick: None, held: false };
    for affliction in realm.affliction.iter(row) {
        status.effects |= rules.effects_on(creature, affliction.condition);
        status.held |= affliction.hold.is_some();
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
        walking::repace(realm, rules, tick, row);
    }
}
