//! What is not in the root must follow from what is.
use tickworld_sim::{State, derived::Derived, entities::Entities};

#[derive(Clone, PartialEq)]
struct Grid(Vec<u32>);

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    grid: Derived<Grid>,
}

fn main() {}
