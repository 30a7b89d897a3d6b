//! Blocks of the documents that must equal the code they show.
//!
//! A source marks lines with `// DOC:NAME` and `// DOC:END`. A document shows them in the fenced block that follows
//! `<!-- from: path/to/source.rs NAME -->`. If every marked line is a comment, the comment signs are left out, so a byte
//! map can stand as the doc comment of the code that reads it. Both ends are checked: a marker in a source that no
//! document shows is a finding too.

use super::tree::{File, Finding, Tree};

/// Compares every marked block with its source.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut shown = Vec::new();
    for document in documents(tree) {
        for block in blocks(document) {
            match source_lines(tree, &block) {
                Err(message) => findings.push(document.at(block.line, message)),
                Ok(lines) if lines != block.lines => {
                    let message = format!("differs from {} {}: run `cargo xtask tidy --fix`", block.path, block.name);
                    findings.push(document.at(block.line, message));
                }
                Ok(_) => {}
            }
            shown.push((block.path, block.name));
        }
    }
    for file in tree.sources() {
        for (line, name) in markers(file) {
            if !shown.iter().any(|(path, shown_name)| *path == file.path && *shown_name == name) {
                findings.push(
                    file.at(line, format!("no document shows {name}: add `<!-- from: {} {name} -->`", file.path)),
                );
            }
        }
    }
    findings
}

/// The documents whose blocks differ, with those blocks replaced by what the sources say.
pub(super) fn repairs(tree: &Tree) -> Vec<(String, String)> {
    let mut repairs = Vec::new();
    for document in documents(tree) {
        let mut lines: Vec<String> = document.text.lines().map(str::to_owned).collect();
        // From the end, so that line numbers before stay true.
        for block in blocks(document).into_iter().rev() {
            if let (Ok(fresh), Some(first)) = (source_lines(tree, &block), block.first_line_index) {
                lines.splice(first..first + block.lines.len(), fresh);
            }
        }
        let text = lines.join("\n") + "\n";
        if text != document.text {
            repairs.push((document.path.clone(), text));
        }
    }
    repairs
}

/// One marked block of a document.
struct Block {
    path: String,
    name: String,
    /// The marker's line, from 1.
    line: usize,
    /// Index of the line after the opening fence; none if no fence follows the marker.
    first_line_index: Option<usize>,
    lines: Vec<String>,
}

fn documents(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.path.ends_with(".md"))
}

fn blocks(document: &File) -> Vec<Block> {
    let lines: Vec<&str> = document.text.lines().collect();
    let mut blocks = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in lines.iter().enumerate() {
        let ticks = line.trim_start();
        if ticks.starts_with("```") {
            fence = if fence.is_some() { None } else { Some(ticks) };
        }
        // A marker inside a fence is an example of a marker.
        let marker = line.strip_prefix("<!-- from: ").and_then(|rest| rest.strip_suffix(" -->"));
        let Some((path, name)) = marker.filter(|_| fence.is_none()).and_then(|marker| marker.split_once(' ')) else {
            continue;
        };
        let fenced = lines.get(index + 1).is_some_and(|next| next.starts_with("```"));
        let inside = lines.iter().skip(index + 2).take_while(|line| !line.starts_with("```"));
        blocks.push(Block {
            path: path.to_owned(),
            name: name.trim().to_owned(),
            line: index + 1,
            first_line_index: fenced.then_some(index + 2),
            lines: if fenced { inside.map(|line| (*line).to_owned()).collect() } else { Vec::new() },
        });
    }
    blocks
}

/// What the source says for a block.
fn source_lines(tree: &Tree, block: &Block) -> Result<Vec<String>, String> {
    if block.first_line_index.is_none() {
        return Err("no fenced block follows this marker".to_owned());
    }
    let file = tree.file(&block.path).ok_or_else(|| format!("{} does not exist", block.path))?;
    let opening = format!("// DOC:{}", block.name);
    let mut rest = file.text.lines().skip_while(|line| line.trim() != opening).skip(1);
    let mut lines = Vec::new();
    loop {
        match rest.next() {
            None => return Err(format!("{} has no `{opening}` .. `// DOC:END`", block.path)),
            Some(line) if line.trim() == "// DOC:END" => return Ok(plain(&lines)),
            Some(line) => lines.push(line),
        }
    }
}

/// Lines without their common indent, and without comment signs if all of them are comments.
fn plain(lines: &[&str]) -> Vec<String> {
    let uncomment = |line: &&str| {
        let line = line.trim_start();
        let text = ["///", "//!", "//"].iter().find_map(|sign| line.strip_prefix(sign))?;
        Some(text.strip_prefix(' ').unwrap_or(text).to_owned())
    };
    if let Some(texts) = lines.iter().map(uncomment).collect() {
        return texts;
    }
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or("").to_owned()).collect()
}

/// Line and name of each opening marker of a source.
fn markers(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let lines = file.text.lines().enumerate();
    let names = lines.filter_map(|(index, line)| Some((index + 1, line.trim().strip_prefix("// DOC:")?)));
    names.filter(|(_, name)| *name != "END")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# Formats\n\n<!-- from: sim/src/a.rs HEADER -->\n```text\n0  4  magic\n4  2  version\n```\nEnd.\n";
    const SOURCE: &str = "//! x\n// DOC:HEADER\n/// 0  4  magic\n/// 4  2  version\n// DOC:END\nconst A: u8 = 0;\n";

    fn findings(document: &str, source: &str) -> Vec<String> {
        let tree = Tree::of(&[("docs/FORMATS.md", document), ("sim/src/a.rs", source)]);
        check(&tree).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn an_equal_block_passes() {
        assert_eq!(findings(DOCUMENT, SOURCE), [""; 0]);
    }

    #[test]
    fn a_block_that_fell_behind_is_caught_and_repaired() {
        let source = SOURCE.replace("4  2  version", "4  2  version\n/// 6  2  flags");
        assert_eq!(findings(DOCUMENT, &source).len(), 1);
        let tree = Tree::of(&[("docs/FORMATS.md", DOCUMENT), ("sim/src/a.rs", &source)]);
        let repaired = repairs(&tree);
        assert_eq!(repaired.len(), 1);
        assert!(repaired[0].1.ends_with("4  2  version\n6  2  flags\n```\nEnd.\n"), "{}", repaired[0].1);
        assert_eq!(findings(&repaired[0].1, &source), [""; 0]);
    }

    #[test]
    fn a_marker_without_its_other_end_is_caught() {
        assert_eq!(findings("# Formats\n", SOURCE).len(), 1);
        assert_eq!(findings(DOCUMENT, "//! x\n").len(), 1);
        assert_eq!(findings(DOCUMENT, &SOURCE.replace("// DOC:END", "")).len(), 1);
        assert_eq!(findings(&DOCUMENT.replace("a.rs", "b.rs"), SOURCE).len(), 2);
        assert_eq!(findings(&DOCUMENT.replace("```text\n", "\n"), SOURCE).len(), 1);
    }

    #[test]
    fn code_keeps_its_comments_and_loses_its_indent() {
        assert_eq!(plain(&["    let a = 1; // one", "", "        a"]), ["let a = 1; // one", "", "    a"]);
        assert_eq!(plain(&["//! a", "//!", "//!   b"]), ["a", "", "  b"]);
    }

    #[test]
    fn a_marker_inside_a_fence_is_an_example() {
        let document = "````text\n<!-- from: sim/src/none.rs NAME -->\n````\n";
        assert_eq!(findings(document, "//! x\n"), [""; 0]);
    }
}
