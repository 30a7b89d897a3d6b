//! [`Follow`]: a world simulated again from what its server stored, every root compared that the store proves.
//!
//! Invariant: it begins with a world whose root the journal or its own pages prove, and says of each tick whether the root is
//! the proven one. The first that is not ends the comparison, not the simulation: who records what comes out goes on.

use std::collections::VecDeque;

use tickworld_persist::{Record, Snapshot, error::Cause};
use tickworld_region::{Divergence, Replay, ReplayError, Replayed};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::{Executor, Inline},
    frame::{InputFrame, Tick},
    game::Game,
    hash::Hash,
    simulation::Simulation,
    snapshot::RestoreError,
    world::{Roots, World},
};

use super::{Hosted, OpenStore, records::Records};
use crate::{
    cli::Beginning,
    failure::{Failure, Outcome},
    packs::LoadedPack,
};

/// What a simulation begins with.
pub(crate) enum Origin {
    /// The world as the journal's header describes it, laid out anew.
    Start,
    /// A stored world.
    Snapshot(Box<Snapshot>),
}

/// The newest world at or before `tick` that can be read, and the newer ones that cannot, with what is wrong with them.
pub(crate) fn origin_of(store: &OpenStore, tick: Tick) -> Outcome<(Origin, Vec<(Tick, Cause)>)> {
    let mut skipped = Vec::new();
    for at in store.snapshots()?.into_iter().rev().filter(|at| (store.base()..=tick).contains(at)) {
        match whole(store, at)? {
            Ok(snapshot) => return Ok((Origin::Snapshot(Box::new(snapshot)), skipped)),
            Err(cause) => skipped.push((at, cause)),
        }
    }
    let start = store.header.start.tick;
    if store.base() == start && tick >= start {
        return Ok((Origin::Start, skipped));
    }
    let failure = Failure::new(format!("{}: no world at or before tick {tick} is stored", store.shown()));
    let help = match skipped.first() {
        Some((at, cause)) => format!("the snapshot of tick {at} cannot be used: {cause}"),
        None => format!("the journal is kept from tick {} on, `tickworld journal info` lists the worlds", store.base()),
    };
    Err(failure.help(help))
}

/// The oldest world that can be read and that something follows, and the older ones that cannot be read.
pub(crate) fn oldest_origin(store: &OpenStore) -> Outcome<(Origin, Vec<(Tick, Cause)>)> {
    let mut skipped = Vec::new();
    for at in store.snapshots()?.into_iter().filter(|at| (store.base()..store.last()).contains(at)) {
        match whole(store, at)? {
            Ok(snapshot) => return Ok((Origin::Snapshot(Box::new(snapshot)), skipped)),
            Err(cause) => skipped.push((at, cause)),
        }
    }
    let (origin, _) = origin_of(store, store.base())?;
    Ok((origin, skipped))
}

/// A snapshot with all its pages, or what is wrong with it.
fn whole(store: &OpenStore, tick: Tick) -> Outcome<Result<Snapshot, Cause>> {
    let snapshot = match store.snapshot(tick)? {
        Ok(snapshot) => snapshot,
        Err(cause) => return Ok(Err(cause)),
    };
    for entry in snapshot.manifest.columns.iter().flatten() {
        if let Err(cause) = store.page(entry.hash)? {
            return Ok(Err(cause));
        }
    }
    Ok(Ok(snapshot))
}

/// A world that follows the journal.
pub(crate) struct Follow<'s, H: Hosted> {
    store: &'s OpenStore,
    replay: Replay<H::Game>,
    /// The records that come next.
    records: Records<'s>,
    /// Content that the last record needs, and that was not used before.
    contents: Vec<(ContentId, Vec<u8>)>,
    /// Ticks of the snapshots that it has yet to pass.
    snapshots: VecDeque<Tick>,
    /// Worlds that were compared with a snapshot.
    pub(crate) worlds: u64,
}

