//! What every pack keeps: order, ranges, references.
//!
//! Invariant: runs before encoding and after decoding, on the same rules, so neither side can drift. It reads the owned
//! model only, and costs O(n log n) in the size of the pack.

use core::ops::RangeInclusive;

use crate::{
    error::{PackError, Problem},
    limits,
    model::{
        Action, Attack, Bonus, Casting, Condition, Conditions, Constants, Creature, DamageTypes, Dice, Effect, Feet,
        Item, ItemUse, Key, Pack, Shape, Spell, Target, Usage,
    },
};

type Checked = Result<(), PackError>;

/// Refuses the first value that breaks a rule, in the order of the tables.
pub(crate) fn pack(pack: &Pack) -> Checked {
    constants(&pack.constants)?;
    table("damage_types", limits::DAMAGE_TYPES_MAX, &pack.damage_types, |it| (it.key, &it.name), |_, _| Ok(()))?;
    let conditions = |place: Place, it: &Condition| condition(place, it, pack);
    table("conditions", limits::CONDITIONS_MAX, &pack.conditions, |it| (it.key, &it.name), conditions)?;
    table("actions", limits::ACTIONS_MAX, &pack.actions, |it| (it.key, &it.name), |place, it| action(place, it, pack))?;
    table(
        "creatures",
        limits::CREATURES_MAX,
        &pack.creatures,
        |it| (it.key, &it.name),
        |place, it| creature(place, it, pack),
    )?;
    table("spells", limits::SPELLS_MAX, &pack.spells, |it| (it.key, &it.name), |place, it| spell(place, it, pack))?;
    table("items", limits::ITEMS_MAX, &pack.items, |it| (it.key, &it.name), |place, it| item(place, it, pack))?;
    replacements(pack)
}

/// What is gone is gone, what stands for it is there, and each has one: no look-up takes more than two steps.
fn replacements(pack: &Pack) -> Checked {
    let head = Place { table: "replacements", row: 0 };
    head.counted("count", pack.replacements.len(), limits::REPLACEMENTS_MAX)?;
    let is_there = |key: Key| {
        let creatures = pack.creatures.binary_search_by_key(&key, |it| it.key).is_ok();
        let spells = pack.spells.binary_search_by_key(&key, |it| it.key).is_ok();
        let items = pack.items.binary_search_by_key(&key, |it| it.key).is_ok();
        creatures || spells || items || pack.conditions.binary_search_by_key(&key, |it| it.key).is_ok()
    };
    let mut previous = None;
    for (row, it) in pack.replacements.iter().enumerate() {
        let place = Place { row, ..head };
        if previous.is_some_and(|previous| it.removed <= previous) {
            return place.fail("removed", Problem::Order);
        }
        previous = Some(it.removed);
        if is_there(it.removed) {
            return place.fail("removed", Problem::StillThere(it.removed.0));
        }
        if !is_there(it.by) {
            return place.fail("by", Problem::Dangling(it.by.0));
        }
    }
    Ok(())
}

/// The place of an entry in a pack, for messages.
#[derive(Clone, Copy)]
struct Place {
    table: &'static str,
    row: usize,
}

impl Place {
    fn fail(self, field: &'static str, problem: Problem) -> Checked {
        Err(PackError::Invalid { table: self.table, row: self.row, field, problem })
    }

    fn range<T: Copy + Into<i64> + PartialOrd>(
        self,
        field: &'static str,
        value: T,
        bounds: RangeInclusive<T>,
    ) -> Checked {
        if bounds.contains(&value) {
            return Ok(());
        }
        let (value, min, max) = (value.into(), (*bounds.start()).into(), (*bounds.end()).into());
        self.fail(field, Problem::Range { value, min, max })
    }

    fn feet(self, field: &'static str, value: Feet) -> Checked {
        self.range(field, value.0, 0..=limits::FEET_MAX)
    }

