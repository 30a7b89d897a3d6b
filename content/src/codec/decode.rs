//! Verified FlatBuffers to the model.
//!
//! Invariant: lists are counted before they are allocated, and an unknown enumeration value is refused here. Relations
//! between entries are `validate`'s business; fields that should be zero are found by encoding again (see `codec`).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use flatbuffers::{Follow, ForwardsUOffset, Vector};
use tickworld_sim::math::Fx;

use crate::{
    error::{PackError, Problem},
    generated::tickworld::pack as fb,
    limits,
    model::{
        Ability, Action, Attack, Behaviour, Bonus, Casting, Condition, ConditionEffect, Conditions, Constants,
        Creature, Damage, DamageType, DamageTypeIndex, DamageTypes, Defences, Dice, Effect, Feet, Inflict, Item,
        ItemUse, Key, Pack, Replacement, Save, Shape, Speeds, Spell, Target, Usage,
    },
};

type Decoded<T> = Result<T, PackError>;

/// Where an entry stands, for messages.
#[derive(Clone, Copy)]
struct Place {
    table: &'static str,
    row: usize,
}

impl Place {
    fn error(self, field: &'static str, problem: Problem) -> PackError {
        PackError::Invalid { table: self.table, row: self.row, field, problem }
    }

    fn known<T>(self, field: &'static str, number: u8, value: Option<T>) -> Decoded<T> {
        value.ok_or_else(|| self.error(field, Problem::Unknown(number)))
    }

    fn counted(self, field: &'static str, count: usize, max: usize) -> Decoded<()> {
        if count > max { Err(self.error(field, Problem::Count { count, max })) } else { Ok(()) }
    }

    fn array<const N: usize, T: Copy + Default>(
        self,
        field: &'static str,
        from: impl ExactSizeIterator<Item = T>,
    ) -> Decoded<[T; N]> {
        let count = from.len();
        if count != N {
            return Err(self.error(field, Problem::Length { count, exactly: N }));
        }
        let mut array = [T::default(); N];
        array.iter_mut().zip(from).for_each(|(to, value)| *to = value);
        Ok(array)
    }
}

/// The whole body.
pub(super) fn pack(root: fb::Pack<'_>) -> Decoded<Pack> {
    Ok(Pack {
        constants: constants(root.constants())?,
        damage_types: table("damage_types", limits::DAMAGE_TYPES_MAX, root.damage_types(), |_, it| {
            Ok(DamageType { key: Key(it.key()), name: it.name().to_owned() })
        })?,
        conditions: table("conditions", limits::CONDITIONS_MAX, root.conditions(), condition)?,
        actions: table("actions", limits::ACTIONS_MAX, root.actions(), action)?,
        creatures: table("creatures", limits::CREATURES_MAX, root.creatures(), creature)?,
        spells: table("spells", limits::SPELLS_MAX, root.spells(), |_, it| Ok(spell(it)))?,
        items: table("items", limits::ITEMS_MAX, root.items(), item)?,
        replacements: replacements(root)?,
    })
}

fn replacements(root: fb::Pack<'_>) -> Decoded<Vec<Replacement>> {
    let Some(entries) = root.replacements() else { return Ok(Vec::new()) };
    Place { table: "replacements", row: 0 }.counted("count", entries.len(), limits::REPLACEMENTS_MAX)?;
    Ok(entries.iter().map(|it| Replacement { removed: Key(it.removed()), by: Key(it.by()) }).collect())
}

fn table<'a, T: Follow<'a> + 'a, M>(
    name: &'static str,
    max: usize,
    entries: Vector<'a, ForwardsUOffset<T>>,
    decode: impl Fn(Place, T::Inner) -> Decoded<M>,
) -> Decoded<Vec<M>> {
    Place { table: name, row: 0 }.counted("count", entries.len(), max)?;
    entries.iter().enumerate().map(|(row, entry)| decode(Place { table: name, row }, entry)).collect()
}

fn constants(it: fb::Constants<'_>) -> Decoded<Constants> {
    let place = Place { table: "constants", row: 0 };
    place.counted("proficiency_by_level", it.proficiency_by_level().len(), limits::PROFICIENCY_LEVELS_MAX)?;
    place.counted("ability_modifiers", it.ability_modifiers().len(), limits::ABILITY_MODIFIERS)?;
    Ok(Constants {
        round_seconds: it.round_seconds(),
        cell_feet: it.cell_feet(),
        ability_modifiers: it.ability_modifiers().iter().collect(),
        proficiency_by_level: it.proficiency_by_level().iter().collect(),
        critical_from: it.critical_from(),
        fumble_to: it.fumble_to(),
        critical_dice: it.critical_dice(),
        save_dc_base: it.save_dc_base(),
        unarmored_class: it.unarmored_class(),
        corpse_seconds: it.corpse_seconds(),
        condition_rounds: it.condition_rounds(),
        rising_percent: it.rising_percent(),
        litter_seconds: it.litter_seconds(),
        pursuit_percent: it.pursuit_percent(),
        dash_percent: it.dash_percent(),
        stand_off_percent: it.stand_off_percent(),
        retreat_percent: it.retreat_percent(),
        ease_percent: it.ease_percent(),
        hand_cells: it.hand_cells(),
        give_cells: it.give_cells(),
        beat_milliseconds: it.beat_milliseconds(),
    })
}

