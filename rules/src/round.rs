//! [`RoundClock`]: where in the round a tick lies for a creature, and when it thinks.
//!
//! A round is `round_seconds` of ticks. Each creature has a *phase* in it, given by its initiative; at that tick its turn
//! comes: it has its action again, and keeps it ready until it can be used (SRD 5.1 pp. 90, 93). Between its turns it looks
//! around once a think interval, whose length content says (`beat_milliseconds`).
//!
//! Invariant: pure functions of tick, settings, content and a creature's [`Turn`].

use tickworld_content::model::Ability;
use tickworld_sim::rng::Rng;

use crate::{
    components::Turn,
    dice,
    realm::Realm,
    ruleset::{Ruleset, Sheet},
};

/// Where in the round a tick lies: what is the same for all creatures, worked out once a system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundClock {
    now: u32,
    round_ticks: u32,
    think_interval_ticks: u32,
    /// 2^64 / `think_interval_ticks`, rounded up (0 for 1): tells multiples without a division (Lemire, Kaser, Kurz 2019).
    think_interval_inverse: u64,
}

impl RoundClock {
    /// The clock of a tick.
    #[must_use]
    pub(crate) fn of(realm: &Realm, rules: &Ruleset, tick: u64) -> Self {
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
    pub(crate) const fn think_interval_ticks(self) -> u32 {
        self.think_interval_ticks
    }

    /// Ticks since the creature's turn came. No division: this is asked for every creature in every tick.
    #[must_use]
    #[inline]
    pub(crate) const fn since_turn(self, turn: Turn) -> u32 {
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
    pub(crate) const fn is_think_tick(self, turn: Turn) -> bool {
        (self.since_turn(turn) as u64).wrapping_mul(self.think_interval_inverse)
            <= self.think_interval_inverse.wrapping_sub(1)
    }
}

/// Length of a round in this world.
#[must_use]
pub(crate) fn round_ticks(realm: &Realm, rules: &Ruleset) -> u64 {
    realm.settings.round_ticks(rules.round_seconds())
}

/// Rolls initiative: the phase of the one who rolls (SRD 5.1 p. 90: d20 plus Dexterity modifier, higher first).
///
/// The totals that can come up share the round out among them; ties are broken by a second roll.
pub(crate) fn initiative(rng: &mut Rng, sheet: Option<&Sheet>, round_ticks: u64) -> u32 {
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
