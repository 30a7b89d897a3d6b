//! [`Settings`] and [`Factions`]: what the set-up decides once for a world.
//!
//! Invariant: they are state, in the root, and never change after the set-up; so a switch of content moves no wall.

use tickworld_sim::{
    Component,
    math::{Cell, Fx, Vec2},
};

use crate::limits;

/// An hour at 30 ticks a second.
const HOUR_TICKS: u32 = 108_000;

/// Size and pace of a world.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Columns of the map.
    pub width_cells: u16,
    /// Rows of the map.
    pub height_cells: u16,
    /// Side of a cell in feet (SRD 5.1 p. 92: five), as the content said at set-up.
    pub cell_feet: u16,
    /// Ticks in a second of the world.
    pub ticks_per_second: u16,
    /// Cells that path searches may expand in one tick, all together; at least one search is always served.
    pub path_nodes_per_tick: u32,
    /// Length of a long rest in ticks (SRD 5.1 p. 87: eight hours).
    pub rest_ticks: u32,
    /// Length of a day in ticks: uses per day come back with the first turn of the next one.
    pub day_ticks: u32,
}

impl Settings {
    /// The usual pace for a map of this size: 30 ticks a second, five-foot cells, eight hours' rest, 24 hours a day.
    #[must_use]
    pub const fn of_map(width_cells: u16, height_cells: u16) -> Self {
        Self {
            width_cells,
            height_cells,
            cell_feet: 5,
            ticks_per_second: 30,
            path_nodes_per_tick: 8192,
            rest_ticks: HOUR_TICKS.saturating_mul(8),
            day_ticks: HOUR_TICKS.saturating_mul(24),
        }
    }

    /// Side of a cell.
    #[must_use]
    pub fn cell(&self) -> Fx {
        Fx::from_int(i32::from(self.cell_feet.max(1)))
    }

    /// The cell that holds a place.
    #[must_use]
    pub fn cell_at(&self, place: Vec2) -> Cell {
        // Worlds are small beside 2^31 feet; the ratio of the bits is the exact quotient.
        Cell::containing(place, self.cell())
    }

    /// Length of a round of `round_seconds` in ticks.
    #[must_use]
    pub fn round_ticks(&self, round_seconds: u16) -> u64 {
        u64::from(round_seconds).saturating_mul(self.ticks_per_second.into()).max(1)
    }

    /// The far corner of the map.
    #[must_use]
    pub fn extent(&self) -> Vec2 {
        let feet = |cells: u16| Fx::from_int(i32::from(cells)).mul_int(i64::from(self.cell_feet));
        Vec2::new(feet(self.width_cells), feet(self.height_cells))
    }

    /// Whether a cell lies on the map.
    #[must_use]
    pub fn holds(&self, cell: Cell) -> bool {
        (0..i32::from(self.width_cells)).contains(&cell.x) && (0..i32::from(self.height_cells)).contains(&cell.y)
    }
}

/// A side in a conflict: an index below [`limits::FACTIONS_MAX`].
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Faction(pub u8);

impl Faction {
    /// Its bit in a set of factions. A number too high, which only damaged bytes hold, counts as one that is not.
    #[must_use]
    #[inline]
    pub const fn bit(self) -> u32 {
        1 << (self.0 % limits::FACTIONS_MAX)
    }
}

/// Which factions attack which.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factions {
    /// Bit `b` of word `a`: faction `a` attacks faction `b`.
    hostile: [u32; limits::FACTIONS_MAX as usize],
}

impl Factions {
    /// Nobody fights anybody.
    pub const PEACE: Self = Self { hostile: [0; limits::FACTIONS_MAX as usize] };

    /// Makes two factions attack each other (or one another's members, where both are the same).
    pub const fn make_enemies(&mut self, a: Faction, b: Faction) {
        self.hostile[(a.0 % limits::FACTIONS_MAX) as usize] |= b.bit();
        self.hostile[(b.0 % limits::FACTIONS_MAX) as usize] |= a.bit();
    }

    /// The factions that `faction` attacks, one bit each.
    #[must_use]
    pub const fn enemies_of(&self, faction: Faction) -> u32 {
        self.hostile[(faction.0 % limits::FACTIONS_MAX) as usize]
    }

    /// Whether `a` attacks `b`.
    #[must_use]
    pub const fn are_enemies(&self, a: Faction, b: Faction) -> bool {
        self.enemies_of(a) & b.bit() != 0
    }
}
