//! Writes the made seeds of every target into `fuzz/seeds`: `cargo run --package tickworld-fuzz --example generate_corpus`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, name, bytes) in tickworld_fuzz::generate_corpus::seeds() {
        fs::create_dir_all(folder.join(target))?;
        fs::write(folder.join(target).join(name), bytes)?;
    }
    Ok(())
}
