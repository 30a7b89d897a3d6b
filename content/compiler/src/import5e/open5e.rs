//! Entries as Open5e's interface (version 1) gives them, in the words of the 5e-database project.
//!
//! Invariant: a translation adds no fact. Fields are renamed; what Open5e has only as prose (saves, damage, who strikes how
//! often) is read by the same phrases as all prose, and what those do not know is noted where every entry's rest is.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{json as read, prose};

/// Translates an entry of Open5e; any other is given back as it is.
pub(super) fn translated(entry: Value) -> Value {
    let Value::Object(fields) = &entry else { return entry };
    if fields.contains_key("index") || !fields.contains_key("slug") {
        return entry;
    }
    let has = |names: [&str; 2]| names.iter().all(|name| fields.contains_key(*name));
    let mut out = fields.clone();
    out.insert("index".into(), fields.get("slug").cloned().unwrap_or_default());
    if read::text(&entry, "document__slug").as_deref() == Some("wotc-srd") {
        out.insert("url".into(), "/api/2014/".into());
    }
    if has(["hit_points", "hit_dice"]) {
        monster(&entry, &mut out);
    } else if has(["school", "casting_time"]) {
        spell(&entry, &mut out);
    } else if has(["damage_dice", "damage_type"]) {
        weapon(&entry, &mut out);
    } else if fields.contains_key("base_ac") {
        armor(&entry, &mut out);
    } else if has(["rarity", "type"]) {
        let kind = read::text(&entry, "type").unwrap_or_default();
        let kind = kind.split('(').next().unwrap_or_default().trim().to_lowercase();
        out.insert("equipment_category".into(), json!({ "index": kind }));
    }
    Value::Object(out)
}

fn monster(entry: &Value, out: &mut Map<String, Value>) {
    let saves = ["strength", "dexterity", "constitution", "intelligence", "wisdom", "charisma"].into_iter().filter_map(
        |name| {
            let bonus = read::int(entry, &format!("{name}_save"))?;
            Some(json!({ "value": bonus, "proficiency": { "index": format!("saving-throw-{}", name.get(..3)?) } }))
        },
    );
    out.insert("proficiencies".into(), Value::Array(saves.collect()));
    // Its own dice are those of the field, its damage that of the prose, which names the kind.
    let actions = read::list(entry, "actions");
    let plain = actions.iter().map(|action| {
        let mut action = action.clone();
        if let Value::Object(fields) = &mut action {
            fields.remove("damage_dice");
            fields.remove("damage_bonus");
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
            if name.starts_with("Multiattack") {
                let text = prose::normal(fields.get("desc").and_then(Value::as_str).unwrap_or_default());
                fields.extend(multiattack(&text, actions));
            }
        }
        action
    });
    out.insert("actions".into(), Value::Array(plain.collect()));
}

static STRIKES: LazyLock<Regex> = LazyLock::new(|| {
    let counts = "(one|two|three|four|five|six)";
    let text = format!(
        r"{counts} (?:attacks? )?(?:with its|with her|with his|with their) ([a-z' -]+?)(?:,| and\b| or\b|\.|$)|{counts} ([a-z' -]+?) attacks?\b"
    );
    Regex::new(&text).expect("a pattern of this file: every import compiles all of them first")
});

/// Compiles the patterns of this file, as `prose` does with its own.
pub(super) fn compile_all() {
    LazyLock::force(&STRIKES);
}

/// "makes three attacks: one with its bite and two with its claws", as structure: whom a sentence names and the stat block has.
/// Where it offers a choice ("or", "alternatively"), what stands before it is taken.
fn multiattack(text: &str, actions: &[Value]) -> Map<String, Value> {
    let first = ["alternatively", " or ", " in place of "].iter().filter_map(|word| text.find(word)).min();
    let text = text.get(..first.unwrap_or(text.len())).unwrap_or(text);
    let singular = |name: &str| read::slug(name.split('(').next().unwrap_or(name)).trim_end_matches('s').to_owned();
    let known = |name: &str| {
        let names = actions.iter().filter_map(|action| read::text(action, "name"));
        names.into_iter().find(|known| singular(known) == singular(name))
    };
    let strikes = STRIKES.captures_iter(text).filter_map(|it| {
        let (count, name) = it.get(1).zip(it.get(2)).or_else(|| it.get(3).zip(it.get(4)))?;
        let count = ["one", "two", "three", "four", "five", "six"].iter().position(|word| *word == count.as_str())? + 1;
        Some(json!({ "action_name": known(name.as_str())?, "count": count }))
    });
    let strikes: Vec<Value> = strikes.collect();
    if strikes.is_empty() { Map::new() } else { Map::from_iter([("actions".to_owned(), Value::Array(strikes))]) }
}

