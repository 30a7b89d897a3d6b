//! A list has no fixed size; it belongs into a `ListColumn`.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Inventory {
    items: Vec<u32>,
}

fn main() {}
