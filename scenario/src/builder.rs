//! [`Builder`]: puts a set-up together, part by part.
//!
//! Invariant: each part is kept with its place, so that what the rules say of it is said of that place.

use tickworld_contentc::document::{Node, Span, suggestion};
use tickworld_rules::{
    Ruleset, SetUp, limits,
    settings::Faction,
    setup::{Rect, SetUpError},
};

use crate::{
    packs::{Entry, LoadedPack, find},
    reader::{Fields, Reader},
};

/// Most groups, spawners and the like, and most players.
const ENTRIES_MAX: usize = 10_000;

/// Puts a set-up together.
pub(super) struct Builder<'s, 'n, 'p> {
    pub(super) reader: Reader<'s>,
    pub(super) pack: &'p LoadedPack,
    /// The name by which commands take the pack.
    pub(super) pack_name: String,
    pub(super) factions: Vec<&'n str>,
    pub(super) set_up: SetUp,
    /// What the rules call a part ("group 2"), and where it stands.
    pub(super) spans: Vec<(String, Span)>,
}

impl<'n> Builder<'_, 'n, '_> {
    /// A list of parts, whose places are kept under the names that the rules give them.
    pub(super) fn entries(&mut self, fields: &Fields<'n>, field: &str, word: &str) -> &'n [Node] {
        let list = self.reader.list(fields.find(field));
        if let Some(node) = list.get(ENTRIES_MAX) {
            self.reader.error(node.span, format!("more than {ENTRIES_MAX} entries"), None);
            return &[];
        }
        self.spans.extend(list.iter().zip(1..).map(|(node, number): (_, u32)| (format!("{word} {number}"), node.span)));
        list
    }

    pub(super) fn walls(&mut self, fields: &Fields<'n>) -> &'n [Node] {
        // Mistakes of `map` itself were named when its size was read.
        let map = fields.find("map").map(|node| match &node.value {
            tickworld_contentc::document::Value::Map(entries) => &entries[..],
            _ => &[],
        });
        let walls = map.unwrap_or_default().iter().find(|(head, _)| head.text() == Some("walls"));
        self.reader.list(walls.map(|(_, body)| body).filter(|body| !body.is_null()))
    }

    pub(super) fn factions(&mut self, fields: &Fields<'n>) {
        let Some(node) = fields.find("factions") else { return };
        let pairs = self.reader.pairs(node);
        if pairs.len() > usize::from(limits::FACTIONS_MAX) {
            self.reader.error(node.span, format!("more than {} factions", limits::FACTIONS_MAX), None);
            return;
        }
        self.factions = pairs.iter().filter_map(|(head, _)| head.text()).collect();
        for ((_, enemies), number) in pairs.iter().zip(0_u8..) {
            for enemy in self.reader.list(Some(enemies).filter(|enemies| !enemies.is_null())) {
                if let Some(enemy) = self.faction_named(enemy) {
                    self.set_up.enemies.push((Faction(number), enemy));
                }
            }
        }
    }

    pub(super) fn faction_named(&mut self, node: &Node) -> Option<Faction> {
        let name = self.reader.text(node);
        let found = self.factions.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok());
        if found.is_none() {
            let help = suggestion(name, self.factions.iter().copied());
            let help = help.unwrap_or_else(|| match &self.factions[..] {
                [] => "factions are named under `factions:`, which has none here".to_owned(),
                named => format!("factions are named under `factions:`, here: {}", named.join(", ")),
            });
            self.reader.error(node.span, format!("unknown faction `{name}`"), Some(help));
        }
        found.map(Faction)
    }

    /// The field `faction`.
    pub(super) fn faction(&mut self, fields: &Fields<'n>) -> Option<Faction> {
        let node = self.reader.require(fields, "faction")?;
        self.faction_named(node)
    }

    /// The entry of the content that a word names.
    pub(super) fn entry(&mut self, kind: Entry, node: &Node) -> Option<tickworld_rules::ContentKey> {
        let name = self.reader.text(node);
        match find(&self.pack.pack, kind, name) {
            Ok(key) => Some(key),
            Err(help) => {
                let list =
                    || format!("`tickworld content info {} --list {}s` names all of them", self.pack_name, kind.word());
                let help = Some(help.unwrap_or_else(list));
                self.reader.error(node.span, format!("unknown {} `{name}`", kind.word()), help);
                None
            }
        }
    }

    /// The field `creature`.
    pub(super) fn creature(&mut self, fields: &Fields<'n>) -> Option<tickworld_rules::ContentKey> {
        let node = self.reader.require(fields, "creature")?;
        self.entry(Entry::Creature, node)
    }

    /// The field `area`.
    pub(super) fn area(&mut self, fields: &Fields<'n>) -> Option<Rect> {
        let node = self.reader.require(fields, "area")?;
        self.rect(node, "area")
    }

    pub(super) fn rect(&mut self, node: &Node, what: &str) -> Option<Rect> {
        let cells = self.reader.ints::<4>(node, "[x, y, width, height] in cells", u64::from(u16::MAX))?;
        let [x, y, width, height] = cells.map(|cell| u16::try_from(cell).unwrap_or(u16::MAX));
        let map = self.set_up.settings;
        let ends = |start: u16, length: u16| u32::from(start) + u32::from(length);
        let size = format!("the map is {} by {} cells", map.width_cells, map.height_cells);
        if width == 0 || height == 0 {
            self.reader.error(
                node.span,
                format!("the {what} is empty"),
                Some("width and height are at least 1".into()),
            );
            return None;
        }
        if ends(x, width) > u32::from(map.width_cells) || ends(y, height) > u32::from(map.height_cells) {
            self.reader.error(node.span, format!("the {what} reaches beyond the map"), Some(size));
            return None;
        }
        Some(Rect { x, y, width, height })
    }

    /// A cell of the map.
    pub(super) fn cell(&mut self, node: &Node) -> Option<tickworld_sim::math::Cell> {
        let [x, y] = self.reader.ints::<2>(node, "[x, y] in cells", u64::from(u16::MAX))?;
        let cell = tickworld_sim::math::Cell::new(i32::try_from(x).ok()?, i32::try_from(y).ok()?);
        if !self.set_up.settings.holds(cell) {
            let map = self.set_up.settings;
            let help = format!("the map is {} by {} cells", map.width_cells, map.height_cells);
            self.reader.error(node.span, format!("cell [{x}, {y}] is not on the map"), Some(help));
            return None;
        }
        Some(cell)
    }

    /// Lays the world out once: what cannot be is named at the part that cannot be.
    pub(super) fn dry_run(&mut self, whole: Span) {
        if !self.reader.report.is_empty() {
            return;
        }
        let rules = Ruleset::new(self.pack.pack.clone());
        let mut realm = <tickworld_rules::Realm as tickworld_sim::State>::empty();
        if let Err(error) = self.set_up.apply(&mut realm, &rules) {
            let message = error.to_string();
            let place = self.spans.iter().find(|(place, _)| message.starts_with(&format!("{place}:")));
            let help = match error {
                SetUpError::NoRoom { .. } => Some("move it, or leave a gap in the walls".to_owned()),
                _ => None,
            };
            let span = place.map_or(whole, |(_, span)| *span);
            self.reader.error(span, format!("impossible: {message}"), help);
        }
    }
}
