//! Shared memory would let a snapshot change.
use std::rc::Rc;

use tickworld_sim::{State, column::Column, entities::Entities};

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    health: Column<u16>,
    map: Rc<u32>,
}

fn main() {}
