//! One name in the schema is one layout.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Timer<T> {
    left: T,
}

fn main() {}
