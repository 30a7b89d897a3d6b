//! Patches as data: unified diffs as `git diff` writes them, read, found again in today's sources, and put in together.
//!
//! Every patch is made against the tree as it is, not against the patches before it, so that each reads, applies and is mended
//! by itself. All are put into one copy: lines between the same two lines stand in the order of the catalogue, and two patches
//! that change the same line are an error.
//!
//! Invariant: a patch goes in exactly or not at all. Lines may have moved; lines that are gone, changed or found twice are
//! errors that name the patch. What it does not do: make, rename or delete files.

use std::collections::BTreeMap;

/// The changes of one bug.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// The bug's name.
    pub(super) name: String,
    hunks: Vec<Hunk>,
}

/// Neighbouring lines, some of them changed.
#[derive(Debug, PartialEq, Eq)]
struct Hunk {
    path: String,
    /// Where the patch was made: the first line's number, from 1.
    line: usize,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Kept(String),
    Removed(String),
    Added(String),
}

/// Why a patch does not go in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The bug's name.
    pub(super) name: String,
    /// The file to be patched, what is wrong there, and what to do.
    pub(super) message: String,
}

/// A run of lines of one file, replaced.
struct Edit<'p> {
    /// Index of the first line that is replaced.
    start: usize,
    /// Number of lines that are replaced.
    removed_count: usize,
    /// The lines that stand there instead.
    added: Vec<&'p str>,
    name: &'p str,
}

impl Patch {
    /// Reads what `git diff` wrote.
    ///
    /// # Errors
    /// On anything but changes of lines in files that exist.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let failure = |message: String| Failure { name: name.to_owned(), message };
        let mut hunks: Vec<Hunk> = Vec::new();
        let mut path = None;
        // Lines of the hunk that are still to come, before and after the change.
        let (mut before_count, mut after_count) = (0, 0);
        for (index, line) in text.lines().enumerate() {
            let odd = || failure(format!("line {} is not what `git diff` writes for a change: {line}", index + 1));
            if before_count == 0 && after_count == 0 {
                if let Some(range) = line.strip_prefix("@@ ") {
                    let (start, before, after) = ranges(range).ok_or_else(odd)?;
                    (before_count, after_count) = (before, after);
                    hunks.push(Hunk { path: path.clone().ok_or_else(odd)?, line: start, lines: Vec::new() });
                } else if let Some(after) = line.strip_prefix("+++ ") {
                    path = Some(after.strip_prefix("b/").ok_or_else(odd)?.to_owned());
                } else if !["diff --git a/", "index ", "--- a/"].iter().any(|start| line.starts_with(start)) {
                    return Err(odd());
                }
                continue;
            }
            let hunk = hunks.last_mut().ok_or_else(odd)?;
            let (sign, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            let (line, in_before, in_after) = match sign {
                " " => (Line::Kept(rest.to_owned()), 1, 1),
                "-" => (Line::Removed(rest.to_owned()), 1, 0),
                "+" => (Line::Added(rest.to_owned()), 0, 1),
                _ => return Err(odd()),
            };
            before_count = before_count.checked_sub(in_before).ok_or_else(odd)?;
            after_count = after_count.checked_sub(in_after).ok_or_else(odd)?;
            hunk.lines.push(line);
        }
        if before_count > 0 || after_count > 0 || hunks.is_empty() {
            return Err(failure("the patch ends before it has said what it changes".to_owned()));
        }
        Ok(Self { name: name.to_owned(), hunks })
    }

    /// The lines that it adds, one below the other.
    pub(super) fn added(&self) -> String {
        let lines = self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let added = lines.filter_map(|line| if let Line::Added(text) = line { Some(text.as_str()) } else { None });
        added.collect::<Vec<_>>().join("\n")
    }
}