fn condition(place: Place, it: fb::Condition<'_>) -> Decoded<Condition> {
    place.counted("effects", it.effects().len(), limits::CONDITION_EFFECTS_MAX)?;
    let effects =
        it.effects().iter().map(|effect| place.known("effects", effect.0, ConditionEffect::from_schema(effect)));
    Ok(Condition {
        key: Key(it.key()),
        name: it.name().to_owned(),
        effects: effects.collect::<Decoded<_>>()?,
        includes: Conditions(it.includes()),
    })
}

fn dice(it: &fb::Dice) -> Dice {
    Dice { count: it.count(), sides: it.sides(), bonus: it.bonus() }
}

fn action(place: Place, it: fb::Action<'_>) -> Decoded<Action> {
    place.counted("effects", it.effects().len(), limits::EFFECTS_MAX)?;
    let usage = it.usage();
    Ok(Action {
        key: Key(it.key()),
        name: it.name().to_owned(),
        target: target(place, it.target())?,
        attack: it.attack().map(|it| attack(place, it)).transpose()?,
        effects: it.effects().iter().map(|it| effect(place, it)).collect::<Decoded<_>>()?,
        usage: match usage.kind() {
            fb::UsageKind::AtWill => Usage::AtWill,
            fb::UsageKind::Recharge => Usage::Recharge(usage.value()),
            fb::UsageKind::PerDay => Usage::PerDay(usage.value()),
            kind => return Err(place.error("usage", Problem::Unknown(kind.0))),
        },
        weight: it.weight(),
    })
}

fn target(place: Place, it: &fb::Target) -> Decoded<Target> {
    use fb::TargetKind as Kind;
    let size = Feet(it.size());
    let range = Feet(it.range());
    let shape = match it.kind() {
        Kind::Actor => return Ok(Target::Actor),
        Kind::Creatures => return Ok(Target::Creatures { range, count: it.count() }),
        Kind::Sphere => Shape::Sphere { radius: size },
        Kind::Cone => Shape::Cone { length: size },
        Kind::Cube => Shape::Cube { side: size },
        Kind::Line => Shape::Line { length: size, width: Feet(it.width()) },
        kind => return Err(place.error("target", Problem::Unknown(kind.0))),
    };
    Ok(Target::Area { shape, range })
}

fn attack(place: Place, it: &fb::Attack) -> Decoded<Attack> {
    let ability = place.known("attack.ability", it.ability().0, Ability::from_schema(it.ability()))?;
    let bonus = match it.bonus_kind() {
        fb::BonusKind::Fixed => Bonus::Fixed(it.bonus()),
        fb::BonusKind::Spell => Bonus::Spell,
        fb::BonusKind::Weapon => Bonus::Weapon { ability, finesse: it.finesse() },
        kind => return Err(place.error("attack.bonus", Problem::Unknown(kind.0))),
    };
    Ok(Attack {
        bonus,
        reach: Feet(it.reach()),
        range: Feet(it.range()),
        long_range: Feet(it.long_range()),
        magical: it.magical(),
    })
}

fn effect(place: Place, it: fb::Effect<'_>) -> Decoded<Effect> {
    place.counted("effects.damage", it.damage().len(), limits::DAMAGE_MAX)?;
    place.counted("effects.conditions", it.conditions().len(), limits::INFLICTS_MAX)?;
    let save = it.save().map(|save| {
        let ability = place.known("effects.save.ability", save.ability().0, Ability::from_schema(save.ability()))?;
        Ok(Save { ability, dc: Some(save.dc()).filter(|&dc| dc != 0), half: save.half() })
    });
    Ok(Effect {
        save: save.transpose()?,
        damage: (it.damage().iter())
            .map(|it| Damage { dice: dice(it.dice()), kind: DamageTypeIndex(it.kind()), add_ability: it.add_ability() })
            .collect(),
        heal: it.heal().map(dice),
        heal_add_ability: it.heal_add_ability(),
        conditions: (it.conditions().iter())
            .map(|it| Inflict {
                condition: Key(it.condition()),
                rounds: it.rounds(),
                repeat_save: it.repeat_save(),
                escape_dc: it.escape_dc(),
            })
            .collect(),
    })
}

