//! [`Session`]: one connection, from its first message to its last.
//!
//! ```text
//!    Hello with a ticket of a key to be read: AwaitingKeys; of a player who is not in the world: AwaitingPlayer; then as if it
//!    came just now
//!
//!              Hello with a good ticket
//! Greeting -------------------------------> Open
//!     |        Hello            admit        |
//!     +------------------> Asking ---------->+   ended by: goodbye of either, silence, budget, violation, another
//!     |                      |               |   session of the player, loss of the connection
//!     +----------------------+---------------+
//! ```
//! Invariant: a session is in the table exactly while its connection is of use; where it ends, it is gone.

use alloc::{boxed::Box, collections::VecDeque};

use tickworld_sim::frame::{PlayerId, Tick};

use super::{budget::IdentityBudget, event::AddressKey};
use crate::{
    identity::Kinds,
    instant::Instant,
    message::{Durability, Follow, Hello, RootReport, SessionKind},
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

/// What was granted to somebody, once and for as long as tickets come of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) player: Option<PlayerId>,
    pub(super) kinds: Kinds,
    pub(super) until_seconds: Option<u64>,
}

/// How far a session is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing came yet; it must until then.
    Greeting(Instant),
    /// The `Hello` has a ticket of a key that is being read; it must be until then.
    AwaitingKeys(Instant, Box<Hello>),
    /// The player of the `Hello` is on their way home; they must be there until then.
    AwaitingPlayer(Instant, PlayerId, Box<Hello>),
    /// The embedder judges the token; it must until then. With the `Hello` where it may have to be judged again.
    Asking(Instant, Asking, Option<Box<Hello>>),
    /// It is welcome.
    Open(Open),
}

/// What a `Hello` asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) kind: SessionKind,
    pub(super) durability: Durability,
    /// How often its player has changed places, as far as it was told.
    pub(super) hops: u64,
    /// What was shown and who shows it.
    pub(super) opened_by: u64,
    /// The newest stepped tick when it was asked.
    pub(super) asked: Tick,
}

/// A session that was welcomed.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) kind: SessionKind,
    /// What is said to it is as sure as this.
    pub(super) level: Durability,
    /// Whose inputs it sends.
    pub(super) player: Option<PlayerId>,
    /// Of whom and for what its tickets are.
    pub(super) granted: Granted,
    /// When it gets a younger ticket.
    pub(super) renew_at: Instant,
    /// It wants every frame.
    pub(super) follows: bool,
    /// What it asked to follow, while our root of that tick is not known yet.
    pub(super) follow: Option<Follow>,
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