/// Start and length before, and length after, of `-12,7 +12,9 @@ fn name()`.
fn ranges(text: &str) -> Option<(usize, usize, usize)> {
    let (before, rest) = text.strip_prefix('-')?.split_once(" +")?;
    let (after, _) = rest.split_once(" @@")?;
    let range = |text: &str| match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    };
    let ((start, before_count), (_, after_count)) = (range(before)?, range(after)?);
    Some((start, before_count, after_count))
}

impl Hunk {
    /// Index of its first line in a file of these lines.
    fn find(&self, file: &[&str]) -> Result<usize, String> {
        let before: Vec<&str> = self.lines.iter().filter_map(Line::before).collect();
        if before.is_empty() {
            return Err("a change without a line before or after it has no place: make the patch with context".into());
        }
        let stands_at = |start: usize| file.get(start..start + before.len()) == Some(&before[..]);
        let meant = self.line.saturating_sub(1);
        if stands_at(meant) {
            return Ok(meant);
        }
        let mut places = (0..file.len()).filter(|start| stands_at(*start));
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(format!("the lines that were at line {} stand in several places now", self.line)),
            (None, _) => Err(format!("the lines that were at line {} are not there any more", self.line)),
        }
    }

    /// The edits, for a hunk whose first line has this index.
    fn edits<'p>(&'p self, name: &'p str, start: usize) -> Vec<Edit<'p>> {
        let mut edits: Vec<Edit<'_>> = Vec::new();
        let mut index = start;
        let mut is_open = false;
        for line in &self.lines {
            if let Line::Kept(_) = line {
                index += 1;
                is_open = false;
                continue;
            }
            if !is_open {
                edits.push(Edit { start: index, removed_count: 0, added: Vec::new(), name });
                is_open = true;
            }
            let edit = edits.last_mut().expect("one was pushed above");
            match line {
                Line::Added(text) => edit.added.push(text),
                _ => {
                    edit.removed_count += 1;
                    index += 1;
                }
            }
        }
        edits
    }
}

impl Line {
    fn before(&self) -> Option<&str> {
        match self {
            Self::Kept(text) | Self::Removed(text) => Some(text),
            Self::Added(_) => None,
        }
    }
}

/// The new texts of all files that the patches change, by path; `text_of` gives the old ones.
///
/// # Errors
/// All patches that do not go in.
pub(super) fn apply<'t>(
    patches: &[Patch],
    text_of: impl Fn(&str) -> Option<&'t str>,
) -> Result<BTreeMap<String, String>, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut edits: BTreeMap<&str, Vec<Edit<'_>>> = BTreeMap::new();
    for patch in patches {
        for hunk in &patch.hunks {
            let text = text_of(&hunk.path).ok_or_else(|| "the file does not exist".to_owned());
            match text.and_then(|text| hunk.find(&text.lines().collect::<Vec<_>>())) {
                Ok(start) => edits.entry(&hunk.path).or_default().extend(hunk.edits(&patch.name, start)),
                Err(what) => failures.push(Failure {
                    name: patch.name.clone(),
                    message: format!("{}: {what}; mend the patch as docs/SEEDED-BUGS.md says", hunk.path),
                }),
            }
        }
    }
    let mut texts = BTreeMap::new();
    for (path, edits) in edits {
        match merge(text_of(path).unwrap_or_default(), edits) {
            Ok(text) => {
                texts.insert(path.to_owned(), text);
            }
            Err(Failure { name, message }) => failures.push(Failure { name, message: format!("{path}: {message}") }),
        }
    }
    if failures.is_empty() { Ok(texts) } else { Err(failures) }
}