    fn counted(self, field: &'static str, count: usize, max: usize) -> Checked {
        if count > max { self.fail(field, Problem::Count { count, max }) } else { Ok(()) }
    }

    fn index(self, field: &'static str, index: impl Into<u64>, count: usize) -> Checked {
        let index = index.into();
        if index >= count as u64 { self.fail(field, Problem::Index { index, count }) } else { Ok(()) }
    }

    fn dice(self, field: &'static str, dice: Dice) -> Checked {
        let Dice { count, sides, bonus } = dice;
        if (count == 0) != (sides == 0) || sides > limits::DICE_SIDES_MAX {
            return self.fail(field, Problem::Dice { count, sides });
        }
        self.range(field, bonus, -limits::DICE_BONUS_MAX..=limits::DICE_BONUS_MAX)
    }

    fn set(self, field: &'static str, bits: u64, count: usize) -> Checked {
        let highest = u64::from(64_u32.saturating_sub(bits.leading_zeros()));
        if highest > count as u64 {
            self.fail(field, Problem::Index { index: highest.saturating_sub(1), count })
        } else {
            Ok(())
        }
    }

    fn damage_types(self, field: &'static str, set: DamageTypes, pack: &Pack) -> Checked {
        self.set(field, set.0, pack.damage_types.len())
    }

    fn conditions(self, field: &'static str, set: Conditions, pack: &Pack) -> Checked {
        self.set(field, set.0, pack.conditions.len())
    }

    fn ascending<T: PartialOrd>(self, field: &'static str, list: &[T]) -> Checked {
        if list.is_sorted_by(|a, b| a < b) { Ok(()) } else { self.fail(field, Problem::Order) }
    }
}

fn table<T>(
    name: &'static str,
    max: usize,
    entries: &[T],
    head: impl Fn(&T) -> (Key, &str),
    check: impl Fn(Place, &T) -> Checked,
) -> Checked {
    Place { table: name, row: 0 }.counted("count", entries.len(), max)?;
    let mut previous = None;
    for (row, entry) in entries.iter().enumerate() {
        let place = Place { table: name, row };
        let (key, title) = head(entry);
        if previous.is_some_and(|previous| key <= previous) {
            return place.fail("key", Problem::Order);
        }
        previous = Some(key);
        place.counted("name", title.len(), limits::NAME_BYTES_MAX)?;
        check(place, entry)?;
    }
    Ok(())
}

fn constants(it: &Constants) -> Checked {
    let place = Place { table: "constants", row: 0 };
    place.range("round_seconds", it.round_seconds, 1..=3600)?;
    place.range("cell_feet", it.cell_feet, 1..=1000)?;
    let (count, exactly) = (it.ability_modifiers.len(), limits::ABILITY_MODIFIERS);
    if count != exactly {
        return place.fail("ability_modifiers", Problem::Length { count, exactly });
    }
    place.counted("proficiency_by_level", it.proficiency_by_level.len(), limits::PROFICIENCY_LEVELS_MAX)?;
    if it.proficiency_by_level.is_empty() {
        return place.fail("proficiency_by_level", Problem::Length { count: 0, exactly: 1 });
    }
    place.range("critical_from", it.critical_from, 2..=21)?;
    place.range("fumble_to", it.fumble_to, 0..=19)?;
    place.range("critical_dice", it.critical_dice, 1..=10)?;
    place.range("condition_rounds", it.condition_rounds, 1..=u16::MAX)?;
    // All of the speed would leave nothing to walk with.
    place.range("rising_percent", it.rising_percent, 0..=99)?;
    place.range("pursuit_percent", it.pursuit_percent, 100..=1_000)?;
    place.range("dash_percent", it.dash_percent, 100..=1_000)?;
    place.range("stand_off_percent", it.stand_off_percent, 1..=100)?;
    place.range("retreat_percent", it.retreat_percent, 0..=100)?;
    place.range("ease_percent", it.ease_percent, 0..=100)?;
    place.range("beat_milliseconds", it.beat_milliseconds, 1..=60_000)?;
    Ok(())
}

