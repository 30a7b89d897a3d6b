//! Seeded bugs: known ways to desync, planted on purpose, to see whether the checks catch them.
//!
//! The crates below the sans-I/O line depend on this one only under `--cfg seeded_bugs`, which `cargo xtask bugs` sets in a
//! target folder of its own. Without it none of this is compiled, linked or looked at. What the bugs need (a clock, a static,
//! a hash map) is exactly what is banned there, so it stands here.
//!
//! Invariant: at most one bug is planted in a process; without one the build behaves like any other. `bugs.toml` beside this
//! crate tells each bug's story and names the check that has to catch it.
#![forbid(unsafe_code)]

mod mess;

use std::sync::OnceLock;

pub use mess::{by_address, by_hash, clock_bit, forget, last, next, pop, process_hash, push, remember, thread_bit};

/// The environment variable that plants a bug by its name.
pub const PLANT: &str = "TICKWORLD_BUG";

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $( $(#[$doc])* $bug, )*
        }

        impl Bug {
            /// Every bug.
            pub const ALL: &'static [Self] = &[$( Self::$bug, )*];

            /// Its name in `bugs.toml` and in the environment.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$bug => $name, )*
                }
            }
        }
    };
}

bugs! {
    /// A row is set and its page keeps its hash.
    StalePageHash = "stale-page-hash",
    /// A row is removed and the digest of its column's page table stays.
    StaleTableDigest = "stale-table-digest",
    /// A join writes a clean page and leaves it clean.
    UnseenJoinWrite = "unseen-join-write",
    /// What removed rows left in memory is hashed with a page.
    AbsentRowsHashed = "absent-rows-hashed",
    /// A page is hashed with what the buffer held before.
    ScratchNotCleared = "scratch-not-cleared",
    /// Hashes of a snapshot are taken over for pages that changed since.
    AdoptWithoutLooking = "adopt-without-looking",
    /// Which rows are present is not encoded.
    PresenceNotEncoded = "presence-not-encoded",
    /// A column's name is not bound by its root.
    NameNotBound = "name-not-bound",
    /// The tick is not bound by the root.
    TickNotBound = "tick-not-bound",
    /// The allocator prefers what was freed last, and keeps that list beside the world.
    FreeListBeside = "free-list-beside",
    /// A restored world begins generations anew.
    GenerationsForgotten = "generations-forgotten",
    /// Components of removed entities stay in some rows.
    RowLeftBehind = "row-left-behind",
    /// Dice depend on the order in which they are thrown.
    DrawOrder = "draw-order",
    /// One generator for all, whose state is not in the world.
    OneGenerator = "one-generator",
    /// What jobs report is taken in the order in which they finish.
    OutputsAsTheyFinish = "outputs-as-they-finish",
    /// A rollback begins one tick too early.
    RollbackTooFar = "rollback-too-far",
    /// The root of the predicted world is given out as the confirmed one's.
    PredictedRoot = "predicted-root",
    /// A guess with the right inputs is kept whatever its dice said.
    GuessKept = "guess-kept",
    /// A guess with the right inputs becomes the confirmed world.
    GuessConfirmed = "guess-confirmed",
    /// Going back leaves the players' bookkeeping as it is.
    PlayersNotRestored = "players-not-restored",
    /// A frame that is refused has moved the tick already.
    RefusedFrameTicks = "refused-frame-ticks",
    /// Systems read the content that was switched to last, wherever the world is.
    ContentOfNow = "content-of-now",
    /// Inputs of a frame are taken in the order in which they came.
    FrameOrderTrusted = "frame-order-trusted",
    /// An input that is sent again applies again.
    ResendApplied = "resend-applied",
    /// Ties between players are broken by a hash with a key of the process.
    ProcessKey = "process-key",
    /// Spawners act in the order of a hash map.
    HashOrder = "hash-order",
    /// The dead are dealt with in the order of their addresses.
    PointerOrder = "pointer-order",
    /// A sort that is not total, with ties as they fall.
    UnstableSort = "unstable-sort",
    /// A duration that depends on the clock.
    Clock = "clock",
    /// Work that ends when time is up.
    BudgetByClock = "budget-by-clock",
    /// The number of the thread reaches the state.
    ThreadInState = "thread-in-state",
    /// As much work at a time as there are workers.
    WavesByWorkers = "waves-by-workers",
    /// Members of a grid's tile stand in the order in which they came.
    GridByArrival = "grid-by-arrival",
    /// The dead stay in the grid.
    GridKeepsTheDead = "grid-keeps-the-dead",
    /// A count that is kept beside the world.
    CountBeside = "count-beside",
    /// A cache by row that does not notice another entity in it.
    CacheByRow = "cache-by-row",
}

/// Whether this bug is planted.
#[must_use]
pub fn is_on(bug: Bug) -> bool {
    planted() == Some(bug)
}

/// The bug that the environment plants, if it plants one.
///
/// # Panics
/// If it names one that there is not: nothing would be tested.
#[must_use]
pub fn planted() -> Option<Bug> {
    static BUG: OnceLock<Option<Bug>> = OnceLock::new();
    *BUG.get_or_init(|| {
        let name = std::env::var(PLANT).ok().filter(|name| !name.is_empty())?;
        let bug = Bug::ALL.iter().find(|bug| bug.name() == name);
        Some(*bug.unwrap_or_else(|| panic!("there is no bug called `{name}` to plant")))
    })
}