/// What a tick came to.
pub(crate) struct Followed<I> {
    /// The inputs that made it.
    pub(crate) frame: InputFrame<I>,
    /// The roots of the world after it.
    pub(crate) roots: Roots,
    /// Content that it switches to, which was not used before.
    pub(crate) contents: Vec<(ContentId, Vec<u8>)>,
    /// A root that is not the proven one.
    pub(crate) divergence: Option<Divergence>,
}

impl<'s, H: Hosted> Follow<'s, H> {
    /// Begins with this world.
    pub(crate) fn begin(store: &'s OpenStore, origin: &Origin, beginning: &Beginning) -> Outcome<Self> {
        let header = &store.header;
        Replay::<H::Game>::check(header).map_err(|error| refused(store, &error))?;
        let (simulation, place) = match origin {
            Origin::Start => (begin_anew::<H>(store, beginning)?, header.start_position()),
            Origin::Snapshot(snapshot) => (resume::<H>(store, snapshot)?, snapshot.position()),
        };
        let begun = Replay::begin(header.clone(), simulation, place, &Inline);
        let (replay, divergence) = begun.map_err(|error| refused(store, &error))?;
        if let Some(Divergence { found, .. }) = divergence {
            return Err(other_beginning(store, origin, found));
        }
        let snapshots = store.snapshots()?.into_iter().filter(|tick| *tick > place.tick).collect();
        let records = store.records(place.tick.next(), store.last());
        Ok(Self { store, replay, records, contents: Vec::new(), snapshots, worlds: 0 })
    }

    /// The world as it is now.
    pub(crate) const fn simulation(&self) -> &Simulation<H::Game> {
        self.replay.simulation()
    }

    /// The tick that it is at.
    pub(crate) const fn tick(&self) -> Tick {
        self.replay.tick()
    }

    /// Roots that were compared with a record's.
    pub(crate) const fn proofs(&self) -> u64 {
        self.replay.proofs()
    }

    /// The last tick whose root was proven.
    pub(crate) const fn proven(&self) -> Option<Tick> {
        self.replay.proven()
    }

    /// The content packs that the world uses now.
    pub(crate) fn packs(&self) -> Outcome<Vec<(ContentId, Vec<u8>)>> {
        let id = self.simulation().world().content();
        if id == ContentId::NONE { Ok(Vec::new()) } else { Ok(vec![(id, pack(self.store, id)?)]) }
    }

    /// Makes the next tick, unless it would be after `to`, and compares what its record and the stored worlds prove.
    pub(crate) fn next(
        &mut self,
        to: Tick,
        executor: &dyn Executor,
    ) -> Outcome<Option<Followed<<H::Game as Game>::Input>>> {
        let store = self.store;
        while self.tick() < to {
            let Some(step) = self.replay.poll_step() else {
                let Some(record) = self.records.next() else { break };
                self.take(&record.map_err(|error| store.read_failure(error))?)?;
                continue;
            };
            let replayed = self.replay.handle_stepped(step.run(executor)).map_err(|error| refused(store, &error))?;
            let Replayed { frame, roots, divergence } = replayed;
            let divergence = match divergence {
                Some(divergence) => Some(divergence),
                None => self.compare_snapshot()?,
            };
            let contents = std::mem::take(&mut self.contents);
            return Ok(Some(Followed { frame, roots, contents, divergence }));
        }
        Ok(None)
    }

    fn take(&mut self, record: &Record) -> Outcome<()> {
        let store = self.store;
        self.replay.handle_record(record).map_err(|error| refused(store, &error))?;
        for id in self.replay.missing_contents() {
            let bytes = pack(store, id)?;
            self.replay.add_content(id, content::<H>(store, id, &bytes)?);
            self.contents.push((id, bytes));
        }
        Ok(())
    }

    fn compare_snapshot(&mut self) -> Outcome<Option<Divergence>> {
        let tick = self.tick();
        while self.snapshots.front().is_some_and(|at| *at < tick) {
            self.snapshots.pop_front();
        }
        if self.snapshots.front() != Some(&tick) {
            return Ok(None);
        }
        // A damaged one proves nothing; `journal verify` names it.
        let Ok(snapshot) = self.store.snapshot(tick)? else { return Ok(None) };
        self.worlds += 1;
        Ok(self.replay.compare_snapshot(&snapshot.manifest))
    }

