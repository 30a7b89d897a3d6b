//! What stands for entries that are gone.

use std::collections::BTreeMap;

use tickworld_content::model::{Key, Replacement};

use crate::{kind::Kind, lower::reader::Reader, text};

/// Kinds whose entries worlds hold by key.
const REPLACEABLE: [Kind; 4] = [Kind::Condition, Kind::Creature, Kind::Spell, Kind::Item];

/// What stands for entries that are gone, in pack order.
pub(crate) fn replacements(reader: &mut Reader<'_, '_>) -> Vec<Replacement> {
    let names = reader.names;
    let mut all = BTreeMap::new();
    for (source, body) in &names.replaced {
        reader.enter(source);
        let fields = reader.fields(body, &REPLACEABLE.map(Kind::section));
        for kind in REPLACEABLE {
            let Some(node) = fields.optional(kind.section()) else { continue };
            for (head, by) in reader.pairs(node) {
                let removed = head.text().unwrap_or_default();
                if let Err(message) = text::parse_name(removed) {
                    reader.report(head.span, message, None);
                    continue;
                }
                if names.position(kind, removed).is_some() {
                    let message = format!("{} `{removed}` is there: nothing else can stand for it", kind.word());
                    reader.report(head.span, message, Some("take out the entry, or this line".into()));
                    continue;
                }
                let by = reader.key(kind, by);
                if all.insert(Key::of(kind.word(), removed), by).is_some() {
                    let message = format!("{} `{removed}` is replaced twice", kind.word());
                    reader.report(head.span, message, Some("keep one".into()));
                }
            }
        }
    }
    all.into_iter().map(|(removed, by)| Replacement { removed, by }).collect()
}
