//! Dice: d20 rolls with advantage, attack rolls, saving throws, damage.
//!
//! Invariant: pure functions of a generator and numbers; the systems decide who rolls for what. How many numbers each draws
//! is fixed by its arguments.

use tickworld_content::model::{Constants, Dice};
use tickworld_sim::rng::Rng;

/// Whether a d20 roll has advantage, disadvantage, both or neither (SRD 5.1, "Advantage and Disadvantage").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Something gives advantage.
    pub advantage: bool,
    /// Something gives disadvantage.
    pub disadvantage: bool,
}

impl Edge {
    /// Neither advantage nor disadvantage.
    pub const NONE: Self = Self { advantage: false, disadvantage: false };
}

/// One d20, or the better or worse of two; advantage and disadvantage cancel, however many there are (SRD 5.1, "Advantage and
/// Disadvantage").
pub fn d20(rng: &mut Rng, edge: Edge) -> u32 {
    let first = rng.die(20);
    if edge.advantage == edge.disadvantage {
        return first;
    }
    let second = rng.die(20);
    if edge.advantage { first.max(second) } else { first.min(second) }
}

/// What an attack roll came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackRoll {
    /// The attack has no effect.
    Miss,
    /// The effects land.
    Hit,
    /// They land with more dice.
    Critical,
}

/// Judges a natural roll (SRD 5.1, "Rolling 1 or 20"): the highest always hits and is critical, the lowest always misses, else
/// the sum must reach the armour class.
#[must_use]
pub fn judge_attack(constants: &Constants, natural: u32, bonus: i32, armor_class: i32) -> AttackRoll {
    if natural >= u32::from(constants.critical_from) {
        AttackRoll::Critical
    } else if natural <= u32::from(constants.fumble_to) || natural.cast_signed().saturating_add(bonus) < armor_class {
        AttackRoll::Miss
    } else {
        AttackRoll::Hit
    }
}

/// Whether a saving throw succeeds (SRD 5.1 p. 83).
#[must_use]
pub const fn judge_save(natural: u32, bonus: i32, difficulty: i32) -> bool {
    natural.cast_signed().saturating_add(bonus) >= difficulty
}

/// Rolls dice, `factor` times as many of them (a critical hit: SRD 5.1 p. 96), and adds the bonus once. May be negative.
pub fn roll(rng: &mut Rng, dice: Dice, factor: u8) -> i32 {
    let mut sum = i32::from(dice.bonus);
    if dice.sides > 0 {
        for _ in 0..u32::from(dice.count).saturating_mul(factor.into()) {
            sum = sum.saturating_add(rng.die(u32::from(dice.sides)).cast_signed());
        }
    }
    sum
}

/// How a creature takes damage of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defence {
    /// The creature takes no damage.
    pub immune: bool,
    /// The creature takes half, rounded down.
    pub resists: bool,
    /// The creature takes double.
    pub vulnerable: bool,
}

/// Damage that is taken of `rolled`: halved by a save where that halves, then by resistance, then doubled by vulnerability;
/// each half rounds down, several resistances count as one (SRD 5.1 p. 97). Never negative.
#[must_use]
pub fn taken(rolled: i32, halved: bool, defence: Defence) -> u32 {
    let mut amount = u32::try_from(rolled).unwrap_or(0);
    if defence.immune {
        return 0;
    }
    if halved {
        amount /= 2;
    }
    if defence.resists {
        amount /= 2;
    }
    if defence.vulnerable {
        amount = amount.saturating_mul(2);
    }
    amount
}
