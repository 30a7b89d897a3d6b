//! Fields are named, for their names are the columns' names, and the schema is fixed.
use tickworld_sim::{State, column::Column, entities::Entities};

#[derive(State, Clone)]
struct Tuple(Entities, Column<u16>);

#[derive(State, Clone)]
enum Choice {
    One { entities: Entities },
}

#[derive(State, Clone)]
struct Generic<T> {
    entities: Entities,
    column: Column<T>,
}

fn main() {}
