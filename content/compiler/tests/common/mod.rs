//! The SRD's JSON where it is at hand, and the hand-written sources that an import needs beside it.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{fs, path::PathBuf};

use tickworld_contentc::{Compiled, Import, Source, compile, import_5e};

/// The folder of the shipped sources, `content/data`.
pub(crate) fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data")
}

/// Sources by hand: constants, conditions, damage types.
pub(crate) fn base() -> Vec<Source> {
    let read =
        |name: &str| Source { path: name.into(), text: fs::read_to_string(data().join(name)).expect("a shipped file") };
    ["constants.yaml", "conditions.yaml", "damage-types.yaml"].map(read).into()
}

/// The SRD's JSON; `None`, with a notice, where it is not beside the project.
#[expect(clippy::print_stdout, reason = "a skipped measurement must be seen")]
pub(crate) fn srd(names: &[&str]) -> Option<Vec<Source>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/srd");
    let folder = std::env::var_os("TICKWORLD_SRD").map_or(folder, PathBuf::from);
    let read = |name: &&str| {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).ok()?;
        Some(Source { path: format!("{name}.json"), text })
    };
    let files = names.iter().map(read).collect::<Option<Vec<_>>>();
    if files.is_none() {
        println!("skipped: no SRD JSON in {}", folder.display());
    }
    files
}

/// Imports and compiles with the sources by hand.
pub(crate) fn import(files: &[Source]) -> (Import, Compiled) {
    let import = import_5e(files).expect("the SRD's JSON");
    let sources = [base(), import.files.clone()].concat();
    match compile(&sources) {
        Ok(compiled) => (import, compiled),
        Err(wrong) => panic!("an import does not compile:\n{wrong}"),
    }
}

/// A small generator for tests: SplitMix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound.max(1)).expect("small")).expect("below a usize")
    }
}
