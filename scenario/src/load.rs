//! Scenarios from files, and the shipped ones.
//!
//! Invariant: whatever is wrong with a file is named with line and column, all of it at once; no file is read without an end.

use std::{fs::File, io::Read as _, path::Path};

use tickworld_contentc::{Diagnostics, Source, document::suggestion};

use crate::{
    failure::{Failure, Outcome},
    files,
    packs::{LoadedPack, PackSource},
    read,
    scenario::{SHIPPED, Scenario},
};

/// Longest scenario or world map that is read, in bytes.
const SOURCE_BYTES_MAX: u64 = 1 << 20;

impl Scenario {
    /// Reads a scenario by its path, or by the name of a shipped one; a file of such a name is `./NAME`.
    pub fn load(path: &Path) -> Outcome<Self> {
        Self::load_with(path, &mut LoadedPacks::default())
    }

    /// The same, with packs that were loaded for others.
    pub(crate) fn load_with(path: &Path, packs: &mut LoadedPacks) -> Outcome<Self> {
        let name = path.to_string_lossy();
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            let source = Source { path: format!("{name}.yaml"), text: (*text).to_owned() };
            return Self::parse_with(&source, Path::new("."), packs);
        }
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let text = read_text(path, "scenario", &shipped)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut scenario = Self::parse_with(&Source { path: name.into_owned(), text }, folder, packs)?;
        scenario.read_from.push(path.to_owned());
        Ok(scenario)
    }

    /// Of a source; paths in it are relative to `folder`.
    pub fn parse(source: &Source, folder: &Path) -> Outcome<Self> {
        Self::parse_with(source, folder, &mut LoadedPacks::default())
    }

    /// The same, with packs that were loaded for others.
    pub(crate) fn parse_with(source: &Source, folder: &Path, packs: &mut LoadedPacks) -> Outcome<Self> {
        let unusable = |list: Diagnostics| Failure::of_sources(&format!("the scenario {}", source.path), list);
        let pack = match read::pack_source(source).map_err(unusable)? {
            PackSource::Path(path) => PackSource::Path(folder.join(path)),
            PackSource::Shipped => PackSource::Shipped,
        };
        let loaded = packs.load(&pack).or_else(|failure| {
            // Where the pack's own sources are wrong, those are the places.
            let (message, help) = failure.into_parts()?;
            Err(unusable(read::no_pack(source, message, help)))
        })?;
        let mut scenario = read::scenario(source, loaded).map_err(unusable)?;
        if let PackSource::Path(path) = pack {
            scenario.read_from.push(path);
        }
        Ok(scenario)
    }
}

/// Packs that scenarios of one world share, each loaded once.
#[derive(Default)]
pub(crate) struct LoadedPacks(Vec<(PackSource, LoadedPack)>);

impl LoadedPacks {
    fn load(&mut self, source: &PackSource) -> Outcome<LoadedPack> {
        if let Some((_, pack)) = self.0.iter().find(|(known, _)| known == source) {
            return Ok(pack.clone());
        }
        let pack = source.load()?;
        self.0.push((source.clone(), pack.clone()));
        Ok(pack)
    }
}

/// The text of a file, which is to be a `word`, or the name of one that is shipped.
pub(crate) fn read_text(path: &Path, word: &str, shipped: &[&str]) -> Outcome<String> {
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a {word}", path.display())));
    }
    // The length of what is no regular file is known only once it was read.
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let meant = path.to_str().and_then(|name| suggestion(name, shipped.iter().copied()));
        let help = format!("a {word} is a YAML file, or one of the shipped ones: {}", shipped.join(", "));
        Failure::new(format!("cannot open {}: {error}", path.display()))
            .help(meant.map_or(help.clone(), |meant| format!("{meant} {help}")))
    })?;
    let kind = files::FileKind::of(&bytes[..bytes.len().min(256)]);
    if matches!(kind, files::FileKind::Pack | files::FileKind::Trace) {
        return Err(files::wrong_kind(path, word));
    }
    if bytes.len() as u64 > SOURCE_BYTES_MAX {
        let message = format!("{} has more than {SOURCE_BYTES_MAX} bytes, too many for a {word}", path.display());
        return Err(Failure::new(message));
    }
    String::from_utf8(bytes).map_err(|_| match kind {
        files::FileKind::Text => {
            Failure::new(format!("{} is not UTF-8, as a {word} is", path.display())).help("save it as UTF-8")
        }
        _ => files::wrong_kind(path, word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_comes_with_a_command_that_lists_those_there_are() {
        let text = "name: x\nticks: 1\nmap: {width: 9, height: 9}\nfactions: {a: }\ngroups: [{creature: zzzzzz, count: 1, \
                    area: [0, 0, 1, 1], faction: a}]\n";
        let source = Source { path: "x.yaml".to_owned(), text: text.to_owned() };
        let failure = Scenario::parse(&source, Path::new(".")).expect_err("there is no such creature").to_string();
        assert!(failure.contains("unknown creature `zzzzzz`"), "{failure}");
        assert!(failure.contains("`tickworld content info shipped --list creatures`"), "{failure}");
    }

    #[test]
    fn a_shipped_scenario_is_named_where_it_may_be_meant() {
        let failure = Scenario::load(Path::new("dual")).expect_err("there is no such file").to_string();
        assert!(failure.contains("did you mean `duel`?") && failure.contains("skirmish"), "{failure}");
    }
}