/// The text with all edits in.
fn merge(text: &str, mut edits: Vec<Edit<'_>>) -> Result<String, Failure> {
    // Stable: what is put between the same two lines keeps the patches' order.
    edits.sort_by_key(|edit| (edit.start, edit.removed_count > 0));
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<&str> = Vec::new();
    let (mut done, mut last) = (0, "");
    for edit in edits {
        if edit.start < done {
            let message = format!("line {} is changed by the patch `{last}` too: keep them apart", edit.start + 1);
            return Err(Failure { name: edit.name.to_owned(), message });
        }
        out.extend(&lines[done..edit.start]);
        out.extend(edit.added);
        (done, last) = (edit.start + edit.removed_count, edit.name);
    }
    out.extend(&lines[done..]);
    Ok(out.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwo\nthree\nfour\nfive\n";

    fn patch(name: &str, hunks: &str) -> Patch {
        let text = format!("diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n{hunks}");
        Patch::parse(name, &text).expect("a patch of these tests")
    }

    fn applied(patches: &[Patch], text: &str) -> Result<String, Vec<String>> {
        let texts = apply(patches, |path| (path == "f").then_some(text));
        let message = |it: Failure| format!("{}: {}", it.name, it.message);
        texts.map(|mut texts| texts.remove("f").unwrap()).map_err(|all| all.into_iter().map(message).collect())
    }

    #[test]
    fn lines_are_added_removed_and_replaced_even_where_they_moved() {
        let both = patch("a", "@@ -2,3 +2,3 @@ fn x()\n two\n-three\n+3\n four\n");
        assert_eq!(applied(&[both], TEXT).unwrap(), "one\ntwo\n3\nfour\nfive\n");
        let moved = patch("a", "@@ -2,2 +2,3 @@\n two\n+more\n three\n");
        let text = format!("zero\n\n{TEXT}");
        assert_eq!(applied(&[moved], &text).unwrap(), "zero\n\none\ntwo\nmore\nthree\nfour\nfive\n");
    }

    #[test]
    fn patches_of_neighbouring_lines_go_in_together() {
        let between = |name, line| patch(name, &format!("@@ -2,2 +2,3 @@\n two\n+{line}\n three\n"));
        let replacing = patch("c", "@@ -3 +3,2 @@\n-three\n+3\n+3.5\n");
        let all = [between("a", "first"), replacing, between("b", "second")];
        assert_eq!(applied(&all, TEXT).unwrap(), "one\ntwo\nfirst\nsecond\n3\n3.5\nfour\nfive\n");
    }

    #[test]
    fn a_patch_that_no_longer_applies_is_named() {
        let make = || patch("stale", "@@ -2,2 +2,3 @@\n two\n+more\n three\n");
        let error = applied(&[make()], &TEXT.replace("three", "drei")).unwrap_err();
        assert!(error[0].starts_with("stale: f: the lines that were at line 2 are not there"), "{error:?}");
        let error = applied(&[make()], &format!("zero\n{TEXT}{TEXT}")).unwrap_err();
        assert!(error[0].contains("several places"), "{error:?}");
        let error = apply(&[make()], |_| None).unwrap_err();
        assert!(error[0].message.contains("does not exist"), "{error:?}");
    }

    #[test]
    fn two_patches_of_one_line_are_refused() {
        let of = |name, hunk| patch(name, hunk);
        let all = [of("a", "@@ -2,2 +2,1 @@\n-two\n-three\n+x\n"), of("b", "@@ -3 +3 @@\n-three\n+y\n")];
        let error = applied(&all, TEXT).unwrap_err();
        assert!(error[0].starts_with("b: f: line 3 is changed by the patch `a` too"), "{error:?}");
    }

    #[test]
    fn what_is_no_change_of_lines_is_refused() {
        for text in [
            "",
            "story\n",
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n",
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+1\n+2\n",
            "--- a/f\n+++ b/f\n@@ one @@\n-one\n+1\n",
            "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+one\n",
            "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n",
            "@@ -1 +1 @@\n-one\n+1\n",
            "rename from f\n",
        ] {
            assert!(Patch::parse("a", text).is_err(), "{text}");
        }
        let bare = patch("a", "@@ -1,0 +2 @@\n+1.5\n");
        assert!(applied(&[bare], TEXT).unwrap_err()[0].contains("with context"));
    }
}
