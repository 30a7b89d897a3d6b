//! Turns: whose comes in this tick, and what returns to them with it.
//!
//! A round is `round_seconds` of ticks. Each creature has a *phase* in it, given by its initiative; at that tick its turn
//! comes: it has its action again, and keeps it ready until it can be used (SRD 5.1 pp. 90, 93). Between its turns it looks
//! around once a think interval, whose length content says.
//!
//! Invariant: a creature has at most one action a round.

use alloc::vec::Vec;

use tickworld_content::model::{Ability, ConditionEffect};
use tickworld_sim::{
    entity::Row,
    join::{join, without},
    rng::Rng,
    step::Step,
};

use crate::{
    components::{Back, Turn},
    dice,
    game::Rules,
    realm::Realm,
    ruleset::{Ruleset, Sheet},
};

/// Where in the round a tick lies: what is the same for all creatures, worked out once a system.
#[derive(Clone, Copy, Debug)]
pub struct RoundClock {
    now: u32,
    round_ticks: u32,
    think_interval_ticks: u32,
    /// 2^64 / `think_interval_ticks`, rounded up (0 for 1): tells multiples without a division (Lemire, Kaser, Kurz 2019).
    think_interval_inverse: u64,
}

impl RoundClock {
    /// The clock of a tick.
    #[must_use]
    pub fn of(realm: &Realm, rules: &Ruleset, tick: u64) -> Self {
        let round_ticks = round_ticks(realm, rules);
        // A round is at most an hour of at most 65,535 ticks a second: both fit.
        let small = |ticks: u64| u32::try_from(ticks).unwrap_or(u32::MAX);
        let interval = u64::from(rules.pack().constants.beat_milliseconds)
            .saturating_mul(realm.settings.ticks_per_second.into())
            / 1000;
        let think_interval_ticks = small(interval.max(1));
        Self {
            now: small(tick.checked_rem(round_ticks).unwrap_or(0)),
            round_ticks: small(round_ticks),
            think_interval_ticks,
            think_interval_inverse: u64::MAX.checked_div(think_interval_ticks.into()).unwrap_or(0).wrapping_add(1),
        }
    }

    /// Ticks between two looks of a creature at its surroundings, at least 1.
    #[must_use]
    pub const fn think_interval_ticks(self) -> u32 {
        self.think_interval_ticks
    }

    /// Ticks since the creature's turn came. No division: this is asked for every creature in every tick.
    #[must_use]
    #[inline]
    pub const fn since_turn(self, turn: Turn) -> u32 {
        let phase = turn.phase;
        if self.now >= phase {
            self.now.saturating_sub(phase)
        } else if phase < self.round_ticks {
            self.now.saturating_add(self.round_ticks.saturating_sub(phase))
        } else {
            // Beyond the round, after a switch of content to a shorter one: as if in the round's last tick.
            let since = self.now.saturating_add(1);
            if since < self.round_ticks { since } else { 0 }
        }
    }

    /// Whether the creature looks around in this tick.
    #[must_use]
    #[inline]
    pub const fn is_think_tick(self, turn: Turn) -> bool {
        (self.since_turn(turn) as u64).wrapping_mul(self.think_interval_inverse)
            <= self.think_interval_inverse.wrapping_sub(1)
    }
}

/// Length of a round in this world.
#[must_use]
pub fn round_ticks(realm: &Realm, rules: &Ruleset) -> u64 {
    realm.settings.round_ticks(rules.round_seconds())
}

/// Rolls initiative: the phase of the one who rolls (SRD 5.1 p. 90: d20 plus Dexterity modifier, higher first).
///
/// The totals that can come up share the round out among them; ties are broken by a second roll.
pub fn initiative(rng: &mut Rng, sheet: Option<&Sheet>, round_ticks: u64) -> u32 {
    // Modifiers of scores 0 to 30 run from -5 to +10.
    const LEAST: i32 = -4;
    const TOTALS: u64 = 35;
    let modifier = sheet.map_or(0_i32, |sheet| sheet.modifiers[Ability::Dexterity as usize]);
    let total = dice::d20(rng, dice::Edge::NONE).cast_signed().saturating_add(modifier);
    let place = u64::try_from(total.saturating_sub(LEAST)).unwrap_or(0).min(TOTALS.saturating_sub(1));
    let from_last = TOTALS.saturating_sub(1).saturating_sub(place);
    let width = (round_ticks / TOTALS).max(1);
    let tie = rng.below_u64(width);
    let phase = from_last.saturating_mul(round_ticks).saturating_div(TOTALS).saturating_add(tie);
    u32::try_from(phase.checked_rem(round_ticks).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// `turns::begin`: those whose turn comes have their action again, unless a condition takes it; what is recharged by a roll
/// is rolled for (SRD 5.1, "Limited Usage" of monsters).
pub fn begin(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let clock = RoundClock::of(realm, step.content(), tick);
    let world = &*realm;
    let begun = join((&world.turn, without(&world.corpse))).par_for_each(step.executor(), |row, (turn, ()), out| {
        if clock.since_turn(*turn) == 0 {
            out.push((row, !world.has_effect(row, ConditionEffect::NoActions)));
        }
    });
    let mut stream = step.stream("turns::recharge");
    for (row, ready) in begun {
        realm.turn.modify(row, |turn| turn.ready = ready);
        if realm.spent.is_empty(row) {
            continue;
        }
        let Some(entity) = realm.entities.entity(row) else { continue };
        let mut rng = stream.open(entity);
        realm.spent.retain(row, |spent| match spent.back {
            Back::Roll { from } => rng.die(6) < u32::from(from),
            Back::Day => true,
        });
    }
    if tick.is_multiple_of(u64::from(realm.settings.day_ticks.max(1))) {
        new_day(realm);
    }
}

/// What is used by the day comes back.
fn new_day(realm: &mut Realm) {
    let mut rows: Vec<Row> = Vec::new();
    join((&realm.creature,)).for_each(|row, _| rows.push(row));
    for row in rows {
        if !realm.spent.is_empty(row) {
            realm.spent.retain(row, |spent| spent.back != Back::Day);
        }
    }
}

/// `turns::rest`: long rests that are over do their good: all hit points, all uses, no conditions (SRD 5.1 p. 87).
pub fn rest(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let mut done = Vec::new();
    join((&realm.rest, without(&realm.corpse))).for_each(|row, (rest, ())| {
        if rest.until_tick <= tick {
            done.push(row);
        }
    });
    for row in done {
        realm.rest.remove(row);
        realm.spent.clear(row);
        realm.health.modify(row, |health| health.current = health.maximum);
        super::conditions::clear(realm, step, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain model: a division.
    #[test]
    fn think_ticks_are_the_multiples_of_the_interval() {
        for think_interval_ticks in [1_u32, 2, 3, 7, 15, 60, 1000, 3_932_100] {
            let think_interval_inverse = (u64::MAX / u64::from(think_interval_ticks)).wrapping_add(1);
            for now in (0..400).chain([
                think_interval_ticks - 1,
                think_interval_ticks,
                235_000_000 / think_interval_ticks * think_interval_ticks,
                235_926_000,
            ]) {
                let clock = RoundClock { now, round_ticks: 235_926_000, think_interval_ticks, think_interval_inverse };
                let turn = Turn { phase: 0, ready: false };
                assert_eq!(
                    clock.is_think_tick(turn),
                    now.is_multiple_of(think_interval_ticks),
                    "{now} by {think_interval_ticks}"
                );
            }
        }
    }
}
