//! What passes between a [`Host`](super::Host) and who embeds it, besides messages.
//!
//! Invariant: names and numbers only; a host hands out no reference into itself.

use alloc::string::String;

use tickworld_sim::{
    frame::{PlayerId, Tick},
    hash::Hash,
};

use crate::{
    instant::Micros,
    message::{DesyncReport, Hello, Reason, ResumeKey, SessionKind},
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

/// Kinds of sessions that somebody may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(7);

    /// These kinds.
    #[must_use]
    pub fn of(kinds: &[SessionKind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | bit(*kind)))
    }

    /// As a number, to be kept somewhere.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Of such a number; `None` where it is none.
    #[must_use]
    pub const fn of_bits(bits: u8) -> Option<Self> {
        if bits <= Self::ALL.0 { Some(Self(bits)) } else { None }
    }

    /// Whether `kind` is among them.
    #[must_use]
    pub const fn contains(self, kind: SessionKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

const fn bit(kind: SessionKind) -> u8 {
    match kind {
        SessionKind::Lockstep => 1,
        SessionKind::Witness => 2,
        SessionKind::Command => 4,
    }
}

/// What the embedder found out about a `Hello`.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// Who it is; `None` for a spectator, who cannot send inputs.
    pub player: Option<PlayerId>,
    /// What sessions they may have.
    pub kinds: Kinds,
    /// A fresh secret of 16 random bytes, for coming back.
    pub resume: ResumeKey,
}

/// What an earlier session was granted, and this one goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Who it was.
    pub player: Option<PlayerId>,
    /// What sessions they may have.
    pub kinds: Kinds,
}

/// A resume key that outlives its host, so that clients come back to the next one of the same world without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// Hash of the secret, which nobody needs to keep.
    pub key: Hash,
    /// How long it is good yet.
    pub good_for: Micros,
    /// What it stands for.
    pub resumed: Resumed,
}

/// What an embedder should know or decide.
#[derive(Clone, Debug)]
pub enum HostEvent {
    /// Somebody asks to come in: answer with `admit` or `refuse`, at once or later.
    Admission {
        /// Who asks.
        session: SessionId,
        /// What they say; protocol, game, versions and durability were checked.
        hello: Hello,
        /// Set where a resume key was good: the token need not be judged, only a fresh key is needed; the grant's player and
        /// kinds are then those of the earlier session, whatever it says.
        resumed: Option<Resumed>,
    },
    /// A session was welcomed.
    Opened {
        /// Which.
        session: SessionId,
        /// Whose.
        player: Option<PlayerId>,
        /// What for.
        kind: SessionKind,
    },
    /// The host ended a session. The transport closes the connection once what `poll_transmit` gave for it is on its way.
    Closed {
        /// Which.
        session: SessionId,
        /// Why.
        reason: Reason,
    },
    /// A client's root of a confirmed tick is another one: told once a session.
    Desync {
        /// Whose.
        session: SessionId,
        /// Whose.
        player: Option<PlayerId>,
        /// The tick that it reported.
        tick: Tick,
    },
    /// What a client found out about it.
    DesyncReport {
        /// Whose.
        session: SessionId,
        /// Whose.
        player: Option<PlayerId>,
        /// What: text from outside, at most [`TEXT_BYTES_MAX`](crate::limits::TEXT_BYTES_MAX).
        report: DesyncReport,
    },
    /// A peer broke the protocol; its session ends.
    Violation {
        /// Which.
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
    /// Of them with a resume key.
    pub resumptions: u64,
    /// Messages that came.
    pub messages: u64,
    /// Their bytes.
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
    /// Of them other than ours.
    pub desyncs: u64,
    /// Pages that were encoded and compressed.
    pub pages_encoded: u64,
    /// Pages that were sent.
    pub pages_sent: u64,
    /// Snapshots that joiners were shown.
    pub snapshots: u64,
}
