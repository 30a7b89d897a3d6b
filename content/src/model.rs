//! The owned tables that the rules read: what a content pack says, decoded.
//!
//! Invariant: every table is sorted by [`Key`], every index points into its table, and every list is within
//! [`limits`](crate::limits). The types only hold data; what a value *means* in play is the business of `tickworld-rules`.
//! Numbers that a designer would change (ability modifiers, proficiency by level, length of a round) are data here, not code there.

use alloc::{string::String, vec::Vec};
use tickworld_sim::math::Fx;

/// Stable name of a content entry: the first eight bytes (little-endian) of `BLAKE3("kind/name")`.
///
/// World rows hold keys, never positions, so that a pack can grow without disturbing a running world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// Distance in feet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feet(pub u16);

/// `count`d`sides` + `bonus`; `count == 0` is a constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dice {
    /// Number of dice, 0 to 255.
    pub count: u8,
    /// Sides of each die, 1 to 100 (0 only where `count` is 0).
    pub sides: u8,
    /// Added once to the sum of the dice.
    pub bonus: i16,
}

/// The six abilities, in the order that every array over abilities uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the game's own")]
#[repr(u8)]
pub enum Ability {
    Strength,
    Dexterity,
    Constitution,
    Intelligence,
    Wisdom,
    Charisma,
}

/// Position in [`Pack::damage_types`]; valid within one pack only, never stored in a world row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DamageTypeIndex(pub u8);

/// A set of damage types: bit `i` is `Pack::damage_types[i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DamageTypes(pub u64);

/// A set of conditions: bit `i` is `Pack::conditions[i]`; valid within one pack only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions(pub u64);

/// Everything that one pack holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The numbers of the game as a whole.
    pub constants: Constants,
    /// Kinds of damage, at most 64, sorted by key.
    pub damage_types: Vec<DamageType>,
    /// Conditions, at most 64, sorted by key.
    pub conditions: Vec<Condition>,
    /// Every action of every creature, spell and weapon: the one place where "what happens" is told.
    pub actions: Vec<Action>,
    /// Stat blocks of creatures and of what players begin as.
    pub creatures: Vec<Creature>,
    /// Spells (their effect is an [`Action`]).
    pub spells: Vec<Spell>,
    /// Weapons, armour, shields, gear and what is used up.
    pub items: Vec<Item>,
    /// What stands for entries that are gone, by the key that is gone, ascending.
    pub replacements: Vec<Replacement>,
}

/// An entry that is gone, and what stands for it: rows of running worlds may still hold its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Of a condition, creature, spell or item that the pack no longer has.
    pub removed: Key,
    /// Of one of the same kind that it has.
    pub by: Key,
}

/// Numbers of the game as a whole, from the `constants` source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constants {
    /// Length of a combat round in seconds (SRD 5.1 p. 90: six).
    pub round_seconds: u16,
    /// Side of a grid cell in feet (SRD: five).
    pub cell_feet: u16,
    /// Modifier of ability score `i` (0 to 30) at position `i`.
    pub ability_modifiers: Vec<i8>,
    /// Proficiency bonus of level or challenge rating `i` at position `i`.
    pub proficiency_by_level: Vec<u8>,
    /// The natural roll that always hits and is a critical hit (20).
    pub critical_from: u8,
    /// The natural roll that always misses (1).
    pub fumble_to: u8,
    /// By how much a critical hit multiplies the damage dice (2).
    pub critical_dice: u8,
    /// Base of a spell's or creature's save DC before proficiency and modifier (8).
    pub save_dc_base: u8,
    /// Armour class without armour, before Dexterity (10).
    pub unarmored_class: u8,
    /// How long the dead stay in the world, in seconds.
    pub corpse_seconds: u16,
    /// How many rounds a condition lasts that names no length and no other end (10: a minute).
    pub condition_rounds: u16,
    /// Share of its speed that standing up costs a creature for a round, in percent (50).
    pub rising_percent: u8,
    /// How long what is dropped or spilled lies on the ground, in seconds; 0: for ever. What the set-up laid out stays.
    pub litter_seconds: u16,
    /// How far a creature follows an enemy it has in mind, in percent of its awareness.
    pub pursuit_percent: u16,
    /// Speed of one who flees, in percent: it takes the Dash action (200).
    pub dash_percent: u16,
    /// How near a creature goes to its enemy, in percent of its reach.
    pub stand_off_percent: u8,
    /// A creature that keeps a distance backs off within this share of it, in percent.
    pub retreat_percent: u8,
    /// ... and goes on where it was going as long as that is beyond this share of it.
    pub ease_percent: u8,
    /// From how far things are taken up, in cells.
    pub hand_cells: u8,
    /// From how far things are handed over, in cells: both stretch out a hand.
    pub give_cells: u8,
    /// How often a creature looks around between its turns, in milliseconds.
    pub beat_milliseconds: u16,
}

