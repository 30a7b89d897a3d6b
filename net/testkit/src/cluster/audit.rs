//! The end of a run: the power goes once more, and what is on the disk is read to its end and told again from its beginning; then
//! bits are turned.
//!
//! Invariant: what is read after the last crash is what everybody saw; and a turned bit changes nothing, or is named.

use std::ops::ControlFlow;

use tickworld_ledger::Ledger;
use tickworld_persist::{Archive, verify};
use tickworld_region::Replay;
use tickworld_sim::{frame::PlayerId, region::RegionId, world::World};

use super::{
    Cluster,
    faults::ORDERER,
    history_of, opening,
    opening::{OpenError, Opened},
    retelling::retell,
    storage::{Disk, now},
    watch::Life,
    world_disk::WorldDisk,
    world_store::RegionStore,
};
use crate::{check::Violation, disk::CrashKind};

/// How many bits are turned, one at a time.
const TURNS: u64 = 3;

impl<D: Disk> Cluster<D> {
    pub(super) fn audit(&mut self) {
        self.watch.end();
        self.world.iter_mut().for_each(WorldDisk::restart);
        let regions: Vec<RegionId> = self.seats.keys().copied().collect();
        let mut all = Vec::new();
        for region in regions {
            let kind = *self.dice.pick(&CrashKind::ALL);
            self.watch.note(|| format!("audit of region {region} after {kind:?}"));
            let seat = self.seats.get_mut(&region).expect("every region has a seat");
            seat.disk.crash(kind, &mut self.dice);
            seat.servers.clear();
            match self.reopen(region) {
                Ok(opened) => all.push(opened),
                Err(violation) => return self.watch.judge(Err(violation)),
            }
        }
        for (region, opened) in self.seats.keys().copied().collect::<Vec<_>>().into_iter().zip(&all) {
            self.turn_bits(region, opened);
        }
    }

    /// Opens the world of a region for the last time, as a server would.
    fn reopen(&mut self, region: RegionId) -> Result<Opened, Violation> {
        let failed = |error: &dyn std::fmt::Display| Violation::Recovery(format!("after the last crash: {error}"));
        let world = self.world.as_ref().map(|world| world.store.clone());
        let own = self.seat(region).disk.open().map_err(|error| failed(&error))?;
        let store = RegionStore::new(own, world);
        let report = now(verify(&store, &mut |_| ControlFlow::Continue(()))).map_err(|error| failed(&error))?;
        if let Some(finding) = report.findings.first() {
            return Err(failed(finding));
        }
        let last = opening::Build { number: u64::MAX, retries_halted: false };
        let bank = self.seats[&region].bank(&self.plan);
        let opened = opening::open(&store, &bank, &self.plan, self.bug, last).map_err(judged)?;
        retell(&store, &self.plan, &mut self.watch).map_err(judged)?;
        for (tick, root) in &opened.replayed {
            self.watch.root_seen(region, *tick, *root, || "the replay at the end".into());
            self.watch.digest.bytes(&root.0);
        }
        self.lives += 1;
        let (epoch, end) = (opened.world.claim.epoch, opened.world.position.tick);
        self.watch.begin(region, Life(self.lives), epoch, end, history_of(&self.watch, region, &opened));
        let simulation = &opened.world.simulation;
        self.watch.coins(end, simulation.state(), || "the replay at the end".into());
        let players = (1..=self.peers.len() as u64).chain([ORDERER]).map(PlayerId).collect();
        one_place(&store, simulation.world(), players)?;
        Ok(opened)
    }

    /// Damage is found, or does no harm. Nothing is written to a damaged database: redb aborts the process where a commit
    /// meets damage in what it keeps of free pages, which is no silence, but the end of this run too.
    fn turn_bits(&mut self, region: RegionId, whole: &Opened) {
        let seat = self.seats.get_mut(&region).expect("every region has a seat");
        seat.disk.kill();
        let bank = seat.bank(&self.plan);
        for _ in 0..TURNS {
            let Some(mut turned) = seat.disk.turned(&mut self.dice) else { return };
            let looked = turned.open().map_err(OpenError::Storage).and_then(|store| {
                let looked = opening::look(&store, &bank, self.bug);
                turned.kill();
                looked
            });
            match looked {
                Ok(replay) if is_same(&replay, whole) => self.watch.count("turned bits without harm"),
                Ok(replay) => {
                    let end = replay.tick();
                    let what = format!("a turned bit went unnoticed: the world is another one, at tick {end}");
                    self.watch.judge(Err(Violation::Recovery(what)));
                }
                Err(_) => self.watch.count("turned bits found"),
            }
        }
    }
}

fn is_same(replay: &Replay<Ledger>, whole: &Opened) -> bool {
    replay.roots().root == whole.world.roots.root && replay.tick() == whole.world.simulation.world().tick()
}

/// Everybody is in one place: the archive has who is in the world with the hops that the world says, who left with no more than these,
/// and says of nobody else that they are here, but for one whose return no tick has made yet.
fn one_place(store: &impl Archive, world: &World<Ledger>, players: Vec<PlayerId>) -> Result<(), Violation> {
    let rows = now(store.whereabouts(&players)).map_err(|error| Violation::Recovery(error.to_string()))?;
    for (player, row) in players.into_iter().zip(rows) {
        let row = row.map_err(|cause| Violation::Recovery(format!("the row of player {}: {cause}", player.0)))?;
        let known = world.players().find(player).copied();
        let is_right = match (&row, known) {
            // Worlds without an archive.
            (None, known) => known.is_none_or(|known| known.hops == 0),
            (Some(row), Some(known)) if known.departed_to.is_none() => {
                row.at == Some(world.region().state().id) && row.hops == known.hops
            }
            (Some(row), Some(known)) => row.hops <= known.hops,
            (Some(_), None) => true,
        };
        if !is_right {
            let what = format!("player {} is {known:?} in the world, and {row:?} in the archive", player.0);
            return Err(Violation::Recovery(what));
        }
    }
    Ok(())
}

/// At the end nothing may keep the world from being read.
fn judged(error: OpenError) -> Violation {
    match error {
        OpenError::Violation(violation) => violation,
        OpenError::Storage(error) => Violation::Recovery(error),
        OpenError::Marked | OpenError::Halted => Violation::Recovery("a build that never ran is kept out".into()),
    }
}
