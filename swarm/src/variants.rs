//! [`Variant`]: how a run is made; [`draw`]: which ways a drawn run is made by.
//!
//! Invariant: a way says everything about how it is made but the case itself, so that a kept case is repeated exactly; only
//! [`Variant::Threads`] is left to chance.

use std::fmt;

use serde::{Deserialize, Serialize};
use tickworld_sim::rng::Rng;

/// A way to make a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Variant {
    /// The first time: tick by tick, watched by the laws. Every case is made so.
    Straight,
    /// From the beginning a second time.
    Again,
    /// With jobs for so many workers, run in an order drawn from a number.
    Shuffled {
        /// How many workers there are.
        workers: u8,
        /// What the order is drawn from.
        order: u64,
    },
    /// With jobs on real threads.
    Threads,
    /// At every tick some ticks back and again, now and then through bytes: the engine's `SyncTest`.
    SyncTest {
        /// How many ticks back.
        distance: u8,
        /// Every how many ticks through bytes; 0 for never.
        restore: u8,
    },
    /// Through bytes every so many ticks.
    Restored {
        /// Every how many ticks.
        every: u8,
    },
    /// As a rollback session that predicts.
    Rollback {
        /// How far ahead.
        ahead: u8,
        /// What latency, local players and evidence are drawn from.
        mood: u64,
    },
    /// A clone goes another way for some ticks; what it came from goes on as before, and so does another clone.
    Forked {
        /// After which tick.
        after: u64,
    },
    /// Hashed now and then, on snapshots, beside later ticks.
    HashedLate {
        /// What when is drawn from.
        mood: u64,
    },
    /// Recorded as a trace, verified, and sought in.
    Recorded {
        /// Ticks between keyframes.
        keyframes: u8,
    },
    /// With frames between that must be refused and change nothing.
    Refusing,
}

impl Variant {
    /// The kind, for machines.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Straight => "straight",
            Self::Again => "again",
            Self::Shuffled { .. } => "shuffled",
            Self::Threads => "threads",
            Self::SyncTest { .. } => "sync_test",
            Self::Restored { .. } => "restored",
            Self::Rollback { .. } => "rollback",
            Self::Forked { .. } => "forked",
            Self::HashedLate { .. } => "hashed_late",
            Self::Recorded { .. } => "recorded",
            Self::Refusing => "refusing",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Straight => f.write_str("stepped for the first time"),
            Self::Again => f.write_str("made a second time"),
            Self::Shuffled { workers, .. } => write!(f, "with jobs for {workers} workers in another order"),
            Self::Threads => f.write_str("on threads"),
            Self::SyncTest { distance, .. } => write!(f, "gone back {distance} ticks and made again"),
            Self::Restored { every } => write!(f, "restored from bytes every {every} ticks"),
            Self::Rollback { ahead, .. } => write!(f, "with rollback, up to {ahead} ticks ahead"),
            Self::Forked { after } => write!(f, "after a fork at tick {after}"),
            Self::HashedLate { .. } => f.write_str("hashed late"),
            Self::Recorded { .. } => f.write_str("recorded and verified"),
            Self::Refusing => f.write_str("with frames that are refused"),
        }
    }
}

/// Every way; in large worlds those alone that are what a large world is for.
pub(crate) fn draw(rng: &mut Rng, ticks: u64, is_large: bool) -> Vec<Variant> {
    let mut up_to = |most: u32| 1 + u8::try_from(rng.below(most)).expect("below a number of 8 bits");
    let (workers, distance, restore, every) = (1 + up_to(7), up_to(6), up_to(5), up_to(9));
    let (ahead, keyframes) = (up_to(8), up_to(12));
    let after = rng.below_u64(ticks);
    let (order, mood, late) = (rng.next_u64(), rng.next_u64(), rng.next_u64());
    let mut variants =
        vec![Variant::Shuffled { workers, order }, Variant::Restored { every }, Variant::HashedLate { mood: late }];
    if rng.chance(1, 8) {
        variants.push(Variant::Threads);
    }
    if !is_large {
        variants.push(Variant::Again);
        variants.push(Variant::SyncTest { distance, restore });
        variants.push(Variant::Rollback { ahead, mood });
        variants.push(Variant::Forked { after });
        variants.push(Variant::Recorded { keyframes });
        variants.push(Variant::Refusing);
    }
    variants
}
