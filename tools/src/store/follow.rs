//! [`Follow`]: a world simulated again from what its server stored, every root compared that the store proves.
//!
//! Invariant: it begins with a world whose root the journal or its own pages prove, and says of each tick whether the root is
//! the proven one. The first that is not ends the comparison, not the simulation: who records what comes out goes on.

use std::collections::VecDeque;

use tickworld_persist::{Record, Snapshot, error::Cause};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::{Executor, Inline},
    frame::{Act, InputFrame, Tick},
    game::Game,
    hash::Hash,
    simulation::Simulation,
    snapshot::RestoreError,
    world::{Roots, World, schema},
};

use super::{Hosted, OpenStore};
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
    simulation: Simulation<H::Game>,
    /// Roots of the last ticks, the newest last.
    recent: VecDeque<(Tick, Hash)>,
    /// Ticks of the snapshots that it has yet to pass.
    snapshots: VecDeque<Tick>,
    /// Roots that were compared with a record's.
    pub(crate) proofs: u64,
    /// Worlds that were compared with a snapshot.
    pub(crate) worlds: u64,
    /// The last tick whose root was proven.
    pub(crate) proven: Option<Tick>,
}

/// What a tick came to.
pub(crate) struct Followed<I> {
    /// Its inputs.
    pub(crate) frame: InputFrame<I>,
    /// Its roots.
    pub(crate) roots: Roots,
    /// Content that it switches to, which was not used before.
    pub(crate) contents: Vec<(ContentId, Vec<u8>)>,
    /// A root that is not the proven one.
    pub(crate) divergence: Option<Divergence>,
}

/// A root that is not the proven one.
#[derive(Clone, Debug)]
pub(crate) struct Divergence {
    /// The root of this tick.
    pub(crate) tick: Tick,
    /// As the store has it.
    pub(crate) recorded: Hash,
    /// As this build computes it.
    pub(crate) found: Hash,
    /// What has it.
    pub(crate) witness: Witness,
    /// The columns that differ; none where only the root is known.
    pub(crate) columns: Vec<String>,
}

/// What in a store proves a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// The record of a later tick.
    Record(Tick),
    /// The snapshot of the tick itself.
    Snapshot,
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Record(tick) => write!(f, "the record of tick {tick}"),
            Self::Snapshot => f.write_str("the snapshot of that tick"),
        }
    }
}

impl<'s, H: Hosted> Follow<'s, H> {
    /// Begins with this world.
    pub(crate) fn begin(store: &'s OpenStore, origin: &Origin, beginning: &Beginning) -> Outcome<Self> {
        check_game::<H::Game>(store)?;
        let mut simulation = match origin {
            Origin::Start => begin_anew::<H>(store, beginning)?,
            Origin::Snapshot(snapshot) => resume::<H>(store, snapshot)?,
        };
        let root = simulation.seal(&Inline).root;
        let at = simulation.world().tick();
        let start = store.header.start;
        if at == start.tick && root != start.root {
            return Err(other_beginning(store, origin, root));
        }
        let snapshots = store.snapshots()?.into_iter().filter(|tick| *tick > at).collect();
        let recent = VecDeque::from([(at, root)]);
        Ok(Self { store, simulation, recent, snapshots, proofs: 0, worlds: 0, proven: None })
    }

    /// The world as it is now.
    pub(crate) const fn simulation(&self) -> &Simulation<H::Game> {
        &self.simulation
    }

    /// The tick that it is at.
    pub(crate) const fn tick(&self) -> Tick {
        self.simulation.world().tick()
    }

    /// The content packs that the world uses now.
    pub(crate) fn packs(&self) -> Outcome<Vec<(ContentId, Vec<u8>)>> {
        let id = self.simulation.world().content();
        if id == ContentId::NONE { Ok(Vec::new()) } else { Ok(vec![(id, pack(self.store, id)?)]) }
    }

