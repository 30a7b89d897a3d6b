//! [`D20`]: the d20 game, laid out by a scenario.

use std::path::Path;

use tickworld_rules::{Rules, Ruleset};
use tickworld_sim::{content::ContentId, simulation::Simulation};

use super::{AdapterError, GameAdapter};
use crate::{failure::Outcome, packs::LoadedPack, scenario::Scenario};

/// A d20 world; the scenario's players and bots are left out, for those who play come over the network.
#[derive(Clone, Debug)]
pub struct D20 {
    scenario: Scenario,
}

impl D20 {
    /// A world that begins as `scenario` says.
    #[must_use]
    pub const fn new(scenario: Scenario) -> Self {
        Self { scenario }
    }

    /// Of a scenario file or the name of a shipped one.
    ///
    /// # Errors
    /// Where the scenario or its content cannot be read.
    pub fn load(scenario: &Path, seed: Option<u64>) -> Outcome<Self> {
        Scenario::load(scenario).map(|scenario| Self::new(scenario.with_seed(seed)))
    }
}

impl GameAdapter for D20 {
    type Game = Rules;

    fn title(&self) -> String {
        self.scenario.title.clone()
    }

    fn begin(&self) -> Result<Simulation<Rules>, AdapterError> {
        Ok(self.scenario.begin()?)
    }

    fn pack(&self) -> Option<Vec<u8>> {
        Some(self.scenario.pack.bytes.clone())
    }

    fn read_pack(&self, bytes: &[u8]) -> Result<(ContentId, Ruleset), AdapterError> {
        let LoadedPack { id, pack, .. } = LoadedPack::read(bytes.to_vec(), "the pack")?;
        Ok((id, Ruleset::new(pack)))
    }
}
