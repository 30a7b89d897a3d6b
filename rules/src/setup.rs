//! [`SetUp`]: a world's beginning as plain data, for scenarios, tests and benches.
//!
//! Invariant: the same set-up and content give the same world, bit for bit; an impossible one is refused with the place and the
//! cause, never half laid out.

use alloc::{string::String, vec::Vec};

use tickworld_sim::{
    State,
    math::{Cell, Fx, Vec2},
    region::RegionId,
    rng::{Entropy, Rng, StreamKey},
};

use crate::{
    components::{Position, Reckoned},
    items::{GroundItem, Purse, Stack},
    key::ContentKey,
    level::{Class, Exit, Spawner, Wall},
    limits,
    realm::{Realm, bands},
    ruleset::Ruleset,
    settings::{Faction, Factions, Settings},
    spawn_creature::{self, NewCreature},
};

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// The first column of cells, from 0.
    pub x: u16,
    /// The first row of cells, from 0.
    pub y: u16,
    /// Columns, at least 1.
    pub width: u16,
    /// Rows, at least 1.
    pub height: u16,
}

/// Creatures of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The key of their stat block, `creature/NAME`.
    pub creature: ContentKey,
    /// Number of creatures, at most [`limits::GROUP_MAX`].
    pub count: u32,
    /// Where: spread evenly over the free cells of this rectangle.
    pub area: Rect,
    /// The side that they fight on.
    pub faction: Faction,
    /// Coins that each of them carries.
    pub coins: u64,
}

/// A place where creatures keep coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnPoint {
    /// The key of their stat block, `creature/NAME`.
    pub creature: ContentKey,
    /// The rectangle of cells in which they come.
    pub area: Rect,
    /// The side that they fight on.
    pub faction: Faction,
    /// Most of them that may be alive at a time.
    pub alive_max: u32,
    /// Ticks from one to the next.
    pub interval_ticks: u32,
}

/// A class: what a player's character begins as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerClass {
    /// The stat block: `creature/NAME`.
    pub creature: ContentKey,
    /// The rectangle of cells in which they enter.
    pub area: Rect,
    /// The side that players of this class fight on.
    pub faction: Faction,
    /// Coins to begin with.
    pub coins: u64,
    /// What is in the bag; what can be worn is worn.
    pub items: Vec<(ContentKey, u32)>,
}

/// Something on the ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treasure {
    /// The cell in whose middle it lies.
    pub cell: Cell,
    /// The things; none for a heap of coins.
    pub item: Option<(ContentKey, u32)>,
    /// Coins in copper pieces; 0 for none.
    pub coins: u64,
}

/// Cells from which players leave for another region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitArea {
    /// The rectangle of cells; whoever walks there is on the way.
    pub area: Rect,
    /// The region that it leads to.
    pub region: RegionId,
}

/// The beginning of a world, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// Size and pace. `cell_feet` is taken from the content.
    pub settings: Settings,
    /// From which everything random in the set-up is drawn.
    pub seed: u64,
    /// Pairs of factions that fight.
    pub enemies: Vec<(Faction, Faction)>,
    /// Cells that nobody enters.
    pub walls: Vec<Rect>,
    /// Creatures that are there from the beginning.
    pub groups: Vec<Group>,
    /// Places where creatures keep coming.
    pub spawn_points: Vec<SpawnPoint>,
    /// What players begin as: player `p` gets class `p` modulo their number.
    pub classes: Vec<PlayerClass>,
    /// Items and coins that lie on the ground.
    pub treasures: Vec<Treasure>,
    /// Where players leave for other regions.
    pub exits: Vec<ExitArea>,
}