fn condition(place: Place, it: &Condition, pack: &Pack) -> Checked {
    place.counted("effects", it.effects.len(), limits::CONDITION_EFFECTS_MAX)?;
    place.ascending("effects", &it.effects)?;
    place.conditions("includes", it.includes, pack)
}

fn action(place: Place, it: &Action, pack: &Pack) -> Checked {
    match it.target {
        Target::Actor => {}
        Target::Creatures { range, count } => {
            place.feet("target.range", range)?;
            place.range("target.count", count, 1..=u8::MAX)?;
        }
        Target::Area { shape, range } => {
            place.feet("target.range", range)?;
            let (size, width) = match shape {
                Shape::Sphere { radius } => (radius, Feet(1)),
                Shape::Cone { length } => (length, Feet(1)),
                Shape::Line { length, width } => (length, width),
                Shape::Cube { side } => (side, Feet(1)),
            };
            place.range("target.size", size.0, 1..=limits::FEET_MAX)?;
            place.range("target.width", width.0, 1..=limits::FEET_MAX)?;
        }
    }
    if let Some(it) = it.attack {
        attack(place, it)?;
    }
    match it.usage {
        Usage::AtWill => {}
        Usage::Recharge(from) => place.range("usage", from, 2..=limits::RECHARGE_MAX)?,
        Usage::PerDay(times) => place.range("usage", times, 1..=u8::MAX)?,
    }
    place.counted("effects", it.effects.len(), limits::EFFECTS_MAX)?;
    it.effects.iter().try_for_each(|it| effect(place, it, pack))
}

fn attack(place: Place, it: Attack) -> Checked {
    if let Bonus::Fixed(bonus) = it.bonus {
        place.range("attack.bonus", bonus, -100..=100)?;
    }
    place.feet("attack.reach", it.reach)?;
    place.feet("attack.range", it.range)?;
    place.range("attack.long_range", it.long_range.0, it.range.0..=limits::FEET_MAX)
}

fn effect(place: Place, it: &Effect, pack: &Pack) -> Checked {
    if let Some(save) = it.save
        && let Some(dc) = save.dc
    {
        place.range("effects.save.dc", dc, 1..=100)?;
    }
    place.counted("effects.damage", it.damage.len(), limits::DAMAGE_MAX)?;
    for damage in &it.damage {
        place.dice("effects.damage.dice", damage.dice)?;
        place.index("effects.damage.kind", damage.kind.0, pack.damage_types.len())?;
    }
    match it.heal {
        Some(heal) => place.dice("effects.heal", heal)?,
        None if it.heal_add_ability => return place.fail("effects.heal_add_ability", Problem::Meaningless),
        None => {}
    }
    place.counted("effects.conditions", it.conditions.len(), limits::INFLICTS_MAX)?;
    for inflict in &it.conditions {
        if pack.find_condition(inflict.condition).is_none() {
            return place.fail("effects.conditions", Problem::Dangling(inflict.condition.0));
        }
        place.range("effects.conditions.escape_dc", inflict.escape_dc, 0..=100)?;
    }
    Ok(())
}

