//! [`Features`]: what a run has, each drawn by itself.
//!
//! Invariant: a feature that is switched off takes nothing away from what another one draws.

use tickworld_sim::region::RegionId;

use crate::dice::Dice;

/// The region that exits lead to.
pub(crate) const OTHER_REGION: RegionId = RegionId(2);

/// What a run has; each is left out of about half of all runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) walls: bool,
    pub(crate) war: bool,
    pub(crate) groups: bool,
    pub(crate) casters: bool,
    pub(crate) items: bool,
    pub(crate) coins: bool,
    pub(crate) treasures: bool,
    pub(crate) spawners: bool,
    pub(crate) players: bool,
    pub(crate) leaves: bool,
    pub(crate) resends: bool,
    pub(crate) switches: bool,
    /// Rounds of a few ticks.
    pub(crate) haste: bool,
    /// Path searches that must wait for each other.
    pub(crate) thrift: bool,
    /// More creatures than a run of entities holds: rare, for it is slow.
    pub(crate) crowd: bool,
    /// Players who leave for the archive and come back.
    pub(crate) journeys: bool,
    /// Exits, and another region with an open border: whoever leaves for it is not heard of again.
    pub(crate) exits: bool,
}

impl Features {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut rng = Dice::one(seed, "features");
        let mut half = || rng.chance(1, 2);
        Self {
            walls: half(),
            war: half(),
            groups: half(),
            casters: half(),
            items: half(),
            coins: half(),
            treasures: half(),
            spawners: half(),
            players: half(),
            leaves: half(),
            resends: half(),
            switches: half(),
            haste: half(),
            thrift: half(),
            crowd: rng.chance(1, 50),
            journeys: rng.chance(1, 2),
            exits: rng.chance(1, 2),
        }
    }
}
