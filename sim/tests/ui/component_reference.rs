//! An address differs between machines.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Target {
    name: &'static str,
}

fn main() {}
