//! Who asks for what: [`WorldId`], [`Nonce`], [`SessionKind`] and [`Kinds`] of sessions.

/// The number of a world, drawn at random when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorldId(pub [u8; 16]);

/// A client program's own number, drawn at random once each time that it runs. By it a host tells the client that comes again,
/// since it never heard its `Welcome`, from another one that shows the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 16]);

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Gets every confirmed frame, simulates, sends roots back.
    Lockstep,
    /// Gets roots and headers.
    Witness,
    /// Gets what became of its own inputs.
    Command,
}

impl SessionKind {
    /// Whether such a session sends inputs of a player.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::Lockstep | Self::Command)
    }
}

/// Kinds of sessions that somebody may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// All kinds of sessions.
    pub const ALL: Self = Self(7);

    /// The set of these kinds.
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
