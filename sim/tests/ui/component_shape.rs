//! Shapes without a canonical encoding.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
enum Never {}

#[derive(Component, Clone, Copy)]
union Either {
    one: u32,
    other: i32,
}

fn main() {}
