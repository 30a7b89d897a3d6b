//! What regions say to each other: read to the same bytes, or refused.

use tickworld_region::Post;

/// See the module.
pub fn run(data: &[u8]) {
    let Ok(post) = Post::decode(data) else { return };
    let mut again = Vec::new();
    post.encode(&mut again);
    assert_eq!(again, data, "a post reads back as another");
}
