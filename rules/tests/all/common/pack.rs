//! A small content pack, made by hand: at least one creature, spell, item and condition of each kind that the rules know.

use tickworld_content::model::*;
use tickworld_sim::math::Fx;

pub fn dice(count: u8, sides: u8, bonus: i16) -> Dice {
    Dice { count, sides, bonus }
}

pub fn effect() -> Effect {
    Effect { save: None, damage: vec![], heal: None, heal_add_ability: false, conditions: vec![] }
}

/// Order of the damage types in the pack, which is that of their keys.
pub const DAMAGE_TYPES: [&str; 5] = ["bludgeoning", "fire", "piercing", "poison", "slashing"];

fn damage_types() -> Vec<DamageType> {
    let mut all = DAMAGE_TYPES.map(|name| DamageType { key: Key::of("damage-type", name), name: name.into() });
    all.sort_by_key(|it| it.key);
    all.into()
}

pub fn kind(name: &str) -> DamageTypeIndex {
    let position = damage_types().iter().position(|it| it.name == name).expect("a damage type of this pack");
    DamageTypeIndex(u8::try_from(position).expect("few"))
}

pub fn kinds(names: &[&str]) -> DamageTypes {
    DamageTypes(names.iter().fold(0, |all, name| all | 1 << kind(name).0))
}

fn damage(count: u8, sides: u8, bonus: i16, name: &str) -> Damage {
    Damage { dice: dice(count, sides, bonus), kind: kind(name), add_ability: false }
}

