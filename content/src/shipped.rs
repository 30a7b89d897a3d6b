//! The YAML of the shipped content, as text: what the folder `data` of this package holds.
//!
//! It is the source of a pack, not a pack: `tickworld-contentc` compiles it. A binary that carries it needs no files.

/// The shipped sources, sorted: the path of each under `data`, with `/` between folders, and its whole text.
pub const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
