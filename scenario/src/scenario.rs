//! [`Scenario`]: a run described in YAML: content, map, who stands where, who plays, for how long.
//!
//! Invariant: the same file, content and seed give the same frames and the same trace, on any machine. Whatever is wrong with
//! the file is named with line and column, all of it at once.

use std::path::{Path, PathBuf};

use tickworld_rules::{Rules, SetUp};
use tickworld_sim::{frame::PlayerId, simulation::Simulation, trace::About};

use crate::{
    Order,
    failure::{Failure, Outcome},
    packs::LoadedPack,
};

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
    /// The players who enter, and when.
    pub players: Vec<Player>,
    /// The content it uses.
    pub pack: LoadedPack,
    /// The files and folders that it was read from; none for shipped ones.
    pub read_from: Vec<PathBuf>,
}

/// A player of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// The player's number.
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
    /// Whether a path is the name of a shipped scenario.
    #[must_use]
    pub fn is_shipped(path: &Path) -> bool {
        SHIPPED.iter().any(|(name, _)| path.as_os_str() == *name)
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
