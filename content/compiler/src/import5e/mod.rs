//! The importer for the JSON of the 5e-database project, of both editions, and for pages of Open5e.
//!
//! It takes facts from fields and, where they stand only there, from prose; it writes our YAML and copies no sentence.
//! Invariant: the output compiles together with the shipped conditions, damage types and constants; it depends on the
//! input's content only, not on the order of files or entries; every entry and every fact left out is in the report.

mod actions;
mod behaviour;
mod draft;
mod items;
mod json;
mod monsters;
mod open5e;
mod parse;
mod prose;
mod report;
mod spells;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::source::Source;
pub use report::{ImportCount, ImportReport};

/// The conditions that the shipped sources define and the SRD names.
const CONDITIONS: [&str; 15] = [
    "blinded",
    "charmed",
    "deafened",
    "exhaustion",
    "frightened",
    "grappled",
    "incapacitated",
    "invisible",
    "paralyzed",
    "petrified",
    "poisoned",
    "prone",
    "restrained",
    "stunned",
    "unconscious",
];

/// The kinds of damage that the shipped sources define.
const DAMAGE_TYPES: [&str; 13] = [
    "acid",
    "bludgeoning",
    "cold",
    "fire",
    "force",
    "lightning",
    "necrotic",
    "piercing",
    "poison",
    "psychic",
    "radiant",
    "slashing",
    "thunder",
];

/// The result of an import: sources and a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// YAML sources, sorted by path: creatures by kind, spells by level, items by use.
    pub files: Vec<Source>,
    /// What was written and what was not.
    pub report: ImportReport,
}

/// Why an import gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file is not JSON.
    #[error("{path}: not JSON: {reason}")]
    Json {
        /// The path of the file, as it was given.
        path: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A file is JSON, but no list of entries.
    #[error("{path}: expected a list of entries")]
    NoList {
        /// The path of the file, as it was given.
        path: String,
    },
    /// No entry of any kind was recognised.
    #[error("no monster, spell or item in {}", counted_files(.files))]
    Nothing {
        /// Number of files that were given.
        files: usize,
    },
}

fn counted_files(files: &usize) -> String {
    if *files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

/// Turns JSON files of the 5e-database project into content sources.
///
/// What an entry is follows from its fields, not from its file's name; other kinds of entries (classes, races, rules) are
/// counted in the report. Text of a [`Source`] here is JSON.
///
/// # Errors
/// [`ImportError`] where a file cannot be read as a list of entries, or nothing was recognised.
pub fn import_5e(files: &[Source]) -> Result<Import, ImportError> {
    prose::compile_all();
    open5e::compile_all();
    let mut entries = Vec::new();
    let mut repeated = Vec::new();
    for file in files {
        let (value, names) = parse::parse(&file.text)
            .map_err(|error| ImportError::Json { path: file.path.clone(), reason: error.to_string() })?;
        repeated.extend(names.into_iter().map(|name| format!("{}: {name}", file.path)));
        match value {
            Value::Array(list) => entries.extend(list.into_iter().map(open5e::translated)),
            // A page of Open5e's answers.
            Value::Object(mut page) if matches!(page.get("results"), Some(Value::Array(_))) => {
                let Some(Value::Array(list)) = page.remove("results") else { continue };
                entries.extend(list.into_iter().map(open5e::translated));
            }
            // An entry alone.
            Value::Object(entry) if entry.contains_key("name") => {
                entries.push(open5e::translated(Value::Object(entry)))
            }
            _ => return Err(ImportError::NoList { path: file.path.clone() }),
        }
    }
    let mut importer = Importer { origin: origin(&entries), ..Importer::default() };
    for place in repeated {
        importer.report.note("approximated: of a field that stands twice the last one is taken", place);
    }
    importer.run(&entries);
    if importer.report.kinds.is_empty() {
        return Err(ImportError::Nothing { files: files.len() });
    }
    Ok(importer.finish())
}

/// Where entries come from, and under which licence: what their addresses in the project's API say, all of them.
fn origin(entries: &[Value]) -> &'static str {
    let all_of = |edition: &str| {
        let is_of = |it: &Value| json::text(it, "url").is_some_and(|url| url.starts_with(edition));
        !entries.is_empty() && entries.iter().all(is_of)
    };
    if all_of("/api/2014/") {
        "from the SRD 5.1 (CC-BY-4.0); see README.md in the folder above."
    } else if all_of("/api/2024/") {
        "from the SRD 5.2.1 (CC-BY-4.0): whoever passes it on names the SRD and its licence."
    } else {
        "from files that do not say where they come from: ask whoever made them for the licence."
    }
}

