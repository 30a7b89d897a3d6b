//! [`ClientEvent`]: what a client tells its caller, and [`Fault`]: what a host did wrong.
//!
//! Invariant: every input that was submitted has at most one [`ClientEvent::Outcome`], and outcomes are never dropped; what
//! nobody polls is bounded.

use alloc::{collections::VecDeque, string::String};

use tickworld_sim::{
    component::DecodeError,
    content::ContentId,
    diff::descent::DescentError,
    frame::{PlayerId, Sequence, Tick},
    hash::Hash,
    schema::SchemaId,
    snapshot::RestoreError,
};

use crate::{
    WireError, limits,
    message::{DesyncReport, Durability, Fate, Goodbye, Head, Moved, Notice, Welcome},
};

/// What happened to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The session is open.
    Welcome(Welcome),
    /// A lockstep client has a world; it follows the host's from now on.
    Joined {
        /// The tick of its snapshot.
        tick: Tick,
        /// Bytes of manifests and pages that came for it, as they were sent.
        received_bytes: u64,
    },
    /// A tick is confirmed, and its world is at hand.
    Confirmed {
        /// The tick that is confirmed.
        tick: Tick,
        /// The root that the client computed.
        root: Hash,
        /// How surely the host keeps it.
        durability: Durability,
    },
    /// What a witness sees of a tick.
    Head(Head),
    /// What became of an input.
    Outcome {
        /// The number of the input.
        sequence: Sequence,
        /// Applied, or why not.
        fate: Fate,
        /// How surely the host keeps that.
        durability: Durability,
    },
    /// This client's root of a confirmed tick is not the host's. The host was told the same.
    Desync(DesyncReport),
    /// The client's world is of no use any more; a snapshot is asked for.
    Rejoining(RejoinCause),
    /// The player is in another region: the host ends the session, and the client can go on there with another connection, which its
    /// next `Hello` asks for.
    Moved(Moved),
    /// The next tick uses content that the library has not: nothing goes on until it is added.
    ContentMissing(ContentId),
    /// Something that everybody should know.
    Notice(Notice),
    /// The host did something wrong, and the client did not follow it.
    Fault(Fault),
    /// The session is over; the connection can be closed once everything polled is sent.
    Closed {
        /// Why it is over.
        goodbye: Goodbye,
        /// The side that said so.
        by: Side,
    },
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The client, which is this side.
    Client,
    /// The other one.
    Host,
}

/// Why a client needs another snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejoinCause {
    /// Its world is not the host's.
    Desync,
    /// The frames that it lacks are older than what the host keeps, or do not come.
    Behind,
    /// It has ticks that the host has not: the host's world went back.
    Ahead,
    /// Its world is of a history that the host's is not of: ticks were taken back and made anew.
    Forked,
}

/// What a host did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes that are no message.
    #[error("the host sent no message of this protocol: {0}")]
    Wire(#[from] WireError),
    /// An answer to no question, or what only a client says.
    #[error("the host sent a {what} that nobody asked for")]
    Unasked {
        /// Name of the message.
        what: &'static str,
    },
    /// A resumed session of someone else.
    #[error("the host takes this client for player {found:?}, it was {expected:?}")]
    Player {
        /// The player that it was.
        expected: Option<PlayerId>,
        /// The player that it shall be.
        found: Option<PlayerId>,
    },
    /// Another schema or revision than a lockstep client's.
    #[error("the host let in a lockstep client with schema {}, revision {}, and has schema {}, revision {}",
        own.0.0, own.1, host.0.0, host.1)]
    Incompatible {
        /// Schema and revision of the client.
        own: (SchemaId, u32),
        /// Schema and revision of the host.
        host: (SchemaId, u32),
    },
    /// A session whose answers promise less than was asked for.
    #[error("the host promises {found:?}, {expected:?} was asked for")]
    Durability {
        /// What was asked for.
        expected: Durability,
        /// What is offered.
        found: Durability,
    },
    /// A manifest of another world, or none.
    #[error("the manifest of tick {tick}: {what}")]
    Manifest {
        /// The tick that it was sent for.
        tick: Tick,
        /// What is wrong.
        what: String,
    },
    /// A page that is not the one in the manifest.
    #[error("page {index} of the snapshot {cause}")]
    Page {
        /// Its place in the manifest.
        index: u32,
        /// What is wrong.
        cause: PageFault,
    },
    /// Pages that each are right and make no world.
    #[error("the snapshot of tick {tick}: {cause}")]
    Snapshot {
        /// The tick of the snapshot.
        tick: Tick,
        /// Why they make no world.
        cause: RestoreError,
    },
    /// A frame that is none.
    #[error("the frame of tick {tick}: {cause}")]
    Frame {
        /// The tick that was to be made.
        tick: Tick,
        /// What is wrong.
        cause: DecodeError,
    },
    /// A frame that is too short to say its tick, or that the engine refuses.
    #[error("a frame: {0}")]
    BadFrame(String),
    /// An answer to an input that was never sent.
    #[error("the host answered input {}, which was never sent", .0.0)]
    Outcome(Sequence),
    /// Two roots for one tick.
    #[error("the host named two different roots for tick {0}")]
    Contradiction(Tick),
    /// A root of a tick after the one it came with.
    #[error("the host named a root of tick {root_tick} with tick {tick}")]
    Foretold {
        /// The tick it came with.
        tick: Tick,
        /// The root's tick.
        root_tick: Tick,
    },
    /// Answers of a descent that do not fit.
    #[error("the descent failed: {0}")]
    Descent(#[from] DescentError),
    /// Bytes that are no answer of a descent.
    #[error("an answer of a descent: {0}")]
    DescentBytes(DecodeError),
}

/// What is wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageFault {
    /// Longer or shorter than any page of its column with so many rows.
    #[error("claims {found} bytes, its rows take at most {max}")]
    Length {
        /// What it says.
        found: u32,
        /// What it may have.
        max: u32,
    },
    /// Not the compressed form of as many bytes as it says.
    #[error("does not inflate to the {0} bytes that it claims")]
    Compression(u32),
    /// Other bytes than the manifest's.
    #[error("has another hash than the manifest says")]
    Hash,
}

/// Events that wait to be polled.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<ClientEvent>,
    outcomes: u32,
    dropped: u64,
}

impl Events {
    /// Keeps an event, or counts it where nobody polls.
    pub(super) fn push(&mut self, event: ClientEvent) {
        if matches!(event, ClientEvent::Outcome { .. }) {
            self.outcomes = self.outcomes.saturating_add(1);
        } else if self.queue.len() >= limits::CLIENT_EVENTS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.queue.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<ClientEvent> {
        let event = self.queue.pop_front();
        if matches!(event, Some(ClientEvent::Outcome { .. })) {
            self.outcomes = self.outcomes.saturating_sub(1);
        }
        event
    }

    /// Outcomes that wait to be polled.
    pub(super) const fn outcomes(&self) -> u32 {
        self.outcomes
    }

    /// Events that were not kept.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
