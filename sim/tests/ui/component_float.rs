//! D1: no floats.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Speed {
    metres_per_second: f32,
}

fn main() {}
