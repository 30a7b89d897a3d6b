//! [`Scenario`]: a run described in YAML: content, map, who stands where, who plays, for how long.
//!
//! Invariant: the same file, content and seed give the same frames and the same trace, on any machine. Whatever is wrong with
//! the file is named with line and column, all of it at once.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use tickworld_contentc::{Diagnostics, Source, document::suggestion};
use tickworld_rules::{Rules, SetUp};
use tickworld_sim::{frame::PlayerId, simulation::Simulation, trace::About};

use crate::{
    Order,
    failure::{Failure, Outcome},
    files,
    packs::{LoadedPack, PackSource},
    read,
};

/// Longest scenario that is read, in bytes.
const SCENARIO_BYTES_MAX: u64 = 1 << 20;
/// Most ticks of a run: nine hours at thirty a second, ten thousand times over.
pub const TICKS_MAX: u64 = 10_000_000_000;

/// The shipped scenarios, by name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("duel", include_str!("../scenarios/duel.yaml")),
    ("skirmish", include_str!("../scenarios/skirmish.yaml")),
    ("siege", include_str!("../scenarios/siege.yaml")),
];

/// A run, ready to begin.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is, for people.
    pub title: String,
    /// What its frames are drawn from.
    pub seed: u64,
    /// How long it runs.
    pub ticks: u64,
    /// The names of the factions, by number.
    pub factions: Vec<String>,
    /// How the world begins.
    pub set_up: SetUp,
    /// Who plays.
    pub players: Vec<Player>,
    /// The content it uses.
    pub pack: LoadedPack,
    /// The files and folders that it was read from; none for shipped ones.
    pub read_from: Vec<PathBuf>,
}

/// A player of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Who.
    pub id: PlayerId,
    /// The tick at which they enter.
    pub joins: u64,
    /// The tick at which they go.
    pub leaves: Option<u64>,
    /// Sends a command of its own making about every so many ticks.
    pub bot_every: Option<u32>,
    /// What they send, by tick.
    pub orders: Vec<(u64, Order)>,
}

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

    /// Whether a path is the name of a shipped scenario.
    #[must_use]
    pub fn is_shipped(path: &Path) -> bool {
        SHIPPED.iter().any(|(name, _)| path.as_os_str() == *name)
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

    /// With another seed, for the set-up and the frames.
    pub fn with_seed(mut self, seed: Option<u64>) -> Self {
        if let Some(seed) = seed {
            self.seed = seed;
            self.set_up.seed = seed;
        }
        self
    }

    /// The world at tick 0.
    pub fn begin(&self) -> Outcome<Simulation<Rules>> {
        let mut laid_out = Ok(());
        let simulation = Simulation::new(self.pack.library(), self.pack.id, |realm, rules| {
            laid_out = self.set_up.apply(realm, rules);
        });
        laid_out.map_err(|error| Failure::new(format!("the scenario is impossible: {error}")))?;
        Ok(simulation)
    }

    /// What a trace says of itself.
    pub fn about(&self) -> About {
        About {
            engine: concat!("tickworld ", env!("CARGO_PKG_VERSION")).into(),
            title: self.title.clone(),
            seed: self.seed.to_string(),
            ticks_per_second: self.set_up.settings.ticks_per_second.into(),
            ..About::default()
        }
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
