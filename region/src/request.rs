//! [`Request`] and [`Answer`]: what operators and embedders ask of a running region, as plain data.
//!
//! Invariant: every request is answered exactly once, by an [`Event::Answered`](crate::Event::Answered) that names it. One that
//! changes the world becomes an act in a frame; the others change nothing that is hashed.

use core::convert::Infallible;

use bytes::Bytes;
use tickworld_proto::{host::SubmitError, message::Fate};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Sequence, Tick},
    hash::Hash,
    schema::SchemaId,
};

use crate::limits::UNRESOLVED_SHOWN;

/// Number of a request, chosen by whoever drives the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Something asked of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<I> {
    /// Say how the region is.
    Status,
    /// Store a snapshot of the newest world, and answer when it is stored.
    Snapshot,
    /// End every session of a player, let no ticket of theirs bring it back, and take them out of the world.
    Kick {
        /// The player who is sent away.
        player: PlayerId,
        /// What the player is told.
        reason: String,
    },
    /// Keep a player out of the world from now on, who is kicked first, or let them in again.
    Bar {
        /// Who. Somebody who never was in the world cannot be kept out of it: issue no token to them.
        player: PlayerId,
        /// Whether they are kept out.
        is_barred: bool,
    },
    /// Take inputs of a player again who is held, because two ticks with inputs of theirs broke in a row.
    Clear {
        /// The player who is held.
        player: PlayerId,
    },
    /// Take a player in whose return stood in a tick that broke, or drop what they came with.
    Held {
        /// The player who waits.
        player: PlayerId,
        /// Whether they come in. What is dropped is lost with this world; the archive has it still.
        is_taken: bool,
    },
    /// Make further tickets with another key. What the present one made is good until it expires, what the one before made is not.
    RotateKey,
    /// Check a pack, try it on a fork, store it, and switch to it.
    Content {
        /// The pack's bytes.
        pack: Bytes,
        /// Whether to switch although the world holds what the pack lacks.
        force: bool,
    },
    /// Apply an input in the name of a player who has no session.
    Input {
        /// The player in whose name it is.
        player: PlayerId,
        /// What the player asks for.
        input: I,
    },
    /// Say goodbye to everybody, store what is left and a snapshot, and end.
    Shutdown,
}

/// A request of somebody who knows no game, such as an operator: it carries no input.
pub type OperatorRequest = Request<Infallible>;

impl Request<Infallible> {
    /// The same as a request to the region of some game.
    #[must_use]
    pub fn for_game<I>(self) -> Request<I> {
        match self {
            Self::Status => Request::Status,
            Self::Snapshot => Request::Snapshot,
            Self::Kick { player, reason } => Request::Kick { player, reason },
            Self::Bar { player, is_barred } => Request::Bar { player, is_barred },
            Self::Clear { player } => Request::Clear { player },
            Self::Held { player, is_taken } => Request::Held { player, is_taken },
            Self::RotateKey => Request::RotateKey,
            Self::Content { pack, force } => Request::Content { pack, force },
            Self::Input { input, .. } => match input {},
            Self::Shutdown => Request::Shutdown,
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The answer to [`Request::Status`].
    Status(Box<Status>),
    /// The answer to [`Request::Snapshot`].
    Snapshot(SnapshotStored),
    /// To [`Request::Kick`], once the tick that did it is as durable as the region promises.
    Kicked(Kicked),
    /// To [`Request::Bar`], [`Request::Clear`] and [`Request::Held`], once the tick that did it is as durable as the region promises:
    /// which tick that was.
    Done(Tick),
    /// To [`Request::RotateKey`]: the number of the new key.
    KeyRotated(u8),
    /// The answer to [`Request::Content`].
    Switched(Switched),
    /// To [`Request::Input`], once the tick that applied or refused it is as durable as the region promises.
    Input {
        /// The number that the input was given.
        sequence: Sequence,
        /// What became of it.
        fate: Fate,
    },
    /// To [`Request::Shutdown`], at once: the newest tick there will be.
    Ending(Tick),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// What was asked for is not there.
    #[error("{0}")]
    Absent(String),
    /// What was handed over cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The world holds what the pack lacks: a line each. The message names the first of them.
    #[error("the world holds what the pack lacks: {}", first_of(.0))]
    Unresolved(Vec<String>),
    /// The region cannot do it now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<SubmitError> for RequestError {
    fn from(error: SubmitError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The first lines of a list, and how many more there are.
fn first_of(lines: &[String]) -> String {
    let shown = lines.iter().take(UNRESOLVED_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let left_out = lines.len().saturating_sub(UNRESOLVED_SHOWN);
    if left_out > 0 { format!("{shown} and {left_out} more") } else { shown }
}

/// How a region is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The game's name.
    pub game: &'static str,
    /// Revision of the rules.
    pub revision: u32,
    /// Id of the schema.
    pub schema: SchemaId,
    /// The content in force.
    pub content: ContentId,
    /// Newest simulated tick.
    pub tick: Tick,
    /// Newest tick that is as durable as the region promises.
    pub durable_tick: Tick,
    /// The newest root, and of which tick.
    pub root: (Tick, Hash),
    /// How fast the world runs: 100 is its rate, 200 half of it.
    pub pace_percent: u16,
    /// Why ticks cannot be stored, if they cannot.
    pub storage_failed: Option<String>,
    /// Sessions, admitted or not.
    pub sessions: u32,
    /// Players of whom no input is taken until an operator clears them.
    pub held_players: Vec<PlayerId>,
    /// Players whose return waits for an operator.
    pub held_returns: Vec<PlayerId>,
}

/// A snapshot was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotStored {
    /// The tick that it is of.
    pub tick: Tick,
    /// Pages that it consists of.
    pub pages: u64,
    /// Those of them that were not stored yet.
    pub pages_new: u64,
}

/// A player was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kicked {
    /// The player who was sent away.
    pub player: PlayerId,
    /// Sessions that were ended. None may have been open: then the player was in the world, or could have come back.
    pub sessions: u32,
}

/// The content is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// The content that is in force now.
    pub content: ContentId,
    /// The first tick that uses it.
    pub tick: Tick,
}
