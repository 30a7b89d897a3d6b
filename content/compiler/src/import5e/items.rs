//! Equipment, and magic items that heal when drunk.

use serde_json::Value;

use super::{
    draft::{ActionDraft, AttackDraft, DamageDraft, EffectDraft, ReachDraft, Yaml, flow_attack, quoted},
    json, prose,
    report::ImportReport,
};
use crate::text;

/// The item as YAML, with its name and the file it belongs in; `None` where nothing of it can be expressed.
pub(super) fn item(item: &Value, magic: bool, report: &mut ImportReport) -> Option<(String, String, String)> {
    let name = json::text(item, "name")?;
    let slug = json::key(item, &name, "item", report);
    let place = format!("item/{slug}");
    let mut yaml = Yaml::default();
    yaml.line(1, &format!("{slug}:"));
    yaml.field(2, "name", &quoted(&name));
    if magic {
        potion(&mut yaml, item, &place, report)?;
        return Some((slug, "items/potions.yaml".to_owned(), yaml.text));
    }
    if let Some(cost) = cost(item) {
        yaml.field(2, "cost", &cost);
    } else {
        report.note("an item without a price", &place);
    }
    if let Some(weight) =
        json::text(item, "weight").map(|it| format!("{it} lb")).filter(|it| text::parse_weight(it).is_ok())
    {
        yaml.field(2, "weight", &weight);
    }
    if json::int(item, "quantity").is_some_and(|it| it > 1) {
        report.note("approximated: price and weight are of a bundle", &place);
    }
    let file = if item.get("weapon_range").is_some() || is_of(item, "weapon") {
        weapon(&mut yaml, item, &place, report);
        "weapons"
    } else if item.get("armor_class").is_some() {
        armor(&mut yaml, item, &place, report);
        "armor"
    } else {
        "gear"
    };
    Some((slug, format!("items/{file}.yaml"), yaml.text))
}

/// Whether an item is of a category, by itself or in a longer word (`simple-melee-weapon`).
fn is_of(item: &Value, category: &str) -> bool {
    json::categories(item).iter().any(|it| it == category || it.ends_with(&format!("-{category}")))
}

fn cost(item: &Value) -> Option<String> {
    let cost = item.get("cost")?;
    let text = match cost.as_str() {
        Some(text) => text.replace(',', ""),
        None => format!("{} {}", json::text(cost, "quantity")?, json::text(cost, "unit")?),
    };
    text::parse_cost(&text).is_ok().then_some(text)
}

fn damage(item: &Value, field: &str) -> Option<DamageDraft> {
    let damage = item.get(field)?;
    let (dice, _) = text::parse_damage_roll(&json::text(damage, "damage_dice")?).ok()?;
    Some(DamageDraft { dice, add_ability: true, kind: json::damage_type(damage)? })
}

fn weapon(yaml: &mut Yaml, item: &Value, place: &str, report: &mut ImportReport) {
    let properties: Vec<_> = json::list(item, "properties").iter().filter_map(json::reference).collect();
    let has = |name: &str| properties.iter().any(|it| it == name);
    let ranged = json::text(item, "weapon_range").is_some_and(|it| it.eq_ignore_ascii_case("ranged"))
        || is_of(item, "ranged-weapon");
    let Some(damage) = damage(item, "damage") else {
        report.note("a weapon without damage is gear", place);
        return;
    };
    let pair = |field: &str| {
        let range = item.get(field)?;
        let near = json::int(range, "normal").and_then(|it| u16::try_from(it).ok()).filter(|it| *it <= 60_000)?;
        let far = json::int(range, "long").and_then(|it| u16::try_from(it).ok()).filter(|it| *it <= 60_000);
        Some((near, far.unwrap_or(near).max(near)))
    };
    // SRD 5.1 p. 64 to 66: five feet of reach, ten with the property; melee weapons use Strength, ranged ones Dexterity.
    let reach = (!ranged).then_some(if has("reach") { 10 } else { 5 });
    let range = if ranged { pair("range").or(Some((5, 5))) } else { pair("throw_range") };
    let ability = if ranged { "dex" } else { "str" };
    let bonus = format!("weapon {}", if has("finesse") { "finesse" } else { ability });
    yaml.line(2, "weapon:");
    yaml.field(3, "attack", &flow_attack(&AttackDraft { bonus, reach, range, magical: false }));
    yaml.effects(3, "effects", &[EffectDraft { damage: vec![damage], ..EffectDraft::default() }]);
    if has("two-handed") {
        yaml.field(3, "two_handed", "true");
    }
    if let Some(damage) = self::damage(item, "two_handed_damage") {
        yaml.effects(3, "versatile", &[EffectDraft { damage: vec![damage], ..EffectDraft::default() }]);
    }
    let known = ["finesse", "reach", "two-handed", "versatile", "thrown"];
    for property in properties.iter().filter(|it| !known.contains(&it.as_str())) {
        report.note("a weapon property that the rules do not know", format!("{place}: {property}"));
    }
}

fn armor(yaml: &mut Yaml, item: &Value, place: &str, report: &mut ImportReport) {
    let class = item.get("armor_class").unwrap_or(&Value::Null);
    let base = json::int(class, "base").unwrap_or(10).clamp(1, 100);
    if json::text(item, "armor_category").is_some_and(|it| it.eq_ignore_ascii_case("shield")) || is_of(item, "shield") {
        yaml.field(2, "shield", &base.to_string());
        return;
    }
    let dexterity = class.get("dex_bonus").and_then(Value::as_bool).unwrap_or(false);
    let max = json::int(class, "max_bonus").map(|it| it.clamp(0, 100));
    let max = if dexterity { max } else { Some(0) };
    let max = max.map(|it| format!(", dexterity_max: {it}")).unwrap_or_default();
    let strength = json::int(item, "str_minimum").filter(|it| (1..=30).contains(it));
    let strength = strength.map(|it| format!(", strength: {it}")).unwrap_or_default();
    yaml.field(2, "armor", &format!("{{base: {base}{max}{strength}}}"));
    if item.get("stealth_disadvantage").and_then(Value::as_bool) == Some(true) {
        report.note("stealth: the rules do not know it", place);
    }
}

fn potion(yaml: &mut Yaml, item: &Value, place: &str, report: &mut ImportReport) -> Option<()> {
    let healing = prose::heal(&prose::normal(&json::prose(item, "desc")));
    let (Some((_, dice)), true) = (healing, is_of(item, "potion")) else {
        report.note("a magic item that the rules do not know", place);
        return None;
    };
    yaml.line(2, "consume:");
    let draft = ActionDraft {
        slug: String::new(),
        name: String::new(),
        reach: ReachDraft::Actor,
        attack: None,
        effects: vec![EffectDraft { heal: Some((dice, false)), ..EffectDraft::default() }],
        usage: tickworld_content::model::Usage::AtWill,
        weight: 100,
    };
    yaml.action_body(3, &draft.within_limits(place, report));
    Some(())
}
