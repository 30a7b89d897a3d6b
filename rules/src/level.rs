//! The rows of a level: walls, exits, spawners, the classes that players begin as, and the counters of what happened.
//!
//! Invariant: walls, exits and classes never change after the set-up; a spawner changes in its count of living creatures alone.

use tickworld_sim::{Component, math::Vec2, region::RegionId};

use crate::{key::ContentKey, settings::Faction};

/// A rectangle of cells that nobody enters.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// The first column of cells, from 0.
    pub x: u16,
    /// The first row of cells, from 0.
    pub y: u16,
    /// Columns, at least 1.
    pub width: u16,
    /// Rows, at least 1.
    pub height: u16,
}

/// A rectangle from which players leave for another region.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The region that it leads to.
    pub region: RegionId,
    /// The lower corner of the rectangle, in feet.
    pub from: Vec2,
    /// The upper corner of the rectangle, in feet.
    pub to: Vec2,
}

impl Exit {
    /// Whether a place lies on it, its edges among them.
    #[must_use]
    pub fn holds(&self, place: Vec2) -> bool {
        (self.from.x..=self.to.x).contains(&place.x) && (self.from.y..=self.to.y).contains(&place.y)
    }
}

/// A place where creatures of one kind keep coming.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawner {
    /// The key of their stat block, `creature/NAME`.
    pub creature: ContentKey,
    /// The side that they fight on.
    pub faction: Faction,
    /// Most of its creatures that may live at a time.
    pub alive_max: u32,
    /// Number of its creatures that live now.
    pub alive: u32,
    /// Ticks from one to the next.
    pub interval_ticks: u32,
    /// The lower corner of the rectangle in which they come, in feet.
    pub from: Vec2,
    /// The upper corner of the rectangle in which they come, in feet.
    pub to: Vec2,
}

/// What a player begins as; the class's bag holds the equipment.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The key of the stat block, `creature/NAME`.
    pub creature: ContentKey,
    /// The side that players of this class fight on.
    pub faction: Faction,
    /// Coins to begin with.
    pub coins: u64,
    /// The lower corner of the rectangle in which they enter, in feet.
    pub from: Vec2,
    /// The upper corner of the rectangle in which they enter, in feet.
    pub to: Vec2,
}

/// What happened since the world began; wraps after 2^64.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Actions taken: every strike of a routine counts as one.
    pub actions: u64,
    /// Creatures that an action was resolved against.
    pub targets: u64,
    /// Creatures that died.
    pub deaths: u64,
    /// Creatures made by spawners.
    pub spawns: u64,
    /// Path searches that were served.
    pub searches: u64,
}
