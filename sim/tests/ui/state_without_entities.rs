//! Rows belong to entities, which belong to the state.
use tickworld_sim::{State, column::Column};

#[derive(State, Clone)]
struct Realm {
    health: Column<u16>,
}

fn main() {}