#[derive(Default)]
struct Importer {
    /// Where the input comes from, as far as it says so.
    origin: &'static str,
    report: ImportReport,
    /// Sources by the path of their file, then by the name of their entry.
    files: BTreeMap<String, BTreeMap<String, String>>,
    seen: BTreeSet<(&'static str, String)>,
}

impl Importer {
    fn run(&mut self, entries: &[Value]) {
        let is = |fields: [&'static str; 2]| move |it: &&Value| fields.iter().all(|field| it.get(field).is_some());
        let is_creature = is(["hit_points", "name"]);
        let is_spell = is(["school", "casting_time"]);
        let is_item = |it: &&Value| !json::categories(it).is_empty() && it.get("name").is_some();
        let named = entries.iter().filter(is_spell);
        let spells: Vec<_> = named.filter_map(|it| Some((spells::slug(it, &mut self.report)?, it))).collect();
        let mut castable = BTreeSet::new();
        for (slug, value) in &spells {
            let made = spells::spell(value, slug, &mut self.report);
            if made.is_some() {
                castable.insert(slug.clone());
            }
            self.keep("spells", slug.clone(), made);
        }
        for value in entries.iter().filter(is_creature) {
            let made = monsters::creature(value, &castable, &mut self.report);
            self.keep_named("creatures", value, made);
        }
        for value in entries.iter().filter(is_item) {
            let magic = value.get("rarity").is_some();
            let made = items::item(value, magic, &mut self.report);
            self.keep_named("items", value, made);
        }
        let known = |it: &Value| is_creature(&it) || is_spell(&it) || is_item(&it);
        for value in entries.iter().filter(|it| !known(it)) {
            let name = json::text(value, "index").or_else(|| json::text(value, "name")).unwrap_or_default();
            self.report.note("an entry of a kind that content does not hold", name);
        }
    }

    fn keep_named(&mut self, kind: &'static str, value: &Value, made: Option<(String, String, String)>) {
        let name = json::text(value, "index").or_else(|| json::text(value, "name")).unwrap_or_default();
        match made {
            Some((slug, path, text)) => self.keep(kind, slug, Some((path, text))),
            None => {
                if name.is_empty() {
                    self.report.note("an entry without a name", kind);
                }
                self.keep(kind, name, None);
            }
        }
    }

    fn keep(&mut self, kind: &'static str, slug: String, made: Option<(String, String)>) {
        let Some((path, text)) = made else {
            self.report.count(kind, false);
            return;
        };
        if !self.seen.insert((kind, slug.clone())) {
            self.report.note("a second entry of the same name", format!("{kind}: {slug}"));
            self.report.count(kind, false);
            return;
        }
        self.report.count(kind, true);
        self.files.entry(path).or_default().insert(slug, text);
    }

    fn finish(self) -> Import {
        let files = self.files.into_iter().map(|(path, entries)| {
            let section = path.split('/').next().unwrap_or_default();
            let mut text = String::from("# yaml-language-server: $schema=../../schema/content.schema.json\n");
            text.push_str(&format!("# Made by `tickworld content import-5e` {}\n", self.origin));
            text.push_str(&format!("{section}:\n"));
            entries.values().for_each(|entry| text.push_str(entry));
            Source { path, text }
        });
        Import { files: files.collect(), report: self.report }
    }
}
