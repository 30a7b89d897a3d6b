//! [`WorldMap`]: the regions of a world in YAML: how each begins, and which of them border on each other.
//!
//! Invariant: borders have two sides, and every exit leads over one. Whatever is wrong with the map is named with line and column,
//! all of it at once; what is wrong with a scenario of its, with those of the scenario.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use tickworld_contentc::{
    Source,
    document::{Node, Span},
};
use tickworld_sim::region::RegionId;

use crate::{
    Scenario,
    failure::{Failure, Outcome},
    load::{LoadedPacks, read_text},
    reader::Reader,
};

/// Most regions of a map.
pub const REGIONS_MAX: u32 = 64;

/// The shipped maps, by name.
pub const SHIPPED: &[(&str, &str)] = &[("marches", include_str!("../scenarios/marches.yaml"))];

/// The scenarios of the shipped maps, as those call them.
const SCENARIOS: &[(&str, &str)] = &[
    ("marches/birchwood.yaml", include_str!("../scenarios/marches/birchwood.yaml")),
    ("marches/coast.yaml", include_str!("../scenarios/marches/coast.yaml")),
    ("marches/ford.yaml", include_str!("../scenarios/marches/ford.yaml")),
    ("marches/market.yaml", include_str!("../scenarios/marches/market.yaml")),
    ("marches/marsh.yaml", include_str!("../scenarios/marches/marsh.yaml")),
    ("marches/meadow.yaml", include_str!("../scenarios/marches/meadow.yaml")),
    ("marches/moor.yaml", include_str!("../scenarios/marches/moor.yaml")),
    ("marches/orchard.yaml", include_str!("../scenarios/marches/orchard.yaml")),
    ("marches/quarry.yaml", include_str!("../scenarios/marches/quarry.yaml")),
];

/// The regions of a world.
#[derive(Clone, Debug)]
pub struct WorldMap {
    /// What it is called.
    pub title: String,
    /// All of them, by number: from 1 without a gap, and at least one. Their content and their pace are the same.
    pub regions: Vec<MapRegion>,
}

/// A region of a map.
#[derive(Clone, Debug)]
pub struct MapRegion {
    /// The number that the map gives it, by which its neighbours name it.
    pub id: RegionId,
    /// How it begins.
    pub scenario: Scenario,
    /// The regions that players may cross to; each has this one, too.
    pub neighbours: BTreeSet<RegionId>,
}

impl WorldMap {
    /// Whether a path is the name of a shipped map.
    #[must_use]
    pub fn is_shipped(path: &Path) -> bool {
        SHIPPED.iter().any(|(name, _)| path.as_os_str() == *name)
    }

    /// Reads a map by its path, or by the name of a shipped one; a file of such a name is `./NAME`.
    ///
    /// # Errors
    /// Whatever is wrong with the map or a scenario of its.
    pub fn load(path: &Path) -> Outcome<Self> {
        let name = path.to_string_lossy();
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            let source = Source { path: format!("{name}.yaml"), text: (*text).to_owned() };
            return Self::parse(&source, &Origin::Shipped);
        }
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let text = read_text(path, "world map", &shipped)?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self::parse(&Source { path: name.into_owned(), text }, &Origin::Folder(folder))
    }

    fn parse(source: &Source, origin: &Origin) -> Outcome<Self> {
        let mut reader = Reader::new(source);
        let mut map = Self { title: String::new(), regions: Vec::new() };
        if let Some(tree) = reader.report.load() {
            map = read(&mut reader, &tree, origin)?;
        }
        reader.report.finish().map_err(|list| Failure::of_sources(&format!("the world map {}", source.path), list))?;
        Ok(map)
    }

    /// The regions up to a number, with the borders among them.
    ///
    /// # Errors
    /// Where the map has fewer.
    pub fn first(mut self, count: u32) -> Outcome<Self> {
        let have = self.regions.len();
        if count == 0 || count as usize > have {
            let message = format!("{} has {have} regions, not {count}", self.title);
            return Err(Failure::new(message).help("take fewer of them, or name a world map that has as many"));
        }
        self.regions.truncate(count as usize);
        for region in &mut self.regions {
            region.neighbours.retain(|other| other.0 <= count);
        }
        Ok(self)
    }

    /// The neighbours of each region.
    #[must_use]
    pub fn borders(&self) -> BTreeMap<RegionId, BTreeSet<RegionId>> {
        self.regions.iter().map(|region| (region.id, region.neighbours.clone())).collect()
    }
}

/// Where the scenarios of a map are.
enum Origin {
    /// In this binary.
    Shipped,
    /// In files: paths are relative to this folder.
    Folder(PathBuf),
}

