//! What passes between a [`Host`](super::Host) and who embeds it, besides messages.
//!
//! Invariant: names and numbers only; a host hands out no reference into itself.

use alloc::{string::String, sync::Arc};

use tickworld_sim::{
    frame::{PlayerId, Tick},
    region::RegionId,
};

use crate::{
    identity::Kinds,
    message::{DesyncReport, Hello, Reason, SessionKind},
};

/// A connection, as its transport numbers it: never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What budgets take for one address: an IPv4 address mapped to IPv6, or the first 64 bits of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(pub [u8; 16]);

/// A transport's new connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// Where it comes from.
    pub address: AddressKey,
    /// Longest datagram that its path carries in bytes; 0 for none.
    pub datagram_bytes_max: u16,
}

/// What the embedder found out about a `Hello`.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// Who it is; `None` for a spectator, who cannot send inputs.
    pub player: Option<PlayerId>,
    /// What sessions they may have.
    pub kinds: Kinds,
    /// When the last ticket that comes of this ends, in seconds since 1970; `None` where there is no such moment.
    pub until_seconds: Option<u64>,
    /// Where a token lets one client in: it does so again as long as no other one came in since it was first shown, and nobody sent
    /// the player away. `None` where it may be shown again and again.
    pub noted: Option<NotedGeneration>,
}

/// What [`Generations`](super::Generations) said of a token's player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedGeneration {
    /// When the token was first shown, which was noted with it.
    pub first: u32,
    /// When it was shown this time.
    pub now: u32,
}

impl Grant {
    /// For a token that may be shown again and again.
    #[must_use]
    pub const fn new(player: Option<PlayerId>, kinds: Kinds) -> Self {
        Self { player, kinds, until_seconds: None, noted: None }
    }
}

/// What the archive has of a player who is in this region from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Their hops from now on.
    pub hops: u64,
    /// What they have with them; empty of one who is born.
    pub parcel: Arc<[u8]>,
}

/// What the archive says of a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// They are in this region from now on.
    Here(Found),
    /// They never were anywhere, and were not to be born.
    Nowhere,
    /// Another region has them.
    Elsewhere {
        /// The region that has them.
        region: RegionId,
        /// How often they had changed places then.
        hops: u64,
    },
}

/// Somebody to look for in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The player who is sought.
    pub player: PlayerId,
    /// Which search this is: an answer to an earlier one is of no use.
    pub number: u64,
    /// Whether somebody who never was anywhere is born; else there is nobody to be found.
    pub may_be_born: bool,
}

/// What an embedder should know or decide.
#[derive(Clone, Debug)]
pub enum HostEvent {
    /// Somebody asks to come in with a token: answer with `admit` or `refuse`, at once or later.
    Admission {
        /// The session of whoever asks.
        session: SessionId,
        /// What they say; protocol, game, versions and durability were checked.
        hello: Hello,
    },
    /// A ticket names a key that is not known: read the world's keys again, and answer with `handle_keys`.
    KeysWanted,
    /// A player is to be in the world and is not: look for them in the archive, and answer with `handle_found`.
    Sought(Search),
    /// A player whom somebody waited for is home, or is not waited for any longer.
    Homecoming {
        /// The player who was waited for.
        player: PlayerId,
        /// Why they do not come; nothing where they are in the world.
        result: Result<(), (Reason, String)>,
    },
    /// A session was welcomed.
    Opened {
        /// The session that was opened.
        session: SessionId,
        /// The player who has it; none for a spectator.
        player: Option<PlayerId>,
        /// The kind of session that it is.
        kind: SessionKind,
    },
    /// The host ended a session. The transport closes the connection once what `poll_transmit` gave for it is on its way.
    Closed {
        /// The session that is over.
        session: SessionId,
        /// Why it is over.
        reason: Reason,
    },
    /// A client's root of a confirmed tick is another one: told once a session.
    Desync {
        /// The session that reported the root.
        session: SessionId,
        /// The player who has the session.
        player: Option<PlayerId>,
        /// The tick that it reported.
        tick: Tick,
    },
    /// What a client found out about it.
    DesyncReport {
        /// The session that reports it.
        session: SessionId,
        /// The player who has the session.
        player: Option<PlayerId>,
        /// What: text from outside, at most [`TEXT_BYTES_MAX`](crate::limits::TEXT_BYTES_MAX).
        report: DesyncReport,
    },
    /// A peer broke the protocol; its session ends.
    Violation {
        /// The session of the peer.
        session: SessionId,
        /// What it did.
        what: String,
    },
}

/// What happened since the host began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that came.
    pub connections: u64,
    /// Sessions that were welcomed.
    pub sessions: u64,
    /// Sessions of those that came with a ticket.
    pub resumptions: u64,
    /// Messages that came.
    pub messages: u64,
    /// Bytes of those messages.
    pub message_bytes: u64,
    /// Messages that were dropped because a budget was used up.
    pub over_budget: u64,
    /// Inputs that came for the first time and wait for their tick or had it.
    pub inputs: u64,
    /// Inputs that came again.
    pub inputs_again: u64,
    /// Inputs that were refused.
    pub inputs_refused: u64,
    /// Inputs in frames.
    pub inputs_framed: u64,
    /// Answers sent, to inputs that came again too.
    pub outcomes: u64,
    /// Messages that were to be sent.
    pub transmits: u64,
    /// Messages that were dropped because nobody fetched them.
    pub transmits_dropped: u64,
    /// Events that were dropped because nobody fetched them.
    pub events_dropped: u64,
    /// Roots that clients reported.
    pub root_reports: u64,
    /// Roots of those that are not the host's.
    pub desyncs: u64,
    /// Pages that were encoded and compressed.
    pub pages_encoded: u64,
    /// Pages that were sent.
    pub pages_sent: u64,
    /// Snapshots that joiners were shown.
    pub snapshots: u64,
}
