//! What the tests share: the shipped content to draw worlds from.

use std::path::Path;

use tickworld_swarm::ContentPool;

/// The shipped content.
pub(crate) fn pool() -> ContentPool {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
    ContentPool::new(tickworld_contentc::compile_dir(&data).expect("the shipped content compiles").pack)
}
