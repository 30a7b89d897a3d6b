//! [`Grid`]: who is near, by tiles of a few cells.
//!
//! Invariant: it holds every living creature once, under the tile of its position, sorted by (tile, row) within its block;
//! so it depends on the state alone. Blocks are shared with snapshots until they change. Each tile knows which factions are
//! in it, so that a search for enemies passes over tiles without any.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "indices of tiles and members: a map has at most 2^20 tiles, and tiles are clamped to it"
)]

use alloc::{sync::Arc, vec::Vec};

use tickworld_sim::{
    entity::Row,
    math::{Fx, Vec2},
};

use crate::settings::{Faction, Settings};

/// Edge of a tile in cells.
pub const TILE_CELLS: u16 = 4;
/// Edge of a block in tiles.
const BLOCK_TILES: usize = 8;
const TILES: usize = BLOCK_TILES * BLOCK_TILES;

/// A creature, as the grid lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The creature's row.
    pub row: Row,
    /// The side that it fights on.
    pub faction: Faction,
}

/// An index of living creatures by tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    settings: Settings,
    blocks_wide: usize,
    blocks: Vec<Arc<Block>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    /// Bit `f`: a member of faction `f` is in the block.
    all_factions: u32,
    /// Bit `f`: a member of faction `f` is in the tile.
    factions: [u32; TILES],
    /// End of each tile's members.
    ends: [usize; TILES],
    members: Vec<Member>,
}

impl Block {
    const EMPTY: Self = Self { all_factions: 0, factions: [0; TILES], ends: [0; TILES], members: Vec::new() };

    fn range(&self, tile: usize) -> core::ops::Range<usize> {
        let start = if tile == 0 { 0 } else { self.ends[tile - 1] };
        start..self.ends[tile]
    }

    fn insert(&mut self, tile: usize, member: Member) {
        let range = self.range(tile);
        let at = range.start + self.members[range].partition_point(|it| it.row < member.row);
        self.members.insert(at, member);
        self.ends[tile..].iter_mut().for_each(|end| *end += 1);
        self.factions[tile] |= member.faction.bit();
        self.all_factions |= member.faction.bit();
    }

    fn remove(&mut self, tile: usize, row: Row) {
        let range = self.range(tile);
        let Ok(at) = self.members[range.clone()].binary_search_by_key(&row, |it| it.row) else { return };
        self.members.remove(range.start + at);
        self.ends[tile..].iter_mut().for_each(|end| *end -= 1);
        self.factions[tile] = self.members[self.range(tile)].iter().fold(0, |all, it| all | it.faction.bit());
        self.all_factions = self.factions.iter().fold(0, |all, tile| all | tile);
    }
}

impl Grid {
    /// An empty grid over a map.
    #[must_use]
    pub fn of_map(settings: Settings) -> Self {
        let blocks = |cells: u16| usize::from(cells).div_ceil(usize::from(TILE_CELLS) * BLOCK_TILES).max(1);
        let (blocks_wide, blocks_high) = (blocks(settings.width_cells), blocks(settings.height_cells));
        let empty = Arc::new(Block::EMPTY);
        Self { settings, blocks_wide, blocks: alloc::vec![empty; blocks_wide * blocks_high] }
    }

    /// Edge of a tile in feet.
    fn tile_feet(&self) -> i64 {
        i64::from(self.settings.cell_feet.max(1)) * i64::from(TILE_CELLS)
    }

    fn tiles_high(&self) -> i64 {
        (self.blocks.len() / self.blocks_wide * BLOCK_TILES) as i64
    }

    fn tiles_wide(&self) -> i64 {
        (self.blocks_wide * BLOCK_TILES) as i64
    }

    /// The tile of a place; places off the map belong to the nearest tile.
    #[inline]
    fn tile_at(&self, place: Vec2) -> (i64, i64) {
        let feet = self.tile_feet();
        let x = place.x.floor().div_euclid(feet).clamp(0, self.tiles_wide() - 1);
        let y = place.y.floor().div_euclid(feet).clamp(0, self.tiles_high() - 1);
        (x, y)
    }