    /// Makes the tick of a record, and compares what it and the stored worlds prove.
    pub(crate) fn step(
        &mut self,
        record: &Record,
        executor: &dyn Executor,
    ) -> Outcome<Followed<<H::Game as Game>::Input>> {
        let (shown, tick) = (self.store.shown(), record.tick());
        let frame = InputFrame::<<H::Game as Game>::Input>::decode(&record.body().frame).map_err(|error| {
            Failure::new(format!("{shown}: the frame of tick {tick} cannot be read: {error}"))
                .help(format!("`tickworld journal verify {shown}` lists everything that is damaged"))
        })?;
        let mut contents = Vec::new();
        for input in &frame.inputs {
            if let Act::Content(id) = input.act
                && self.simulation.library().find(id).is_none()
            {
                let bytes = pack(self.store, id)?;
                self.simulation.library_mut().add(id, content::<H>(self.store, id, &bytes)?);
                contents.push((id, bytes));
            }
        }
        let stepped = self.simulation.step(&frame, executor);
        let roots = stepped.map_err(|error| Failure::new(format!("{shown}: tick {tick} is refused: {error}")))?;
        self.recent.push_back((tick, roots.root));
        while self.recent.len() > usize::from(self.store.header.root_lag_ticks) + 1 {
            self.recent.pop_front();
        }
        let divergence = match self.compare_proof(record) {
            Some(divergence) => Some(divergence),
            None => self.compare_snapshot(tick, &roots)?,
        };
        Ok(Followed { frame, roots, contents, divergence })
    }

    /// Compares what a record proves, whether its tick was made or not.
    pub(crate) fn compare_proof(&mut self, record: &Record) -> Option<Divergence> {
        let proof = record.body().proof?;
        let (tick, found) = *self.recent.iter().find(|(tick, _)| *tick == proof.tick)?;
        self.proofs += 1;
        if found == proof.root {
            self.proven = self.proven.max(Some(tick));
            return None;
        }
        let witness = Witness::Record(record.tick());
        Some(Divergence { tick, recorded: proof.root, found, witness, columns: Vec::new() })
    }

    fn compare_snapshot(&mut self, tick: Tick, roots: &Roots) -> Outcome<Option<Divergence>> {
        while self.snapshots.front().is_some_and(|at| *at < tick) {
            self.snapshots.pop_front();
        }
        if self.snapshots.front() != Some(&tick) {
            return Ok(None);
        }
        // A damaged one proves nothing; `journal verify` names it.
        let Ok(snapshot) = self.store.snapshot(tick)? else { return Ok(None) };
        let recorded = snapshot.manifest.roots(&self.store.header.schema);
        self.worlds += 1;
        if recorded.root == roots.root {
            self.proven = self.proven.max(Some(tick));
            return Ok(None);
        }
        let columns = self.store.header.schema.columns.iter().zip(recorded.columns.iter().zip(&roots.columns));
        let columns = columns.filter(|(_, (one, other))| one != other).map(|(column, _)| column.name.to_string());
        let (recorded, found) = (recorded.root, roots.root);
        Ok(Some(Divergence { tick, recorded, found, witness: Witness::Snapshot, columns: columns.collect() }))
    }

    /// Compares the roots of the last ticks with records that come after them; their ticks are not made.
    pub(crate) fn compare_rest(&mut self) -> Option<Divergence> {
        let (at, last) = (self.tick(), self.store.last());
        let prover = Tick(at.0.saturating_add(u64::from(self.store.header.root_lag_ticks))).min(last);
        // What cannot be read proves nothing.
        let records: Vec<Record> = self.store.records(at.next(), prover).map_while(Result::ok).collect();
        records.iter().find_map(|record| self.compare_proof(record))
    }
}

/// Refuses a journal of another game, schema or revision of the rules.
fn check_game<G: Game>(store: &OpenStore) -> Outcome<()> {
    let (shown, header) = (store.shown(), &store.header);
    let help = "use the build that its server was; `tickworld journal verify` checks what needs no rules";
    let (expected, found) = (schema::<G>().id(), header.schema_id());
    if expected != found {
        let message = format!("{shown}: the world has schema {}, this build has {}", found.0, expected.0);
        return Err(Failure::new(message).help(help));
    }
    if header.revision != G::REVISION {
        let (theirs, ours) = (header.revision, G::REVISION);
        let message = format!("{shown}: the world has rules revision {theirs}, this build has {ours}");
        return Err(Failure::new(message).help(help));
    }
    Ok(())
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
    if let Some(content) = H::bare_content() {
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
