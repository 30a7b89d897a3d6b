//! The rows of creatures and players: what they are, where, how well, and what they are about to do.
//!
//! Invariant: rows name content by [`ContentKey`] and other entities by [`Entity`]. What changes every tick
//! ([`Position`]) stands apart from what hardly ever does, so that few pages are hashed.

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{Component, entity::Entity, frame::PlayerId, math::Vec2};

use crate::{key::ContentKey, settings::Faction};

/// What a creature is: its stat block.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creature {
    /// The stat block's key, `creature/NAME`.
    pub key: ContentKey,
    /// The side that it fights on.
    pub faction: Faction,
}

/// Where something is, in feet from the map's corner; the middle of a creature's space.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(pub Vec2);

/// Hit points (SRD 5.1 p. 96); 0 is dead.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Hit points left, 0 to `maximum`.
    pub current: u16,
    /// Hit points when unhurt, at least 1.
    pub maximum: u16,
}

impl Health {
    /// Takes `amount` off; never below 0. Returns what was lost.
    pub fn damage(&mut self, amount: u32) -> u16 {
        let lost = u16::try_from(amount).unwrap_or(u16::MAX).min(self.current);
        self.current = self.current.saturating_sub(lost);
        lost
    }

    /// Adds `amount`; never beyond the maximum. Returns what was gained.
    pub fn heal(&mut self, amount: u32) -> u16 {
        let room = self.maximum.saturating_sub(self.current);
        let gained = u16::try_from(amount).unwrap_or(u16::MAX).min(room);
        self.current = self.current.saturating_add(gained);
        gained
    }

    /// Percent of the maximum that is left, rounded up.
    #[must_use]
    pub fn percent(&self) -> u32 {
        (u32::from(self.current) * 100).div_ceil(u32::from(self.maximum.max(1)))
    }
}

/// When a creature's turn comes, and whether it still has its action (SRD 5.1 p. 90).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Tick within the round; earlier for a higher initiative.
    pub phase: u32,
    /// The action of the last turn is not used up: it is held ready until it can be used (SRD 5.1 p. 93, "Ready").
    pub ready: bool,
}

/// The enemy that a creature has in mind.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(pub Entity);

/// A straight walk. Only its start and its end are written, so a walker's only row that changes every tick is its position.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// The place where the walk ends, in feet from the map's corner.
    pub goal: Vec2,
    /// Feet that are added to the position in every tick before the last.
    pub step: Vec2,
    /// The tick at whose end the goal is reached exactly.
    pub arrival_tick: u64,
}

/// A path request: the creature waits for its search to be served.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeking {
    /// The place to be reached, in feet from the map's corner.
    pub goal: Vec2,
    /// The tick of the request: who has waited longest is served first, at one tick the lower row.
    pub since_tick: u64,
}

/// A path goal: where a player walks to whose way is searched for piece by piece.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The place where the walk is to end, in feet from the map's corner.
    pub goal: Vec2,
}

/// A path backoff: the creature found no way to an enemy, and waits before it searches again.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balked {
    /// The enemy to whom no way was found.
    pub enemy: Entity,
    /// Searches in a row that found no way, at least 1.
    pub failures: u8,
    /// The tick from which on it searches again.
    pub until_tick: u64,
}

/// What the conditions on a creature do, taken together; only creatures with conditions have it.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Bit `e` for [`ConditionEffect`] number `e`.
    pub effects: u32,
    /// When the first of them runs out, if any does.
    pub expiry_tick: Option<u64>,
    /// Whether any of them is [held](Affliction::hold).
    pub held: bool,
}

/// The fingerprint of the content by which every [`Status`] was computed ([`Ruleset::conditions_fingerprint`]); another one
/// says that they must be computed anew.
///
/// [`Ruleset::conditions_fingerprint`]: crate::ruleset::Ruleset::conditions_fingerprint
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reckoned(pub u64);

impl Status {
    /// Whether the conditions have this effect.
    #[must_use]
    #[inline]
    pub const fn has(&self, effect: ConditionEffect) -> bool {
        self.effects >> (effect as u32) & 1 == 1
    }
}

