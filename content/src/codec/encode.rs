//! Model to FlatBuffers.
//!
//! Invariant: called on a validated pack only. The builder is fed depth first in table order, so the bytes depend on
//! nothing but the pack.

use alloc::vec::Vec;

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use crate::{
    generated::tickworld::pack as fb,
    model::{
        Action, Attack, Bonus, Casting, Constants, Creature, Dice, Effect, Item, ItemUse, Pack, Shape, Spell, Target,
        Usage,
    },
};

type Builder = FlatBufferBuilder<'static>;

/// The finished body.
pub(super) fn body(pack: &Pack) -> Vec<u8> {
    let mut out = Builder::new();
    let constants = constants(&mut out, &pack.constants);
    let damage_types = table(&mut out, &pack.damage_types, |out, entry| {
        let name = out.create_string(&entry.name);
        fb::DamageType::create(out, &fb::DamageTypeArgs { key: entry.key.0, name: Some(name) })
    });
    let conditions = table(&mut out, &pack.conditions, |out, entry| {
        let name = out.create_string(&entry.name);
        let effects: Vec<_> = entry.effects.iter().map(|effect| effect.to_schema()).collect();
        let effects = out.create_vector(&effects);
        let args = fb::ConditionArgs {
            key: entry.key.0,
            name: Some(name),
            effects: Some(effects),
            includes: entry.includes.0,
        };
        fb::Condition::create(out, &args)
    });
    let actions = table(&mut out, &pack.actions, action);
    let creatures = table(&mut out, &pack.creatures, creature);
    let spells = table(&mut out, &pack.spells, spell);
    let items = table(&mut out, &pack.items, item);
    // Left out where there are none: packs from before there were any keep their bytes.
    let replacements = (!pack.replacements.is_empty()).then(|| {
        let list: Vec<_> = pack.replacements.iter().map(|it| fb::Replacement::new(it.removed.0, it.by.0)).collect();
        out.create_vector(&list)
    });
    let root = fb::Pack::create(
        &mut out,
        &fb::PackArgs {
            constants: Some(constants),
            damage_types: Some(damage_types),
            conditions: Some(conditions),
            actions: Some(actions),
            creatures: Some(creatures),
            spells: Some(spells),
            items: Some(items),
            replacements,
        },
    );
    fb::finish_pack_buffer(&mut out, root);
    out.finished_data().to_vec()
}

type TableVector<T> = WIPOffset<flatbuffers::Vector<'static, flatbuffers::ForwardsUOffset<T>>>;

fn table<E, T: 'static>(
    out: &mut Builder,
    entries: &[E],
    encode: impl Fn(&mut Builder, &E) -> WIPOffset<T>,
) -> TableVector<T> {
    let offsets: Vec<_> = entries.iter().map(|entry| encode(out, entry)).collect();
    out.create_vector(&offsets)
}

fn constants(out: &mut Builder, it: &Constants) -> WIPOffset<fb::Constants<'static>> {
    let ability_modifiers = out.create_vector(&it.ability_modifiers);
    let proficiency_by_level = out.create_vector(&it.proficiency_by_level);
    fb::Constants::create(
        out,
        &fb::ConstantsArgs {
            round_seconds: it.round_seconds,
            cell_feet: it.cell_feet,
            ability_modifiers: Some(ability_modifiers),
            proficiency_by_level: Some(proficiency_by_level),
            critical_from: it.critical_from,
            fumble_to: it.fumble_to,
            critical_dice: it.critical_dice,
            save_dc_base: it.save_dc_base,
            unarmored_class: it.unarmored_class,
            corpse_seconds: it.corpse_seconds,
            condition_rounds: it.condition_rounds,
            rising_percent: it.rising_percent,
            litter_seconds: it.litter_seconds,
            pursuit_percent: it.pursuit_percent,
            dash_percent: it.dash_percent,
            stand_off_percent: it.stand_off_percent,
            retreat_percent: it.retreat_percent,
            ease_percent: it.ease_percent,
            hand_cells: it.hand_cells,
            give_cells: it.give_cells,
            beat_milliseconds: it.beat_milliseconds,
        },
    )
}

