//! Actions: targets, attacks, groups of effects.

use tickworld_content::{
    limits,
    model::{Ability, Action, Attack, Bonus, Damage, DamageTypeIndex, Effect, Feet, Inflict, Key, Save, Target, Usage},
};

use crate::{
    kind::Kind,
    lower::reader::{Fields, Reader},
    text,
    yaml::{Node, Value},
};

/// The fields that make an action, wherever it stands.
pub(crate) const ACTION_FIELDS: [&str; 8] =
    ["name", "target", "targets", "range", "area", "attack", "effects", "usage"];

/// Reads an action from the fields of its owner or its own.
pub(crate) fn action<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>, key: Key, name: String) -> Action {
    let attack = fields.optional("attack").map(|node| attack(reader, node));
    let target = target(reader, fields, attack);
    let usage = fields.optional("usage").and_then(|node| reader.parsed(node, text::parse_usage));
    let weight = fields.optional("weight").map(|node| reader.int(Some(node), 0, 10_000));
    Action {
        key,
        name,
        target,
        attack,
        effects: effects(reader, fields.optional("effects")),
        usage: usage.unwrap_or(Usage::AtWill),
        weight: weight.unwrap_or(100),
    }
}

/// A list of effect groups.
pub(crate) fn effects<'n>(reader: &mut Reader<'_, 'n>, node: Option<&'n Node>) -> Vec<Effect> {
    reader.list(node, limits::EFFECTS_MAX).iter().map(|node| effect(reader, node)).collect()
}

fn target<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>, attack: Option<Attack>) -> Target {
    let range = reader.scalar(fields.optional("range"), |text| text::parse_feet(text).map(|feet| feet.0));
    let range = Feet(range);
    let exclusive = ["target", "targets", "area"].map(|name| fields.optional(name));
    let given: Vec<&Node> = exclusive.into_iter().flatten().collect();
    if let [_, second, ..] = given[..] {
        let message = "only one of `target`, `targets` and `area` says whom an action reaches";
        reader.report(second.span, message, None);
    }
    if let [Some(node), ..] = exclusive {
        reader.scalar(Some(node), |text| match text {
            "self" => Ok(()),
            _ => Err(format!("`{text}` is no target: only self; use targets, range or area for others")),
        });
        return Target::Actor;
    }
    if let [.., Some(node)] = exclusive
        && let Some(shape) = reader.parsed(node, text::parse_area)
    {
        return Target::Area { shape, range };
    }
    let count = fields.optional("targets").map_or(1, |node| reader.int(Some(node), 1, 255));
    // An attack says itself how far it goes.
    let reached = attack.map(|it| it.reach.max(it.long_range));
    if let (Some(_), Some(node)) = (reached, fields.optional("range")) {
        reader.report(node.span, "an attack has its range in `attack`", None);
    }
    Target::Creatures { range: reached.unwrap_or(range), count }
}

fn attack<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> Attack {
    let fields = reader.fields(node, &["bonus", "reach", "range", "magical"]);
    let bonus = reader.require(&fields, "bonus");
    let bonus = bonus.and_then(|node| reader.parsed(node, parse_bonus)).unwrap_or(Bonus::Spell);
    let reach = fields.optional("reach").and_then(|node| reader.parsed(node, text::parse_feet));
    let ranges = fields.optional("range").and_then(|node| reader.parsed(node, text::parse_range));
    if fields.optional("reach").is_none() && fields.optional("range").is_none() {
        reader.report(fields.span, "an attack needs `reach`, `range` or both", None);
    }
    let (range, long_range) = ranges.unwrap_or((Feet(0), Feet(0)));
    let magical = reader.flag(fields.optional("magical"));
    Attack { bonus, reach: reach.unwrap_or(Feet(0)), range, long_range, magical }
}

fn parse_bonus(text: &str) -> text::Parsed<Bonus> {
    match text {
        "spell" => Ok(Bonus::Spell),
        "weapon finesse" => Ok(Bonus::Weapon { ability: Ability::Strength, finesse: true }),
        _ => match text.strip_prefix("weapon ") {
            Some(ability) => Ok(Bonus::Weapon { ability: text::parse_ability(ability)?, finesse: false }),
            None => {
                let bad =
                    |_| format!("`{text}` is not an attack bonus, such as 5, spell, weapon str or weapon finesse");
                let bonus = text::parse_int(text, -100, 100).map_err(bad)?;
                Ok(Bonus::Fixed(i16::try_from(bonus).unwrap_or(0)))
            }
        },
    }
}

fn effect<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> Effect {
    let fields = reader.fields(node, &["save", "damage", "heal", "conditions"]);
    let save = fields.optional("save").and_then(|node| reader.parsed(node, text::parse_save));
    let damage = reader.list(fields.optional("damage"), limits::DAMAGE_MAX);
    let damage: Vec<_> = damage.iter().filter_map(|node| self::damage(reader, node)).collect();
    let heal = fields.optional("heal").and_then(|node| reader.parsed(node, text::parse_roll));
    let conditions = reader.list(fields.optional("conditions"), limits::INFLICTS_MAX);
    let conditions: Vec<_> = conditions.iter().map(|node| inflict(reader, node)).collect();
    if fields.is_empty() {
        reader.report(
            node.span,
            "an effect that does nothing",
            Some("give it damage, heal, conditions or save".into()),
        );
    }
    Effect {
        save: save.map(|(ability, dc, half)| Save { ability, dc, half }),
        damage,
        heal: heal.map(|(dice, _)| dice),
        heal_add_ability: heal.is_some_and(|(_, add)| add),
        conditions,
    }
}

/// Reads damage such as `2d6+3 slashing`.
fn damage<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> Option<Damage> {
    let (dice, add_ability, kind) = reader.parsed(node, |text| {
        let bad = || format!("`{text}` is not damage, such as 2d6+3 slashing");
        let (roll, kind) = text.rsplit_once(' ').ok_or_else(bad)?;
        let (dice, add_ability) = text::parse_damage_roll(roll)?;
        Ok((dice, add_ability, kind.to_owned()))
    })?;
    let mut span = node.span;
    let kind_length = u32::try_from(kind.chars().count()).unwrap_or(0);
    if span.length > kind_length && matches!(node.value, Value::Scalar { plain: true, .. }) {
        span.start += span.length - kind_length;
        span.length = kind_length;
    }
    let position = reader.position(Kind::DamageType, &kind, span)?;
    Some(Damage { dice, kind: DamageTypeIndex(u8::try_from(position).ok()?), add_ability })
}

fn inflict<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> Inflict {
    if matches!(node.value, Value::Scalar { .. }) {
        return Inflict { condition: reader.key(Kind::Condition, node), rounds: 0, repeat_save: false, escape_dc: 0 };
    }
    let fields = reader.fields(node, &["inflict", "rounds", "repeat_save", "escape_dc"]);
    let condition = reader.require(&fields, "inflict").map(|node| reader.key(Kind::Condition, node));
    Inflict {
        condition: condition.unwrap_or(Key(0)),
        rounds: reader.int(fields.optional("rounds"), 0, u16::MAX.into()),
        repeat_save: reader.flag(fields.optional("repeat_save")),
        escape_dc: reader.int(fields.optional("escape_dc"), 0, 100),
    }
}