/// A kind of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamageType {
    /// The key of `damage-type/NAME`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
}

/// What being in a condition does; see [`ConditionEffect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key of `condition/NAME`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
    /// In ascending order, without repeats.
    pub effects: Vec<ConditionEffect>,
    /// Conditions that come with this one (unconscious includes incapacitated and prone).
    pub includes: Conditions,
}

/// One mechanical effect of a condition (SRD 5.1 appendix PH-A, p. 358).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum ConditionEffect {
    /// Takes no actions or reactions.
    NoActions,
    /// Its speed is zero.
    NoMovement,
    /// Speed is halved (prone creatures crawl).
    HalfMovement,
    /// Own attack rolls have disadvantage.
    AttacksWithDisadvantage,
    /// Own attack rolls have advantage (invisible).
    AttacksWithAdvantage,
    /// Attack rolls against it have advantage.
    AttackedWithAdvantage,
    /// Attack rolls against it have disadvantage (invisible).
    AttackedWithDisadvantage,
    /// Attacks from within reach have advantage, from further away disadvantage (prone).
    AttackedByProximity,
    /// Hits from within five feet are critical (paralyzed, unconscious).
    HitsAreCritical,
    /// Fails Strength and Dexterity saves.
    FailsStrengthDexteritySaves,
    /// Dexterity saves have disadvantage (restrained).
    DexteritySavesWithDisadvantage,
    /// Resists all damage (petrified).
    ResistsAllDamage,
    /// Does not attack or harm the source (charmed).
    SparesSource,
    /// Does not move closer to the source (frightened).
    AvoidsSource,
    /// Ends when the source is gone, incapacitated or out of its reach (grappled), and with it what the source does besides
    /// that has an escape DC.
    HeldBySource,
    /// Ends at the start of the creature's own turn, at the cost of [`Constants::rising_percent`] of its speed (prone).
    EndsByRising,
}

/// One thing that a creature, spell or weapon does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `action/creature/NAME/ACTION`, `action/spell/NAME`, `action/item/NAME` or `action/item/NAME/two-handed`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
    /// The creatures that it can reach.
    pub target: Target,
    /// Attack roll needed for `effects` to land; none for actions that always land or ask for saves.
    pub attack: Option<Attack>,
    /// What it does to each target, in order. Each group has at most one saving throw.
    pub effects: Vec<Effect>,
    /// How often it can be used.
    pub usage: Usage,
    /// How much a creature that chooses for itself favours this action: 0 never, 100 normal.
    pub weight: u16,
}

/// The creatures that an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's own line names its fields")]
pub enum Target {
    /// The one who acts.
    Actor,
    /// `count` creatures within `range` feet.
    Creatures { range: Feet, count: u8 },
    /// Everyone within `shape`; it starts at the actor, or at a place within `range` feet where that is not 0.
    Area { shape: Shape, range: Feet },
}