fn dice(it: Dice) -> fb::Dice {
    fb::Dice::new(it.count, it.sides, it.bonus)
}

fn action(out: &mut Builder, it: &Action) -> WIPOffset<fb::Action<'static>> {
    let name = out.create_string(&it.name);
    let effects = table(out, &it.effects, effect);
    let attack = it.attack.map(attack);
    let usage = match it.usage {
        Usage::AtWill => fb::Usage::new(fb::UsageKind::AtWill, 0),
        Usage::Recharge(from) => fb::Usage::new(fb::UsageKind::Recharge, from),
        Usage::PerDay(times) => fb::Usage::new(fb::UsageKind::PerDay, times),
    };
    fb::Action::create(
        out,
        &fb::ActionArgs {
            key: it.key.0,
            name: Some(name),
            target: Some(&target(it.target)),
            attack: attack.as_ref(),
            effects: Some(effects),
            usage: Some(&usage),
            weight: it.weight,
        },
    )
}

fn target(it: Target) -> fb::Target {
    use fb::TargetKind as Kind;
    match it {
        Target::Actor => fb::Target::new(0, 0, 0, Kind::Actor, 0),
        Target::Creatures { range, count } => fb::Target::new(range.0, 0, 0, Kind::Creatures, count),
        Target::Area { shape, range } => {
            let (kind, size, width) = match shape {
                Shape::Sphere { radius } => (Kind::Sphere, radius.0, 0),
                Shape::Cone { length } => (Kind::Cone, length.0, 0),
                Shape::Line { length, width } => (Kind::Line, length.0, width.0),
                Shape::Cube { side } => (Kind::Cube, side.0, 0),
            };
            fb::Target::new(range.0, size, width, kind, 0)
        }
    }
}

fn attack(it: Attack) -> fb::Attack {
    let (kind, bonus, ability, finesse) = match it.bonus {
        Bonus::Fixed(bonus) => (fb::BonusKind::Fixed, bonus, fb::Ability::Strength, false),
        Bonus::Spell => (fb::BonusKind::Spell, 0, fb::Ability::Strength, false),
        Bonus::Weapon { ability, finesse } => (fb::BonusKind::Weapon, 0, ability.to_schema(), finesse),
    };
    fb::Attack::new(bonus, it.reach.0, it.range.0, it.long_range.0, kind, ability, finesse, it.magical)
}

fn effect(out: &mut Builder, it: &Effect) -> WIPOffset<fb::Effect<'static>> {
    let damage: Vec<_> = it.damage.iter().map(|d| fb::Damage::new(&dice(d.dice), d.kind.0, d.add_ability)).collect();
    let damage = out.create_vector(&damage);
    let conditions: Vec<_> =
        it.conditions.iter().map(|i| fb::Inflict::new(i.condition.0, i.rounds, i.escape_dc, i.repeat_save)).collect();
    let conditions = out.create_vector(&conditions);
    let save = it.save.map(|save| fb::Save::new(save.ability.to_schema(), save.dc.unwrap_or(0), save.half));
    fb::Effect::create(
        out,
        &fb::EffectArgs {
            save: save.as_ref(),
            damage: Some(damage),
            heal: it.heal.map(dice).as_ref(),
            heal_add_ability: it.heal_add_ability,
            conditions: Some(conditions),
        },
    )
}