/// Why a set-up is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetUpError {
    /// A side of the map is zero or too long.
    #[error("the map is {width} by {height} cells: each side must be 1 to {}", limits::MAP_CELLS_MAX)]
    Map {
        /// Columns of cells that were asked for.
        width: u16,
        /// Rows of cells that were asked for.
        height: u16,
    },
    /// Ticks per second or a duration is zero.
    #[error("{what} is 0: it must be at least 1")]
    Zero {
        /// The setting that is zero, in words.
        what: &'static str,
    },
    /// A faction's number is too high.
    #[error("{place}: faction {faction} does not exist: there are {}, from 0 on", limits::FACTIONS_MAX)]
    Faction {
        /// The part of the set-up that names it, such as `group 2`.
        place: String,
        /// The number that was given.
        faction: u8,
    },
    /// A rectangle or cell reaches beyond the map, or is empty.
    #[error("{place}: {width} by {height} cells from ({x}, {y}) do not lie on the map")]
    OffMap {
        /// The part of the set-up that it belongs to, such as `wall 3`.
        place: String,
        /// The first column of cells.
        x: i32,
        /// The first row of cells.
        y: i32,
        /// Columns of cells.
        width: u16,
        /// Rows of cells.
        height: u16,
    },
    /// Every cell of an area is blocked.
    #[error("{place}: every cell of its area is blocked by walls")]
    NoRoom {
        /// The part of the set-up that it belongs to, such as `wall 3`.
        place: String,
    },
    /// Content has no such creature.
    #[error("{place}: the content has no creature with key {:#018x}", key.0)]
    Creature {
        /// The part of the set-up that names it, such as `group 2`.
        place: String,
        /// The key that content lacks.
        key: ContentKey,
    },
    /// Content has no such item.
    #[error("{place}: the content has no item with key {:#018x}", key.0)]
    Item {
        /// The part of the set-up that names it, such as `group 2`.
        place: String,
        /// The key that content lacks.
        key: ContentKey,
    },
    /// More than the rules allow.
    #[error("{place}: {count} are asked for, at most {count_max} are allowed")]
    TooMany {
        /// The part of the set-up that asks, such as `group 2`.
        place: String,
        /// The number that was asked for.
        count: u64,
        /// The most that is allowed.
        count_max: u64,
    },
    /// An exit leads to no region.
    #[error("{place}: it leads to region 0, which is none: they count from 1")]
    NoRegion {
        /// The exit, such as `exit 2`.
        place: String,
    },
    /// Who comes in is on the way out.
    #[error("{place}: its area and exit {exit} overlap: who enters there would leave at once")]
    EntryOnExit {
        /// The class, such as `class 1`.
        place: String,
        /// Number of the exit in its list, from 1.
        exit: usize,
    },
    /// The engine has no room for another entity.
    #[error("{place}: the world is full")]
    Full {
        /// The part of the set-up that asked for it, such as `group 2`.
        place: String,
    },
}

impl SetUp {
    /// An empty world: a map without walls, nobody on it, nobody at war.
    #[must_use]
    pub const fn of_map(width_cells: u16, height_cells: u16) -> Self {
        Self {
            settings: Settings::of_map(width_cells, height_cells),
            seed: 0,
            enemies: Vec::new(),
            walls: Vec::new(),
            groups: Vec::new(),
            spawn_points: Vec::new(),
            classes: Vec::new(),
            treasures: Vec::new(),
            exits: Vec::new(),
        }
    }

    /// Whether the set-up is possible with this content, short of running out of room for entities.
    ///
    /// # Errors
    /// The first thing wrong, in the order of the fields.
    pub fn check(&self, rules: &Ruleset) -> Result<(), SetUpError> {
        check::set_up(self, rules)
    }

    /// Lays the world out in an empty state.
    ///
    /// # Errors
    /// The first thing wrong; the state is then not to be used, unless [`check`](Self::check) refused, which leaves it empty.
    ///
    /// # Determinism
    /// Everything random is drawn from `seed`, by stream name and by the position of the group in its list.
    pub fn apply(&self, realm: &mut Realm, rules: &Ruleset) -> Result<(), SetUpError> {
        self.check(rules)?;
        realm.settings.set(Settings { cell_feet: rules.pack().constants.cell_feet, ..self.settings });
        let mut factions = Factions::PEACE;
        self.enemies.iter().for_each(|(a, b)| factions.make_enemies(*a, *b));
        realm.factions.set(factions);
        realm.reckoned.set(Reckoned(rules.conditions_fingerprint()));
        for (index, rect) in self.walls.iter().enumerate() {
            let row = place_entity(realm, bands::WALLS, "wall", index)?;
            let Rect { x, y, width, height } = *rect;
            realm.wall.set(row, Wall { x, y, width, height });
        }
        realm.rebuild();
        for (index, group) in self.groups.iter().enumerate() {
            self.place_group(realm, rules, group, index)?;
        }
        for (index, point) in self.spawn_points.iter().enumerate() {
            let row = place_entity(realm, bands::SOURCES, "spawn point", index)?;
            let (from, to) = corners(realm, point.area);
            let SpawnPoint { creature, faction, alive_max, interval_ticks, .. } = *point;
            realm.spawner.set(row, Spawner { creature, faction, alive_max, alive: 0, interval_ticks, from, to });
        }
        for (index, class) in self.classes.iter().enumerate() {
            place_class(realm, class, index)?;
        }
        for (index, treasure) in self.treasures.iter().enumerate() {
            place_treasure(realm, treasure, index)?;
        }
        for (index, exit) in self.exits.iter().enumerate() {
            let row = place_entity(realm, bands::SOURCES, "exit", index)?;
            let (from, to) = corners(realm, exit.area);
            realm.exit.set(row, Exit { region: exit.region, from, to });
        }
        Ok(())
    }