    #[inline]
    fn place_of(&self, (x, y): (i64, i64)) -> (usize, usize) {
        let (x, y) = (x as usize, y as usize);
        let block = y / BLOCK_TILES * self.blocks_wide + x / BLOCK_TILES;
        (block, y % BLOCK_TILES * BLOCK_TILES + x % BLOCK_TILES)
    }

    /// Whether moving from one place to another changes the tile.
    #[must_use]
    #[inline]
    pub fn crosses(&self, from: Vec2, to: Vec2) -> bool {
        self.tile_at(from) != self.tile_at(to)
    }

    /// Adds a creature under the tile of `place`.
    pub fn insert(&mut self, place: Vec2, member: Member) {
        let (block, tile) = self.place_of(self.tile_at(place));
        Arc::make_mut(&mut self.blocks[block]).insert(tile, member);
    }

    /// Takes a creature out; `place` is where it was added.
    pub fn remove(&mut self, place: Vec2, row: Row) {
        let (block, tile) = self.place_of(self.tile_at(place));
        Arc::make_mut(&mut self.blocks[block]).remove(tile, row);
    }

    /// Moves a creature to the tile of `to`, if that is another one.
    pub fn shift(&mut self, from: Vec2, to: Vec2, member: Member) {
        if self.crosses(from, to) {
            self.remove(from, member.row);
            self.insert(to, member);
        }
    }

    /// Shows everyone who may be within `radius` feet of `center`, tile by tile (row by row of tiles), rows ascending within a
    /// tile; only members of `factions` (one bit each). Callers check the distance themselves.
    pub fn visit(&self, center: Vec2, radius: Fx, factions: u32, mut visit: impl FnMut(Member)) {
        let reach = Vec2::new(radius, radius);
        let (low_x, low_y) = self.tile_at(center.saturating_sub(reach));
        let (high_x, high_y) = self.tile_at(center.saturating_add(reach));
        for y in low_y..=high_y {
            for x in low_x..=high_x {
                self.visit_tile((x, y), factions, &mut visit);
            }
        }
    }

    /// The same in growing square rings around the tile of `center`; no further ring after one in which `visit` gave false.
    pub fn visit_rings(&self, center: Vec2, radius: Fx, factions: u32, mut visit: impl FnMut(Member) -> bool) {
        if !self.may_hold(center, radius, factions) {
            return;
        }
        let (x, y) = self.tile_at(center);
        let rings = radius.ceil().div_euclid(self.tile_feet()).saturating_add(1);
        let mut more = true;
        for ring in 0..=rings {
            for dy in -ring..=ring {
                // Only the rim of the square: whole rows at the top and the bottom, two tiles in between.
                let step = if dy.abs() == ring { 1 } else { (2 * ring).max(1) };
                let mut dx = -ring;
                while dx <= ring {
                    let tile = (x + dx, y + dy);
                    if (0..self.tiles_wide()).contains(&tile.0) && (0..self.tiles_high()).contains(&tile.1) {
                        self.visit_tile(tile, factions, &mut |member| more &= visit(member));
                    }
                    dx += step;
                }
            }
            if !more {
                return;
            }
        }
    }

    /// Whether any block within reach has a member of `factions`: most who look around see nobody, and see so at once.
    fn may_hold(&self, center: Vec2, radius: Fx, factions: u32) -> bool {
        let reach = Vec2::new(radius, radius);
        let block_at = |place: Vec2| {
            let (x, y) = self.tile_at(place);
            (x as usize / BLOCK_TILES, y as usize / BLOCK_TILES)
        };
        let (low, high) = (block_at(center.saturating_sub(reach)), block_at(center.saturating_add(reach)));
        (low.1..=high.1).any(|y| {
            let row = &self.blocks[y * self.blocks_wide + low.0..=y * self.blocks_wide + high.0];
            row.iter().any(|block| block.all_factions & factions != 0)
        })
    }

    #[inline]
    fn visit_tile(&self, tile: (i64, i64), factions: u32, visit: &mut impl FnMut(Member)) {
        let (block, tile) = self.place_of(tile);
        let block = &*self.blocks[block];
        if block.factions[tile] & factions == 0 {
            return;
        }
        for member in &block.members[block.range(tile)] {
            if factions & member.faction.bit() != 0 {
                visit(*member);
            }
        }
    }
}