impl Origin {
    fn scenario(&self, name: &str, packs: &mut LoadedPacks) -> Outcome<Scenario> {
        let path = match self {
            Self::Shipped => {
                if let Some((_, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) {
                    let source = Source { path: name.to_owned(), text: (*text).to_owned() };
                    return Scenario::parse_with(&source, Path::new("."), packs);
                }
                PathBuf::from(name)
            }
            Self::Folder(_) if Scenario::is_shipped(Path::new(name)) => PathBuf::from(name),
            Self::Folder(folder) => folder.join(name),
        };
        Scenario::load_with(&path, packs)
    }
}

/// A region as it stands in the source.
struct Entry<'n> {
    id: RegionId,
    span: Span,
    scenario: Option<&'n Node>,
    neighbours: Vec<(RegionId, Span)>,
}

fn read(reader: &mut Reader<'_>, tree: &Node, origin: &Origin) -> Outcome<WorldMap> {
    let fields = reader.fields(tree, &["name", "about", "regions"]);
    let title = reader.require(&fields, "name").map(|node| reader.text(node)).unwrap_or_default().to_owned();
    let list = reader.require(&fields, "regions");
    let entries = entries(reader, list);
    check_numbers(reader, list.map_or(fields.span, |node| node.span), &entries);
    check_neighbours(reader, &entries);
    let mut regions: Vec<MapRegion> = Vec::new();
    let mut packs = LoadedPacks::default();
    for entry in &entries {
        let Some(node) = entry.scenario else { continue };
        let name = reader.text(node);
        match origin.scenario(name, &mut packs).map_err(Failure::into_parts) {
            Ok(scenario) => {
                let neighbours = entry.neighbours.iter().map(|(other, _)| *other).collect();
                let region = MapRegion { id: entry.id, scenario, neighbours };
                check_scenario(reader, node, regions.first(), &region);
                regions.push(region);
            }
            Err(Ok((message, help))) => reader.error(node.span, message, help),
            // Its places are in another source.
            Err(Err(failure)) => return Err(failure),
        }
    }
    regions.sort_by_key(|region| region.id);
    Ok(WorldMap { title, regions })
}

fn entries<'n>(reader: &mut Reader<'_>, list: Option<&'n Node>) -> Vec<Entry<'n>> {
    let mut entries: Vec<Entry<'n>> = Vec::new();
    for node in reader.list(list) {
        let fields = reader.fields(node, &["region", "scenario", "neighbours"]);
        let scenario = reader.require(&fields, "scenario");
        let Some(number) = reader.require(&fields, "region") else { continue };
        let Some(id) = region(reader, number) else { continue };
        if entries.iter().any(|entry| entry.id == id) {
            reader.error(number.span, format!("region {id} stands here twice"), Some("each has its own number".into()));
            continue;
        }
        let mut neighbours: Vec<(RegionId, Span)> = Vec::new();
        for node in reader.list(fields.find("neighbours")) {
            let Some(other) = region(reader, node) else { continue };
            if other == id {
                reader.error(node.span, format!("region {id} is no neighbour of itself"), None);
            } else if neighbours.iter().any(|(known, _)| *known == other) {
                reader.error(node.span, format!("region {other} stands here twice"), Some("keep one".into()));
            } else {
                neighbours.push((other, node.span));
            }
        }
        entries.push(Entry { id, span: number.span, scenario, neighbours });
    }
    entries
}

/// A region's number; nothing where it is none.
fn region(reader: &mut Reader<'_>, node: &Node) -> Option<RegionId> {
    let number = u32::try_from(reader.int(node, 1, REGIONS_MAX.into())).ok()?;
    // A number that is wrong was noted, and stands for no region.
    (node.text() == Some(&*number.to_string())).then_some(RegionId(number))
}

/// Numbers count from 1 without a gap.
fn check_numbers(reader: &mut Reader<'_>, whole: Span, entries: &[Entry<'_>]) {
    if entries.is_empty() {
        // Where a region has a mistake, that was named.
        if reader.report.is_empty() {
            reader.error(whole, "a world has at least one region", None);
        }
        return;
    }
    let ids: BTreeSet<RegionId> = entries.iter().map(|entry| entry.id).collect();
    let missing = (1..).map(RegionId).zip(0..entries.len()).map(|(id, _)| id).find(|id| !ids.contains(id));
    if let Some(missing) = missing.filter(|_| reader.report.is_empty()) {
        let above = entries.iter().filter(|entry| entry.id > missing).min_by_key(|entry| entry.id);
        let (span, id) = above.map_or((whole, missing), |entry| (entry.span, entry.id));
        let help = "numbers count from 1 without a gap".to_owned();
        reader.error(span, format!("there is a region {id}, and no region {missing}"), Some(help));
    }
}

/// Borders have two sides.
fn check_neighbours(reader: &mut Reader<'_>, entries: &[Entry<'_>]) {
    for entry in entries {
        for (other, span) in &entry.neighbours {
            let id = entry.id;
            let Some(found) = entries.iter().find(|entry| entry.id == *other) else {
                reader.error(*span, format!("there is no region {other} on this map"), None);
                continue;
            };
            if found.neighbours.iter().all(|(back, _)| *back != id) {
                let help = format!("name {id} among the neighbours of region {other}, too");
                let message = format!("region {other} does not border on region {id}: a border has two sides");
                reader.error(*span, message, Some(help));
            }
        }
    }
}

