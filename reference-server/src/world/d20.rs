//! [`D20`]: the d20 game, laid out by a scenario.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tickworld_rules::{
    Rules, Ruleset,
    unresolved::{Unresolved, unresolved},
};
use tickworld_scenario::{
    Scenario,
    failure::Outcome,
    packs::{LoadedPack, Names},
};
use tickworld_sim::{content::ContentId, simulation::Simulation, world::World};

use super::{AdapterError, GameAdapter};

/// A d20 world; the scenario's players and bots are left out, for those who play come over the network.
///
/// The scenario is read when it is needed: a world that is there goes on without it.
#[derive(Debug)]
pub struct D20 {
    path: PathBuf,
    seed: Option<u64>,
    scenario: OnceLock<Scenario>,
}

impl D20 {
    /// A world that begins as `scenario` says.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        Self { path: PathBuf::new(), seed: None, scenario: OnceLock::from(scenario) }
    }

    /// Of a scenario file or the name of a shipped one, which nobody reads before a world must begin.
    #[must_use]
    pub const fn of(path: PathBuf, seed: Option<u64>) -> Self {
        Self { path, seed, scenario: OnceLock::new() }
    }

    /// The same, read at once.
    ///
    /// # Errors
    /// Where the scenario or its content cannot be read.
    pub fn load(path: &Path, seed: Option<u64>) -> Outcome<Self> {
        Scenario::load(path).map(|scenario| Self::new(scenario.with_seed(seed)))
    }

    fn scenario(&self) -> Outcome<&Scenario> {
        if let Some(scenario) = self.scenario.get() {
            return Ok(scenario);
        }
        let scenario = Scenario::load(&self.path)?.with_seed(self.seed);
        Ok(self.scenario.get_or_init(|| scenario))
    }
}

impl GameAdapter for D20 {
    type Game = Rules;

    fn title(&self) -> String {
        self.scenario().map_or_else(|_| "a d20 world".to_owned(), |scenario| scenario.title.clone())
    }

    fn begin(&self) -> Result<Simulation<Rules>, AdapterError> {
        Ok(self.scenario()?.begin()?)
    }

    fn tick_rate(&self, world: &World<Rules>) -> Option<u16> {
        Some(world.state().settings.ticks_per_second)
    }

    fn pack(&self) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(Some(self.scenario()?.pack.bytes.clone()))
    }

    fn read_pack(&self, bytes: &[u8]) -> Result<(ContentId, Ruleset), AdapterError> {
        let LoadedPack { id, pack, .. } = LoadedPack::read(bytes.to_vec(), "the pack")?;
        Ok((id, Ruleset::new(pack)))
    }

    fn unresolved(&self, world: &World<Rules>, current: Option<&Ruleset>, next: &Ruleset) -> Vec<String> {
        let names = current.map(|current| Names::of_pack(current.pack())).unwrap_or_default();
        let line = |it: Unresolved| {
            let name = names.title(it.key.0).map_or_else(|| format!("{:016x}", it.key.0), str::to_owned);
            format!("{} {name} ({} in use)", it.kind.word(), it.count)
        };
        unresolved(world.state(), current, next).into_iter().map(line).collect()
    }
}
