//! [`Storing`]: a snapshot stored beside the ticks, in the steps in which the region's task does it.
//!
//! Invariant: only a world whose record is stored is stored. Between any two steps ticks go on, and the server may die.

use bytes::Bytes;
use tickworld_ledger::Ledger;
use tickworld_persist::{Page, Retention, Snapshot, Store};
use tickworld_sim::{hash::Hash, snapshot::Manifest, world::World};

use super::{
    bug::Bug,
    server::{Ended, Server, Site, Wake},
    storage::{Disk, now as ready},
};

/// A snapshot that waits for its tick to be stored, and one that is being stored.
#[derive(Default)]
pub(super) struct Storing {
    wanted: Option<Stored>,
    step: Step,
    /// Whether the power goes in the midst of the next step.
    pub(super) is_armed: bool,
}

/// A hashed world, and the link of its record.
struct Stored {
    world: World<Ledger>,
    link: Hash,
}

#[derive(Default)]
enum Step {
    #[default]
    Idle,
    Pages(Stored),
    Manifest(Stored),
    Retain,
}

impl<S: Store + Clone> Server<S> {
    /// Keeps the newest hashed world until its record is stored.
    pub(super) fn want_snapshot(&mut self) {
        let tick = self.sealed.tick();
        let link = if tick == self.last.tick {
            Some(self.last.record_hash)
        } else {
            self.links.iter().find(|place| place.tick == tick).map(|place| place.record_hash)
        };
        let is_idle = self.storing.wanted.is_none() && matches!(self.storing.step, Step::Idle);
        if let (Some(link), true) = (link, is_idle) {
            self.storing.wanted = Some(Stored { world: self.sealed.clone(), link });
        }
    }

    /// Begins with the snapshot that waits, once its record is stored.
    pub(super) fn begin_storing<D>(&mut self, site: &mut Site<'_, D>) {
        let is_stored = self.storing.wanted.as_ref().is_some_and(|wanted| wanted.world.tick() <= self.durable);
        if let (true, Some(wanted)) = (is_stored, self.storing.wanted.take_if(|_| is_stored)) {
            self.storing.step = Step::Pages(wanted);
            self.wake_for_storage(site, Wake::Snapshot);
        }
    }

    pub(super) fn go_on_storing<D: Disk<Store = S>>(&mut self, site: &mut Site<'_, D>) {
        let step = core::mem::take(&mut self.storing.step);
        if matches!(step, Step::Idle) {
            return;
        }
        let is_armed = core::mem::take(&mut self.storing.is_armed);
        if is_armed {
            site.disk.arm(&mut self.dice);
        }
        let next = self.store_step(step, site);
        if is_armed {
            self.ended = Some(Ended::PowerCut);
            return;
        }
        match next {
            Ok(Step::Idle) => {}
            Ok(step) => {
                self.storing.step = step;
                self.wake_for_storage(site, Wake::Snapshot);
            }
            Err(error) => {
                site.watch.count("failed snapshots");
                let life = self.life.0;
                site.watch.note(|| format!("server {life} stores no snapshot: {error}"));
            }
        }
    }

    /// Does one step; gives the next one, or why there is none.
    fn store_step<D>(&self, step: Step, site: &mut Site<'_, D>) -> Result<Step, String> {
        let said = |error: &dyn core::fmt::Display| error.to_string();
        match step {
            Step::Idle => Ok(Step::Idle),
            Step::Pages(stored) => {
                let manifest = Manifest::of(&stored.world, self.simulation.schema_id());
                let hashes: Vec<Hash> = manifest.columns.iter().flatten().map(|entry| entry.hash).collect();
                let missing = ready(self.store.missing(&hashes)).map_err(|error| said(&error))?;
                let pages = pages(&stored.world, &missing);
                ready(self.store.put_pages(&pages)).map_err(|error| said(&error))?;
                Ok(Step::Manifest(stored))
            }
            Step::Manifest(Stored { world, link }) => {
                let manifest = Manifest::of(&world, self.simulation.schema_id());
                ready(self.store.put_manifest(&Snapshot { record_hash: link, manifest }))
                    .map_err(|error| said(&error))?;
                site.watch.count("snapshots");
                Ok(if site.bug == Some(Bug::KeepsEverythingForever) { Step::Idle } else { Step::Retain })
            }
            Step::Retain => {
                let retention = Retention { snapshots_min: site.plan.snapshots_kept, ticks: 0 };
                ready(self.store.retain(retention)).map_err(|error| said(&error))?;
                let count = ready(self.store.manifests()).map_err(|error| said(&error))?.len();
                let max = u64::from(site.plan.snapshots_kept);
                let verdict = site.watch.bounded.observe("snapshots kept", count as u64, max);
                site.watch.judge(verdict);
                Ok(Step::Idle)
            }
        }
    }
}

/// These pages of a world.
fn pages(world: &World<Ledger>, wanted: &[Hash]) -> Vec<Page> {
    let mut pages = Vec::new();
    for (_, column) in world.column_list() {
        for page in 0..column.page_limit() {
            let Some(hash) = column.page_hash(page).filter(|hash| wanted.contains(hash)) else { continue };
            let mut bytes = Vec::new();
            if column.page_bytes(page, &mut bytes) {
                pages.push(Page { hash, bytes: Bytes::from(bytes) });
            }
        }
    }
    pages
}
