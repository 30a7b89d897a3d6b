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
    /// `creature/NAME`.
    pub key: ContentKey,
    /// Its side.
    pub faction: Faction,
}

/// Where something is, in feet from the map's corner; the middle of a creature's space.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(pub Vec2);

/// Hit points (SRD 5.1 p. 96); 0 is dead.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// 0 to `maximum`.
    pub current: u16,
    /// At least 1.
    pub maximum: u16,
}

impl Health {
    /// Loses `amount`; never below 0. Gives what was lost.
    pub fn damage(&mut self, amount: u32) -> u16 {
        let lost = u16::try_from(amount).unwrap_or(u16::MAX).min(self.current);
        self.current = self.current.saturating_sub(lost);
        lost
    }

    /// Gains `amount`; never beyond the maximum. Gives what was gained.
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
    /// Where it ends.
    pub goal: Vec2,
    /// Added every tick before the last.
    pub step: Vec2,
    /// The tick at whose end the goal is reached exactly.
    pub arrival_tick: u64,
}

/// Waits for a path search.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeking {
    /// Where to.
    pub goal: Vec2,
    /// Since when: who has waited longest is served first, at one tick the lower row.
    pub since_tick: u64,
}

/// A player's walk whose way is searched for piece by piece.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Where it is to end.
    pub goal: Vec2,
}

/// Found no way to an enemy.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balked {
    /// To whom.
    pub enemy: Entity,
    /// How often in a row.
    pub failures: u8,
    /// When it looks again.
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

/// By which content's conditions every [`Status`] was worked out ([`Ruleset::conditions_fingerprint`]).
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
    /// `condition/NAME`.
    pub condition: ContentKey,
    /// Who inflicted it.
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
    /// From when on it walks as before.
    pub until_tick: u64,
}

/// A saving throw that ends a condition.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatSave {
    /// Number of the [`Ability`](tickworld_content::model::Ability), 0 to 5.
    pub ability: u8,
    /// The number to reach.
    pub difficulty: u8,
}

/// Uses of an action, or of slots, since they last came back.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The action; for spell slots the key `slot/LEVEL`.
    pub key: ContentKey,
    /// How often.
    pub count: u8,
    /// How it comes back.
    pub back: Back,
}

/// When a spent use comes back.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// At the start of a turn, on a d6 of at least this.
    Roll {
        /// 1 to 6.
        from: u8,
    },
    /// With the new day, or a long rest.
    Day,
}

/// What a creature does in this tick; gone before the tick ends.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub act: Act,
    /// To whom; none for deeds at a place.
    pub target: Option<Entity>,
    /// Where; the target's place where there is a target.
    pub place: Vec2,
}

/// Something that a creature can do.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// One of its own actions, or an equipped weapon's.
    Action {
        /// `action/...`.
        key: ContentKey,
    },
    /// A routine of its multiattack.
    Routine {
        /// Position in the stat block's list.
        index: u8,
    },
    /// A spell.
    Spell {
        /// `spell/NAME`.
        key: ContentKey,
    },
    /// A thing that is used up.
    Item {
        /// `item/NAME`.
        key: ContentKey,
    },
}

/// What a player's input asked for, kept until their turn.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// What.
    pub deed: Deed,
    /// When they asked.
    pub asked_tick: u64,
}

/// A consequence on its way to the one it befalls; gone before the tick ends.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Loses hit points.
    Damage {
        /// By whom.
        source: Entity,
        /// After saves, resistances and vulnerabilities.
        amount: u32,
        /// From a critical hit.
        critical: bool,
    },
    /// Regains hit points.
    Heal {
        /// By whom.
        source: Entity,
        /// As rolled.
        amount: u32,
    },
    /// Comes into a condition.
    Inflict {
        /// Which, by whom, how long.
        affliction: Affliction,
    },
}

/// Has blows to take in this tick.
pub type Struck = ();

/// A dead creature, on its way out of the world.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corpse {
    /// When it goes.
    pub until_tick: u64,
}

/// A long rest, until when (SRD 5.1 p. 87).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When it has done its good.
    pub until_tick: u64,
}

/// Played by a person: does not act on its own.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controlled(pub PlayerId);

/// Came from a spawner.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(pub Entity);
