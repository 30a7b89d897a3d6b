//! A bare value would be forgotten by root, snapshot and diff; this one is a float on top.
use tickworld_sim::{State, column::Column, entities::Entities};

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    health: Column<u16>,
    gravity: f32,
}

fn main() {}
