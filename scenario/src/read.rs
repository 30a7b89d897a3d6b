//! YAML to a [`Scenario`].
//!
//! Invariant: whatever the rules would refuse later is named here with its place; the rules' own check remains as a backstop.

use std::path::Path;

use tickworld_contentc::{
    Diagnostics, Source,
    document::{Node, Span, suggestion},
};
use tickworld_rules::{
    Ruleset, SetUp, limits,
    settings::{Faction, Settings},
    setup::{Rect, SetUpError},
};

use crate::{
    packs::{Entry, LoadedPack, PackSource, find},
    parts,
    reader::{Fields, Reader},
    scenario::{Scenario, TICKS_MAX},
};

/// The fields of a scenario.
const FIELDS: &[&str] = &[
    "name",
    "about",
    "pack",
    "seed",
    "ticks",
    "map",
    "pace",
    "factions",
    "groups",
    "spawners",
    "classes",
    "treasures",
    "players",
    "bots",
];
/// Most groups, spawners and the like, and most players.
const ENTRIES_MAX: usize = 10_000;

/// Where the scenario takes its content from; read first, for all names are looked up there.
pub(super) fn pack_source(source: &Source) -> Result<PackSource, Diagnostics> {
    let mut reader = Reader::new(source);
    let Some(tree) = reader.report.load() else { return Err(wrong(reader)) };
    let fields = reader.fields(&tree, FIELDS);
    let pack = fields.find("pack").and_then(Node::text).unwrap_or("shipped");
    Ok(PackSource::of(Path::new(pack)))
}

/// Reads all of it.
pub(super) fn scenario(source: &Source, pack: LoadedPack) -> Result<Scenario, Diagnostics> {
    let mut reader = Reader::new(source);
    let Some(tree) = reader.report.load() else { return Err(wrong(reader)) };
    let fields = reader.fields(&tree, FIELDS);
    let title = reader.require(&fields, "name").map(|node| reader.text(node)).unwrap_or_default().to_owned();
    let seed = reader.int_or(fields.find("seed"), 1, 0, u64::MAX);
    let ticks = match reader.require(&fields, "ticks") {
        Some(node) => reader.int(node, 1, TICKS_MAX),
        None => 1,
    };
    let set_up = SetUp { settings: settings(&mut reader, &fields), seed, ..SetUp::of_map(1, 1) };
    let pack_name = match pack_source(source)? {
        PackSource::Shipped => "shipped".to_owned(),
        PackSource::Path(path) => Path::new(&source.path).with_file_name(path).display().to_string(),
    };
    let mut builder = Builder { reader, pack: &pack, pack_name, factions: Vec::new(), set_up, spans: Vec::new() };
    builder.world(&fields);
    let players = parts::players(&mut builder, &fields);
    builder.dry_run(fields.span);
    let Builder { reader, factions, set_up, .. } = builder;
    let factions = factions.into_iter().map(str::to_owned).collect();
    reader.report.finish()?;
    Ok(Scenario { title, seed, ticks, factions, set_up, players, pack, read_from: Vec::new() })
}

fn wrong(reader: Reader<'_>) -> Diagnostics {
    reader.report.finish().expect_err("a source that cannot be loaded has been reported")
}

/// Puts a set-up together.
pub(super) struct Builder<'s, 'n, 'p> {
    pub(super) reader: Reader<'s>,
    pub(super) pack: &'p LoadedPack,
    /// As commands take it.
    pack_name: String,
    pub(super) factions: Vec<&'n str>,
    pub(super) set_up: SetUp,
    /// What the rules call a part ("group 2"), and where it stands.
    spans: Vec<(String, Span)>,
}

impl<'n> Builder<'_, 'n, '_> {
    fn world(&mut self, fields: &Fields<'n>) {
        self.factions(fields);
        for node in self.walls(fields) {
            if let Some(rect) = self.rect(node, "wall") {
                self.set_up.walls.push(rect);
            }
        }
        for node in self.entries(fields, "groups", "group") {
            if let Some(group) = parts::group(self, node) {
                self.set_up.groups.push(group);
            }
        }
        for node in self.entries(fields, "spawners", "spawn point") {
            if let Some(point) = parts::spawner(self, node) {
                self.set_up.spawn_points.push(point);
            }
        }
        for node in self.entries(fields, "classes", "class") {
            if let Some(class) = parts::class(self, node) {
                self.set_up.classes.push(class);
            }
        }
        for node in self.entries(fields, "treasures", "treasure") {
            if let Some(treasure) = parts::treasure(self, node) {
                self.set_up.treasures.push(treasure);
            }
        }
    }

    /// A list of parts, whose places are kept under the names that the rules give them.
    fn entries(&mut self, fields: &Fields<'n>, field: &str, word: &str) -> &'n [Node] {
        let list = self.reader.list(fields.find(field));
        if let Some(node) = list.get(ENTRIES_MAX) {
            self.reader.error(node.span, format!("more than {ENTRIES_MAX} entries"), None);
            return &[];
        }
        self.spans.extend(list.iter().zip(1..).map(|(node, number): (_, u32)| (format!("{word} {number}"), node.span)));
        list
    }

    fn walls(&mut self, fields: &Fields<'n>) -> &'n [Node] {
        // Mistakes of `map` itself were named when its size was read.
        let map = fields.find("map").map(|node| match &node.value {
            tickworld_contentc::document::Value::Map(entries) => &entries[..],
            _ => &[],
        });
        let walls = map.unwrap_or_default().iter().find(|(head, _)| head.text() == Some("walls"));
        self.reader.list(walls.map(|(_, body)| body).filter(|body| !body.is_null()))
    }

    fn factions(&mut self, fields: &Fields<'n>) {
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

    fn faction_named(&mut self, node: &Node) -> Option<Faction> {
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

    fn rect(&mut self, node: &Node, what: &str) -> Option<Rect> {
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
    fn dry_run(&mut self, whole: Span) {
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

fn settings(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Settings {
    let mut settings = Settings::of_map(1, 1);
    if let Some(node) = reader.require(fields, "map") {
        let map = reader.fields(node, &["width", "height", "walls"]);
        let mut side = |name| {
            let node = reader.require(&map, name);
            let cells = node.map_or(1, |node| reader.int(node, 1, limits::MAP_CELLS_MAX.into()));
            u16::try_from(cells).unwrap_or(1)
        };
        (settings.width_cells, settings.height_cells) = (side("width"), side("height"));
    }
    if let Some(node) = fields.find("pace") {
        let pace = reader.fields(node, &["ticks_per_second", "rest_ticks", "day_ticks", "path_nodes_per_tick"]);
        let mut number = |name, default: u32, max: u32| {
            let value = reader.int_or(pace.find(name), default.into(), 1, max.into());
            u32::try_from(value).unwrap_or(default)
        };
        settings.rest_ticks = number("rest_ticks", settings.rest_ticks, u32::MAX);
        settings.day_ticks = number("day_ticks", settings.day_ticks, u32::MAX);
        settings.path_nodes_per_tick = number("path_nodes_per_tick", settings.path_nodes_per_tick, u32::MAX);
        let pace = number("ticks_per_second", settings.ticks_per_second.into(), 1000);
        settings.ticks_per_second = u16::try_from(pace).unwrap_or(30);
    }
    settings
}
