//! The field `entities` is the allocator, not a column of that name.
use tickworld_sim::{State, column::Column};

#[derive(State, Clone)]
struct Realm {
    entities: Column<u16>,
}

fn main() {}
