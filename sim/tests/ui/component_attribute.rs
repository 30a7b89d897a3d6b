//! An attribute that would be ignored is an error.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
#[component(range = small)]
struct Unknown(u8);

#[derive(Component, Clone, Copy)]
#[component(check = small, check = small)]
struct Twice(u8);

#[derive(Component, Clone, Copy)]
struct Inside {
    #[component(check = small)]
    die: u8,
}

fn main() {}
