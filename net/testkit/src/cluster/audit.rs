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
    Bug, Cluster,
    faults::ORDERER,
    opening,
    opening::{OpenError, Opened},
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
        let kind = *self.dice.pick(&CrashKind::ALL);
        self.watch.note(|| format!("audit after {kind:?}"));
        self.disk.crash(kind, &mut self.dice);
        self.servers.clear();
        match self.reopen() {
            Ok(opened) => self.turn_bits(&opened),
            Err(violation) => self.watch.judge(Err(violation)),
        }
    }

    /// Opens the world for the last time, as a server would.
    fn reopen(&mut self) -> Result<Opened, Violation> {
        let failed = |error: &dyn std::fmt::Display| Violation::Recovery(format!("after the last crash: {error}"));
        let store = self.disk.open().map_err(|error| failed(&error))?;
        let report = now(verify(&store, &mut |_| ControlFlow::Continue(()))).map_err(|error| failed(&error))?;
        if let Some(finding) = report.findings.first() {
            return Err(failed(finding));
        }
        let opened = open(&store, self, self.bug)?;
        retell(&store, &self.plan, &mut self.watch).map_err(judged)?;
        for (tick, root) in &opened.replayed {
            let verdict = self.watch.one_root.observe(*tick, *root, || "the replay at the end".into());
            self.watch.judge(verdict);
            self.watch.digest.bytes(&root.0);
        }
        let kept = usize::try_from(opened.base.0).expect("fewer ticks than a vector holds");
        let mut history: Vec<_> = self.watch.history.iter().take(kept).cloned().collect();
        history.extend(opened.frames.iter().cloned());
        let (epoch, end) = (opened.world.claim.epoch, opened.world.position.tick);
        self.watch.begin(Life(self.lives + 1), epoch, end, history);
        let simulation = &opened.world.simulation;
        self.watch.coins(end, simulation.state(), || "the replay at the end".into());
        let players = (1..=self.peers.len() as u64).chain([ORDERER]).map(PlayerId).collect();
        one_place(&store, simulation.world(), players)?;
        Ok(opened)
    }

    /// Damage is found, or does no harm. Nothing is written to a damaged database: redb aborts the process where a commit
    /// meets damage in what it keeps of free pages, which is no silence, but the end of this run too.
    fn turn_bits(&mut self, whole: &Opened) {
        self.disk.kill();
        for _ in 0..TURNS {
            let Some(mut turned) = self.disk.turned(&mut self.dice) else { return };
            let looked = turned.open().map_err(OpenError::Storage).and_then(|store| {
                let looked = opening::look(&store, &self.plan, self.bug);
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

fn open<D: Disk>(store: &D::Store, cluster: &Cluster<D>, bug: Option<Bug>) -> Result<Opened, Violation> {
    let last = opening::Build { number: u64::MAX, retries_halted: false };
    opening::open(store, &cluster.plan, bug, last).map_err(judged)
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
                row.at == Some(RegionId::FIRST) && row.hops == known.hops
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
