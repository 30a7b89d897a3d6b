//! Valid YAML passes, whatever hand or program wrote it; what is not valid is named by what it looks like.

mod common;

use std::fs;

use tickworld_contentc::{Source, check as check_sources, compile};

/// What `yaml` (as `x.yaml`) with the shipped base is refused with; empty where it passes.
fn refusal(yaml: &str) -> String {
    let mut sources = common::base();
    sources.push(Source { path: "x.yaml".into(), text: yaml.into() });
    let checked = check_sources(&sources).err().map(|wrong| wrong.to_string()).unwrap_or_default();
    let compiled = compile(&sources).err().map(|wrong| wrong.to_string()).unwrap_or_default();
    assert_eq!(checked, compiled, "check and build say the same");
    checked
}

#[track_caller]
fn passes(yaml: &str) {
    assert_eq!(refusal(yaml), "", "\n{yaml}");
}

#[track_caller]
fn refused(yaml: &str, words: &[&str]) {
    let wrong = refusal(yaml);
    for word in words {
        assert!(wrong.contains(word), "no {word:?} in\n{wrong}");
    }
}

fn many(entry: impl Fn(u32) -> String) -> String {
    let entries: String = (0..60).map(|number| format!("  thing-{number}: {}\n", entry(number))).collect();
    format!("items:\n{entries}")
}

#[test]
fn quotes_hold_anything() {
    passes(&many(|number| format!("{{name: \"Potion #{number}\", cost: 5 gp}}")));
    passes(&many(|number| format!("{{name: 'Potion #{number}', cost: 5 gp}}")));
    passes(&many(|number| format!("{{\"name\":\"Potion #{number}\",\"cost\":\"5 gp\"}}")));
    passes(&many(|number| format!("{{'name':'Potion #{number}','cost':'5 gp'}}")));
    passes(&many(|number| format!("{{name: 'Adam''s #{number} [', cost: 5 gp}}")));
    passes(&many(|number| format!("{{name: \"\\\"{number}\\\" # {{\", cost: 5 gp}}")));
    passes(&many(|number| format!("{{name: Smith's {number}, cost: 5 gp}} # it's {{ a comment")));
    passes(&many(|number| format!("{{name: Rock#{number}, cost: 5 gp}}")));
}

#[test]
fn brackets_that_nest_too_deep_are_refused_at_once() {
    for text in ["[", "{a: ", "a: '[[' [", "? [", "{\"a\":[", "{5\":'["] {
        let begun = std::time::Instant::now();
        let wrong = refusal(&format!("x: {}\n", text.repeat(300_000)));
        assert!(!wrong.is_empty() && begun.elapsed().as_secs() < 20, "{text}: {wrong:.300}");
    }
    refused(&format!("x: {}", "[".repeat(40)), &["nested deeper than 32 levels"]);
    // A block of text with a lone quote hides nothing.
    refused(&format!("x: |\n  'tis\ny: {}\n", "[".repeat(40)), &["nested deeper than 32 levels"]);
}

#[test]
fn tabs_may_separate() {
    passes("items:\n  rope: {name: Rope, cost:\t1 gp}\n");
    passes("items:\n  rope:\n    name:\tRope\n    cost: \t 1 gp\t\n    weight:\t\t10 lb\t# heavy\n");
    passes("items:\n  rope:\t{name: \"A\tB\",\tcost: 1 gp}\n");
    let pack = |text: &str| {
        let source = Source { path: "x.yaml".into(), text: text.into() };
        compile(&[common::base(), vec![source]].concat()).expect("it is right").pack
    };
    let named = pack("items:\n  rope: {name: \"A\tB\", cost:\t1 gp}\n");
    assert_eq!(named.items[0].name, "A\tB", "what is quoted stays");
    refused("items:\n  rope:\n\tname: Rope\n", &["x.yaml:3:", "indent with spaces"]);
}

#[test]
fn spaces_that_are_none_are_named() {
    refused(
        "items:\n  rope:\n    name: Rope\n    cost:\u{a0}1 gp\n",
        &["x.yaml:4:10", "a non-breaking space (U+00A0)", "plain space"],
    );
    refused("items:\n  rope: {name: Rope, cost:\u{a0}1 gp}\n", &["x.yaml:2:27", "a non-breaking space"]);
    refused("items:\n  rope:\n    name: Rope\n    cost\u{200b}: 1 gp\n", &["x.yaml:4:9", "a character of no width"]);
    refused(
        "items:\n  rope:\n    name: Rope\n    cost:\u{3000}1 gp\n    weight: 1 lb\n",
        &["x.yaml:4:10", "another width"],
    );
    passes("\u{feff}items:\n  rope: {name: \"Rope\u{a0}1\", cost: 1 gp}\n");
}

/// A text program sets quotes of its own; the item was called with them, and of a price nobody said why it was none.
#[test]
fn quotes_of_text_programs_are_named() {
    for (open, close) in
        [('\u{201c}', '\u{201d}'), ('\u{201e}', '\u{201c}'), ('\u{2018}', '\u{2019}'), ('\u{ab}', '\u{bb}')]
    {
        let wrong = refusal(&format!("items:\n  rope: {{name: {open}Rope{close}, cost: {open}1 gp{close}}}\n"));
        assert_eq!(wrong.matches("quotes of a text program").count(), 2, "{wrong}");
        assert!(wrong.contains("x.yaml:2:16") && wrong.contains("2 errors"), "{wrong}");
    }
    passes("items:\n  rope: {name: \"\u{201c}Rope\u{201d}\", cost: 1 gp}\n");
    passes("items:\n  rope: {name: Sailor\u{2019}s rope, cost: 1 gp}\n");
}

