//! `tickworld content`: build, check, inspect, import and export content.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use tickworld_content::model::{Key, Pack};
use tickworld_contentc::{Diagnostics, Import, Source, import_5e};

use crate::{
    Context, builtin,
    cli::{Content, Table},
    failure::{Failure, Outcome, Verdict},
    files::{self, Kind, Target},
    output::{Ink, counted},
    packs::{self, PackSource},
};

/// Longest JSON file that is imported, in bytes.
const JSON_BYTES_MAX: u64 = 64 << 20;

/// Runs the command.
pub(crate) fn run(context: &mut Context, command: &Content) -> Outcome {
    match command {
        Content::Build { dir, output, force } => build(context, dir, output, *force),
        Content::Check { dir } => check(context, dir),
        Content::Info { pack, list } => info(context, pack, *list),
        Content::Import5e { json_dir, output, all, force } => {
            files::check_folder(output)?;
            let imported = import(json_dir)?;
            files::write_sources(output, &imported.files, *force)?;
            tell_import(context, output, &imported, *all);
            Ok(Verdict::Same)
        }
        Content::Export { output, force } => export(context, output, *force),
    }
}

fn sources(dir: &Path) -> Outcome<Vec<Source>> {
    if builtin::content(dir) == PackSource::Shipped {
        return Ok(packs::shipped_sources());
    }
    if dir.is_file() {
        return Err(files::wrong_kind(dir, "folder of sources"));
    }
    Source::read_dir(dir).map_err(|list| Failure::of_sources(&format!("the content in {}", dir.display()), list))
}

/// What is wrong with sources; where they lack what every other source refers to, where to get it.
fn of_sources(dir: &Path, sources: &[Source], list: Diagnostics) -> Failure {
    let failure = Failure::of_sources(&format!("the content in {}", dir.display()), list);
    let lacks = |section: &str| !sources.iter().any(|source| source.text.lines().any(|line| line.starts_with(section)));
    if lacks("damage_types:") { failure.help(format!("no source has `damage_types:`; {BASE}")) } else { failure }
}

/// Where imported sources get what they refer to.
const BASE: &str = "creatures, spells and items refer to constants.yaml, conditions.yaml and damage-types.yaml: \
                    `tickworld content export` writes the shipped ones; copy them beside, or copy what you have beside those";

fn build(context: &mut Context, dir: &Path, output: &Path, force: bool) -> Outcome {
    let sources = sources(dir)?;
    let compiled = tickworld_contentc::compile(&sources).map_err(|list| of_sources(dir, &sources, list))?;
    let read = (PackSource::of(dir) != PackSource::Shipped).then_some(dir);
    let target = Target::new(output, Kind::Pack).reads(read).force(force);
    files::write(target, &compiled.bytes)?;
    context.out.value(&compiled.summary);
    let title = context.out.paint(Ink::Bold, output.display().to_string());
    context.out.line(format!(
        "{title}: {} bytes from {}",
        compiled.bytes.len(),
        counted(compiled.summary.sources, "source")
    ));
    context.out.line(format!("  id {}", compiled.summary.id));
    counts(context, &compiled.summary.entries);
    Ok(Verdict::Same)
}

fn check(context: &mut Context, dir: &Path) -> Outcome {
    let sources = sources(dir)?;
    tickworld_contentc::check(&sources).map_err(|list| of_sources(dir, &sources, list))?;
    context.out.value(&json!({ "sources": sources.len(), "errors": 0 }));
    context.out.line(format!("{}, no mistakes", counted(sources.len(), "source")));
    Ok(Verdict::Same)
}

fn info(context: &mut Context, path: &Path, list: Option<Table>) -> Outcome {
    let loaded = builtin::content(path).load()?;
    if let Some(table) = list {
        let mut entries = entries(&loaded.pack, table);
        context.out.value(&entries.iter().cloned().collect::<BTreeMap<_, _>>());
        // An entry whose name follows from its title stands beside those whose name is known to its sources alone.
        entries.sort_by_cached_key(|(name, title)| (packs::slug(title), name.clone()));
        for (name, title) in &entries {
            context.out.line(format!("{name:40} {title}"));
        }
        return Ok(Verdict::Same);
    }
    let Pack { actions, conditions, creatures, damage_types, items, spells, .. } = &loaded.pack;
    let counted = BTreeMap::from([
        ("actions", actions.len()),
        ("conditions", conditions.len()),
        ("creatures", creatures.len()),
        ("damage_types", damage_types.len()),
        ("items", items.len()),
        ("spells", spells.len()),
    ]);
    let id = loaded.id.to_string();
    context.out.value(&json!({ "id": id, "bytes": loaded.bytes.len(), "entries": counted }));
    let title = context.out.paint(Ink::Bold, path.display().to_string());
    context.out.line(format!("{title}: content pack of {} bytes", loaded.bytes.len()));
    context.out.line(format!("  id {id}"));
    counts(context, &counted);
    Ok(Verdict::Same)
}