    /// Spread evenly over the free cells, one a cell while there are enough, each somewhere within its cell.
    fn place_group(&self, realm: &mut Realm, rules: &Ruleset, group: &Group, index: usize) -> Result<(), SetUpError> {
        let mut rng = self.stream("set-up/group", index as u64);
        let Rect { x, y, width, height } = group.area;
        let rows = i32::from(y)..i32::from(y).saturating_add(height.into());
        let columns = i32::from(x)..i32::from(x).saturating_add(width.into());
        let cells = rows.flat_map(|y| columns.clone().map(move |x| Cell::new(x, y)));
        let free: Vec<Cell> = cells.filter(|cell| !realm.obstacles.is_blocked(*cell)).collect();
        if free.is_empty() && group.count > 0 {
            return Err(SetUpError::NoRoom { place: place("group", index) });
        }
        for number in 0..u64::from(group.count) {
            let count = free.len() as u64;
            let nth = spread(number, u64::from(group.count), count);
            let cell = free[usize::try_from(nth).expect("it is below the number of cells")];
            let within = Vec2::new(rng.fx_unit(), rng.fx_unit()).scale(realm.settings.cell());
            let corner =
                Vec2::new(realm.settings.cell().mul_int(cell.x.into()), realm.settings.cell().mul_int(cell.y.into()));
            let new = NewCreature {
                band: bands::CREATURES,
                creature: group.creature,
                faction: group.faction,
                place: realm.obstacles.inset(corner.saturating_add(within)),
                coins: group.coins,
            };
            spawn_creature::spawn(realm, rules, &new, &mut rng)
                .ok_or_else(|| SetUpError::Full { place: place("group", index) })?;
        }
        Ok(())
    }

    fn stream(&self, name: &str, key: u64) -> Rng {
        let mut bytes = *b"set-up  00000000";
        bytes[8..].copy_from_slice(&self.seed.to_le_bytes());
        StreamKey::new(&Entropy::from_bytes(bytes), 0, name).rng(key)
    }
}

/// The cell of creature `number` of `count` among `cells`: evenly over all of them, or all of them again and again.
fn spread(number: u64, count: u64, cells: u64) -> u64 {
    let even = number.saturating_mul(cells).checked_div(count);
    if count <= cells { even.unwrap_or(0) } else { number.checked_rem(cells).unwrap_or(0) }
}

fn place(kind: &str, index: usize) -> String {
    alloc::format!("{kind} {}", index.saturating_add(1))
}

fn place_entity(
    realm: &mut Realm,
    band: tickworld_sim::entity::Band,
    kind: &str,
    index: usize,
) -> Result<tickworld_sim::entity::Row, SetUpError> {
    let full = || SetUpError::Full { place: place(kind, index) };
    let entity = realm.spawn(band).map_err(|_| full())?;
    realm.entities.row(entity).ok_or_else(full)
}

/// The corners of a rectangle in feet; the upper one just inside.
fn corners(realm: &Realm, rect: Rect) -> (Vec2, Vec2) {
    let cell = realm.settings.cell();
    let at = |x: u16, y: u16| Vec2::new(cell.mul_int(x.into()), cell.mul_int(y.into()));
    let end = at(rect.x.saturating_add(rect.width), rect.y.saturating_add(rect.height));
    (at(rect.x, rect.y), end.saturating_sub(Vec2::new(Fx::EPSILON, Fx::EPSILON)))
}

