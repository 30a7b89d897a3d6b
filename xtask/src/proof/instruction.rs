//! [`Noted`]: an instruction that a processor's decoder found worth a judgement.

/// An instruction that is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Computes with floats.
    Float,
    /// Asks the machine what no frame says.
    Environment,
    /// Cannot be decoded.
    Unreadable,
}
