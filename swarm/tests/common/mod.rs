//! What the tests share: the shipped content to draw worlds from.

use std::path::Path;

use tickworld_swarm::Stock;

/// The shipped content.
pub(crate) fn stock() -> Stock {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
    Stock::new(tickworld_contentc::compile_dir(&data).expect("the shipped content compiles").pack)
}
