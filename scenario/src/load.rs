//! Scenarios from files, and the shipped ones.
//!
//! Invariant: whatever is wrong with a file is named with line and column, all of it at once; no file is read without an end.

use std::{fs::File, io::Read as _, path::Path};

use tickworld_contentc::{Diagnostics, Source, document::suggestion};

use crate::{
    failure::{Failure, Outcome},
    files,
    packs::PackSource,
    read,
    scenario::{SHIPPED, Scenario},
};

/// Longest scenario that is read, in bytes.
const SCENARIO_BYTES_MAX: u64 = 1 << 20;
impl Scenario {
    /// Reads a scenario by its path, or by the name of a shipped one; a file of such a name is `./NAME`.
    pub fn load(path: &Path) -> Outcome<Self> {
        let name = path.to_string_lossy();
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::parse(&Source { path: format!("{name}.yaml"), text: (*text).to_owned() }, Path::new("."));
        }
        let text = read_text(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut scenario = Self::parse(&Source { path: name.into_owned(), text }, folder)?;
        scenario.read_from.push(path.to_owned());
        Ok(scenario)
    }

    /// Of a source; paths in it are relative to `folder`.
    pub fn parse(source: &Source, folder: &Path) -> Outcome<Self> {
        let unusable = |list: Diagnostics| Failure::of_sources(&format!("the scenario {}", source.path), list);
        let pack = match read::pack_source(source).map_err(unusable)? {
            PackSource::Path(path) => PackSource::Path(folder.join(path)),
            PackSource::Shipped => PackSource::Shipped,
        };
        let mut scenario = read::scenario(source, pack.load()?).map_err(unusable)?;
        if let PackSource::Path(path) = pack {
            scenario.read_from.push(path);
        }
        Ok(scenario)
    }
}

fn read_text(path: &Path) -> Outcome<String> {
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a scenario", path.display())));
    }
    // The length of what is no regular file is known only once it was read.
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SCENARIO_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let meant = path.to_str().and_then(|name| suggestion(name, shipped.iter().copied()));
        let help = format!("a scenario is a YAML file, or one of the shipped ones: {}", shipped.join(", "));
        Failure::new(format!("cannot open {}: {error}", path.display()))
            .help(meant.map_or(help.clone(), |meant| format!("{meant} {help}")))
    })?;
    let kind = files::FileKind::of(&bytes[..bytes.len().min(256)]);
    if matches!(kind, files::FileKind::Pack | files::FileKind::Trace) {
        return Err(files::wrong_kind(path, "scenario"));
    }
    if bytes.len() as u64 > SCENARIO_BYTES_MAX {
        let message = format!("{} has more than {SCENARIO_BYTES_MAX} bytes, too many for a scenario", path.display());
        return Err(Failure::new(message));
    }
    String::from_utf8(bytes).map_err(|_| match kind {
        files::FileKind::Text => {
            Failure::new(format!("{} is not UTF-8, as a scenario is", path.display())).help("save it as UTF-8")
        }
        _ => files::wrong_kind(path, "scenario"),
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
