//! Reading JSON whose shape has varied over the years.
//!
//! Invariant: no shape makes these functions panic; what is not there is `None`, empty or a default. Numbers are taken as
//! their text, so that `0.25` is never a float of ours.

use serde_json::Value;
use tickworld_content::model::Key;

use super::report::ImportReport;

/// The text of a string or number field.
pub(super) fn text(value: &Value, field: &str) -> Option<String> {
    scalar(value.get(field)?)
}

/// A string or number as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, also where it is written as text (`"+5"`, `"30 ft."`).
pub(super) fn int(value: &Value, field: &str) -> Option<i64> {
    leading_int(&text(value, field)?)
}

/// The number with which a text begins; thousands may stand apart (`1,200`, `1 200`, `1'200`).
pub(super) fn leading_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let mut digits = number.get(..end)?.to_owned();
    let mut rest = number.get(end..)?;
    while (1..=3).contains(&end)
        && let Some(group) = rest.strip_prefix([',', '\'', '\u{2019}', '\u{a0}', '\u{202f}'])
        && group.bytes().take_while(u8::is_ascii_digit).count() == 3
    {
        digits.push_str(group.get(..3)?);
        rest = group.get(3..)?;
    }
    let value: i64 = digits.parse().ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}

/// A list field; a single object stands for a list of one.
pub(super) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    match value.get(field) {
        Some(Value::Array(list)) => list,
        Some(object @ Value::Object(_)) => std::slice::from_ref(object),
        _ => &[],
    }
}

/// The texts of a field: of each entry of a list, or of a single text, parted at `separators`.
pub(super) fn texts(value: &Value, field: &str, separators: &[char]) -> Vec<String> {
    let parted = |text: &str| {
        let parts = text.split(separators).map(|part| part.trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    match value.get(field) {
        Some(Value::String(text)) => parted(text),
        Some(Value::Array(list)) => {
            list.iter().filter_map(|entry| scalar(entry).or_else(|| reference(entry))).collect()
        }
        Some(object @ Value::Object(_)) => reference(object).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The name of an entry in content: its `index`, or its title. Where neither has Latin letters it is made of the title's hash,
/// and that is noted.
pub(super) fn key(value: &Value, title: &str, kind: &'static str, report: &mut ImportReport) -> String {
    let index = text(value, "index").map(|it| slug(&it)).filter(|it| !it.is_empty());
    let slug = index.unwrap_or_else(|| slug(title));
    if !slug.is_empty() {
        return slug;
    }
    let made = format!("{kind}-{:016x}", Key::of(kind, title.trim()).0);
    report.note(
        "approximated: a name without Latin letters, which stands under a made-up key",
        format!("{made}: {title}"),
    );
    made
}

/// The categories of an item, in the singular: one, as it was in 2014, or several, as it is in 2024.
pub(super) fn categories(item: &Value) -> Vec<String> {
    let one = item.get("equipment_category").and_then(reference);
    let many = list(item, "equipment_categories").iter().filter_map(reference);
    one.into_iter().chain(many).map(|it| it.strip_suffix('s').map(str::to_owned).unwrap_or(it)).collect()
}

/// All text of a field that is a string or a list of strings.
pub(super) fn prose(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

/// The `index` of a reference, which may also be a plain string, or the last part of its `url`.
pub(super) fn reference(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(slug(text));
    }
    let url = || text(value, "url").and_then(|url| url.rsplit('/').next().map(str::to_owned));
    let name = text(value, "index").or_else(url).or_else(|| text(value, "name"))?;
    Some(slug(&name)).filter(|name| !name.is_empty())
}

/// The reference in a field.
pub(super) fn field_reference(value: &Value, field: &str) -> Option<String> {
    reference(value.get(field)?)
}

/// Lower-case words joined by hyphens: the form of names in content.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(80);
    slug.trim_end_matches('-').to_owned()
}

/// The known damage type in a field.
pub(super) fn damage_type(value: &Value) -> Option<String> {
    field_reference(value, "damage_type").filter(|it| super::DAMAGE_TYPES.contains(&it.as_str()))
}