/// Area of effect (SRD 5.1 p. 102).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "sizes in feet, as in the SRD")]
pub enum Shape {
    /// Also cylinders: height does not matter on a flat map.
    Sphere {
        radius: Feet,
    },
    /// As wide at any point as it is far from its origin.
    Cone {
        length: Feet,
    },
    Line {
        length: Feet,
        width: Feet,
    },
    Cube {
        side: Feet,
    },
}

/// An attack roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Added to the d20.
    pub bonus: Bonus,
    /// Reach in feet; 0 where it is ranged only.
    pub reach: Feet,
    /// Normal range in feet; 0 where it is melee only.
    pub range: Feet,
    /// Long range in feet (disadvantage beyond `range`); equal to `range` where there is none.
    pub long_range: Feet,
    /// Counts as magical for resistances to nonmagical attacks.
    pub magical: bool,
}

/// Where the number added to an attack roll comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bonus {
    /// The number that the stat block prints.
    Fixed(i16),
    /// The user's spell attack bonus.
    Spell,
    /// Proficiency plus the wielder's ability modifier.
    Weapon {
        /// The ability used (SRD: Strength for melee, Dexterity for ranged weapons).
        ability: Ability,
        /// The better of Strength and Dexterity instead.
        finesse: bool,
    },
}

/// One group of consequences with at most one saving throw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The save that halves or averts the group; none where it simply happens.
    pub save: Option<Save>,
    /// Damage, each with its own type.
    pub damage: Vec<Damage>,
    /// Hit points given back.
    pub heal: Option<Dice>,
    /// Adds the caster's spellcasting modifier ([`Casting::ability`]) to `heal` (cure wounds).
    pub heal_add_ability: bool,
    /// Conditions that the target comes into.
    pub conditions: Vec<Inflict>,
}

/// A saving throw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Save {
    /// The ability that the target rolls with.
    pub ability: Ability,
    /// The number to reach; `None`: the user's spell save DC.
    pub dc: Option<u8>,
    /// Half damage on a success (none otherwise).
    pub half: bool,
}

/// Damage of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The dice that are rolled.
    pub dice: Dice,
    /// The type of the damage.
    pub kind: DamageTypeIndex,
    /// Adds the wielder's ability modifier of the attack (weapons).
    pub add_ability: bool,
}

/// A condition put on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflict {
    /// The condition's key, `condition/NAME`.
    pub condition: Key,
    /// In rounds; 0: until it is escaped from, released or risen from, or, where nothing of that can end it, for
    /// [`Constants::condition_rounds`].
    pub rounds: u16,
    /// The save may be tried again at the end of each of the target's turns.
    pub repeat_save: bool,
    /// The check that ends it, tried at the end of each of the target's turns (Strength or Dexterity, whichever is better);
    /// 0 where there is none.
    pub escape_dc: u8,
}

/// How often an action may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Usage {
    /// It may be used every turn.
    AtWill,
    /// Spent on use; comes back at the start of a turn on a d6 of at least this.
    Recharge(u8),
    /// This many times a day (or rest).
    PerDay(u8),
}

/// A stat block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creature {
    /// The key of `creature/NAME`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
    /// Edge of the space it takes, in cells (tiny to medium 1, large 2, huge 3, gargantuan 4).
    pub cells: u8,
    /// Free word ("dragon", "undead").
    pub kind: String,
    /// Scores, in the order of [`Ability`].
    pub abilities: [u8; 6],
    /// Bonus of each saving throw, proficiency included.
    pub saves: [i8; 6],
    /// Armour class; armour that is worn replaces it.
    pub armor_class: u8,
    /// Hit points at full health, usually the average of `hit_dice`.
    pub hit_points: u16,
    /// Hit points as rolled.
    pub hit_dice: Dice,
    /// Speeds in feet per round.
    pub speeds: Speeds,
    /// The bonus of what it is proficient in.
    pub proficiency: u8,
    /// Challenge rating in eighths.
    pub challenge_eighths: u16,
    /// Experience points for defeating it; no rule reads them.
    pub experience: u32,
    /// Damage types that it takes less or more of.
    pub defences: Defences,
    /// Conditions it cannot have.
    pub condition_immunities: Conditions,
    /// How far it notices enemies, in feet.
    pub awareness: Feet,
    /// Positions in [`Pack::actions`], in source order.
    pub actions: Vec<u32>,
    /// Alternatives of its multiattack; each is a list of (position in `actions` of this creature, how often).
    pub multiattack: Vec<Vec<(u8, u8)>>,
    /// The spells that it can cast, if it casts any.
    pub casting: Option<Casting>,
    /// How it behaves when nobody plays it.
    pub behaviour: Behaviour,
}

