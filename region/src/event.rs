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
        /// The request that is answered.
        request: RequestId,
        /// What came of it.
        answer: Result<Answer, RequestError>,
    },
    /// A session was welcomed.
    Opened {
        /// The session that was welcomed.
        session: SessionId,
        /// The player who has it; `None` for a spectator.
        player: Option<PlayerId>,
        /// The kind of session that it is.
        kind: SessionKind,
    },
    /// The region ended a session: its connection is closed once what was sent over it has arrived.
    Closed {
        /// The session that is over.
        session: SessionId,
        /// Why it is over.
        reason: Reason,
    },
    /// Somebody did not show who they are.
    Refused {
        /// The session that they asked for.
        session: SessionId,
    },
    /// A client's root of a confirmed tick is another one.
    Desync {
        /// The session that reported the root.
        session: SessionId,
        /// The tick that the root is of.
        tick: Tick,
    },
    /// What a client found out about a desync.
    DesyncReport {
        /// The session that reports it.
        session: SessionId,
        /// Text from outside, bounded by the protocol.
        report: DesyncReport,
    },
    /// A peer broke the protocol; its session ends.
    Violation {
        /// The session of the peer.
        session: SessionId,
        /// What it did.
        what: String,
    },
    /// The frame of a tick was closed.
    FrameClosed {
        /// The tick of the frame.
        tick: Tick,
        /// How long after it was due.
        late: Micros,
    },
    /// Ticks are as durable as the region promises.
    Durable {
        /// The newest tick that is durable.
        tick: Tick,
        /// From the closing of its frame until now.
        waited: Micros,
    },
    /// A tick is released: it was stepped and is durable. Only where the settings ask for it.
    Released(World<G>),
    /// Ticks cannot be stored; the region tries again, and nothing durable is released meanwhile. Told at every try.
    StorageFailed {
        /// Why they cannot be stored.
        reason: String,
    },
    /// Ticks are stored again.
    StorageRecovered {
        /// The newest tick that is stored.
        tick: Tick,
    },
    /// The archive does not answer, or what it has of a player is damaged: whoever waits for them is sent away, and who left for it is
    /// told to it again. Told at every try.
    ArchiveFailed {
        /// Why it does not answer, or what is damaged.
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
    /// It was asked to, and everything is stored.
    Asked,
    /// Another owner has taken the world over.
    Fenced {
        /// The claim of that owner.
        by: Epoch,
    },
    /// The rules panicked in a tick. What came before it is stored and told.
    Panicked {
        /// The tick that they panicked in.
        tick: Tick,
        /// What the panic said.
        message: String,
    },
    /// The journal cannot go on.
    Failed(String),
}