fn spell(entry: &Value, out: &mut Map<String, Value>) {
    let desc = prose::normal(&read::prose(entry, "desc"));
    let level = read::int(entry, "spell_level").or_else(|| read::int(entry, "level_int")).unwrap_or(0);
    out.insert("level".into(), level.into());
    let concentration = entry.get("requires_concentration").or_else(|| entry.get("concentration"));
    out.insert("concentration".into(), concentration.cloned().unwrap_or_default());
    let by_level = |dice: String| Value::Object(Map::from_iter([(level.max(1).to_string(), Value::from(dice))]));
    if let Some((_, save)) = prose::saves(&desc).first() {
        let half = if prose::halves(&desc) { "half" } else { "none" };
        let ability = crate::text::write_ability(save.ability);
        out.insert("dc".into(), json!({ "dc_type": { "index": ability }, "dc_success": half }));
    }
    if let Some((_, damage)) = prose::damages(&desc).first() {
        let dice = crate::text::write_dice(damage.dice);
        let table = json!({ "damage_type": { "index": damage.kind }, "damage_at_slot_level": by_level(dice) });
        out.insert("damage".into(), table);
    }
    if let Some((_, dice)) = prose::heal(&desc) {
        out.insert("heal_at_slot_level".into(), by_level(crate::text::write_dice(dice)));
    }
    if let Some((shape, _)) = prose::area(&desc) {
        use tickworld_content::model::Shape;
        let area = match shape {
            Shape::Cone { length } => Some(("cone", length)),
            Shape::Line { length, .. } => Some(("line", length)),
            Shape::Cube { side } => Some(("cube", side)),
            Shape::Sphere { radius } => Some(("sphere", radius)),
            _ => None,
        };
        out.extend(area.map(|(kind, size)| ("area_of_effect".to_owned(), json!({ "type": kind, "size": size.0 }))));
    }
}

/// "20/60" in "thrown (range 20/60)".
fn range(property: &str) -> Option<Value> {
    let (near, far) = property.split_once("range ")?.1.trim_end_matches(')').split_once('/')?;
    Some(json!({ "normal": read::leading_int(near)?, "long": read::leading_int(far)? }))
}

fn categories(entry: &Value, also: &str) -> Value {
    let named = read::text(entry, "category").unwrap_or_default();
    json!([{ "index": read::slug(&named) }, { "index": also }])
}

fn weapon(entry: &Value, out: &mut Map<String, Value>) {
    let damage_type = json!({ "index": read::text(entry, "damage_type").unwrap_or_default() });
    let properties = read::texts(entry, "properties", &[',']);
    let word = |property: &String| property.split('(').next().unwrap_or_default().trim().to_lowercase();
    let with = |name: &str| properties.iter().find(|property| word(property) == name);
    out.insert("equipment_categories".into(), categories(entry, "weapons"));
    out.insert("damage".into(), json!({ "damage_dice": read::text(entry, "damage_dice"), "damage_type": damage_type }));
    out.insert("properties".into(), properties.iter().map(|it| json!({ "index": word(it) })).collect());
    if let Some(dice) = with("versatile").and_then(|it| it.split('(').nth(1)) {
        let dice = dice.trim_end_matches(')');
        out.insert("two_handed_damage".into(), json!({ "damage_dice": dice, "damage_type": damage_type }));
    }
    out.extend(with("ammunition").and_then(|it| range(it)).map(|range| ("range".to_owned(), range)));
    if let Some(range) = with("thrown").and_then(|it| range(it)) {
        out.insert("throw_range".into(), range.clone());
        out.entry("range").or_insert(range);
    }
    weight(entry, out);
}

fn armor(entry: &Value, out: &mut Map<String, Value>) {
    let category = read::text(entry, "category").unwrap_or_default();
    // Spells and features of classes stand among the armour.
    if !category.ends_with("Armor") && category != "Shield" || category.starts_with("No ") {
        out.remove("index");
        out.remove("name");
        return;
    }
    let max = read::int(entry, "plus_max").filter(|max| *max > 0);
    let base = read::int(entry, "base_ac").filter(|base| *base > 0).or_else(|| read::int(entry, "plus_flat_mod"));
    let class = json!({ "base": base, "dex_bonus": entry.get("plus_dex_mod"), "max_bonus": max });
    out.insert("equipment_categories".into(), categories(entry, "armor"));
    out.insert("armor_class".into(), class);
    out.extend(entry.get("strength_requirement").map(|least| ("str_minimum".to_owned(), least.clone())));
    weight(entry, out);
}

/// "4 lb." as a number of pounds.
fn weight(entry: &Value, out: &mut Map<String, Value>) {
    let text = read::text(entry, "weight").unwrap_or_default();
    let pounds = text.trim_end_matches('.').trim_end_matches("lb").trim().to_owned();
    out.insert("weight".into(), pounds.into());
}