fn creature(place: Place, it: fb::Creature<'_>) -> Decoded<Creature> {
    place.counted("actions", it.actions().len(), limits::CREATURE_ACTIONS_MAX)?;
    place.counted("multiattack", it.multiattack().len(), limits::ROUTINES_MAX)?;
    let (dice_, speeds, defences, behaviour) = (it.hit_dice(), it.speeds(), it.defences(), it.behaviour());
    Ok(Creature {
        key: Key(it.key()),
        name: it.name().to_owned(),
        cells: it.cells(),
        kind: String::from(it.kind()),
        abilities: place.array("abilities", it.abilities().iter())?,
        saves: place.array("saves", it.saves().iter())?,
        armor_class: it.armor_class(),
        hit_points: it.hit_points(),
        hit_dice: dice(dice_),
        speeds: Speeds {
            walk: Feet(speeds.walk()),
            fly: Feet(speeds.fly()),
            swim: Feet(speeds.swim()),
            climb: Feet(speeds.climb()),
            burrow: Feet(speeds.burrow()),
        },
        proficiency: it.proficiency(),
        challenge_eighths: it.challenge_eighths(),
        experience: it.experience(),
        defences: Defences {
            resist: DamageTypes(defences.resist()),
            immune: DamageTypes(defences.immune()),
            vulnerable: DamageTypes(defences.vulnerable()),
            resist_nonmagical: DamageTypes(defences.resist_nonmagical()),
            immune_nonmagical: DamageTypes(defences.immune_nonmagical()),
        },
        condition_immunities: Conditions(it.condition_immunities()),
        awareness: Feet(it.awareness()),
        actions: it.actions().iter().collect(),
        multiattack: it.multiattack().iter().map(|it| routine(place, it)).collect::<Decoded<_>>()?,
        casting: it.casting().map(|it| casting(place, it)).transpose()?,
        behaviour: Behaviour {
            flee_percent: behaviour.flee_percent(),
            keep_distance: Feet(behaviour.keep_distance()),
            prefer_near: behaviour.prefer_near(),
            prefer_weak: behaviour.prefer_weak(),
        },
    })
}

fn routine(place: Place, it: fb::Routine<'_>) -> Decoded<Vec<(u8, u8)>> {
    place.counted("multiattack.strikes", it.strikes().len(), limits::STRIKES_MAX)?;
    Ok(it.strikes().iter().map(|strike| (strike.action(), strike.count())).collect())
}

fn casting(place: Place, it: fb::Casting<'_>) -> Decoded<Casting> {
    place.counted("casting.spells", it.spells().len(), limits::KNOWN_SPELLS_MAX)?;
    place.counted("casting.slotted", it.slotted().len(), limits::KNOWN_SPELLS_MAX)?;
    Ok(Casting {
        ability: place.known("casting.ability", it.ability().0, Ability::from_schema(it.ability()))?,
        save_dc: it.save_dc(),
        attack_bonus: it.attack_bonus(),
        spells: it.spells().iter().map(|known| (known.spell(), known.per_day())).collect(),
        slots: place.array("casting.slots", it.slots().iter())?,
        slotted: it.slotted().iter().collect(),
    })
}

fn spell(it: fb::Spell<'_>) -> Spell {
    Spell {
        key: Key(it.key()),
        name: it.name().to_owned(),
        level: it.level(),
        action: it.action(),
        concentration: it.concentration(),
        rounds: it.rounds(),
    }
}

fn item(place: Place, it: fb::Item<'_>) -> Decoded<Item> {
    let use_ = match it.use_() {
        fb::UseKind::Gear => ItemUse::Gear,
        fb::UseKind::Weapon => ItemUse::Weapon {
            action: it.action(),
            two_handed: it.two_handed(),
            versatile: it.versatile().checked_sub(1),
        },
        fb::UseKind::Armor => ItemUse::Armor {
            base: it.armor_class(),
            dexterity_max: Some(it.armor_dexterity_max()).filter(|&max| max != u8::MAX),
            strength: it.armor_strength(),
        },
        fb::UseKind::Shield => ItemUse::Shield { bonus: it.armor_class() },
        fb::UseKind::Consumable => ItemUse::Consumable { action: it.action() },
        kind => return Err(place.error("use", Problem::Unknown(kind.0))),
    };
    Ok(Item {
        key: Key(it.key()),
        name: it.name().to_owned(),
        cost_copper: it.cost_copper(),
        weight: Fx::from_bits(it.weight()),
        use_,
    })
}
