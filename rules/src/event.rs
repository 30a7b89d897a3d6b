//! [`Event`]: what a tick tells the outside.
//!
//! Invariant: events are in the root like everything else; at most so many are kept as the engine's limit says.

use tickworld_sim::{Component, entity::Entity};

use crate::key::ContentKey;

/// Something that happened.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A creature used an action.
    Acted {
        /// Who.
        actor: Entity,
        /// Which: `action/...`.
        action: ContentKey,
    },
    /// An attack roll failed.
    Missed {
        /// Who attacked.
        source: Entity,
        /// Whom.
        target: Entity,
    },
    /// Hit points were lost.
    Hurt {
        /// By whom.
        source: Entity,
        /// Who lost them.
        target: Entity,
        /// How many.
        amount: u16,
        /// By a critical hit.
        critical: bool,
    },
    /// Hit points were regained.
    Healed {
        /// By whom.
        source: Entity,
        /// Who regained them.
        target: Entity,
        /// How many.
        amount: u16,
    },
    /// A condition began.
    Afflicted {
        /// Who is in it.
        target: Entity,
        /// Which.
        condition: ContentKey,
    },
    /// A condition ended.
    Recovered {
        /// Who was in it.
        target: Entity,
        /// Which.
        condition: ContentKey,
    },
    /// A creature died.
    Died {
        /// Who.
        target: Entity,
    },
    /// A creature came into the world.
    Arrived {
        /// Who.
        entity: Entity,
        /// What it is.
        creature: ContentKey,
    },
    /// A queued action could no longer be done on its turn.
    Fizzled {
        /// Whose.
        actor: Entity,
    },
}
