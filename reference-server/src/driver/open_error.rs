//! [`OpenError`]: why a stored world does not go on, said to whoever starts the server.
//!
//! Invariant: what is lost or damaged is told apart from what is merely out of reach, for one of them wants a decision.

use std::ops::RangeInclusive;

use tickworld_persist::{
    RecoverError,
    error::{ClaimError, Fault, FetchError, ReadError},
};
use tickworld_region::{AdapterError, ReplayError};
use tickworld_sim::frame::Tick;

use crate::start_checks::Misfit;

/// Why a world does not go on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Stored ticks are lost or damaged.
    #[error(
        "ticks {} to {} were acknowledged and are lost: {cause}. The world can go on from tick {}: --accept-loss does, and \
         keeps the damaged files beside", ticks.start(), ticks.end(), ticks.start().0.saturating_sub(1)
    )]
    Lost {
        /// The ticks that are lost, from the first to the last.
        ticks: RangeInclusive<Tick>,
        /// What is wrong with the first.
        cause: String,
    },
    /// What is stored is damaged beyond single ticks: nothing says how far a world could go on.
    #[error(
        "what is stored is damaged: {0}. There is nothing to go on from: put a copy of the data folder back, or move \
         world.redb and world.mark away to begin a new world"
    )]
    Damaged(String),
    /// The journal's inputs do not give the roots that it carries: another build, or a defect.
    #[error(
        "replay gives another root at tick {tick} than the journal carries: this build does not compute what the one before \
         did. Start with that build; `tickworld journal verify` checks the journal itself"
    )]
    Unproven {
        /// The first such tick.
        tick: Tick,
    },
    /// The rules panic in a stored tick.
    #[error(
        "the rules of this build panic in tick {tick}, which is stored: {message}. Start with a build in which they do not, or \
         leave the tick out with `tickworld journal skip`"
    )]
    Panics {
        /// The tick that they panic in.
        tick: Tick,
        /// What the panic said.
        message: String,
    },
    /// The rules panicked in a tick before, and are not let into it again.
    #[error(
        "this build panicked in tick {tick} before, and does not try it again: {message}. Start with a build in which the rules do \
         not, or leave the tick out with `tickworld journal skip`"
    )]
    Marked {
        /// The tick that they panicked in.
        tick: Tick,
        /// What the panic said.
        message: String,
    },
    /// The process died over the same ticks again and again.
    #[error(
        "the region is halted: {attempts} attempts of this build after tick {tick} did not reach a new one, so it died there each time. \
         Start with another build, leave the last tick out with `tickworld journal skip`, or try once more with --retry-halted"
    )]
    Halted {
        /// The last tick that is proven.
        tick: Tick,
        /// How many attempts there were.
        attempts: u32,
    },
    /// The world is another game's, schema's or revision's, or cannot run as somebody set.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The storage failed, or something else that no configuration cures.
    #[error("{0}")]
    Other(String),
    /// What the game said for people.
    #[error("{0}")]
    Game(AdapterError),
}

impl OpenError {
    pub(crate) fn damaged(error: &dyn std::fmt::Display) -> Self {
        Self::Damaged(error.to_string())
    }

    fn other(error: &dyn std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<tickworld_region::OpenError> for OpenError {
    fn from(error: tickworld_region::OpenError) -> Self {
        use tickworld_region::{OpenError as Error, StepError};
        match error {
            Error::Lost { ticks, cause } => Self::Lost { ticks, cause },
            Error::Claim(ClaimError::Acknowledged(ticks)) => {
                Self::Lost { ticks, cause: "the journal's end is damaged".to_owned() }
            }
            Error::Replay(ReplayError::Game { expected, found }) => {
                Self::Misfit(Misfit::Game { stored: found, ours: expected })
            }
            Error::Replay(ReplayError::Schema { expected, found }) => {
                Self::Misfit(Misfit::Schema { stored: found, ours: expected })
            }
            Error::Replay(ReplayError::Revision { expected, found }) => {
                Self::Misfit(Misfit::Revision { stored: found, ours: expected })
            }
            Error::Claim(ClaimError::Old) => Self::Misfit(Misfit::OldJournal),
            Error::TickRate { set, rules } => Self::Misfit(Misfit::TickRate { set, rules }),
            Error::Diverged(divergence) => Self::Unproven { tick: divergence.tick },
            Error::Replay(ReplayError::Step { tick, error: StepError::Panicked(message) }) => {
                Self::Panics { tick, message }
            }
            Error::Marked { tick, message } => Self::Marked { tick, message },
            Error::Halted { tick, attempts } => Self::Halted { tick, attempts },
            Error::Adapter(error) => Self::from(error),
            error if is_damage(&error) => Self::damaged(&error),
            error => Self::other(&error),
        }
    }
}

impl From<AdapterError> for OpenError {
    fn from(error: AdapterError) -> Self {
        Self::Game(error)
    }
}

/// Whether stored bytes are not what was written, rather than out of reach.
fn is_damage(error: &tickworld_region::OpenError) -> bool {
    use tickworld_region::OpenError as Error;
    match error {
        Error::Read(error) | Error::Recover(RecoverError::Read(error)) => is_read_damage(error),
        Error::Fetch(error) | Error::Recover(RecoverError::Fetch(error)) => {
            matches!(error, FetchError::Damaged(_) | FetchError::Storage(Fault::Corrupt(_)))
        }
        Error::Recover(RecoverError::NoOrigin { .. }) => true,
        _ => false,
    }
}

const fn is_read_damage(error: &ReadError) -> bool {
    matches!(error, ReadError::Damaged(_) | ReadError::Header(_) | ReadError::Storage(Fault::Corrupt(_)))
}