fn creature(out: &mut Builder, it: &Creature) -> WIPOffset<fb::Creature<'static>> {
    let name = out.create_string(&it.name);
    let kind = out.create_string(&it.kind);
    let abilities = out.create_vector(&it.abilities);
    let saves = out.create_vector(&it.saves);
    let actions = out.create_vector(&it.actions);
    let multiattack = table(out, &it.multiattack, |out, routine| {
        let strikes: Vec<_> = routine.iter().map(|&(action, count)| fb::Strike::new(action, count)).collect();
        let strikes = out.create_vector(&strikes);
        fb::Routine::create(out, &fb::RoutineArgs { strikes: Some(strikes) })
    });
    let casting = it.casting.as_ref().map(|it| casting(out, it));
    let defences = &it.defences;
    let speeds = &it.speeds;
    let behaviour = &it.behaviour;
    fb::Creature::create(
        out,
        &fb::CreatureArgs {
            key: it.key.0,
            name: Some(name),
            cells: it.cells,
            kind: Some(kind),
            abilities: Some(abilities),
            saves: Some(saves),
            armor_class: it.armor_class,
            hit_points: it.hit_points,
            hit_dice: Some(&dice(it.hit_dice)),
            speeds: Some(&fb::Speeds::new(speeds.walk.0, speeds.fly.0, speeds.swim.0, speeds.climb.0, speeds.burrow.0)),
            proficiency: it.proficiency,
            challenge_eighths: it.challenge_eighths,
            experience: it.experience,
            defences: Some(&fb::Defences::new(
                defences.resist.0,
                defences.immune.0,
                defences.vulnerable.0,
                defences.resist_nonmagical.0,
                defences.immune_nonmagical.0,
            )),
            condition_immunities: it.condition_immunities.0,
            awareness: it.awareness.0,
            actions: Some(actions),
            multiattack: Some(multiattack),
            casting,
            behaviour: Some(&fb::Behaviour::new(
                behaviour.keep_distance.0,
                behaviour.prefer_near,
                behaviour.prefer_weak,
                behaviour.flee_percent,
            )),
        },
    )
}

fn casting(out: &mut Builder, it: &Casting) -> WIPOffset<fb::Casting<'static>> {
    let spells: Vec<_> = it.spells.iter().map(|&(spell, per_day)| fb::Known::new(spell, per_day)).collect();
    let spells = out.create_vector(&spells);
    let slots = out.create_vector(&it.slots);
    let slotted = out.create_vector(&it.slotted);
    fb::Casting::create(
        out,
        &fb::CastingArgs {
            ability: it.ability.to_schema(),
            save_dc: it.save_dc,
            attack_bonus: it.attack_bonus,
            spells: Some(spells),
            slots: Some(slots),
            slotted: Some(slotted),
        },
    )
}

fn spell(out: &mut Builder, it: &Spell) -> WIPOffset<fb::Spell<'static>> {
    let name = out.create_string(&it.name);
    fb::Spell::create(
        out,
        &fb::SpellArgs {
            key: it.key.0,
            name: Some(name),
            level: it.level,
            action: it.action,
            concentration: it.concentration,
            rounds: it.rounds,
        },
    )
}

fn item(out: &mut Builder, it: &Item) -> WIPOffset<fb::Item<'static>> {
    let name = out.create_string(&it.name);
    let mut args = fb::ItemArgs {
        key: it.key.0,
        name: Some(name),
        cost_copper: it.cost_copper,
        weight: it.weight.to_bits(),
        ..fb::ItemArgs::default()
    };
    match it.use_ {
        ItemUse::Gear => args.use_ = fb::UseKind::Gear,
        ItemUse::Weapon { action, two_handed, versatile } => {
            args.use_ = fb::UseKind::Weapon;
            args.action = action;
            args.two_handed = two_handed;
            args.versatile = versatile.map_or(0, |position| position.saturating_add(1));
        }
        ItemUse::Armor { base, dexterity_max, strength } => {
            args.use_ = fb::UseKind::Armor;
            args.armor_class = base;
            args.armor_dexterity_max = dexterity_max.unwrap_or(u8::MAX);
            args.armor_strength = strength;
        }
        ItemUse::Shield { bonus } => {
            args.use_ = fb::UseKind::Shield;
            args.armor_class = bonus;
        }
        ItemUse::Consumable { action } => {
            args.use_ = fb::UseKind::Consumable;
            args.action = action;
        }
    }
    fb::Item::create(out, &args)
}
