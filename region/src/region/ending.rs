//! [`Phase`]: how a region comes to its end.
//!
//! ```text
//! Running --shutdown--> Draining --all kept and hashed--> Storing --stored--> EndingClaim --ended--> Ended(Asked)
//!    |                     |
//!    +--a step panicked----+--all kept, and the panic noted--> Ended(Panicked)
//!    +--another owner, or the journal is lost, at any time--> Ended
//! ```
//! Invariant: every phase but `Running` has a moment at which it is over.

use tickworld_proto::instant::Instant;

use crate::event::Ended;

/// Where a region is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// No more frames; what was closed is kept, hashed and told.
    Draining {
        deadline: Instant,
        then: Ended,
    },
    /// The last snapshot is being stored.
    Storing {
        deadline: Instant,
    },
    /// The claim is being ended.
    EndingClaim {
        deadline: Instant,
    },
    Ended,
}

impl Phase {
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Running | Self::Ended => None,
            Self::Draining { deadline, .. } | Self::Storing { deadline } | Self::EndingClaim { deadline } => {
                Some(*deadline)
            }
        }
    }

    /// What is said when the deadline has passed.
    pub(super) const fn overdue(&self) -> &'static str {
        match self {
            Self::Storing { .. } => "the last snapshot was not stored in time",
            Self::EndingClaim { .. } => "the journal's claim was not ended in time",
            _ => "the journal did not store the last ticks in time",
        }
    }
}
