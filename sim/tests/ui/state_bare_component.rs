//! A component alone is not a part: it needs a column or a resource around it.
use tickworld_sim::{Component, State, entities::Entities};

#[derive(Component, Clone, Copy)]
struct Weather {
    rain: u8,
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    weather: Weather,
}

fn main() {}
