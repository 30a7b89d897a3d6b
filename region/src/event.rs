//! [`Event`]: what a driver should know of a region.

use tickworld_persist::Epoch;
use tickworld_proto::{
    host::SessionId,
    instant::Micros,
    message::{DesyncReport, Reason, SessionKind},
};
use tickworld_sim::{
    frame::{PlayerId, Tick},
    game::Game,
    world::World,
};

use crate::request::{Answer, RequestError, RequestId, SnapshotStored};

/// News of a region.
#[expect(clippy::large_enum_variant, reason = "a world is a handful of shared pages, and events are taken one by one")]
pub enum Event<G: Game> {
    /// A request is answered.
    Answered {
        /// Which.
        request: RequestId,
        /// How.
        answer: Result<Answer, RequestError>,
    },
    /// A session was welcomed.
    Opened {
        /// Which.
        session: SessionId,
        /// Whose; `None` for a spectator.
        player: Option<PlayerId>,
        /// What for.
        kind: SessionKind,
    },
    /// The region ended a session: its connection is closed once what was sent over it has arrived.
    Closed {
        /// Which.
        session: SessionId,
        /// Why.
        reason: Reason,
    },
    /// Somebody did not show who they are.
    Refused {
        /// Which session.
        session: SessionId,
    },
    /// A client's root of a confirmed tick is another one.
    Desync {
        /// Which session.
        session: SessionId,
        /// Of which tick.
        tick: Tick,
    },
    /// What a client found out about a desync.
    DesyncReport {
        /// Which session.
        session: SessionId,
        /// Text from outside, bounded by the protocol.
        report: DesyncReport,
    },
    /// A peer broke the protocol; its session ends.
    Violation {
        /// Which session.
        session: SessionId,
        /// What it did.
        what: String,
    },
    /// The frame of a tick was closed.
    FrameClosed {
        /// Of which tick.
        tick: Tick,
        /// How late after it was due.
        late: Micros,
    },
    /// Ticks are as durable as the region promises.
    Durable {
        /// Up to this one.
        tick: Tick,
        /// From the closing of its frame until now.
        waited: Micros,
    },
    /// A tick is released: it was stepped and is durable. Only where the settings ask for it.
    Released(World<G>),
    /// Ticks cannot be stored; the region tries again, and nothing durable is released meanwhile. Told at every try.
    StorageFailed {
        /// Why.
        reason: String,
    },
    /// Ticks are stored again.
    StorageRecovered {
        /// Up to this one.
        tick: Tick,
    },
    /// The archive does not answer, or what it has of a player is damaged: whoever waits for them is sent away, and who left for it is
    /// told to it again. Told at every try.
    ArchiveFailed {
        /// Why.
        reason: String,
    },
    /// A snapshot was stored, or was not.
    Snapshot {
        /// What came of it.
        result: Result<SnapshotStored, String>,
        /// How long it took.
        took: Micros,
    },
    /// The region has ended: nothing more comes, and nothing that is handed to it has an effect.
    Ended(Ended),
}

/// Why a region ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// As asked, with everything stored.
    Asked,
    /// Another owner has taken the world over.
    Fenced {
        /// Under this claim.
        by: Epoch,
    },
    /// The rules panicked in a tick. What came before it is stored and told.
    Panicked {
        /// Which tick.
        tick: Tick,
        /// What the panic said.
        message: String,
    },
    /// The journal cannot go on.
    Failed(String),
}
