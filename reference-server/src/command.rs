//! [`Command`]: what operators ask a running region for.
//!
//! Invariant: a command that changes the world becomes an input in the journal; the others change nothing that is hashed.

use bytes::Bytes;
use serde::Serialize;
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
};
use tokio::sync::{mpsc, oneshot};

/// Commands that wait for a region, at most.
pub const COMMANDS_MAX: usize = 16;

/// A way to send commands; bounded, for each waits for its answer.
pub type Commands = mpsc::Sender<Command>;

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

/// Something asked of a region.
#[derive(Debug)]
pub enum Command {
    /// How is it?
    Status(Reply<Status>),
    /// Store a snapshot of the newest tick.
    Snapshot(Reply<SnapshotStored>),
    /// End a player's session.
    Kick(PlayerId, String, Reply<Kicked>),
    /// Check a pack, try it on a fork, store it, and switch to it.
    Content {
        /// The pack.
        pack: Bytes,
        /// Whether what the world holds may be missing in it.
        force: bool,
        /// Where the answer goes.
        reply: Reply<Switched>,
    },
    /// Say goodbye to everybody, store a snapshot, and end.
    Shutdown(Reply<()>),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// What was asked for is not there.
    #[error("{0}")]
    Absent(String),
    /// What was handed over cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// A pack lacks what the world holds: a line each.
    #[error("the pack lacks what the world holds: {}", few(.0))]
    Unresolved(Vec<String>),
    /// The region cannot do it now.
    #[error("{0}")]
    Unavailable(String),
}

/// The first of many.
fn few(all: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown} and {} more", all.len() - SHOWN) } else { shown }
}

/// How a region is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What the world is.
    pub title: String,
    /// The game's name.
    pub game: &'static str,
    /// Revision of the rules.
    pub revision: u32,
    /// The schema.
    pub schema: String,
    /// The content in force.
    pub content: String,
    /// Newest simulated tick.
    pub tick: u64,
    /// Newest stored tick.
    pub durable_tick: u64,
    /// The newest root, and of which tick.
    pub root: String,
    /// See `root`.
    pub root_tick: u64,
    /// How much slower than its rate the world runs.
    pub pace_percent: u16,
    /// Whether ticks can be stored.
    pub storage: &'static str,
    /// Open sessions.
    pub sessions: u32,
}

/// A snapshot was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotStored {
    /// Of this tick.
    pub tick: u64,
    /// Pages that it consists of.
    pub pages: u64,
    /// Those of them that were not stored yet.
    pub pages_new: u64,
}

/// A player's session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kicked {
    /// Sessions ended.
    pub sessions: u32,
}

/// The content was switched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switched {
    /// To this.
    pub content: String,
    /// From this tick on.
    pub tick: u64,
}

impl Switched {
    /// To `content` from `tick` on.
    #[must_use]
    pub fn to(content: ContentId, tick: Tick) -> Self {
        Self { content: content.to_string(), tick: tick.0 }
    }
}