/// Speeds in feet per round; 0 where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the game's own")]
pub struct Speeds {
    pub walk: Feet,
    pub fly: Feet,
    pub swim: Feet,
    pub climb: Feet,
    pub burrow: Feet,
}

/// Resistances and the like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defences {
    /// Damage types of which it takes half.
    pub resist: DamageTypes,
    /// Damage types of which it takes none.
    pub immune: DamageTypes,
    /// Damage types of which it takes double.
    pub vulnerable: DamageTypes,
    /// Damage types of which it takes half where the attack is not magical.
    pub resist_nonmagical: DamageTypes,
    /// Damage types of which it takes none where the attack is not magical.
    pub immune_nonmagical: DamageTypes,
}

/// Spells that a creature can cast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Casting {
    /// The ability that it casts with.
    pub ability: Ability,
    /// Its spell save DC.
    pub save_dc: u8,
    /// Its spell attack bonus.
    pub attack_bonus: i16,
    /// Position in [`Pack::spells`] and how often a day (0: at will), ascending by position.
    pub spells: Vec<(u32, u8)>,
    /// Slots a day of spell levels 1 to 9; a `slotted` spell of level `n` uses up one of `slots[n - 1]`.
    pub slots: [u8; 9],
    /// Positions in [`Pack::spells`] of those that are cast with `slots`, ascending.
    pub slotted: Vec<u32>,
}

/// Weights for a creature that acts on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Flees below this share of its hit points, in percent; 0 never.
    pub flee_percent: u8,
    /// Distance in feet it likes to keep to its target (archers); 0: closes in.
    pub keep_distance: Feet,
    /// Weight of nearness in the choice of a target, beside `prefer_weak`; it alone counts where both are 0.
    pub prefer_near: u16,
    /// Weight of lost hit points in that choice, beside `prefer_near`.
    pub prefer_weak: u16,
}

/// A spell, whose effect is an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spell {
    /// The key of `spell/NAME`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
    /// 0 (cantrip) to 9.
    pub level: u8,
    /// Position of its effect in [`Pack::actions`].
    pub action: u32,
    /// Whether the caster must concentrate.
    pub concentration: bool,
    /// Lasting effects, in rounds; 0: instantaneous.
    pub rounds: u32,
}

/// Something that can be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The key of `item/NAME`.
    pub key: Key,
    /// The name that people read.
    pub name: String,
    /// Price in copper pieces.
    pub cost_copper: u32,
    /// Weight in pounds.
    pub weight: Fx,
    /// What it is good for.
    pub use_: ItemUse,
}

/// What an item is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemUse {
    /// Nothing that the rules know of.
    Gear,
    /// It is held, and attacks.
    Weapon {
        /// Position of the attack in [`Pack::actions`].
        action: u32,
        /// Whether it needs both hands.
        two_handed: bool,
        /// Versatile weapons: position of the attack made with both hands.
        versatile: Option<u32>,
    },
    /// It is worn.
    Armor {
        /// Armour class before Dexterity.
        base: u8,
        /// Most that Dexterity may add; `None`: all of it.
        dexterity_max: Option<u8>,
        /// Strength score needed; 0: none.
        strength: u8,
    },
    /// It is carried in one hand.
    Shield {
        /// Added to armour class.
        bonus: u8,
    },
    /// Drunk or read, and used up.
    Consumable {
        /// Position of its action in [`Pack::actions`].
        action: u32,
    },
}
