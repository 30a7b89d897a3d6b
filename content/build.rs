//! Lists the shipped content for a binary to carry, so that it works wherever it is put.
//!
//! Invariant: every YAML file of `data`, by its path in there, in order. Cargo is told to look again when one comes or goes,
//! which a macro over the folder could not do. Nothing outside the package is read: who builds the published one has nothing
//! else.

use std::{
    env, fs,
    io::Result,
    path::{Path, PathBuf},
};

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Nobody else reads it.
    if env::var_os("CARGO_FEATURE_SHIPPED").is_none() {
        return Ok(());
    }
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("data");
    let mut paths = Vec::new();
    list(&folder, String::new(), &mut paths)?;
    paths.sort();
    let mut code = String::from("&[\n");
    for (path, file) in &paths {
        code.push_str(&format!("    ({path:?}, include_str!({:?})),\n", file.canonicalize()?));
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("shipped.rs");
    fs::write(out, code)
}

fn list(folder: &Path, prefix: String, paths: &mut Vec<(String, PathBuf)>) -> Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), format!("{path}/"), paths)?;
        } else if path.ends_with(".yaml") {
            paths.push((path, entry.path()));
        }
    }
    Ok(())
}
