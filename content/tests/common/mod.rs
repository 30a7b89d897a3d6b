//! A small pack with at least one of everything.

use tickworld_content::model::*;
use tickworld_sim::math::Fx;

fn action(path: &str, name: &str, target: Target) -> Action {
    Action {
        key: Key::of_path(path),
        name: name.into(),
        target,
        attack: None,
        effects: vec![],
        usage: Usage::AtWill,
        weight: 100,
    }
}

fn dice(count: u8, sides: u8, bonus: i16) -> Dice {
    Dice { count, sides, bonus }
}

fn effect() -> Effect {
    Effect { save: None, damage: vec![], heal: None, heal_add_ability: false, conditions: vec![] }
}

fn constants() -> Constants {
    Constants {
        round_seconds: 6,
        cell_feet: 5,
        ability_modifiers: (0..31).map(|score: i8| score / 2 - 5).collect(),
        proficiency_by_level: vec![2; 31],
        critical_from: 20,
        fumble_to: 1,
        critical_dice: 2,
        save_dc_base: 8,
        unarmored_class: 10,
        corpse_seconds: 60,
        condition_rounds: 10,
        rising_percent: 50,
        litter_seconds: 0,
        pursuit_percent: 150,
        dash_percent: 200,
        stand_off_percent: 90,
        retreat_percent: 50,
        ease_percent: 75,
        hand_cells: 1,
        give_cells: 2,
        beat_milliseconds: 500,
    }
}

fn actions() -> Vec<Action> {
    let bite = Action {
        attack: Some(Attack {
            bonus: Bonus::Fixed(4),
            reach: Feet(5),
            range: Feet(0),
            long_range: Feet(0),
            magical: false,
        }),
        effects: vec![
            Effect {
                damage: vec![Damage { dice: dice(2, 6, 3), kind: DamageTypeIndex(1), add_ability: false }],
                ..effect()
            },
            Effect {
                save: Some(Save { ability: Ability::Constitution, dc: Some(11), half: false }),
                conditions: vec![Inflict {
                    condition: Key::of("condition", "poisoned"),
                    rounds: 10,
                    repeat_save: true,
                    escape_dc: 0,
                }],
                ..effect()
            },
        ],
        ..action("action/creature/wolf/bite", "Bite", Target::Creatures { range: Feet(5), count: 1 })
    };
    let line = Target::Area { shape: Shape::Line { length: Feet(60), width: Feet(5) }, range: Feet(0) };
    let breath = Action { usage: Usage::Recharge(5), ..action("action/creature/wolf/breath", "Breath", line) };
    let sphere = Target::Area { shape: Shape::Sphere { radius: Feet(20) }, range: Feet(150) };
    let heal = Action {
        effects: vec![Effect { heal: Some(dice(1, 8, 0)), heal_add_ability: true, ..effect() }],
        usage: Usage::PerDay(3),
        ..action("action/spell/mend", "Mend", Target::Actor)
    };
    let blade = Action {
        attack: Some(Attack {
            bonus: Bonus::Weapon { ability: Ability::Strength, finesse: true },
            reach: Feet(5),
            range: Feet(20),
            long_range: Feet(60),
            magical: true,
        }),
        ..action("action/item/blade", "Blade", Target::Creatures { range: Feet(60), count: 1 })
    };
    let ray = Action {
        attack: Some(Attack {
            bonus: Bonus::Spell,
            reach: Feet(0),
            range: Feet(120),
            long_range: Feet(120),
            magical: true,
        }),
        ..action("action/spell/ray", "Ray", Target::Creatures { range: Feet(120), count: 3 })
    };
    let cone = Target::Area { shape: Shape::Cone { length: Feet(15) }, range: Feet(0) };
    let cube = Target::Area { shape: Shape::Cube { side: Feet(15) }, range: Feet(30) };
    let mut all = vec![
        bite,
        breath,
        heal,
        blade,
        ray,
        action("action/spell/burst", "Burst", sphere),
        action("action/spell/cone", "Cone", cone),
        action("action/spell/cube", "Cube", cube),
    ];
    all.sort_by_key(|it| it.key);
    all
}

