//! [`Verdict`]: what a command found; and [`Failure`], why it found nothing.
//!
//! Invariant: a difference that was found is no failure: the two have exit codes of their own.

pub(crate) use tickworld_scenario::failure::Failure;

/// What a command that did its work found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well, or both are the same: exit code 0.
    Same,
    /// Something differs from what was recorded or expected: exit code 1.
    Different,
    /// Some of what was asked could not be done; why was said already: exit code 2.
    Unusable,
    /// The command was told to end before it was done, and found no difference until then: exit code 3.
    Interrupted,
}

impl Verdict {
    /// `Same` if `same`.
    pub(crate) const fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }

    /// `self`, or `Interrupted` where all is well only as far as the command came.
    pub(crate) const fn interrupted(self, interrupted: bool) -> Self {
        if interrupted && matches!(self, Self::Same) { Self::Interrupted } else { self }
    }
}

/// What a command comes to; a failure is exit code 2.
pub(crate) type Outcome<T = Verdict> = Result<T, Failure>;
