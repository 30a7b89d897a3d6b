//! Content compiler: YAML sources to a content pack, and importers that write such sources.
//!
//! [`compile`] gathers the names of all sources, reads every entry against them and encodes the pack; whatever is wrong
//! comes back as [`Diagnostics`], all of it at once, with file, line, column and a suggestion.
//! [`import_5e`] turns the JSON of the 5e-database project into such sources and lists what it cannot express.
//!
//! Invariant: the same sources give the same bytes, whatever order they come in and wherever they are compiled.
//! What it deliberately does not do: print, parse command lines, or know what values mean in play.
//!
//! ```
//! use tickworld_contentc::{Source, check};
//!
//! let source = Source { path: "fire.yaml".into(), text: "damage_types: {fire: {name: Fire, colour: red}}".into() };
//! let wrong = check(&[source]).expect_err("there is no such field");
//! assert_eq!(wrong.list[0].message, "unknown field `colour`");
//! ```
#![forbid(unsafe_code)]

mod diagnostic;
pub mod document;
mod import5e;
mod kind;
mod lower;
mod names;
mod source;
mod text;
mod yaml;

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use tickworld_content::{PackError, limits, model::Pack};
use tickworld_sim::content::ContentId;

pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, Diagnostics};
pub use import5e::{Import, ImportCount, ImportError, ImportReport, import_5e};
pub use source::{SOURCE_BYTES_MAX, SOURCES_MAX, Source};

/// A finished pack.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The bytes of the pack file.
    pub bytes: Vec<u8>,
    /// The id that the pack is known by: the hash of its body.
    pub id: ContentId,
    /// What a reader of `bytes` gets.
    pub pack: Pack,
    /// Counts of what it holds, for people.
    pub summary: Summary,
}

/// How much of what a pack holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Id in hexadecimal digits.
    pub id: String,
    /// Length of the pack file.
    pub bytes: usize,
    /// Number of source files.
    pub sources: usize,
    /// Entries of each table, by its name.
    pub entries: BTreeMap<&'static str, usize>,
}

/// Compiles sources, in whatever order they come.
///
/// Linear in their length but for sorting.
///
/// # Errors
/// Everything that is wrong with them.
pub fn compile(sources: &[Source]) -> Result<Compiled, Diagnostics> {
    let (pack, id, bytes) = build(sources)?;
    let sources = sources.len();
    let (read_id, read) = Pack::from_bytes(&bytes).map_err(|error| whole(&error))?;
    assert!(read_id == id && read == pack, "a pack that was just written reads back as it was");
    let entries = BTreeMap::from([
        ("actions", pack.actions.len()),
        ("conditions", pack.conditions.len()),
        ("creatures", pack.creatures.len()),
        ("damage_types", pack.damage_types.len()),
        ("items", pack.items.len()),
        ("spells", pack.spells.len()),
    ]);
    let summary = Summary { id: id.to_string(), bytes: bytes.len(), sources, entries };
    Ok(Compiled { bytes, id, pack, summary })
}

/// Compiles every YAML file under `folder`.
///
/// # Errors
/// What cannot be read, or everything that is wrong with what was read.
pub fn compile_dir(folder: &Path) -> Result<Compiled, Diagnostics> {
    compile(&Source::read_dir(folder)?)
}

/// Checks sources without writing a pack: what it passes, [`compile`] compiles.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check(sources: &[Source]) -> Result<(), Diagnostics> {
    build(sources).map(|_| ())
}

fn whole(error: &PackError) -> Diagnostics {
    Diagnostics::of_file("(all sources)", error.to_string())
}