    /// Compares the roots of the last ticks with records that come after them; their ticks are not made.
    pub(crate) fn compare_rest(&mut self) -> Option<Divergence> {
        let (at, last) = (self.tick(), self.store.last());
        let prover = Tick(at.0.saturating_add(u64::from(self.store.header.root_lag_ticks))).min(last);
        // What cannot be read proves nothing.
        let records: Vec<Record> = self.store.records(at.next(), prover).map_while(Result::ok).collect();
        records.iter().find_map(|record| self.replay.compare_record(record))
    }
}

/// Why the journal cannot be followed, and what to do about it.
fn refused(store: &OpenStore, error: &ReplayError) -> Failure {
    let shown = store.shown();
    let failure = Failure::new(format!("{shown}: {error}"));
    match error {
        ReplayError::Schema { .. } | ReplayError::Revision { .. } => {
            failure.help("use the build that its server was; `tickworld journal verify` checks what needs no rules")
        }
        ReplayError::Frame { .. } | ReplayError::Order { .. } => {
            failure.help(format!("`tickworld journal verify {shown}` lists everything that is damaged"))
        }
        _ => failure,
    }
}

fn begin_anew<H: Hosted>(store: &OpenStore, beginning: &Beginning) -> Outcome<Simulation<H::Game>> {
    let id = store.header.start.content;
    if id == ContentId::NONE {
        return H::begin(beginning, None);
    }
    H::begin(beginning, Some(LoadedPack::read(pack(store, id)?, "the pack that the world began with")?))
}

fn resume<H: Hosted>(store: &OpenStore, snapshot: &Snapshot) -> Outcome<Simulation<H::Game>> {
    let (shown, manifest) = (store.shown(), &snapshot.manifest);
    let mut library = Library::default();
    let id = manifest.head.content;
    if let Some(content) = H::default_content() {
        library.add(ContentId::NONE, content);
    }
    if library.find(id).is_none() {
        library.add(id, content::<H>(store, id, &pack(store, id)?)?);
    }
    let page = |hash| store.page(hash).ok().and_then(Result::ok).map(|bytes| bytes.to_vec());
    let world = World::restore(manifest, |entry| page(entry.hash)).map_err(|error: RestoreError| {
        Failure::new(format!("{shown}: the snapshot of tick {}: {error}", manifest.head.tick))
    })?;
    Ok(Simulation::resume(library, world))
}

fn pack(store: &OpenStore, id: ContentId) -> Outcome<Vec<u8>> {
    store.pack(id)?.map(|bytes| bytes.to_vec()).map_err(|cause| {
        let shown = store.shown();
        Failure::new(format!("{shown}: content pack {id}, which the world uses: {cause}"))
            .help(format!("`tickworld journal verify {shown}` lists everything that is damaged"))
    })
}

fn content<H: Hosted>(store: &OpenStore, id: ContentId, bytes: &[u8]) -> Outcome<<H::Game as Game>::Content> {
    let (found, content) = H::content(bytes)?;
    if found == id {
        return Ok(content);
    }
    Err(Failure::new(format!("{}: content pack {id} is damaged: its bytes are those of {found}", store.shown())))
}

fn other_beginning(store: &OpenStore, origin: &Origin, root: Hash) -> Failure {
    let (shown, recorded) = (store.shown(), store.header.start.root);
    let message = format!("{shown}: the world begins with root {root}, the journal with {recorded}");
    Failure::new(message).help(match origin {
        Origin::Start => {
            "its beginning is not stored, so it is laid out anew: say how the server was told to begin, with --scenario and \
             --seed, or --accounts and --coins"
        }
        Origin::Snapshot(_) => "the snapshot is not of this journal: `tickworld journal verify` says more",
    })
}
