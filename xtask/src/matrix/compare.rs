//! [`Entry`]: what came of a row; its comparison with the files and with the first row, and the table.
//!
//! Invariant: a row agrees only if it printed a line for every trace, each line is equal to the first row's, and the digest of
//! what it recorded anew is that of the file, computed here.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::rows::Row;

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) row: Row,
    pub(crate) result: RowResult,
    pub(crate) seconds: f32,
    /// What the verifier printed, one line a trace.
    pub(crate) lines: Vec<String>,
}

/// What a row came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowResult {
    /// All is as it should be.
    Same,
    /// It differs or failed; how.
    Wrong(String),
    /// It could not run; why.
    LeftOut(String),
}

impl Entry {
    /// Of a row that nothing is known of yet.
    pub(crate) fn of(row: Row) -> Self {
        Self { row, result: RowResult::LeftOut("did not run".to_owned()), seconds: 0.0, lines: Vec::new() }
    }

    /// The sum of a number over all lines.
    fn sum(&self, key: &str) -> u64 {
        self.lines.iter().filter_map(|line| value(line, key)?.parse::<u64>().ok()).sum()
    }
}

/// What stands after `key=` in a verifier's line.
fn value<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Compares every row that ran with the files and with the first such row.
///
/// # Errors
/// When a trace cannot be read.
pub(crate) fn judge(entries: &mut [Entry], traces: &[PathBuf]) -> Result<()> {
    let mut digests = Vec::new();
    for path in traces {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        digests.push(blake3::hash(&bytes).to_hex().to_string());
    }
    let first = entries.iter().find(|entry| entry.result == RowResult::Same);
    let Some((name, reference)) = first.map(|entry| (entry.row.name, entry.lines.clone())) else { return Ok(()) };
    for entry in entries.iter_mut().filter(|entry| entry.result == RowResult::Same) {
        if let Some(what) = difference(&entry.lines, &reference, &digests) {
            entry.result = RowResult::Wrong(format!("{what} (compared with the files, and with {name})"));
        }
    }
    Ok(())
}

/// The first thing in which `lines` are not what they should be.
fn difference(lines: &[String], reference: &[String], digests: &[String]) -> Option<String> {
    if lines.len() != digests.len() {
        return Some(format!("{} lines for {} traces", lines.len(), digests.len()));
    }
    for (at, (line, digest)) in lines.iter().zip(digests).enumerate() {
        let trace = line.split(' ').next().unwrap_or_default();
        if value(line, "different") != Some("none") {
            return Some(format!("{trace}: tick {} differs", value(line, "different").unwrap_or("?")));
        }
        if value(line, "trace") != Some(digest.as_str()) {
            return Some(format!("{trace}: the bytes recorded anew are not the file's"));
        }
        let other = reference.get(at)?;
        if line != other {
            let keys = ["ticks", "rows", "roots", "trace", "snapshots"];
            let different: Vec<&str> = keys.into_iter().filter(|key| value(line, key) != value(other, key)).collect();
            return Some(format!("{trace}: {} differ", different.join(", ")));
        }
    }
    None
}

/// Prints the table, then the core's tests and what was left out.
pub(crate) fn print(entries: &[Entry], tests: &[Entry]) {
    println!("\n{:<16} {:>6} {:>8} {:>13} {:>8}  result", "target", "traces", "ticks", "changed rows", "seconds");
    for entry in entries {
        let (ticks, rows) = (entry.sum("ticks"), entry.sum("rows"));
        let (name, traces) = (entry.row.name, entry.lines.len());
        println!("{name:<16} {traces:>6} {ticks:>8} {rows:>13} {:>8.1}  {}", entry.seconds, describe(&entry.result));
    }
    for entry in tests {
        let passed = entry.sum("passed");
        let name = format!("tests {}", entry.row.name);
        println!("{name:<16} {passed:>6} tests {:>31.1}  {}", entry.seconds, describe(&entry.result));
    }
}

fn describe(result: &RowResult) -> String {
    match result {
        RowResult::Same => "same".to_owned(),
        RowResult::Wrong(what) => format!("WRONG: {what}"),
        RowResult::LeftOut(why) => format!("left out: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "a.trace ticks=3 rows=12 roots=aa trace=bb snapshots=cc different=none";

    fn found(line: &str) -> Option<String> {
        difference(&[line.to_owned()], &[LINE.to_owned()], &["bb".to_owned()])
    }

    #[test]
    fn equal_lines_agree() {
        assert_eq!(found(LINE), None);
    }

    #[test]
    fn each_difference_is_named() {
        for (from, to, expected) in [
            ("roots=aa", "roots=a0", "a.trace: roots differ"),
            ("snapshots=cc", "snapshots=c0", "a.trace: snapshots differ"),
            ("rows=12", "rows=13", "a.trace: rows differ"),
            ("trace=bb", "trace=b0", "a.trace: the bytes recorded anew are not the file's"),
            ("different=none", "different=2", "a.trace: tick 2 differs"),
        ] {
            assert_eq!(found(&LINE.replace(from, to)).as_deref(), Some(expected));
        }
        let short = difference(&[], &[LINE.to_owned()], &["bb".to_owned()]);
        assert_eq!(short.as_deref(), Some("0 lines for 1 traces"));
    }

    #[test]
    fn the_first_row_is_compared_with_the_file_too() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("a.trace");
        std::fs::write(&path, "golden").expect("a scratch file");
        let row = super::super::rows::chosen(&[])[0];
        let line = |digest: &str| LINE.replace("bb", digest);
        let entry = |digest: &str| Entry { result: RowResult::Same, lines: vec![line(digest)], ..Entry::of(row) };
        let digest = blake3::hash(b"golden").to_hex();
        let mut entries = [entry(&digest), entry("bb")];
        judge(&mut entries, &[path]).expect("the trace is there");
        assert_eq!(entries[0].result, RowResult::Same);
        assert!(matches!(&entries[1].result, RowResult::Wrong(what) if what.contains("not the file's")));
    }
}
