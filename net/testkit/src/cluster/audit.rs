//! The end of a run: the power goes once more, and what is on the disk is read to its end and told again from its beginning; then
//! bits are turned.
//!
//! Invariant: what is read after the last crash is what everybody saw; and a turned bit changes nothing, or is named.

use std::ops::ControlFlow;

use tickworld_ledger::Ledger;
use tickworld_persist::verify;
use tickworld_region::Replay;
use tickworld_sim::{frame::PlayerId, region::RegionId, world::World};

use super::{
    Cluster,
    faults::ORDERER,
    history_of, opening,
    opening::{OpenError, Opened},
    places::{check_coins, coins_under_way},
    region_store,
    retelling::retell,
    storage::{Disk, now},
    watch::Life,
};
use crate::{check::Violation, disk::CrashKind};

/// How many bits are turned, one at a time.
const TURNS: u64 = 3;

impl<D: Disk> Cluster<D> {
    pub(super) fn audit(&mut self) {
        self.watch.end();
        if let Some(world) = &mut self.world
            && !world.restart()
        {
            let what = "the store that all regions share does not open".to_owned();
            return self.watch.judge(Err(Violation::Recovery(what)));
        }
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
        let verdict = self.look_for_everybody(&all);
        self.watch.judge(verdict);
        for opened in &all {
            self.turn_bits(opened);
        }
    }

    /// Everybody is in one place, and all coins are somewhere.
    fn look_for_everybody(&mut self, all: &[Opened]) -> Result<(), Violation> {
        let worlds: Vec<&World<Ledger>> = all.iter().map(|opened| opened.world.simulation.world()).collect();
        let players: Vec<PlayerId> = (1..=self.plan.clients.len() as u64).chain([ORDERER]).map(PlayerId).collect();
        let (world, seat) = (self.world.as_ref().map(|world| world.store.clone()), self.seat(RegionId::FIRST));
        let own =
            seat.disk.open().map_err(|error| Violation::Recovery(format!("the archive does not open: {error}")))?;
        let under_way = coins_under_way(&region_store(own, world), &worlds, &players)?;
        if under_way > 0 {
            self.watch.count("coins under way at the end");
        }
        check_coins(&self.plan, &worlds, under_way)
    }

    /// Opens the world of a region for the last time, as a server would.
    fn reopen(&mut self, region: RegionId) -> Result<Opened, Violation> {
        let failed = |error: &dyn std::fmt::Display| Violation::Recovery(format!("after the last crash: {error}"));
        let world = self.world.as_ref().map(|world| world.store.clone());
        let own = self.seat(region).disk.open().map_err(|error| failed(&error))?;
        let store = region_store(own, world);
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
        let simulation = &opened.world.simulation;
        let history = history_of(&self.watch, region, &opened);
        self.watch.begin(region, Life(self.lives), epoch, history, simulation.world());
        self.watch.coins(end, simulation.state(), || "the replay at the end".into());
        Ok(opened)
    }

    /// Damage is found, or does no harm. Nothing is written to a damaged database: redb aborts the process where a commit
    /// meets damage in what it keeps of free pages, which is no silence, but the end of this run too.
    fn turn_bits(&mut self, whole: &Opened) {
        let region = whole.world.simulation.world().region().state().id;
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

/// At the end nothing may keep the world from being read.
fn judged(error: OpenError) -> Violation {
    match error {
        OpenError::Violation(violation) => violation,
        OpenError::Storage(error) => Violation::Recovery(error),
        OpenError::Marked | OpenError::Halted => Violation::Recovery("a build that never ran is kept out".into()),
    }
}
