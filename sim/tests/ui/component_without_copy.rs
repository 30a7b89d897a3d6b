//! A row is copied as a plain value.
use tickworld_sim::Component;

#[derive(Component, Clone)]
struct Health {
    current: u16,
}

fn main() {}