fn conditions() -> Vec<Condition> {
    use ConditionEffect as E;
    let list: [(&str, &[E], &[&str]); 9] = [
        ("poisoned", &[E::AttacksWithDisadvantage], &[]),
        ("prone", &[E::HalfMovement, E::AttacksWithDisadvantage, E::AttackedByProximity, E::EndsByRising], &[]),
        ("grappled", &[E::NoMovement, E::HeldBySource], &[]),
        ("incapacitated", &[E::NoActions], &[]),
        ("stunned", &[E::NoMovement, E::AttackedWithAdvantage, E::FailsStrengthDexteritySaves], &["incapacitated"]),
        (
            "paralyzed",
            &[E::NoMovement, E::AttackedWithAdvantage, E::HitsAreCritical, E::FailsStrengthDexteritySaves],
            &["incapacitated"],
        ),
        (
            "restrained",
            &[E::NoMovement, E::AttacksWithDisadvantage, E::AttackedWithAdvantage, E::DexteritySavesWithDisadvantage],
            &[],
        ),
        ("frightened", &[E::AttacksWithDisadvantage, E::AvoidsSource], &[]),
        ("charmed", &[E::SparesSource], &[]),
    ];
    let mut names: Vec<&str> = list.iter().map(|(name, ..)| *name).collect();
    names.sort_by_key(|name| Key::of("condition", name));
    let bit = |name: &&str| 1_u64 << names.iter().position(|it| it == name).expect("a condition of this pack");
    let mut all: Vec<Condition> = list
        .iter()
        .map(|(name, effects, includes)| {
            let mut effects = effects.to_vec();
            effects.sort();
            let includes = Conditions(includes.iter().map(bit).sum());
            Condition { key: Key::of("condition", name), name: (*name).into(), effects, includes }
        })
        .collect();
    all.sort_by_key(|it| it.key);
    all
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
        corpse_seconds: 6,
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

fn action(path: &str, target: Target, effects: Vec<Effect>) -> Action {
    let name = path.rsplit('/').next().expect("a name").into();
    Action { key: Key::of_path(path), name, target, attack: None, effects, usage: Usage::AtWill, weight: 100 }
}

fn one(range: u16) -> Target {
    Target::Creatures { range: Feet(range), count: 1 }
}

fn attack(bonus: i16, reach: u16, range: u16, long: u16) -> Option<Attack> {
    let bonus = Bonus::Fixed(bonus);
    Some(Attack { bonus, reach: Feet(reach), range: Feet(range), long_range: Feet(long), magical: false })
}

fn hit(path: &str, bonus: i16, reach: u16, it: Damage) -> Action {
    let effects = vec![Effect { damage: vec![it], ..effect() }];
    Action { attack: attack(bonus, reach, 0, 0), ..action(path, one(reach), effects) }
}

fn shot(path: &str, bonus: i16, range: u16, long: u16, it: Damage) -> Action {
    let effects = vec![Effect { damage: vec![it], ..effect() }];
    Action { attack: attack(bonus, 0, range, long), ..action(path, one(long), effects) }
}

fn save(ability: Ability, dc: Option<u8>, half: bool) -> Option<Save> {
    Some(Save { ability, dc, half })
}

fn inflict(name: &str, rounds: u16, repeat_save: bool) -> Inflict {
    Inflict { condition: Key::of("condition", name), rounds, repeat_save, escape_dc: 0 }
}

fn monster_actions() -> Vec<Action> {
    let knock = Effect {
        save: save(Ability::Strength, Some(11), false),
        conditions: vec![inflict("prone", 0, false)],
        ..effect()
    };
    let wolf = hit("action/creature/wolf/bite", 4, 5, damage(2, 4, 2, "piercing"));
    let sting = Effect {
        save: save(Ability::Constitution, Some(12), false),
        damage: vec![damage(2, 6, 0, "poison")],
        conditions: vec![inflict("poisoned", 3, true)],
        ..effect()
    };
    let breath =
        Effect { save: save(Ability::Dexterity, Some(14), true), damage: vec![damage(6, 6, 0, "fire")], ..effect() };
    let cone = Target::Area { shape: Shape::Cone { length: Feet(30) }, range: Feet(0) };
    let gaze = Effect {
        save: save(Ability::Wisdom, Some(13), false),
        conditions: vec![inflict("frightened", 2, true)],
        ..effect()
    };
    let claw = hit("action/creature/crab/claw", 20, 5, damage(0, 0, 1, "bludgeoning"));
    let grip = ["grappled", "restrained"].map(|name| Inflict { escape_dc: 12, ..inflict(name, 0, false) });
    let grip = Effect { conditions: grip.into(), ..claw.effects[0].clone() };
    vec![
        Action { effects: vec![grip], ..claw },
        hit("action/creature/goblin/scimitar", 4, 5, damage(1, 6, 2, "slashing")),
        shot("action/creature/archer/bow", 5, 80, 320, damage(1, 8, 3, "piercing")),
        hit("action/creature/brute/club", 5, 5, damage(2, 8, 3, "bludgeoning")),
        Action { effects: [wolf.effects.clone(), vec![knock]].concat(), ..wolf },
        Action {
            effects: vec![Effect { damage: vec![damage(1, 4, 1, "piercing")], ..effect() }, sting],
            ..hit("action/creature/scorpion/sting", 5, 5, damage(1, 4, 1, "piercing"))
        },
        hit("action/creature/drake/claw", 6, 5, damage(1, 8, 4, "slashing")),
        hit("action/creature/drake/bite", 6, 10, damage(2, 8, 4, "piercing")),
        Action { usage: Usage::Recharge(5), weight: 400, ..action("action/creature/drake/breath", cone, vec![breath]) },
        Action { usage: Usage::PerDay(1), ..action("action/creature/drake/gaze", one(60), vec![gaze]) },
        hit("action/creature/dummy/nudge", -10, 5, damage(0, 0, 0, "bludgeoning")),
    ]
}

fn spell_actions() -> Vec<Action> {
    let burst =
        Effect { save: save(Ability::Dexterity, None, true), damage: vec![damage(4, 6, 0, "fire")], ..effect() };
    let sphere = Target::Area { shape: Shape::Sphere { radius: Feet(20) }, range: Feet(120) };
    let ray = Effect { damage: vec![damage(2, 6, 0, "fire")], ..effect() };
    let spell_attack =
        Attack { bonus: Bonus::Spell, reach: Feet(0), range: Feet(120), long_range: Feet(120), magical: true };
    let hold = Effect {
        save: save(Ability::Wisdom, None, false),
        conditions: vec![inflict("paralyzed", 10, true)],
        ..effect()
    };
    let charm = Effect {
        save: save(Ability::Wisdom, None, false),
        conditions: vec![inflict("charmed", 10, false)],
        ..effect()
    };
    let mend = Effect { heal: Some(dice(1, 8, 0)), heal_add_ability: true, ..effect() };
    vec![
        action("action/spell/burst", sphere, vec![burst]),
        Action {
            attack: Some(spell_attack),
            ..action("action/spell/rays", Target::Creatures { range: Feet(120), count: 3 }, vec![ray])
        },
        action("action/spell/hold", one(60), vec![hold]),
        action("action/spell/charm", one(30), vec![charm]),
        action("action/spell/mend", one(60), vec![mend]),
    ]
}

fn item_actions() -> Vec<Action> {
    let weapon = |path: &str, sides: u8| {
        let bonus = Bonus::Weapon { ability: Ability::Strength, finesse: false };
        let damage = Damage { add_ability: true, ..damage(1, sides, 0, "slashing") };
        let attack = Attack { bonus, reach: Feet(5), range: Feet(0), long_range: Feet(0), magical: false };
        let effects = vec![Effect { damage: vec![damage], ..effect() }];
        Action { attack: Some(attack), ..action(path, one(5), effects) }
    };
    let drink = Effect { heal: Some(dice(2, 4, 2)), ..effect() };
    vec![
        weapon("action/item/longsword", 8),
        weapon("action/item/longsword/two-handed", 10),
        weapon("action/item/greatsword", 12),
        action("action/item/potion", Target::Actor, vec![drink]),
    ]
}

fn creature(name: &str, hit_points: u16, armor_class: u8) -> Creature {
    Creature {
        key: Key::of("creature", name),
        name: name.into(),
        cells: 1,
        kind: "humanoid".into(),
        abilities: [14, 12, 12, 10, 10, 10],
        saves: [2, 1, 1, 0, 0, 0],
        armor_class,
        hit_points,
        hit_dice: dice(2, 8, 0),
        speeds: Speeds { walk: Feet(30), ..Speeds::default() },
        proficiency: 2,
        challenge_eighths: 2,
        experience: 50,
        defences: Defences::default(),
        condition_immunities: Conditions(0),
        awareness: Feet(80),
        actions: vec![],
        multiattack: vec![],
        casting: None,
        behaviour: Behaviour { flee_percent: 0, keep_distance: Feet(0), prefer_near: 100, prefer_weak: 20 },
    }
}

fn creatures(at: &dyn Fn(&str) -> u32, spell: &dyn Fn(&str) -> u32) -> Vec<Creature> {
    let own = |creature: &str, name: &str| at(&format!("action/creature/{creature}/{name}"));
    let casting = |ability, names: &[&str], slots: [u8; 9]| {
        let mut slotted: Vec<u32> = names.iter().map(|name| spell(name)).collect();
        slotted.sort_unstable();
        Some(Casting { ability, save_dc: 13, attack_bonus: 5, spells: vec![(spell("rays"), 0)], slots, slotted })
    };
    let behaviour = creature("x", 1, 1).behaviour;
    vec![
        Creature {
            actions: vec![own("goblin", "scimitar")],
            behaviour: Behaviour { flee_percent: 20, ..behaviour },
            ..creature("goblin", 7, 15)
        },
        Creature {
            actions: vec![own("archer", "bow")],
            behaviour: Behaviour { keep_distance: Feet(50), ..behaviour },
            ..creature("archer", 16, 13)
        },
        Creature { actions: vec![own("brute", "club")], multiattack: vec![vec![(0, 2)]], ..creature("brute", 59, 12) },
        Creature {
            actions: vec![own("wolf", "bite")],
            speeds: Speeds { walk: Feet(40), ..Speeds::default() },
            ..creature("wolf", 11, 13)
        },
        Creature {
            actions: vec![own("scorpion", "sting")],
            condition_immunities: Conditions(0),
            ..creature("scorpion", 30, 13)
        },
        Creature {
            cells: 2,
            abilities: [19, 10, 17, 12, 11, 15],
            saves: [4, 3, 6, 1, 3, 5],
            actions: vec![own("drake", "claw"), own("drake", "bite"), own("drake", "breath"), own("drake", "gaze")],
            multiattack: vec![vec![(1, 1), (0, 2)]],
            defences: Defences { immune: kinds(&["fire"]), ..Defences::default() },
            ..creature("drake", 136, 17)
        },
        Creature {
            defences: Defences {
                vulnerable: kinds(&["bludgeoning"]),
                resist_nonmagical: kinds(&["piercing", "slashing"]),
                immune: kinds(&["poison"]),
                ..Defences::default()
            },
            actions: vec![own("goblin", "scimitar")],
            ..creature("skeleton", 13, 13)
        },
        Creature {
            abilities: [9, 14, 11, 17, 12, 11],
            casting: casting(Ability::Intelligence, &["burst", "hold", "charm"], [4, 3, 2, 0, 0, 0, 0, 0, 0]),
            behaviour: Behaviour { keep_distance: Feet(40), ..behaviour },
            ..creature("mage", 40, 12)
        },
        Creature {
            abilities: [10, 10, 12, 13, 16, 13],
            casting: casting(Ability::Wisdom, &["mend"], [4, 3, 0, 0, 0, 0, 0, 0, 0]),
            ..creature("priest", 27, 13)
        },
        Creature { actions: vec![own("crab", "claw")], ..creature("crab", 30, 15) },
        Creature { actions: vec![own("dummy", "nudge")], speeds: Speeds::default(), ..creature("dummy", 1000, 10) },
        Creature {
            abilities: [16, 14, 14, 10, 12, 10],
            casting: casting(Ability::Wisdom, &["mend", "burst", "hold", "charm"], [4, 3, 3, 0, 0, 0, 0, 0, 0]),
            actions: vec![own("archer", "bow")],
            ..creature("hero", 60, 12)
        },
    ]
}

/// The content pack of the tests.
pub fn pack() -> Pack {
    let mut actions = [monster_actions(), spell_actions(), item_actions()].concat();
    actions.sort_by_key(|it| it.key);
    let at = |path: &str| {
        let position = actions.iter().position(|it| it.key == Key::of_path(path));
        u32::try_from(position.unwrap_or_else(|| panic!("no action {path}"))).expect("few")
    };
    let spell = |name: &str, level: u8| Spell {
        key: Key::of("spell", name),
        name: name.into(),
        level,
        action: at(&format!("action/spell/{name}")),
        concentration: false,
        rounds: 0,
    };
    let mut spells = vec![spell("burst", 3), spell("rays", 0), spell("hold", 2), spell("charm", 1), spell("mend", 1)];
    spells.sort_by_key(|it| it.key);
    let spell_at = |name: &str| {
        let position = spells.iter().position(|it| it.name == name);
        u32::try_from(position.unwrap_or_else(|| panic!("no spell {name}"))).expect("few")
    };
    let mut creatures = creatures(&at, &spell_at);
    creatures.sort_by_key(|it| it.key);
    let item = |name: &str, use_: ItemUse| Item {
        key: Key::of("item", name),
        name: name.into(),
        cost_copper: 1500,
        weight: Fx::ONE,
        use_,
    };
    let sword = at("action/item/longsword");
    let both = Some(at("action/item/longsword/two-handed"));
    let great = at("action/item/greatsword");
    let mut items = vec![
        item("rope", ItemUse::Gear),
        item("longsword", ItemUse::Weapon { action: sword, two_handed: false, versatile: both }),
        item("greatsword", ItemUse::Weapon { action: great, two_handed: true, versatile: None }),
        item("chain-mail", ItemUse::Armor { base: 16, dexterity_max: Some(0), strength: 13 }),
        item("leather", ItemUse::Armor { base: 11, dexterity_max: None, strength: 0 }),
        item("half-plate", ItemUse::Armor { base: 15, dexterity_max: Some(2), strength: 0 }),
        item("shield", ItemUse::Shield { bonus: 2 }),
        item("potion", ItemUse::Consumable { action: at("action/item/potion") }),
    ];
    items.sort_by_key(|it| it.key);
    Pack {
        constants: constants(),
        damage_types: damage_types(),
        conditions: conditions(),
        actions,
        creatures,
        spells,
        items,
        replacements: Vec::new(),
    }
}