/// Exits lead to neighbours; and players who cross take their content and their time along.
fn check_scenario(reader: &mut Reader<'_>, node: &Node, first: Option<&MapRegion>, region: &MapRegion) {
    let MapRegion { id, scenario, neighbours } = region;
    for (exit, number) in scenario.set_up.exits.iter().zip(1_u32..) {
        let to = exit.region;
        if !neighbours.contains(&to) {
            let message = format!("exit {number} of this scenario leads to region {to}, which is no neighbour of {id}");
            reader.error(node.span, message, Some(format!("name {to} under `neighbours`, or take the exit out")));
        }
    }
    let Some(first) = first else { return };
    let pace = |scenario: &Scenario| scenario.set_up.settings.ticks_per_second;
    if pace(scenario) != pace(&first.scenario) {
        let (own, other) = (pace(scenario), pace(&first.scenario));
        let message = format!("this scenario has {own} ticks a second, that of region {} has {other}", first.id);
        reader.error(node.span, message, Some("regions of one world have one pace".into()));
    }
    if scenario.pack.id != first.scenario.pack.id {
        let message = format!("this scenario has other content than that of region {}", first.id);
        reader.error(node.span, message, Some("regions of one world have one `pack`".into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a map of these regions, whose scenarios are shipped or of the shipped map.
    fn wrong(regions: &str) -> String {
        let text = format!("name: W\nregions:\n{regions}");
        let source = Source { path: "w.yaml".to_owned(), text };
        match WorldMap::parse(&source, &Origin::Shipped) {
            Ok(map) => format!("nothing: {:?}", map.borders()),
            Err(failure) => failure.to_string(),
        }
    }

    fn check(regions: &str, place: &str, words: &str) {
        let said = wrong(regions);
        assert!(said.contains(place) && said.contains(words), "{regions}{said}");
    }

    #[test]
    fn the_shipped_map_has_roads_over_every_border() {
        let map = WorldMap::load(Path::new("marches")).expect("it is shipped");
        assert_eq!((map.regions.len(), map.title.as_str()), (9, "The marches"));
        let borders = map.borders();
        assert_eq!(borders.values().map(BTreeSet::len).sum::<usize>(), 24, "twelve borders of two sides");
        for region in &map.regions {
            let exits: BTreeSet<RegionId> = region.scenario.set_up.exits.iter().map(|exit| exit.region).collect();
            assert_eq!(exits, region.neighbours, "region {}", region.id);
        }
        let four = map.clone().first(4).expect("it has as many");
        assert_eq!(four.borders()[&RegionId(4)], BTreeSet::from([RegionId(1)]));
        for count in [0, 10] {
            let failure = map.clone().first(count).expect_err("it has nine").to_string();
            assert!(failure.contains("The marches has 9 regions"), "{failure}");
        }
    }

    #[test]
    fn numbers_and_borders_that_do_not_fit_are_named_where_they_stand() {
        let one = "  - {region: 1, scenario: duel}\n";
        check("  []\n", "w.yaml:", "at least one region");
        check(&format!("{one}{one}"), "w.yaml:4:", "region 1 stands here twice");
        check("  - {region: 2, scenario: duel}\n", "w.yaml:3:", "no region 1");
        check(&format!("{one}  - {{region: 3, scenario: duel}}\n"), "w.yaml:4:", "a region 3, and no region 2");
        check("  - {region: 0, scenario: duel}\n", "w.yaml:3:", "0 is not within 1 to 64");
        check("  - {region: 65, scenario: duel}\n", "w.yaml:3:", "65 is not within 1 to 64");
        check("  - {region: 1, scenario: duel, neighbours: [2]}\n", "w.yaml:3:", "no region 2 on this map");
        check("  - {region: 1, scenario: duel, neighbours: [1]}\n", "w.yaml:3:", "no neighbour of itself");
        let two = "  - {region: 1, scenario: duel, neighbours: [2]}\n  - {region: 2, scenario: duel}\n";
        check(two, "w.yaml:3:", "a border has two sides");
        let doubled = "  - {region: 1, scenario: duel, neighbours: [2, 2]}\n  - {region: 2, scenario: duel}\n";
        check(doubled, "w.yaml:3:", "region 2 stands here twice");
        check("  - {region: 1, scenery: duel}\n", "w.yaml:3:", "unknown field `scenery`");
        check("  - {scenario: duel}\n", "w.yaml:3:", "missing field `region`");
        check("  - {region: x, scenario: duel}\n", "w.yaml:3:", "`x` is not a whole number");
        assert!(wrong(one).starts_with("nothing"), "{}", wrong(one));
    }

    #[test]
    fn scenarios_that_do_not_fit_are_named_where_they_stand() {
        check("  - {region: 1, scenario: dual}\n", "w.yaml:3:", "did you mean `duel`?");
        let leads = "  - {region: 1, scenario: marches/coast.yaml}\n";
        check(leads, "w.yaml:3:", "exit 1 of this scenario leads to region 6, which is no neighbour of 1");
    }
}
