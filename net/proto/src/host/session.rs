//! [`Session`]: one connection, from its first message to its last.
//!
//! ```text
//!              Hello            admit
//! Greeting ----------> Asking --------> Open
//!     |                  |               |   ended by: goodbye of either, silence, budget, violation, another
//!     +------------------+---------------+   session of the player, loss of the connection
//! ```
//! Invariant: a session is in the table exactly while its connection is of use; where it ends, it is gone.

use alloc::collections::VecDeque;

use tickworld_sim::frame::{PlayerId, Tick};

use super::{
    budget::IdentityBudget,
    event::{AddressKey, Resumed},
    resumption::KeyHash,
};
use crate::{
    instant::Instant,
    message::{Durability, RootReport, SessionKind},
};

/// A connection's state.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) address: AddressKey,
    pub(super) datagram_bytes_max: u16,
    /// When something last came.
    pub(super) heard: Instant,
    pub(super) budget: IdentityBudget,
    pub(super) stage: Stage,
}

/// How far a session is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing came yet; it must until then.
    Greeting(Instant),
    /// The embedder judges the `Hello`; it must until then.
    Asking(Instant, Asking),
    /// It is welcome.
    Open(Open),
}

/// What a `Hello` asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) kind: SessionKind,
    pub(super) durability: Durability,
    pub(super) resumed: Option<Resumed>,
}

/// A session that was welcomed.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) kind: SessionKind,
    /// What is said to it is as sure as this.
    pub(super) level: Durability,
    /// Whose inputs it sends.
    pub(super) player: Option<PlayerId>,
    pub(super) key: KeyHash,
    /// It wants every frame.
    pub(super) follows: bool,
    /// The snapshot that it fetches.
    pub(super) joining: Option<Tick>,
    /// Pages of it that were asked for and not sent, by place.
    pub(super) pages: VecDeque<u32>,
    /// A root that it reported before ours was known.
    pub(super) report: Option<RootReport>,
    /// A mismatch was told.
    pub(super) is_desynced: bool,
}

impl Session {
    /// The open part.
    pub(super) const fn open(&self) -> Option<&Open> {
        match &self.stage {
            Stage::Open(open) => Some(open),
            _ => None,
        }
    }

    /// The same, to write.
    pub(super) const fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.stage {
            Stage::Open(open) => Some(open),
            _ => None,
        }
    }
}