/// Names as scenarios use them (the key in brackets where only the pack's sources know it), with titles.
fn entries(pack: &Pack, table: Table) -> Vec<(String, String)> {
    let (kind, entries): (&str, Vec<(Key, &String)>) = match table {
        Table::Creatures => ("creature", pack.creatures.iter().map(|it| (it.key, &it.name)).collect()),
        Table::Spells => ("spell", pack.spells.iter().map(|it| (it.key, &it.name)).collect()),
        Table::Items => ("item", pack.items.iter().map(|it| (it.key, &it.name)).collect()),
    };
    let named = entries.into_iter().map(|(key, title)| {
        let slug = packs::slug(title);
        let name = if Key::of(kind, &slug) == key { slug } else { format!("({:016x})", key.0) };
        (name, title.clone())
    });
    named.collect()
}

fn counts(context: &mut Context, entries: &BTreeMap<&'static str, usize>) {
    let listed: Vec<String> =
        entries.iter().map(|(table, count)| counted(count, table.replace('_', " ").trim_end_matches('s'))).collect();
    context.out.line(format!("  {}", listed.join(", ")));
}

fn import(json_dir: &Path) -> Outcome<Import> {
    import_5e(&json_files(json_dir)?).map_err(|error| {
        Failure::new(error.to_string()).help(
            "the input is a folder of JSON files, or one of them, of the 5e-database project, or of pages of Open5e",
        )
    })
}

fn tell_import(context: &mut Context, output: &Path, imported: &Import, all: bool) {
    let report = &imported.report;
    context.out.value(&json!({ "files": imported.files.len(), "report": report }));
    let title = context.out.paint(Ink::Bold, output.display().to_string());
    context.out.line(format!("{title}: {}", counted(imported.files.len(), "file")));
    for (kind, count) in &report.kinds {
        context.out.line(format!("  {kind}: {} of {} written", count.written, count.read));
    }
    let heading =
        if report.reasons.is_empty() { "everything is expressed" } else { "not expressed, or only approximately:" };
    context.out.line(heading);
    for (reason, places) in &report.reasons {
        context.out.line(format!("  {:5} {reason}", places.len()));
        for place in places.iter().filter(|_| all) {
            context.out.line(format!("          {place}"));
        }
    }
    if !all && !report.reasons.is_empty() {
        context.out.line("  (--all names every entry)");
    }
    if !output.join("damage-types.yaml").exists() {
        context.out.line(format!("to build it: {BASE}"));
    }
}

fn json_files(folder: &Path) -> Outcome<Vec<Source>> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", folder.display()));
    if folder.is_file() {
        return Ok(vec![json_file(folder)?]);
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Systems and editors leave files behind whose names begin with a dot.
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let is_json = entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json && !is_hidden {
            paths.push(entry.path());
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::new(format!("no .json file in {}", folder.display())));
    }
    paths.iter().map(|path| json_file(path)).collect()
}

fn json_file(path: &Path) -> Outcome<Source> {
    let shown = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    if !metadata.is_file() {
        return Err(Failure::new(format!("{shown} is not a regular file")).help("take it out of the folder"));
    }
    let bytes = metadata.len();
    if bytes > JSON_BYTES_MAX {
        return Err(Failure::new(format!("{shown}: {bytes} bytes, at most {JSON_BYTES_MAX} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    Ok(Source { path: shown, text })
}

fn export(context: &mut Context, output: &Path, force: bool) -> Outcome {
    let sources = packs::shipped_sources();
    files::write_sources(output, &sources, force)?;
    context.out.value(&json!({ "files": sources.len() }));
    context.out.line(format!(
        "{}: {} files; change them and `tickworld content build` them",
        output.display(),
        sources.len()
    ));
    Ok(Verdict::Same)
}
