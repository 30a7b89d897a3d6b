//! Text has no fixed size; it belongs into content, and is named by its key.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Label(String);

fn main() {}