fn wolf(at: impl Fn(&str) -> u32) -> Creature {
    Creature {
        key: Key::of("creature", "wolf"),
        name: "Wolf".into(),
        cells: 1,
        kind: "beast".into(),
        abilities: [12, 15, 12, 3, 12, 6],
        saves: [1, 2, 1, -4, 1, -2],
        armor_class: 13,
        hit_points: 11,
        hit_dice: dice(2, 8, 2),
        speeds: Speeds { walk: Feet(40), ..Speeds::default() },
        proficiency: 2,
        challenge_eighths: 2,
        experience: 50,
        defences: Defences { resist: DamageTypes(1), immune: DamageTypes(2), ..Defences::default() },
        condition_immunities: Conditions(2),
        awareness: Feet(60),
        actions: vec![at("action/creature/wolf/bite"), at("action/creature/wolf/breath")],
        multiattack: vec![vec![(0, 2)], vec![(1, 1), (0, 1)]],
        casting: Some(Casting {
            ability: Ability::Wisdom,
            save_dc: 12,
            attack_bonus: 4,
            spells: vec![(0, 0), (1, 3)],
            slots: [4, 2, 0, 0, 0, 0, 0, 0, 0],
            slotted: vec![1],
        }),
        behaviour: Behaviour { flee_percent: 25, keep_distance: Feet(0), prefer_near: 100, prefer_weak: 20 },
    }
}

/// One of everything.
pub(crate) fn pack() -> Pack {
    let actions = actions();
    let position =
        |path: &str| actions.iter().position(|it| it.key == Key::of_path(path)).expect("an action of this pack");
    let at = |path: &str| u32::try_from(position(path)).expect("a small pack");
    let mut damage_types =
        ["fire", "piercing"].map(|name| DamageType { key: Key::of("damage-type", name), name: name.into() });
    damage_types.sort_by_key(|it| it.key);
    let mut conditions = vec![
        Condition {
            key: Key::of("condition", "poisoned"),
            name: "Poisoned".into(),
            effects: vec![ConditionEffect::AttacksWithDisadvantage],
            includes: Conditions(0),
        },
        Condition {
            key: Key::of("condition", "unconscious"),
            name: "Unconscious".into(),
            effects: vec![ConditionEffect::NoActions, ConditionEffect::HitsAreCritical],
            includes: Conditions(1),
        },
    ];
    conditions.sort_by_key(|it| it.key);
    let spell = |name: &str, action: &str| Spell {
        key: Key::of("spell", name),
        name: name.into(),
        level: 1,
        action: at(action),
        concentration: true,
        rounds: 10,
    };
    let mut spells = vec![spell("mend", "action/spell/mend"), spell("ray", "action/spell/ray")];
    spells.sort_by_key(|it| it.key);
    let item = |name: &str, use_: ItemUse| Item {
        key: Key::of("item", name),
        name: name.into(),
        cost_copper: 1500,
        weight: Fx::from_ratio(5, 2),
        use_,
    };
    let blade = at("action/item/blade");
    let mut items = vec![
        item("rope", ItemUse::Gear),
        item("blade", ItemUse::Weapon { action: blade, two_handed: false, versatile: Some(blade) }),
        item("mail", ItemUse::Armor { base: 16, dexterity_max: Some(0), strength: 13 }),
        item("leather", ItemUse::Armor { base: 11, dexterity_max: None, strength: 0 }),
        item("shield", ItemUse::Shield { bonus: 2 }),
        item("potion", ItemUse::Consumable { action: at("action/spell/mend") }),
    ];
    items.sort_by_key(|it| it.key);
    let creatures = vec![wolf(at)];
    Pack {
        constants: constants(),
        damage_types: damage_types.into(),
        conditions,
        actions,
        creatures,
        spells,
        items,
        replacements: Vec::new(),
    }
}
