//! Space: which cells are blocked, who is near, how to get there.
//!
//! Invariant: places are in feet, cells count from the map's corner, and nobody stands in a blocked cell.

mod grid;
mod obstacles;
mod path;

pub use grid::{Grid, Member, TILE_CELLS};
pub use obstacles::{MARGIN, Obstacles};
pub use path::{FoundPath, find_path};
