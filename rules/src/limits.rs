//! Every cap of the rules, in one table.
//!
//! These bound work and memory; none is a number of the game. What a designer tunes is content, what an operator tunes is
//! [`Settings`](crate::settings::Settings).

/// Think intervals between two looks of a creature that has no enemy in mind.
pub const IDLE_THINK_INTERVALS: u32 = 4;
/// Factions of a world: as many as a word has bits.
pub const FACTIONS_MAX: u8 = 32;
/// Edge of a map in cells.
pub const MAP_CELLS_MAX: u16 = 4096;
/// Enemies that one search for a target compares; nearer tiles come first.
pub const CANDIDATES_MAX: usize = 48;
/// Creatures that one area reaches; those nearest to its origin come first.
pub const AREA_TARGETS_MAX: usize = 64;
/// Cells that one path search expands before it settles for the best place found.
pub const SEARCH_NODES_MAX: u32 = 4096;
/// Path searches that are made side by side before the budget is looked at again.
pub const SEARCHES_PER_WAVE: usize = 8;
/// Waypoints of a path; a longer one is asked for again on the way.
pub const WAYPOINTS_MAX: usize = 32;
/// How often the wait of a creature that finds no way to its enemy doubles, from one round on, before it looks again.
pub const PATH_BACKOFF_DOUBLINGS_MAX: u8 = 4;
/// Coins in one purse of a set-up: sums over a full world stay far from the end of 64 bits.
pub const COINS_MAX: u64 = 1_000_000_000_000;
/// Conditions on one creature at a time.
pub const AFFLICTIONS_MAX: u32 = 32;
/// Kinds of things in one bag.
pub const STACKS_MAX: u32 = 64;
/// Kinds of uses whose count comes along with one who travels: more than any stat block has.
pub const SPENT_MAX: usize = 256;
/// Strikes of one multiattack, over all its entries.
pub const STRIKES_MAX: u32 = 32;
/// Exits of one map: every player is compared with each of them in every tick.
pub const EXITS_MAX: usize = 64;
/// Creatures that one set-up or spawner may ask for.
pub const GROUP_MAX: u32 = 1_000_000;
