//! Spells: how a source of one becomes an entry of the pack.

use tickworld_content::{
    limits,
    model::{Key, Spell},
};

use crate::{
    kind::Kind,
    lower::{action, action_list::ActionList, reader::Reader},
    names::Entry,
    text,
};

/// All of them, in pack order; each adds its action.
pub(crate) fn spells(reader: &mut Reader<'_, '_>, actions: &mut ActionList) -> Vec<Spell> {
    let names = reader.names;
    names.entries(Kind::Spell).iter().map(|entry| spell(reader, entry, actions)).collect()
}

fn spell<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>, actions: &mut ActionList) -> Spell {
    let known: Vec<_> = action::ACTION_FIELDS
        .into_iter()
        .filter(|it| *it != "usage")
        .chain(["level", "concentration", "duration"])
        .collect();
    let fields = reader.entry(entry, &known);
    let name = reader.title(&fields);
    let key = Key::of("action", &format!("spell/{}", entry.name));
    let action = action::action(reader, &fields, key, name.clone());
    let level = reader.require(&fields, "level");
    Spell {
        key: entry.key,
        name,
        level: reader.int(level, 0, limits::SPELL_LEVEL_MAX.into()),
        action: actions.add(action),
        concentration: reader.flag(fields.optional("concentration")),
        rounds: reader.scalar(fields.optional("duration"), text::parse_duration),
    }
}
