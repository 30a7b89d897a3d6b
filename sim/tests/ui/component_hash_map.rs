//! D2: the order of a hash map differs between runs.
use std::collections::HashMap;

use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
enum Memory {
    Empty,
    Grudges(HashMap<u32, u32>),
}

fn main() {}