fn creature(place: Place, it: &Creature, pack: &Pack) -> Checked {
    place.range("cells", it.cells, 1..=limits::CELLS_MAX)?;
    place.counted("kind", it.kind.len(), limits::NAME_BYTES_MAX)?;
    it.abilities.iter().try_for_each(|&score| place.range("abilities", score, 0..=limits::ABILITY_SCORE_MAX))?;
    place.range("hit_points", it.hit_points, 1..=u16::MAX)?;
    place.dice("hit_dice", it.hit_dice)?;
    let speeds = it.speeds;
    [speeds.walk, speeds.fly, speeds.swim, speeds.climb, speeds.burrow]
        .into_iter()
        .try_for_each(|speed| place.feet("speeds", speed))?;
    let defences = it.defences;
    place.damage_types("defences.resist", defences.resist, pack)?;
    place.damage_types("defences.immune", defences.immune, pack)?;
    place.damage_types("defences.vulnerable", defences.vulnerable, pack)?;
    place.damage_types("defences.resist_nonmagical", defences.resist_nonmagical, pack)?;
    place.damage_types("defences.immune_nonmagical", defences.immune_nonmagical, pack)?;
    place.conditions("condition_immunities", it.condition_immunities, pack)?;
    place.feet("awareness", it.awareness)?;
    place.counted("actions", it.actions.len(), limits::CREATURE_ACTIONS_MAX)?;
    it.actions.iter().try_for_each(|&action| place.index("actions", action, pack.actions.len()))?;
    place.counted("multiattack", it.multiattack.len(), limits::ROUTINES_MAX)?;
    for routine in &it.multiattack {
        place.counted("multiattack.strikes", routine.len(), limits::STRIKES_MAX)?;
        if routine.is_empty() {
            return place.fail("multiattack.strikes", Problem::Length { count: 0, exactly: 1 });
        }
        for &(action, count) in routine {
            place.index("multiattack.action", action, it.actions.len())?;
            place.range("multiattack.count", count, 1..=limits::STRIKE_REPEATS_MAX)?;
        }
    }
    if let Some(it) = &it.casting {
        casting(place, it, pack)?;
    }
    place.range("behaviour.flee_percent", it.behaviour.flee_percent, 0..=100)?;
    place.feet("behaviour.keep_distance", it.behaviour.keep_distance)
}

fn casting(place: Place, it: &Casting, pack: &Pack) -> Checked {
    place.range("casting.save_dc", it.save_dc, 1..=100)?;
    place.range("casting.attack_bonus", it.attack_bonus, -100..=100)?;
    place.counted("casting.spells", it.spells.len(), limits::KNOWN_SPELLS_MAX)?;
    place.counted("casting.slotted", it.slotted.len(), limits::KNOWN_SPELLS_MAX)?;
    place.ascending("casting.spells", &it.spells)?;
    place.ascending("casting.slotted", &it.slotted)?;
    it.spells.iter().try_for_each(|&(spell, _)| place.index("casting.spells", spell, pack.spells.len()))?;
    for &position in &it.slotted {
        place.index("casting.slotted", position, pack.spells.len())?;
        let level = pack.spells.get(position as usize).map_or(0, |spell| spell.level);
        place.range("casting.slotted.level", level, 1..=limits::SPELL_LEVEL_MAX)?;
    }
    Ok(())
}

fn spell(place: Place, it: &Spell, pack: &Pack) -> Checked {
    place.range("level", it.level, 0..=limits::SPELL_LEVEL_MAX)?;
    place.index("action", it.action, pack.actions.len())
}

fn item(place: Place, it: &Item, pack: &Pack) -> Checked {
    if it.weight.is_negative() {
        return place.fail("weight", Problem::Range { value: it.weight.floor(), min: 0, max: i64::from(u32::MAX) });
    }
    match it.use_ {
        ItemUse::Gear => Ok(()),
        ItemUse::Weapon { action, versatile, .. } => {
            place.index("use.action", action, pack.actions.len())?;
            versatile.map_or(Ok(()), |versatile| place.index("use.versatile", versatile, pack.actions.len()))
        }
        ItemUse::Armor { base, dexterity_max, strength } => {
            place.range("use.base", base, 1..=100)?;
            place.range("use.dexterity_max", dexterity_max.unwrap_or(0), 0..=100)?;
            place.range("use.strength", strength, 0..=limits::ABILITY_SCORE_MAX)
        }
        ItemUse::Shield { bonus } => place.range("use.bonus", bonus, 1..=100),
        ItemUse::Consumable { action } => place.index("use.action", action, pack.actions.len()),
    }
}