/// A condition on a creature (SRD 5.1 p. 358), by one source: each source's lasts by itself.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affliction {
    /// The condition's key, `condition/NAME`.
    pub condition: ContentKey,
    /// The creature that inflicted it.
    pub source: Entity,
    /// Gone from this tick on; `None`: it stays until saved, escaped from, released, risen from, or healed by a rest.
    pub expiry_tick: Option<u64>,
    /// Tried again at the end of each of the creature's turns.
    pub save: Option<RepeatSave>,
    /// The number that a check to escape must reach, tried at the end of each of the creature's turns.
    pub escape: Option<u8>,
    /// Feet within which the source must be, and able to act, or else it ends (SRD 5.1 appendix PH-A, "Grappled").
    pub hold: Option<u16>,
}

/// Has stood up and walks slower for what is left of the round (SRD 5.1, "Being Prone").
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rising {
    /// The tick from which on it walks as before.
    pub until_tick: u64,
}

/// A saving throw that ends a condition.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatSave {
    /// Number of the [`Ability`](tickworld_content::model::Ability), 0 to 5.
    pub ability: u8,
    /// The number that the throw must reach.
    pub difficulty: u8,
}

/// Uses of an action, or of slots, since they last came back.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The action; for spell slots the key `slot/LEVEL`.
    pub key: ContentKey,
    /// Uses spent since then, at least 1.
    pub count: u8,
    /// When the uses come back.
    pub back: Back,
}

/// When a spent use comes back.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// At the start of a turn, on a d6 of at least this.
    Roll {
        /// The least roll that brings it back, 1 to 6.
        from: u8,
    },
    /// With the first turn of a later day, or a long rest.
    Day {
        /// The tick in which that day begins.
        until_tick: u64,
    },
}

/// A pending action: what a creature does in this tick; gone before the tick ends.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The thing that it does.
    pub act: Act,
    /// The creature that it is done to; none for deeds at a place.
    pub target: Option<Entity>,
    /// The place that it is aimed at, in feet; the target's place where there is a target.
    pub place: Vec2,
}

/// Something that a creature can do.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// One of its own actions, or an equipped weapon's.
    Action {
        /// The action's key, `action/...`.
        key: ContentKey,
    },
    /// A routine of its multiattack.
    Routine {
        /// Position in the stat block's list.
        index: u8,
    },
    /// A spell that it knows.
    Spell {
        /// The spell's key, `spell/NAME`.
        key: ContentKey,
    },
    /// A thing that is used up.
    Item {
        /// The item's key, `item/NAME`.
        key: ContentKey,
    },
}

/// What a player's input asked for, kept until their turn.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The deed as it was asked for; it is checked again on the turn.
    pub deed: Deed,
    /// The tick in which they asked.
    pub asked_tick: u64,
}

/// A pending effect on the creature whose row holds it; gone before the tick ends.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The creature loses hit points.
    Damage {
        /// The creature that did it.
        source: Entity,
        /// Hit points, after saves, resistances and vulnerabilities.
        amount: u32,
        /// Whether it comes from a critical hit.
        critical: bool,
    },
    /// The creature regains hit points.
    Heal {
        /// The creature that healed.
        source: Entity,
        /// Hit points as rolled, before the maximum is looked at.
        amount: u32,
    },
    /// The creature comes into a condition.
    Inflict {
        /// The condition, its source and how it ends.
        affliction: Affliction,
    },
}

/// The creature has blows to take in this tick.
pub type Struck = ();

/// The creature is dead; its body leaves the world later.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corpse {
    /// The tick in which the body goes.
    pub until_tick: u64,
}

/// A long rest, until when (SRD 5.1 p. 87).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The tick in which the rest is over and takes effect.
    pub until_tick: u64,
}

/// The player who plays the creature; it does not act on its own.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controlled(pub PlayerId);

/// The spawner that the creature came from.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(pub Entity);
