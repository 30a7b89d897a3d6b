//! YAML to a [`Scenario`].
//!
//! Invariant: whatever the rules would refuse later is named here with its place; the rules' own check remains as a backstop.

use std::path::Path;

use tickworld_contentc::{Diagnostics, Source};
use tickworld_rules::{SetUp, limits, settings::Settings};

use crate::{
    builder::Builder,
    packs::{LoadedPack, PackSource},
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
    "exits",
    "players",
    "bots",
];
/// Where the scenario takes its content from; read first, for all names are looked up there.
pub(super) fn pack_source(source: &Source) -> Result<PackSource, Diagnostics> {
    let mut reader = Reader::new(source);
    let Some(tree) = reader.report.load() else { return Err(wrong(reader)) };
    let fields = reader.fields(&tree, FIELDS);
    let Some(node) = fields.find("pack") else { return Ok(PackSource::Shipped) };
    if node.text().is_none() {
        reader.text(node);
        return Err(wrong(reader));
    }
    Ok(PackSource::of(Path::new(reader.text(node))))
}

/// Why the content cannot be had, at the place that names it.
pub(super) fn no_pack(source: &Source, message: String, help: Option<String>) -> Diagnostics {
    let mut reader = Reader::new(source);
    let Some(tree) = reader.report.load() else { return wrong(reader) };
    let fields = reader.fields(&tree, FIELDS);
    let span = fields.find("pack").map_or(fields.span, |node| node.span);
    reader.error(span, message, help);
    wrong(reader)
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
    world(&mut builder, &fields);
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

/// Everything that stands in the world.
fn world<'n>(builder: &mut Builder<'_, 'n, '_>, fields: &Fields<'n>) {
    builder.factions(fields);
    for node in builder.walls(fields) {
        if let Some(rect) = builder.rect(node, "wall") {
            builder.set_up.walls.push(rect);
        }
    }
    for node in builder.entries(fields, "groups", "group") {
        if let Some(group) = parts::group(builder, node) {
            builder.set_up.groups.push(group);
        }
    }
    for node in builder.entries(fields, "spawners", "spawn point") {
        if let Some(point) = parts::spawner(builder, node) {
            builder.set_up.spawn_points.push(point);
        }
    }
    for node in builder.entries(fields, "classes", "class") {
        if let Some(class) = parts::class(builder, node) {
            builder.set_up.classes.push(class);
        }
    }
    for node in builder.entries(fields, "treasures", "treasure") {
        if let Some(treasure) = parts::treasure(builder, node) {
            builder.set_up.treasures.push(treasure);
        }
    }
    builder.spans.extend(fields.find("exits").map(|node| ("exits".to_owned(), node.span)));
    for node in builder.entries(fields, "exits", "exit") {
        if let Some(exit) = parts::exit(builder, node) {
            builder.set_up.exits.push(exit);
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
