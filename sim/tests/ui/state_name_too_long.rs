//! A column's name leaves room for the suffix of a part with several columns.
use tickworld_sim::{State, column::Column, entities::Entities};

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    a_name_that_leaves_no_room_for_a_suffix_behind_it: Column<u8>,
}

fn main() {}
