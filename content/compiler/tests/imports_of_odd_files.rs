//! Small files of entries as people have them: each imports to what compiles, or is refused with a reason.

mod common;

use std::{fs, path::PathBuf};

use tickworld_contentc::{Source, compile, import_5e};

/// A folder of `tests/imports`, as the importer takes it.
fn entries(name: &str) -> Vec<Source> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name).join("entries.json");
    let text = fs::read_to_string(&path).expect("an input of this test");
    vec![Source { path: "entries.json".into(), text }]
}

#[test]
fn a_plain_entry_imports() {
    let import = import_5e(&entries("plain")).expect("it is good");
    assert_eq!(import.report.kinds["creatures"].written, 1);
    compile(&[common::base(), import.files].concat()).unwrap_or_else(|wrong| panic!("{wrong}"));
}