#[test]
fn a_file_may_say_nothing() {
    for text in ["", "\n\n", "# only\n  # comments\n", "---\n", "---\n# nothing\n...\n", "\u{feff}# nothing\n"] {
        passes(text);
    }
    passes("items: {rope: {name: Rope, cost: 1 gp}}\n---\n");
    passes("---\nitems: {rope: {name: Rope, cost: 1 gp}}\n...\n---\n# nothing more\n");
    refused("items: {}\n---\nitems: {}\n", &["x.yaml:3:", "a second document in one file"]);
    refused("items: {}\n---\nmore\n", &["a second document in one file"]);
    refused("[\n", &["not YAML"]);
}

/// Dice with what people write instead.
#[test]
fn dice_that_are_none_say_why() {
    let effect = |roll: &str| {
        format!("spells: {{bolt: {{name: Bolt, level: 0, range: 60 ft, effects: [{{damage: [\"{roll} fire\"]}}]}}}}\n")
    };
    passes(&effect("2d6 + 3"));
    passes(&effect("2d6+ability"));
    for (roll, why) in [
        ("1d8\u{2212}1", "its minus sign is `\u{2212}` (U+2212), write - instead"),
        ("1d8 \u{2013} 1", "(U+2013)"),
        ("2d6 + STR", "the user's modifier is +ability"),
        ("2d6 + Dex mod", "the user's modifier is +ability"),
        ("d20", "write 1d20"),
        ("2D6", "write 2d6"),
        ("1d6+1d8", "two rolls take a line each"),
        ("1d6\u{a0}+ 1", "a non-breaking space"),
    ] {
        refused(&effect(roll), &["x.yaml:1:", why]);
    }
}

/// What only the pack's own rules refuse is refused by the check, at the entry that it is about.
#[test]
fn check_refuses_what_build_refuses() {
    let rat = |spells: &str| {
        format!(
            "spells:\n  spark: {{name: Spark, level: 0, range: 60 ft, effects: [{{damage: [1d8 cold]}}]}}\n\
             creatures:\n  rat:\n    {{name: Rat, kind: beast, size: tiny, armor_class: 10, hit_points: 1, hit_dice: 1d4-1, \
             speed: {{walk: 20 ft}}, abilities: {{str: 2, dex: 11, con: 9, int: 2, wis: 10, cha: 4}}, proficiency: 2, \
             challenge: 0, casting: {{ability: int, save_dc: 12, spells: {{{spells}}}}}}}\n"
        )
    };
    passes(&rat("spark: at will"));
    refused(&rat("spark: slot"), &["x.yaml:5:", "`spark` is a cantrip (level 0), which takes no slot", "at will"]);
}

/// A folder of sources.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder can be made");
        for source in common::base() {
            fs::write(folder.path().join(source.path), source.text).expect("it can be written to");
        }
        Self(folder)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be written to");
        fs::write(path, text).expect("it can be written to");
    }

    fn read(&self) -> Result<Vec<String>, String> {
        let read = Source::read_dir(self.0.path()).map_err(|wrong| wrong.to_string());
        let base = ["conditions.yaml", "constants.yaml", "damage-types.yaml"];
        read.map(|list| list.into_iter().map(|it| it.path).filter(|path| !base.contains(&path.as_str())).collect())
    }
}

#[test]
fn leftovers_are_left_out_and_endings_are_taken_in_either_case() {
    let folder = Folder::new();
    for name in ["._items.yaml", ".#items.yaml", ".git/config.yaml", "items.yaml~", "items.yaml.bak", "#items.yaml#"] {
        folder.write(name, "\u{0}\u{5}garbage: [");
    }
    for name in ["a.YAML", "b.Yml", "sub.folder/c.yml"] {
        folder.write(name, "items: {}");
    }
    assert_eq!(folder.read(), Ok(vec!["a.YAML".into(), "b.Yml".into(), "sub.folder/c.yml".into()]));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_what_is_no_file_is_named() {
    use std::os::unix::fs::symlink;
    let (folder, shared) = (Folder::new(), tempfile::tempdir().expect("a scratch folder can be made"));
    let place = |name: &str| folder.0.path().join(name);
    fs::write(shared.path().join("one.yaml"), "items: {}").expect("it can be written to");
    symlink(shared.path(), place("items")).expect("links can be made");
    symlink(shared.path().join("one.yaml"), place("two.yaml")).expect("links can be made");
    assert_eq!(folder.read(), Ok(vec!["items/one.yaml".into(), "two.yaml".into()]));
    symlink("..", place("items-2")).expect("links can be made");
    symlink(folder.0.path(), shared.path().join("back")).expect("links can be made");
    let wrong = folder.read().expect_err("a link leads back");
    assert!(wrong.contains("items/back: error: a link that leads back"), "{wrong}");
    fs::remove_file(shared.path().join("back")).expect("it was just made");
    fs::remove_file(place("items-2")).expect("it was just made");
    symlink("nowhere", place("gone.yaml")).expect("links can be made");
    symlink("/dev/zero", place("endless.yaml")).expect("links can be made");
    let made = std::process::Command::new("mkfifo").arg(place("pipe.yaml")).status().expect("mkfifo is there");
    assert!(made.success());
    let wrong = folder.read().expect_err("three are no files");
    for words in [
        "gone.yaml: error: cannot be read",
        "endless.yaml: error: not a regular file",
        "pipe.yaml: error: not a regular file",
    ] {
        assert!(wrong.contains(words), "{wrong}");
    }
}
