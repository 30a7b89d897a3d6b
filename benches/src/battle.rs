//! Battles of the d20 game on the shipped content, large enough to measure.
//!
//! Hit points are raised so that everyone outlasts the measurement and all of them fight all the time.

use std::path::Path;

use tickworld_content::model::Pack;
use tickworld_contentc::{Compiled, compile_dir};
use tickworld_rules::{
    ContentKey, Rules, Ruleset, SetUp,
    settings::Faction,
    setup::{Group, Rect},
};
use tickworld_sim::{content::Library, simulation::Simulation};

const RED: Faction = Faction(0);
const BLUE: Faction = Faction(1);

/// The shipped content.
///
/// # Panics
/// If it does not compile.
#[must_use]
pub fn shipped() -> Compiled {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
    compile_dir(&folder).unwrap_or_else(|wrong| panic!("the shipped content does not compile:\n{wrong}"))
}

/// The shipped content with creatures that outlast any measurement.
#[must_use]
pub fn lasting() -> Compiled {
    let mut pack: Pack = shipped().pack;
    for creature in &mut pack.creatures {
        creature.hit_points = 60_000;
        creature.behaviour.flee_percent = 0;
    }
    let (id, bytes) = pack.to_bytes().expect("still a possible pack");
    Compiled { bytes, id, pack, ..shipped() }
}

fn group(name: &str, count: u32, area: Rect, faction: Faction) -> Group {
    Group { creature: ContentKey::of("creature", name), count, area, faction, coins: 10 }
}

/// Square fields of `side` cells, each with two sides of `per_side` melee fighters and archers; of every twenty fields in a
/// row, `at_peace` hold only friends.
#[must_use]
pub fn fields(columns: u16, rows: u16, side: u16, per_side: u32, at_peace: u16) -> SetUp {
    let mut set_up = SetUp { enemies: vec![(RED, BLUE)], ..SetUp::of_map(columns * side, rows * side) };
    for field in 0..columns * rows {
        let (x, y) = (field % columns * side, field / columns * side);
        let area = Rect { x: x + 2, y: y + 2, width: side - 4, height: side - 4 };
        let other = if field % 20 < at_peace { RED } else { BLUE };
        set_up.groups.push(group("orc", per_side * 3 / 5, area, RED));
        set_up.groups.push(group("goblin", per_side - per_side * 3 / 5, area, RED));
        set_up.groups.push(group("hobgoblin", per_side * 3 / 5, area, other));
        set_up.groups.push(group("wolf", per_side - per_side * 3 / 5, area, other));
        set_up.walls.push(Rect { x: x + side / 2, y: y + side / 2, width: 1, height: 3 });
    }
    set_up
}

/// A world at tick 0.
///
/// # Panics
/// If the set-up is impossible with the content.
#[must_use]
pub fn world(set_up: &SetUp, content: &Compiled) -> Simulation<Rules> {
    let library = Library::of(content.id, Ruleset::new(content.pack.clone()));
    Simulation::new(library, content.id, |realm, rules| set_up.apply(realm, rules).expect("a possible set-up"))
}
