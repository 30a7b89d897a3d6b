//! [`Window`], [`Spot`] and [`EntityLine`]: a part of a map, what is in its cells, and who is there.
//!
//! Plain data, between a game's depiction, which fills it, and the view, which is made of it.

use tickworld_sim::{entity::Entity, math::Cell};

/// A part of a map, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The first column; below 0 where the map does not reach.
    pub(crate) x: i32,
    /// The first row.
    pub(crate) y: i32,
    /// Cells from left to right.
    pub(crate) width: u16,
    /// Cells from top to bottom.
    pub(crate) height: u16,
}

/// What is in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The character that stands for it.
    pub(crate) glyph: char,
    /// What it is.
    pub(crate) kind: SpotKind,
    /// How many are in the cell.
    pub(crate) count: u16,
}

/// What is in a cell, as far as it decides the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpotKind {
    /// Beyond the map.
    Nowhere,
    /// Nothing is there, and it can be entered.
    Free,
    /// A wall, which nobody enters.
    Wall,
    /// Something that lies there.
    Thing,
    /// Somebody who is dead.
    Dead,
    /// Somebody of this side.
    Side(u8),
    /// Whoever is followed.
    Followed,
}

impl Spot {
    /// Beyond the map.
    pub(crate) const NOWHERE: Self = Self { glyph: ' ', kind: SpotKind::Nowhere, count: 0 };
    /// An empty cell.
    pub(crate) const FREE: Self = Self { glyph: '.', kind: SpotKind::Free, count: 0 };
    /// A cell from which players leave for another region.
    pub(crate) const EXIT: Self = Self { glyph: '>', kind: SpotKind::Free, count: 0 };
    /// A wall's cell.
    pub(crate) const WALL: Self = Self { glyph: '#', kind: SpotKind::Wall, count: 0 };
}

impl Window {
    /// Around a place, on a map of this size: as much of the map as fits, and a map that fits whole in the middle.
    pub(crate) fn around(middle: Cell, size: (u16, u16), map: (u16, u16)) -> Self {
        let from = |middle: i32, size: u16, map: u16| {
            let (size, map) = (i32::from(size), i32::from(map));
            if size >= map { (map - size) / 2 } else { middle.saturating_sub(size / 2).clamp(0, map - size) }
        };
        Self { x: from(middle.x, size.0, map.0), y: from(middle.y, size.1, map.1), width: size.0, height: size.1 }
    }

    /// Whether a place is in it.
    pub(crate) fn holds(&self, place: Cell) -> bool {
        let within = |at: i32, from: i32, size: u16| at >= from && at.saturating_sub(from) < i32::from(size);
        within(place.x, self.x, self.width) && within(place.y, self.y, self.height)
    }

    /// The cell in the middle.
    pub(crate) fn middle(&self) -> Cell {
        let half = |from: i32, size: u16| from.saturating_add(i32::from(size) / 2);
        Cell::new(half(self.x, self.width), half(self.y, self.height))
    }
}

/// Somebody, or something, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityLine {
    /// The entity that the line is about.
    pub(crate) entity: Entity,
    /// The sign on the map.
    pub(crate) glyph: char,
    /// What decides the colour of the sign.
    pub(crate) kind: SpotKind,
    /// What it is called.
    pub(crate) name: String,
    /// Hit points and their maximum, of whoever has some.
    pub(crate) health: Option<(u16, u16)>,
    /// Where it is, on a map.
    pub(crate) place: Option<Cell>,
    /// What it does, or holds.
    pub(crate) doing: String,
}
