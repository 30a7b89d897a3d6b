//! [`AfterLoss`]: after told ticks were taken back nothing is good again that was so before.
//!
//! Invariant: it looks at worlds whose ticks are kept. While nothing is taken back, all numbers that tell old from new only rise; with
//! the life after that, each is above every one that a world before had: so no ticket, no row of the archive and no number of mail
//! that is of a tick that is void is ever taken for a new one.

use std::collections::BTreeMap;

use tickworld_sim::{
    frame::PlayerId,
    game::Game,
    region::{RegionId, RegionState},
    session::Player,
    world::World,
};

use super::Violation;

/// What the worlds of each region had.
#[derive(Clone, Debug, Default)]
pub struct AfterLoss {
    regions: BTreeMap<RegionId, Seen>,
}

/// The greatest numbers of a region's worlds.
#[derive(Clone, Debug, Default)]
struct Seen {
    incarnation: u32,
    lamport: u64,
    players: BTreeMap<PlayerId, SeenPlayer>,
    /// Whether ticks were taken back since the last world.
    has_lost: bool,
}

/// The greatest numbers of a player.
#[derive(Clone, Copy, Debug)]
struct SeenPlayer {
    generation: u32,
    hops: u64,
    /// Whether ticks were taken back since they were seen.
    is_void: bool,
}

impl AfterLoss {
    /// Told ticks of a region are taken back now.
    pub fn lose(&mut self, region: RegionId) {
        let seen = self.regions.entry(region).or_default();
        seen.has_lost = true;
        seen.players.values_mut().for_each(|player| player.is_void = true);
    }

    /// A world of a region whose tick is kept.
    ///
    /// # Errors
    /// When something of it is not newer than what is void.
    pub fn observe<G: Game>(&mut self, world: &World<G>) -> Result<(), Violation> {
        let players = world.players().iter().filter(|player| player.id.is_player() && player.departed_to.is_none());
        self.see(world.region().state(), players)
    }

    fn see<'p>(&mut self, own: &RegionState, players: impl Iterator<Item = &'p Player>) -> Result<(), Violation> {
        let seen = self.regions.entry(own.id).or_default();
        let has_lost = core::mem::take(&mut seen.has_lost);
        let is_old = |now: u64, before: u64, is_void: bool| now < before || (is_void && now == before);
        let fault = |what: String| Err(Violation::OldIsGood { region: own.id, what });
        if is_old(own.incarnation.into(), seen.incarnation.into(), has_lost) {
            return fault(format!("incarnation {} follows {}", own.incarnation, seen.incarnation));
        }
        if is_old(own.lamport, seen.lamport, has_lost) {
            return fault(format!("Lamport number {} follows {}", own.lamport, seen.lamport));
        }
        (seen.incarnation, seen.lamport) = (own.incarnation, own.lamport);
        for player in players {
            let (id, generation, hops) = (player.id, player.generation, player.hops);
            let Some(before) = seen.players.insert(id, SeenPlayer { generation, hops, is_void: false }) else {
                continue;
            };
            // Who was never let in has no ticket, and who never changed places no row.
            if before.generation > 0 && is_old(generation.into(), before.generation.into(), before.is_void) {
                return fault(format!("generation {generation} of player {} follows {}", id.0, before.generation));
            }
            // Who came home in a tick that is void comes home by the same row again, and is as new as before where no archive has rows.
            let may_fall = before.hops == 0 || before.is_void && !has_lost;
            if !may_fall && is_old(hops, before.hops, has_lost) {
                return fault(format!("hop {hops} of player {} follows {}", id.0, before.hops));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: RegionState = RegionState { id: RegionId::FIRST, incarnation: 1, lamport: 9 };

    fn player(generation: u32, hops: u64) -> Player {
        Player {
            id: PlayerId(7),
            entity: None,
            connected: true,
            generation,
            opened_by: 0,
            hops,
            departed_to: None,
            away_since_tick: 0,
            voids: 0,
            is_barred: false,
        }
    }

    #[test]
    fn what_is_not_newer_after_a_loss_is_noticed() {
        let mut check = AfterLoss::default();
        for _ in 0..2 {
            check.see(&OWN, [player(3, 5)].iter()).unwrap();
        }
        assert!(check.clone().see(&OWN, [player(2, 5)].iter()).is_err(), "a generation falls");
        check.lose(RegionId::FIRST);
        let next = RegionState { incarnation: 2, lamport: 10, ..OWN };
        let bad = [
            ("incarnation", RegionState { incarnation: 1, ..next }, player(4, 6)),
            ("Lamport", RegionState { lamport: 9, ..next }, player(4, 6)),
            ("generation", next, player(3, 6)),
            ("hop", next, player(4, 5)),
        ];
        for (what, own, player) in bad {
            match check.clone().see(&own, [player].iter()) {
                Err(Violation::OldIsGood { what: found, .. }) => assert!(found.starts_with(what), "{found}"),
                other => panic!("{what}: {other:?}"),
            }
        }
        let mut later = check.clone();
        for _ in 0..2 {
            check.see(&next, [player(4, 6)].iter()).unwrap();
        }
        later.see(&next, [].iter()).unwrap();
        assert!(later.clone().see(&next, [player(3, 5)].iter()).is_err(), "a ticket of a tick that is void");
        later.see(&next, [player(4, 5)].iter()).unwrap();
    }
}
