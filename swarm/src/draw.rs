//! [`CasePlan`]: what a seed says of a run before it is played: features, content, world, ways.
//!
//! Invariant: every feature has a stream of its own, so that switching one off leaves the others as they were.

use std::sync::Arc;

use tickworld_rules::{
    ContentKey, Ruleset, SetUp,
    settings::{Faction, Settings},
    setup::{ExitArea, Group, PlayerClass, Rect, SpawnPoint, Treasure},
};
use tickworld_sim::{math::Cell, rng::Rng};

use crate::{
    content::{Content, ContentPool, Picked, pick, vary},
    dice::Dice,
    features::{Features, OTHER_REGION},
    players::Players,
    variants::{self, Variant},
};

/// A run that nobody has played yet.
pub(crate) struct CasePlan {
    pub(crate) seed: u64,
    pub(crate) set_up: SetUp,
    pub(crate) packs: Vec<Arc<Content>>,
    pub(crate) ticks: u64,
    pub(crate) players: Players,
    pub(crate) variants: Vec<Variant>,
}

impl CasePlan {
    pub(crate) fn draw(pool: &ContentPool, seed: u64) -> Self {
        let features = Features::draw(seed);
        let picked = pool.pick(&mut Dice::one(seed, "content"), features.casters, features.items);
        let mut packs = vec![packed(picked.pack.clone())];
        if features.switches {
            packs.push(packed(vary(&picked.pack, &mut Dice::one(seed, "other content"))));
        }
        let mut rng = Dice::one(seed, "length");
        let ticks = if features.crowd { 4 + u64::from(rng.below(8)) } else { 8 + u64::from(rng.below(72)) };
        let set_up = set_up(seed, &features, &picked, &packs[0]);
        let players = Players::draw(seed, &features, ticks, &packs);
        let variants = variants::draw(&mut Dice::one(seed, "ways"), ticks, features.crowd);
        Self { seed, set_up, packs, ticks, players, variants }
    }
}

fn packed(pack: tickworld_content::model::Pack) -> Arc<Content> {
    Arc::new(Content::of(pack).expect("part of a pack, with numbers within their ranges, is a pack"))
}

fn set_up(seed: u64, features: &Features, picked: &Picked, content: &Content) -> SetUp {
    let mut world = World { seed, features, picked, settings: settings(seed, features) };
    let mut set_up = SetUp { settings: world.settings, seed, ..SetUp::of_map(1, 1) };
    set_up.enemies = world.enemies();
    set_up.groups = world.groups();
    set_up.spawn_points = world.spawn_points();
    set_up.classes = world.classes();
    set_up.treasures = world.treasures();
    set_up.walls = world.walls();
    set_up.exits = world.exits();
    let rules = Ruleset::new(content.pack.clone());
    // Walls may leave somebody no room, or a treasure no cell.
    if set_up.check(&rules).is_err() {
        set_up.walls.clear();
    }
    // And exits may lie where somebody enters.
    if set_up.check(&rules).is_err() {
        set_up.exits.clear();
    }
    assert_eq!(set_up.check(&rules), Ok(()), "seed {seed}: a drawn world is possible");
    set_up
}

fn settings(seed: u64, features: &Features) -> Settings {
    let mut rng = Dice::one(seed, "settings");
    let side = |rng: &mut Rng| if features.crowd { 48 } else { small(rng, 6, 40) };
    let mut settings = Settings::of_map(side(&mut rng), side(&mut rng));
    settings.ticks_per_second = if features.haste { small(&mut rng, 1, 4) } else { small(&mut rng, 5, 30) };
    settings.rest_ticks = rng.below(60) + 1;
    settings.day_ticks = rng.below(120) + 1;
    settings.path_nodes_per_tick = if features.thrift { rng.below(64) + 1 } else { 8192 };
    settings
}

/// `low` to `high`.
fn small(rng: &mut Rng, low: u16, high: u16) -> u16 {
    low + u16::try_from(rng.below(u32::from(high - low) + 1)).expect("below a number of 16 bits")
}

/// A world being drawn.
struct World<'f> {
    seed: u64,
    features: &'f Features,
    picked: &'f Picked,
    settings: Settings,
}

/// Factions of a drawn world.
const FACTIONS: u32 = 4;

