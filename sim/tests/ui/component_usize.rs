//! D3: a `usize` has another width on another machine.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Slots {
    free: u8,
    total: usize,
}

fn main() {}