fn place_class(realm: &mut Realm, class: &PlayerClass, index: usize) -> Result<(), SetUpError> {
    let row = place_entity(realm, bands::SOURCES, "class", index)?;
    let (from, to) = corners(realm, class.area);
    let PlayerClass { creature, faction, coins, .. } = *class;
    realm.class.set(row, Class { creature, faction, coins, from, to });
    for (item, count) in &class.items {
        let full = |_| SetUpError::Full { place: place("class", index) };
        realm.bag.push(row, Stack { item: *item, count: *count }).map_err(full)?;
    }
    Ok(())
}

fn place_treasure(realm: &mut Realm, treasure: &Treasure, index: usize) -> Result<(), SetUpError> {
    let row = place_entity(realm, bands::ITEMS, "treasure", index)?;
    realm.position.set(row, Position(treasure.cell.center(realm.settings.cell())));
    let stack = treasure.item.map(|(item, count)| Stack { item, count });
    realm.ground_item.set(row, GroundItem { stack, until_tick: None });
    if treasure.coins > 0 {
        realm.purse.set(row, Purse(treasure.coins));
    }
    Ok(())
}

mod check {
    //! What a set-up must keep, field by field.

    use super::{Cell, ContentKey, Faction, Rect, RegionId, Ruleset, SetUp, SetUpError, String, Wall, limits, place};
    use crate::space::Obstacles;

    type Checked = Result<(), SetUpError>;

    pub(super) fn set_up(it: &SetUp, rules: &Ruleset) -> Checked {
        let settings = it.settings;
        let (width, height) = (settings.width_cells, settings.height_cells);
        if !(1..=limits::MAP_CELLS_MAX).contains(&width) || !(1..=limits::MAP_CELLS_MAX).contains(&height) {
            return Err(SetUpError::Map { width, height });
        }
        for (what, value) in [
            ("ticks per second", u32::from(settings.ticks_per_second)),
            ("path nodes per tick", settings.path_nodes_per_tick),
            ("rest ticks", settings.rest_ticks),
            ("day ticks", settings.day_ticks),
        ] {
            if value == 0 {
                return Err(SetUpError::Zero { what });
            }
        }
        for (index, (a, b)) in it.enemies.iter().enumerate() {
            faction(place("pair of enemies", index), *a)?;
            faction(place("pair of enemies", index), *b)?;
        }
        for (index, rect) in it.walls.iter().enumerate() {
            on_map(it, place("wall", index), *rect)?;
        }
        let obstacles = obstacles(it);
        for (index, group) in it.groups.iter().enumerate() {
            let place = || place("group", index);
            creature(rules, place(), group.creature)?;
            faction(place(), group.faction)?;
            on_map(it, place(), group.area)?;
            at_most(place(), group.count.into(), limits::GROUP_MAX.into())?;
            at_most(place(), group.coins, limits::COINS_MAX)?;
            if group.count > 0 {
                has_room(&obstacles, place(), group.area)?;
            }
        }
        sources(it, rules, &obstacles)?;
        exits(it, &obstacles)
    }

    /// Which cells the walls leave.
    fn obstacles(it: &SetUp) -> Obstacles {
        let mut obstacles = Obstacles::of_map(it.settings);
        for Rect { x, y, width, height } in it.walls.iter().copied() {
            obstacles.block(&Wall { x, y, width, height });
        }
        obstacles
    }

