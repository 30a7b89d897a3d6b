//! A row has at most 256 bytes; more belongs into a `ListColumn`.
use tickworld_sim::{Component, column::Column};

#[derive(Component, Clone, Copy)]
struct Page {
    words: [u64; 32],
    one_more: u8,
}

fn main() {
    let _ = Column::<Page>::default();
}
