//! [`Tick`], [`PlayerId`] and [`Sequence`]: the numbers by which frames, players and inputs are told apart.
//!
//! Below frames, because regions and what travels between them are numbered by them too.

use crate::{component::Component, limits};

/// A tick's number. Tick 0 is the world as set up; the first step makes tick 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl core::fmt::Display for Tick {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A lasting identity: 0 is the region itself, ids below 2^63 are players (given by admission), ids from 2^63 on are those who
/// make [requests](super::Request): operators, and programs on their behalf, who never have an entity.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u64);

impl PlayerId {
    /// The region itself, in whose name the sequencer says what no player does.
    pub const REGION: Self = Self(0);
    /// The operator of the server, the first of those who make requests.
    pub const OPERATOR: Self = Self(1 << 63);

    /// Whether this is somebody who makes requests, not a player.
    #[must_use]
    pub const fn is_requester(self) -> bool {
        self.0 >= Self::OPERATOR.0
    }

    /// Whether this is a player.
    #[must_use]
    pub const fn is_player(self) -> bool {
        self.0 != Self::REGION.0 && !self.is_requester()
    }

    /// Most inputs of this sender in a frame: more would push each other's outcomes out.
    #[must_use]
    pub const fn frame_inputs_max(self) -> u32 {
        if self.0 == Self::REGION.0 { limits::FRAME_REGION_ACTS_MAX } else { limits::OUTCOMES_PER_PLAYER }
    }
}

/// Number of a player's input, from 1 upwards; 0 stands on what the sequencer itself says about a player.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u32);