    fn sources(it: &SetUp, rules: &Ruleset, obstacles: &Obstacles) -> Checked {
        for (index, point) in it.spawn_points.iter().enumerate() {
            let place = || place("spawn point", index);
            creature(rules, place(), point.creature)?;
            faction(place(), point.faction)?;
            on_map(it, place(), point.area)?;
            at_most(place(), point.alive_max.into(), limits::GROUP_MAX.into())?;
            has_room(obstacles, place(), point.area)?;
            if point.interval_ticks == 0 {
                return Err(SetUpError::Zero { what: "interval ticks" });
            }
        }
        for (index, class) in it.classes.iter().enumerate() {
            let place = || place("class", index);
            creature(rules, place(), class.creature)?;
            faction(place(), class.faction)?;
            on_map(it, place(), class.area)?;
            has_room(obstacles, place(), class.area)?;
            at_most(place(), class.coins, limits::COINS_MAX)?;
            at_most(place(), class.items.len() as u64, limits::STACKS_MAX.into())?;
            class.items.iter().try_for_each(|(key, count)| item(rules, place(), *key, *count))?;
        }
        for (index, treasure) in it.treasures.iter().enumerate() {
            let place = || place("treasure", index);
            let Cell { x, y } = treasure.cell;
            if !it.settings.holds(treasure.cell) {
                return Err(SetUpError::OffMap { place: place(), x, y, width: 1, height: 1 });
            }
            if obstacles.is_blocked(treasure.cell) {
                return Err(SetUpError::NoRoom { place: place() });
            }
            at_most(place(), treasure.coins, limits::COINS_MAX)?;
            treasure.item.map_or(Ok(()), |(key, count)| item(rules, place(), key, count))?;
        }
        Ok(())
    }

    fn exits(it: &SetUp, obstacles: &Obstacles) -> Checked {
        at_most("exits".into(), it.exits.len() as u64, limits::EXITS_MAX as u64)?;
        for (index, exit) in it.exits.iter().enumerate() {
            let place = || place("exit", index);
            if exit.region == RegionId::ARCHIVE {
                return Err(SetUpError::NoRegion { place: place() });
            }
            on_map(it, place(), exit.area)?;
            has_room(obstacles, place(), exit.area)?;
        }
        for (index, class) in it.classes.iter().enumerate() {
            if let Some(exit) = it.exits.iter().position(|exit| overlap(class.area, exit.area)) {
                return Err(SetUpError::EntryOnExit { place: place("class", index), exit: exit.saturating_add(1) });
            }
        }
        Ok(())
    }

    fn overlap(a: Rect, b: Rect) -> bool {
        let meet = |a: (u16, u16), b: (u16, u16)| {
            let ends = |(start, length): (u16, u16)| u32::from(start).saturating_add(length.into());
            u32::from(a.0) < ends(b) && u32::from(b.0) < ends(a)
        };
        meet((a.x, a.width), (b.x, b.width)) && meet((a.y, a.height), (b.y, b.height))
    }

    fn faction(place: String, faction: Faction) -> Checked {
        if faction.0 >= limits::FACTIONS_MAX {
            return Err(SetUpError::Faction { place, faction: faction.0 });
        }
        Ok(())
    }

    fn on_map(it: &SetUp, place: String, rect: Rect) -> Checked {
        let Rect { x, y, width, height } = rect;
        let ends = |start: u16, length: u16, limit: u16| {
            length > 0 && u32::from(start).saturating_add(length.into()) <= u32::from(limit)
        };
        if ends(x, width, it.settings.width_cells) && ends(y, height, it.settings.height_cells) {
            return Ok(());
        }
        Err(SetUpError::OffMap { place, x: x.into(), y: y.into(), width, height })
    }

    fn has_room(obstacles: &Obstacles, place: String, area: Rect) -> Checked {
        let cells = |start: u16, length: u16| i32::from(start)..i32::from(start).saturating_add(length.into());
        let mut all = cells(area.y, area.height).flat_map(|y| cells(area.x, area.width).map(move |x| Cell::new(x, y)));
        if all.any(|cell| !obstacles.is_blocked(cell)) { Ok(()) } else { Err(SetUpError::NoRoom { place }) }
    }

    fn creature(rules: &Ruleset, place: String, key: ContentKey) -> Checked {
        if rules.creature(key).is_some() { Ok(()) } else { Err(SetUpError::Creature { place, key }) }
    }

    fn item(rules: &Ruleset, place: String, key: ContentKey, count: u32) -> Checked {
        if count == 0 {
            return Err(SetUpError::Zero { what: "an item's count" });
        }
        if rules.pack().find_item(key.key()).is_some() { Ok(()) } else { Err(SetUpError::Item { place, key }) }
    }

    fn at_most(place: String, count: u64, count_max: u64) -> Checked {
        if count > count_max { Err(SetUpError::TooMany { place, count, count_max }) } else { Ok(()) }
    }
}
