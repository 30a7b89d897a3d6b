//! A bare list would be forgotten by root, snapshot and diff.
use tickworld_sim::{State, column::Column, entities::Entities};

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    health: Column<u16>,
    queue: Vec<u32>,
}

fn main() {}
