//! Dice, attacks and damage against tables of SRD-style examples and against plain slow models.

use proptest::prelude::*;
use tickworld_content::model::Dice;
use tickworld_rules::dice::{self, AttackRoll, Defence, Edge};
use tickworld_sim::rng::Rng;

fn rng(seed: u64) -> Rng {
    Rng::from_state([seed, 1, 2, 3]).expect("not all zero")
}

/// SRD 5.1, "Rolling 1 or 20": (natural roll, bonus, armour class, what it is).
const ATTACKS: &[(u32, i32, i32, AttackRoll)] = &[
    (1, 30, 5, AttackRoll::Miss),
    (20, -5, 40, AttackRoll::Critical),
    (10, 5, 15, AttackRoll::Hit),
    (9, 5, 15, AttackRoll::Miss),
    (2, 13, 15, AttackRoll::Hit),
    (19, 0, 20, AttackRoll::Miss),
    (19, 1, 20, AttackRoll::Hit),
    (11, -1, 10, AttackRoll::Hit),
];

#[test]
fn attack_rolls_are_judged_as_the_table_says() {
    let constants = crate::common::pack::pack().constants;
    for (natural, bonus, armor_class, expected) in ATTACKS {
        let judged = dice::judge_attack(&constants, *natural, *bonus, *armor_class);
        assert_eq!(judged, *expected, "{natural} + {bonus} against {armor_class}");
    }
}

/// What designers change, changes: a weapon master's 19 is critical where content says so.
#[test]
fn critical_numbers_come_from_content() {
    let mut constants = crate::common::pack::pack().constants;
    constants.critical_from = 19;
    constants.fumble_to = 3;
    assert_eq!(dice::judge_attack(&constants, 19, 0, 99), AttackRoll::Critical);
    assert_eq!(dice::judge_attack(&constants, 3, 90, 10), AttackRoll::Miss);
}

/// SRD 5.1 p. 97: (rolled, halved by a save, immune, resists, vulnerable, taken).
const DAMAGE: &[(i32, bool, bool, bool, bool, u32)] = &[
    (25, false, false, false, false, 25),
    (25, false, false, true, false, 12),
    (25, true, false, false, false, 12),
    (25, true, false, true, false, 6),
    (25, false, false, false, true, 50),
    (25, false, false, true, true, 24),
    (25, true, false, true, true, 12),
    (25, false, true, false, true, 0),
    (1, false, false, true, false, 0),
    (-3, false, false, false, true, 0),
    (0, false, false, false, true, 0),
];

#[test]
fn damage_is_taken_as_the_table_says() {
    for (rolled, halved, immune, resists, vulnerable, expected) in DAMAGE {
        let taken =
            dice::taken(*rolled, *halved, Defence { immune: *immune, resists: *resists, vulnerable: *vulnerable });
        assert_eq!(taken, *expected, "{rolled} {halved} {immune} {resists} {vulnerable}");
    }
}

/// The plain model: roll two, take what applies.
fn slow_d20(rng: &mut Rng, edge: Edge) -> u32 {
    match (edge.advantage, edge.disadvantage) {
        (true, false) => {
            let mut rolls = [rng.die(20), rng.die(20)];
            rolls.sort_unstable();
            rolls[1]
        }
        (false, true) => {
            let mut rolls = [rng.die(20), rng.die(20)];
            rolls.sort_unstable();
            rolls[0]
        }
        _ => rng.die(20),
    }
}

/// The plain model: every die by itself, in a list.
fn slow_roll(rng: &mut Rng, dice: Dice, factor: u8) -> i32 {
    let mut list = Vec::new();
    for _ in 0..factor {
        for _ in 0..dice.count {
            list.push(i32::try_from(rng.die(u32::from(dice.sides))).expect("small"));
        }
    }
    list.iter().sum::<i32>() + i32::from(dice.bonus)
}

/// The plain model of p. 97 in quarters of a point, rounded down once per halving.
fn slow_taken(rolled: i32, halved: bool, defence: Defence) -> u32 {
    let mut left = rolled.max(0);
    for halving in [halved, defence.resists] {
        if halving {
            left = left.div_euclid(2);
        }
    }
    let times = if defence.immune { 0 } else { 1 + i32::from(defence.vulnerable) };
    u32::try_from(left * times).expect("not negative")
}

proptest! {
    #[test]
    fn rolls_agree_with_the_slow_models(
        seed in 1_u64.., count in 0_u8..40, sides in 1_u8..=100, bonus in -50_i16..50, factor in 1_u8..4,
        advantage: bool, disadvantage: bool,
    ) {
        let dice = Dice { count, sides, bonus };
        let edge = Edge { advantage, disadvantage };
        let (mut a, mut b) = (rng(seed), rng(seed));
        prop_assert_eq!(dice::d20(&mut a, edge), slow_d20(&mut b, edge));
        let rolled = dice::roll(&mut a, dice, factor);
        prop_assert_eq!(rolled, slow_roll(&mut b, dice, factor));
        let most = i32::from(count) * i32::from(factor) * i32::from(sides) + i32::from(bonus);
        let least = i32::from(count) * i32::from(factor) + i32::from(bonus);
        prop_assert!((least..=most).contains(&rolled));
        prop_assert_eq!(a.next_u64(), b.next_u64());
    }

    #[test]
    fn damage_agrees_with_the_slow_model(
        rolled in -100_i32..10_000, halved: bool, immune: bool, resists: bool, vulnerable: bool,
    ) {
        let defence = Defence { immune, resists, vulnerable };
        prop_assert_eq!(dice::taken(rolled, halved, defence), slow_taken(rolled, halved, defence));
    }
}

/// Advantage makes 20s nearly twice as frequent: 39 of 400 (SRD 5.1, "Advantage and Disadvantage").
#[test]
fn advantage_has_its_odds() {
    let mut rng = rng(77);
    let edge = Edge { advantage: true, disadvantage: false };
    let twenties = (0..100_000).filter(|_| dice::d20(&mut rng, edge) == 20).count();
    assert!((9_450..10_050).contains(&twenties), "{twenties}");
}
