//! Every limit of a content pack, in one table.
//!
//! Invariant: the reader refuses what exceeds them before it allocates, and the compiler names the source line that does.
//! Raising one is a change of format that peers must share; none is meant to be felt by a designer.

/// A whole pack file.
pub const PACK_BYTES_MAX: usize = 64 << 20;
/// FlatBuffers tables in one body.
pub const TABLES_MAX: usize = 2_000_000;
/// Nesting of FlatBuffers tables: pack, creature, routine; eight leaves room to grow.
pub const DEPTH_MAX: usize = 8;
/// Names and kinds, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 96;

/// Bits of [`DamageTypes`](crate::model::DamageTypes).
pub const DAMAGE_TYPES_MAX: usize = 64;
/// Bits of [`Conditions`](crate::model::Conditions).
pub const CONDITIONS_MAX: usize = 64;
/// Actions of all owners together.
pub const ACTIONS_MAX: usize = 1 << 20;
/// Stat blocks of one pack.
pub const CREATURES_MAX: usize = 1 << 16;
/// Spells of one pack.
pub const SPELLS_MAX: usize = 1 << 16;
/// Items of one pack.
pub const ITEMS_MAX: usize = 1 << 16;
/// Entries that are gone and have others in their place.
pub const REPLACEMENTS_MAX: usize = 1 << 16;

/// Groups of consequences of one action.
pub const EFFECTS_MAX: usize = 8;
/// Kinds of damage in one group.
pub const DAMAGE_MAX: usize = 8;
/// Conditions inflicted by one group.
pub const INFLICTS_MAX: usize = 8;
/// Mechanical effects of one condition.
pub const CONDITION_EFFECTS_MAX: usize = 32;
/// Actions of one creature.
pub const CREATURE_ACTIONS_MAX: usize = 64;
/// Alternatives of a multiattack.
pub const ROUTINES_MAX: usize = 32;
/// Entries of one alternative.
pub const STRIKES_MAX: usize = 16;
/// How often one entry of an alternative is repeated.
pub const STRIKE_REPEATS_MAX: u8 = 32;
/// Spells that one creature knows (of each sort: by day, by slot).
pub const KNOWN_SPELLS_MAX: usize = 128;

/// Sides of a die (SRD 5.1 p. 3: up to the percentile die).
pub const DICE_SIDES_MAX: u8 = 100;
/// Ability scores (SRD 5.1 p. 76: monsters may have up to 30).
pub const ABILITY_SCORE_MAX: u8 = 30;
/// Entries of [`Constants::ability_modifiers`](crate::model::Constants::ability_modifiers): scores 0 to 30.
pub const ABILITY_MODIFIERS: usize = 31;
/// Entries of [`Constants::proficiency_by_level`](crate::model::Constants::proficiency_by_level).
pub const PROFICIENCY_LEVELS_MAX: usize = 64;
/// Edge of a creature in cells.
pub const CELLS_MAX: u8 = 16;
/// Spell levels (SRD 5.1 p. 100).
pub const SPELL_LEVEL_MAX: u8 = 9;
/// Any distance, in feet: 25 miles, so that a distance in feet fits every type it is ever put into.
pub const FEET_MAX: u16 = 60_000;
/// Recharge rolls are on a d6.
pub const RECHARGE_MAX: u8 = 6;
/// Sum of a roll's parts; keeps damage arithmetic in 32 bits far from its end.
pub const DICE_BONUS_MAX: i16 = 10_000;
