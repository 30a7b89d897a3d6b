//! [`Players`]: who plays, and what became of their inputs, as hashed state.
//!
//! Invariant: an input of a player applies once, however often it is sent, and its outcome stays readable for the last
//! [`OUTCOMES_PER_PLAYER`](crate::limits::OUTCOMES_PER_PLAYER) sequences, after any crash, reconnect or rollback, because both the
//! last applied sequence and the outcomes live in columns. A player who left keeps both. Generations, sequences and hops only
//! rise, so what was given out under a lower one is void for good.

mod index;
mod players;

pub(crate) use players::Entry;
pub use players::{GENERATIONS_A_KICK, HOPS_AN_INCARNATION, Players};

use crate::{
    component::Component,
    entity::Entity,
    frame::{PlayerId, Sequence, Tick},
    region::RegionId,
};

/// What the world remembers of a player, besides the last sequence ([`Players::last_sequence`]).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    /// The player's number.
    pub id: PlayerId,
    /// The entity they play, if they ever entered a game that gave them one.
    pub entity: Option<Entity>,
    /// Between enter and leave.
    pub connected: bool,
    /// Raised by every entry of another client, and by what sends the player away: what lets one in names its generation.
    pub generation: u32,
    /// What opened the present generation ([`Enter::opened_by`](crate::frame::Enter::opened_by)).
    pub opened_by: u64,
    /// How often the player changed places: of all regions that say they have somebody, the one with most hops is right.
    pub hops: u64,
    /// The region that the player left for, until that one has them for sure.
    pub departed_to: Option<RegionId>,
    /// The tick at which the player was last disconnected.
    pub away_since_tick: u64,
    /// Ticks of this player's that broke since one passed: 0, 1, or 2 who is held.
    pub voids: u8,
    /// Kept out by an operator.
    pub is_barred: bool,
}

impl Player {
    /// Whether no input of theirs is taken, because two ticks in a row that held some broke.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.voids >= VOIDS_HELD
    }
}

/// Where a player came to.
pub(crate) struct Place {
    pub(crate) entity: Option<Entity>,
    pub(crate) hops: u64,
    pub(crate) now: Tick,
    /// Whether their parcel was made before this region took ticks back.
    pub(crate) is_of_earlier_life: bool,
    /// Their generation is not below this.
    pub(crate) first_generation: u32,
}

/// So many broken ticks in a row hold a player.
const VOIDS_HELD: u8 = 2;

/// What became of an input.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The number of the player's input.
    pub sequence: Sequence,
    /// The region that applied it.
    pub region: RegionId,
    /// The tick of that region.
    pub tick: u64,
    /// What the game says of it.
    pub code: OutcomeCode,
    /// A number that goes with the code.
    pub value: i64,
}

/// Applied, or why not. Codes from 1 on are the game's own; those from [`ENGINE_FROM`](Self::ENGINE_FROM) on are the engine's.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeCode(pub u16);

impl OutcomeCode {
    /// It was done.
    pub const APPLIED: Self = Self(0);
    /// No system answered: the game has no use for such an input.
    pub const UNANSWERED: Self = Self(u16::MAX);
    /// It was not done, because the tick that it was in broke; its sequence is used up.
    pub const VOID: Self = Self(u16::MAX - 1);
    /// A request about a player who is not here; the value is the region that they left for, 0 where they never were here.
    pub const NOT_HERE: Self = Self(u16::MAX - 2);
    /// A request that cannot be carried out as the world is.
    pub const REFUSED: Self = Self(u16::MAX - 3);
    /// The first code that no game gives.
    pub const ENGINE_FROM: Self = Self(u16::MAX - 31);

    /// What a code of the engine's means, for reports; `None` for the game's own.
    #[must_use]
    pub const fn engine_name(self) -> Option<&'static str> {
        match self {
            Self::APPLIED => Some("applied"),
            Self::UNANSWERED => Some("unanswered"),
            Self::VOID => Some("void"),
            Self::NOT_HERE => Some("not here"),
            Self::REFUSED => Some("refused"),
            _ => None,
        }
    }
}
