//! Content sources: any text compiles, or is refused with diagnostics that point into it.

use tickworld_contentc::{Source, compile};

/// See the module.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source { path: "fuzz.yaml".into(), text: text.to_owned() };
    // A carriage return ends a line for YAML, too.
    let lines = text.split(['\n', '\r']).count();
    let Err(diagnostics) = compile(&[source]) else { return };
    assert!(!diagnostics.list.is_empty(), "refused without a word");
    for diagnostic in &diagnostics.list {
        assert!(!diagnostic.message.is_empty());
        assert!(diagnostic.line as usize <= lines + 1, "line {} of {lines}: {diagnostics}", diagnostic.line);
    }
}
