//! The shipped content compiles.

use std::path::Path;

#[test]
fn the_shipped_content_compiles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    match tickworld_contentc::compile_dir(&folder) {
        Ok(compiled) => println!("{:?}", compiled.summary),
        Err(wrong) => panic!("{wrong}"),
    }
}