/// The pack of sources and its bytes, which the pack's own rules have passed.
fn build(sources: &[Source]) -> Result<(Pack, ContentId, Vec<u8>), Diagnostics> {
    if sources.len() > SOURCES_MAX {
        return Err(Diagnostics::of_file("(all sources)", format!("more than {SOURCES_MAX} files")));
    }
    let mut sink = source::Sink::default();
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort();
    for pair in sorted.windows(2) {
        if let [first, second] = pair
            && first.path == second.path
        {
            sink.push(Diagnostic::of_file(&first.path, "given twice"));
        }
    }
    let trees: Vec<_> = sorted
        .into_iter()
        .filter(|source| !yaml::is_empty(&source.text))
        .filter_map(|source| yaml::load(source, &mut sink).map(|tree| (source, tree)))
        .collect();
    let names = names::Names::gather(&trees, &mut sink);
    over_limits(&names, &mut sink);
    let pack = lower::pack(&names, &mut sink);
    if pack.is_none() && sink.is_empty() {
        sink.push(Diagnostic::of_file("(all sources)", "no `constants:` in any source"));
    }
    match pack {
        Some(pack) if sink.is_empty() => match pack.to_bytes() {
            Ok((id, bytes)) => Ok((pack, id, bytes)),
            Err(error) => Err(refused(&error, &pack, &names, &mut sink)),
        },
        _ => Err(sink.into_diagnostics()),
    }
}

/// What the pack's own rules refuse, at the entry that it is about.
///
/// Reading reports a mistake where it stands; this is for what it lets pass, so that even that has a place.
fn refused(error: &PackError, pack: &Pack, names: &names::Names<'_>, sink: &mut source::Sink) -> Diagnostics {
    use kind::Kind;
    let PackError::Invalid { table, row, field, problem } = error else { return whole(error) };
    let kind = Kind::ALL.into_iter().find(|kind| kind.section() == *table);
    // Entries of a pack stand in the order of their names' keys; an action belongs to the entry that uses it.
    let owner = match kind {
        Some(kind) => names.entries(kind).get(*row).map(|entry| (kind, entry)),
        None if *table == "actions" => owner_of_action(*row, pack, names),
        None => None,
    };
    let Some((kind, entry)) = owner else { return whole(error) };
    let message = format!("{} `{}`: {field}: {problem}", kind.word(), entry.name);
    sink.report(entry.source, entry.span, message, None);
    std::mem::take(sink).into_diagnostics()
}

fn owner_of_action<'n, 's>(
    row: usize,
    pack: &Pack,
    names: &'n names::Names<'s>,
) -> Option<(kind::Kind, &'n names::Entry<'s>)> {
    use kind::Kind;
    use tickworld_content::model::ItemUse;
    let row = u32::try_from(row).ok()?;
    let of_item = |use_: &ItemUse| match use_ {
        ItemUse::Weapon { action, versatile, .. } => *action == row || *versatile == Some(row),
        ItemUse::Consumable { action } => *action == row,
        _ => false,
    };
    let creature = pack.creatures.iter().position(|creature| creature.actions.contains(&row));
    let spell = pack.spells.iter().position(|spell| spell.action == row);
    let item = pack.items.iter().position(|item| of_item(&item.use_));
    let found = [(Kind::Creature, creature), (Kind::Spell, spell), (Kind::Item, item)];
    found.into_iter().find_map(|(kind, at)| Some((kind, names.entries(kind).get(at?)?)))
}

fn over_limits(names: &names::Names<'_>, sink: &mut source::Sink) {
    use kind::Kind;
    let limits = [
        (Kind::DamageType, limits::DAMAGE_TYPES_MAX),
        (Kind::Condition, limits::CONDITIONS_MAX),
        (Kind::Creature, limits::CREATURES_MAX),
        (Kind::Spell, limits::SPELLS_MAX),
        (Kind::Item, limits::ITEMS_MAX),
    ];
    for (kind, max) in limits {
        let entries = names.entries(kind);
        if let Some(entry) = entries.get(max) {
            let message = format!("{} {}, at most {max} fit a pack", entries.len(), kind.section());
            sink.report(entry.source, entry.span, message, None);
        }
    }
}
