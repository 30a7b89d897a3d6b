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
        /// The creature that acted.
        actor: Entity,
        /// The action's key, `action/...`.
        action: ContentKey,
    },
    /// An attack roll failed.
    Missed {
        /// The creature that attacked.
        source: Entity,
        /// The creature that was attacked.
        target: Entity,
    },
    /// Hit points were lost.
    Hurt {
        /// The creature that did it.
        source: Entity,
        /// The creature that lost them.
        target: Entity,
        /// Hit points that were lost.
        amount: u16,
        /// Whether a critical hit did it.
        critical: bool,
    },
    /// Hit points were regained.
    Healed {
        /// The creature that healed.
        source: Entity,
        /// The creature that regained them.
        target: Entity,
        /// Hit points that were regained.
        amount: u16,
    },
    /// A condition began.
    Afflicted {
        /// The creature that is in it.
        target: Entity,
        /// The condition's key, `condition/NAME`.
        condition: ContentKey,
    },
    /// A condition ended.
    Recovered {
        /// The creature that was in it.
        target: Entity,
        /// The condition's key, `condition/NAME`.
        condition: ContentKey,
    },
    /// A creature died.
    Died {
        /// The creature that died.
        target: Entity,
    },
    /// A creature came into the world.
    Arrived {
        /// The creature that came.
        entity: Entity,
        /// The stat block's key, `creature/NAME`.
        creature: ContentKey,
    },
    /// A queued action could no longer be done on its turn.
    Fizzled {
        /// The creature whose turn it was.
        actor: Entity,
    },
}