impl World<'_> {
    fn rng(&self, purpose: &str) -> Rng {
        Dice::one(self.seed, purpose)
    }

    fn area(&self, rng: &mut Rng) -> Rect {
        let (width, height) = (self.settings.width_cells, self.settings.height_cells);
        let (x, y) = (small(rng, 0, width - 2), small(rng, 0, height - 2));
        Rect { x, y, width: small(rng, 2, width - x), height: small(rng, 2, height - y) }
    }

    fn creature(&self, rng: &mut Rng) -> ContentKey {
        self.picked.creatures[pick(rng, self.picked.creatures.len())]
    }

    fn item(&self, rng: &mut Rng) -> Option<(ContentKey, u32)> {
        let count = self.picked.items.len();
        if count == 0 { None } else { Some((self.picked.items[pick(rng, count)], 1 + rng.below(5))) }
    }

    fn coins(&self, rng: &mut Rng) -> u64 {
        if self.features.coins { u64::from(rng.below(500)) } else { 0 }
    }

    fn enemies(&mut self) -> Vec<(Faction, Faction)> {
        if !self.features.war {
            return Vec::new();
        }
        let mut rng = self.rng("enemies");
        let mut enemies = vec![(Faction(0), Faction(1))];
        enemies.extend((0..rng.below(6)).map(|_| (faction(&mut rng), faction(&mut rng))));
        enemies
    }

    fn groups(&mut self) -> Vec<Group> {
        let mut rng = self.rng("groups");
        let mut groups = Vec::new();
        if self.features.crowd {
            groups.push(self.group(&mut rng, 1100));
        }
        // A world without anybody shows nothing.
        let count = if self.features.groups { 1 + rng.below(5) } else { u32::from(!self.features.players) };
        for _ in 0..count {
            let members = 1 + rng.below(8);
            groups.push(self.group(&mut rng, members));
        }
        groups
    }

    fn group(&self, rng: &mut Rng, count: u32) -> Group {
        let (creature, area, faction) = (self.creature(rng), self.area(rng), faction(rng));
        Group { creature, count, area, faction, coins: self.coins(rng) }
    }

    fn spawn_points(&mut self) -> Vec<SpawnPoint> {
        let mut rng = self.rng("spawn points");
        let count = if self.features.spawners { 1 + rng.below(3) } else { 0 };
        let point = |rng: &mut Rng| {
            let (creature, area, faction) = (self.creature(rng), self.area(rng), faction(rng));
            SpawnPoint { creature, area, faction, alive_max: 1 + rng.below(6), interval_ticks: 1 + rng.below(20) }
        };
        (0..count).map(|_| point(&mut rng)).collect()
    }

    fn classes(&mut self) -> Vec<PlayerClass> {
        let mut rng = self.rng("classes");
        let count = if self.features.players { 1 + rng.below(3) } else { 0 };
        let class = |rng: &mut Rng| {
            let (creature, area, faction) = (self.creature(rng), self.area(rng), faction(rng));
            let coins = self.coins(rng);
            let items = (0..rng.below(6)).filter_map(|_| self.item(rng)).collect();
            PlayerClass { creature, area, faction, coins, items }
        };
        (0..count).map(|_| class(&mut rng)).collect()
    }

    fn treasures(&mut self) -> Vec<Treasure> {
        let mut rng = self.rng("treasures");
        let count = if self.features.treasures { 1 + rng.below(6) } else { 0 };
        let treasure = |rng: &mut Rng| {
            let cell = |rng: &mut Rng, side: u16| i32::from(small(rng, 0, side - 1));
            let (width, height) = (self.settings.width_cells, self.settings.height_cells);
            let cell = Cell::new(cell(rng, width), cell(rng, height));
            Treasure { cell, item: self.item(rng), coins: self.coins(rng) }
        };
        (0..count).map(|_| treasure(&mut rng)).collect()
    }

    fn exits(&mut self) -> Vec<ExitArea> {
        let mut rng = self.rng("exits");
        let count = if self.features.players && self.features.exits { 1 + rng.below(3) } else { 0 };
        (0..count).map(|_| ExitArea { area: self.area(&mut rng), region: OTHER_REGION }).collect()
    }

    fn walls(&mut self) -> Vec<Rect> {
        let mut rng = self.rng("walls");
        let count = if self.features.walls { 1 + rng.below(6) } else { 0 };
        let wall = |rng: &mut Rng| {
            let Rect { x, y, width, height } = self.area(rng);
            if rng.chance(1, 2) { Rect { x, y, width: 1, height } } else { Rect { x, y, width, height: 1 } }
        };
        (0..count).map(|_| wall(&mut rng)).collect()
    }
}

fn faction(rng: &mut Rng) -> Faction {
    Faction(u8::try_from(rng.below(FACTIONS)).expect("few factions"))
}
