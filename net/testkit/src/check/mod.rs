//! Checkers: what must hold in every run, told by a bystander who sees every peer, every message and the disk.
//!
//! Invariant: a checker trusts nothing that the code under test says of itself where it can look; it compares what different
//! parts saw, and what the disk holds. Each has a bug that it is shown to catch.

mod after_loss;
mod answered;
mod bounded;
mod coins;
mod durable;
mod kept;
mod mails;
mod once;
mod one_place;
mod one_root;
mod release;

pub use after_loss::AfterLoss;
pub use answered::Answered;
pub use bounded::Bounded;
pub use coins::Coins;
pub use durable::DurableAcks;
pub use kept::{Histories, Kept};
pub use mails::{Mails, Numbers, Way};
pub use once::Once;
pub use one_place::OnePlace;
pub use one_root::OneRoot;
pub use release::ReleaseOrder;
use tickworld_sim::{
    frame::{PlayerId, Sequence, Tick},
    hash::Hash,
    region::RegionId,
};

/// A tick of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionTick {
    /// The region that made it.
    pub region: RegionId,
    /// The tick within that region.
    pub tick: Tick,
}

impl core::fmt::Display for RegionTick {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of region {}", self.tick, self.region)
    }
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Two roots of one confirmed tick.
    #[error("tick {tick} has root {first:.8} ({first_seen}) and root {second:.8} ({second_seen})")]
    TwoRoots {
        /// The tick of both roots.
        tick: Tick,
        /// The one seen first.
        first: Hash,
        /// Who has the first one.
        first_seen: String,
        /// The other one.
        second: Hash,
        /// Who has the other one.
        second_seen: String,
    },
    /// An acknowledged input is not in the journal, or in another tick.
    #[error("input {} of player {} was acknowledged for tick {acknowledged}, which no journal says: {found:?}", sequence.0, player.0)]
    Missing {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
        /// The tick that the acknowledgement says.
        acknowledged: Tick,
        /// Where it stands, if anywhere.
        found: Option<RegionTick>,
    },
    /// An answer is not that of the input that was sent under its number.
    #[error("input {} of player {} was acknowledged, and the journal has another one under its number in tick {tick}", sequence.0, player.0)]
    Exchanged {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
        /// The tick that has the other one.
        tick: RegionTick,
    },
    /// A refused input is in the journal.
    #[error("input {} of player {} was refused, and stands in tick {found}", sequence.0, player.0)]
    RefusedApplied {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
        /// The tick that has it.
        found: RegionTick,
    },
    /// A confirmed tick is not in the journal.
    #[error("tick {tick} was confirmed to somebody, the journal ends at tick {last}")]
    TickLost {
        /// The tick that was confirmed.
        tick: Tick,
        /// The last tick of the journal.
        last: Tick,
    },
    /// One input in two places.
    #[error("input {} of player {} stands in tick {first} and again in tick {again}", sequence.0, player.0)]
    Twice {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the second.
        sequence: Sequence,
        /// Where it was first.
        first: RegionTick,
        /// Where it is again.
        again: RegionTick,
    },
    /// An input that nobody submitted.
    #[error("input {} of player {} in tick {tick} was never submitted so", sequence.0, player.0)]
    Invented {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
        /// The tick that has it.
        tick: RegionTick,
    },
    /// Coins were made or lost.
    #[error("{found} coins at tick {tick} ({seen}), there were {expected}")]
    Coins {
        /// The tick at which they were counted.
        tick: Tick,
        /// Who counted them.
        seen: String,
        /// How many there were at the start.
        expected: u64,
        /// How many there are now.
        found: u64,
    },
    /// A player is in two regions.
    #[error("player {} is in regions {} and {}, with {} and {} hops", player.0, places[0].0, places[1].0, places[0].1, places[1].1)]
    TwoPlaces {
        /// The player who is in both.
        player: PlayerId,
        /// The two regions, and the hops of the player in each.
        places: [(RegionId, u64); 2],
    },
    /// A player is nowhere, or not where the newest that is said of them says.
    #[error("player {} is not in one place: {what}", player.0)]
    NoPlace {
        /// The player who is sought.
        player: PlayerId,
        /// What is said of them, and where.
        what: String,
    },
    /// Mail between regions is not what it should be.
    #[error("mail {sequence} of region {} to region {} {what}", way.from, way.to)]
    Mail {
        /// The direction that the mail goes.
        way: Way,
        /// The number of the mail.
        sequence: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// What regions know of each other's mail does not fit.
    #[error("between regions {} and {of}, as tick {} knows it, {what}: {found}, and {most}", at.region, at.tick)]
    Numbers {
        /// The tick of the region that knows it.
        at: RegionTick,
        /// The region that it is about.
        of: RegionId,
        /// What is wrong.
        what: &'static str,
        /// The number that is too high.
        found: u64,
        /// What it may be at most.
        most: u64,
    },
    /// All regions together have other coins than they began with.
    #[error("all regions have {found} coins with what is under way, there were {expected}")]
    AllCoins {
        /// How many there were at the start.
        expected: u64,
        /// How many there are at the end.
        found: u64,
    },
    /// Something was acknowledged that the disk does not hold.
    #[error("tick {tick} was acknowledged as on disk, and is not synced")]
    NotDurable {
        /// The tick that was acknowledged.
        tick: Tick,
    },
    /// An input was answered twice.
    #[error("input {} of player {} was answered twice", sequence.0, player.0)]
    AnsweredTwice {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
    },
    /// An answer to what was not asked.
    #[error("input {} of player {} was answered, and was never submitted", sequence.0, player.0)]
    AnsweredUnasked {
        /// The player whose input it is.
        player: PlayerId,
        /// The number of the input.
        sequence: Sequence,
    },
    /// Inputs without an answer although all faults are over.
    #[error("{count} inputs have no answer though all faults are over: the first is {} of player {}", sequence.0, player.0)]
    Unanswered {
        /// How many there are.
        count: usize,
        /// The player of the first of them.
        player: PlayerId,
        /// The number of the first of them.
        sequence: Sequence,
    },
    /// A tick was released before the one before it.
    #[error("tick {tick} was released after tick {last}")]
    OutOfOrder {
        /// The tick that came too late.
        tick: Tick,
        /// The newest released before.
        last: Tick,
    },
    /// Something grew over its bound.
    #[error("{what} is {found}, at most {max} are allowed")]
    Unbounded {
        /// Name of what grew.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        max: u64,
    },
    /// A desync was reported where there is none.
    #[error("a false desync: {0}")]
    FalseDesync(String),
    /// A client that was let in before, and that nobody sent away, is refused.
    #[error("a client is kept out: {0}")]
    KeptOut(String),
    /// Somebody came in with what another client had used.
    #[error("an impostor is let in: {0}")]
    LetIn(String),
    /// An honest peer was accused.
    #[error("an honest peer is accused: {0}")]
    Accused(String),
    /// The world does not come up again, or stands still, though all faults are over.
    #[error("the world stands still: {0}")]
    Stuck(String),
    /// After told ticks were taken back something is good that was so before.
    #[error("region {region} took ticks back: {what}")]
    OldIsGood {
        /// The region that took them back.
        region: RegionId,
        /// What is not newer than before.
        what: String,
    },
    /// Whoever was fenced still wrote.
    #[error("a fenced owner's records were taken: {0}")]
    Unfenced(String),
    /// What was recovered contradicts the journal's own proofs.
    #[error("recovery failed: {0}")]
    Recovery(String),
    /// Two runs of one seed differ.
    #[error("the run is not a function of its seed: digests {first:.8} and {second:.8}")]
    Nondeterministic {
        /// The digest of the first run.
        first: Hash,
        /// The digest of the second run.
        second: Hash,
    },
}
