//! [`Resimulated`]: a trace simulated again from its start and recorded anew.
//!
//! Invariant: the world goes through its own snapshot bytes at every keyframe, so a target that writes or reads them
//! otherwise cannot go on as if nothing were. A tick that comes out differently is named, and the rest is simulated all the
//! same: the other targets do so too, and their lines are compared.

use std::{convert::Infallible, fmt};

use tickworld_content::model::Pack;
use tickworld_rules::{Rules, Ruleset};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{InputFrame, Tick},
    hash::Hash,
    simulation::Simulation,
    trace::{RecordError, Recorder, ReplayError, Sink, StateKind, Trace, TraceError},
    world::{Roots, World},
};

use crate::{rows, seeded::SeededBug};

/// What a trace comes to on this target.
#[derive(Debug)]
pub(crate) struct Resimulated {
    ticks: u64,
    /// Sum over the ticks.
    changed_rows: u64,
    /// Over every root and every column root, the start's too.
    roots: Hash,
    /// Of the bytes recorded anew: of the file, if all is well.
    trace: Hash,
    /// Over the snapshot bytes at every keyframe.
    snapshots: Hash,
    /// The first tick whose root or a column root is not the recorded one.
    pub(crate) first_difference: Option<Tick>,
}

impl fmt::Display for Resimulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ticks, changed_rows, roots, trace, snapshots, first_difference } = self;
        write!(f, "ticks={ticks} rows={changed_rows} roots={roots} trace={trace} snapshots={snapshots} different=")?;
        match first_difference {
            None => f.write_str("none"),
            Some(tick) => write!(f, "{tick}"),
        }
    }
}

/// Why a trace could not be simulated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifierError {
    #[error("cannot read the file: {0}")]
    File(std::io::Error),
    #[error(transparent)]
    Trace(#[from] TraceError<Infallible>),
    #[error(transparent)]
    Replay(#[from] ReplayError<Infallible>),
    #[error("cannot record anew: {0}")]
    Record(#[from] RecordError<Infallible>),
    #[error("the content {id} inside is damaged: {cause}")]
    Content { id: ContentId, cause: String },
    #[error("the frame of tick {tick} is refused: {cause}")]
    Frame { tick: Tick, cause: String },
    #[error("the snapshot of tick {tick} cannot be restored from its own bytes: {cause}")]
    Snapshot { tick: Tick, cause: String },
}

impl Resimulated {
    /// Of the trace in `file`, with a fault if one is asked for.
    pub(crate) fn of(file: &[u8], bug: Option<SeededBug>) -> Result<Self, VerifierError> {
        let mut trace = Trace::open(file)?;
        let packs = packs_of(&mut trace)?;
        let mut library = Library::default();
        for (id, bytes) in &packs {
            let (found, pack) = Pack::from_bytes(bytes).map_err(|cause| damaged(*id, cause))?;
            if found != *id {
                return Err(damaged(*id, format!("its id is {found}")));
            }
            library.add(*id, Ruleset::new(pack));
        }
        let keyframes: Vec<Tick> =
            trace.states().iter().filter(|state| state.kind == StateKind::Keyframe).map(|state| state.tick).collect();
        let first = trace.keyframe_at_or_before(trace.start())?;
        let world = trace.load_world::<Rules>(first)?;
        let mut run = Run::begin(&trace, &packs, Simulation::resume(library, world))?;
        for record in trace.ticks(first.tick.next()) {
            let record = record?;
            let frame = InputFrame::decode(&record.frame)
                .map_err(|cause| VerifierError::Frame { tick: record.tick, cause: cause.to_string() })?;
            let roots = run.step(&frame, bug)?;
            let short = roots.columns.iter().map(Hash::short);
            if roots.root != record.root || !short.eq(record.columns.iter().copied()) {
                run.first_difference.get_or_insert(record.tick);
            }
            if keyframes.contains(&record.tick) {
                run.through_bytes()?;
            }
        }
        run.finish()
    }
}

fn damaged(id: ContentId, cause: impl ToString) -> VerifierError {
    VerifierError::Content { id, cause: cause.to_string() }
}

/// Ids and bytes of the packs inside, in the trace's order.
type Packs = Vec<(ContentId, Vec<u8>)>;

fn packs_of(trace: &mut Trace<&[u8]>) -> Result<Packs, VerifierError> {
    let mut packs = Vec::new();
    for id in trace.contents() {
        let bytes = trace.content(id)?.ok_or_else(|| damaged(id, "it is not whole"))?;
        packs.push((id, bytes));
    }
    Ok(packs)
}

/// A simulation under way with everything that is gathered from it.
struct Run<'p> {
    simulation: Simulation<Rules>,
    recorder: Recorder<Rules, HashSink>,
    /// Packs that a later frame switches to, not recorded yet.
    later: Vec<&'p (ContentId, Vec<u8>)>,
    ticks: u64,
    changed_rows: u64,
    roots: blake3::Hasher,
    snapshots: blake3::Hasher,
    first_difference: Option<Tick>,
}

impl<'p> Run<'p> {
    fn begin(
        trace: &Trace<&[u8]>,
        packs: &'p [(ContentId, Vec<u8>)],
        mut simulation: Simulation<Rules>,
    ) -> Result<Self, VerifierError> {
        let header = trace.header();
        let (early, later): (Vec<_>, Vec<_>) = packs.iter().partition(|(id, _)| header.contents.contains(id));
        let early: Vec<(ContentId, &[u8])> = early.into_iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
        let roots = simulation.seal(&Inline);
        let first_difference = (roots.root != header.start.root).then_some(header.start.tick);
        let recorder = Recorder::begin(HashSink::default(), &simulation, header.about.clone(), &early)?;
        let mut run = Self {
            simulation,
            recorder,
            later,
            ticks: 0,
            changed_rows: 0,
            roots: blake3::Hasher::new(),
            snapshots: blake3::Hasher::new(),
            first_difference,
        };
        run.take(&roots);
        run.through_bytes()?;
        Ok(run)
    }

    fn step(
        &mut self,
        frame: &InputFrame<<Rules as tickworld_sim::game::Game>::Input>,
        bug: Option<SeededBug>,
    ) -> Result<Roots, VerifierError> {
        for (.., id) in frame.switches() {
            if let Some(at) = self.later.iter().position(|(later, _)| *later == id) {
                let (_, bytes) = self.later.remove(at);
                self.recorder.add_content(id, bytes, self.simulation.library())?;
            }
        }
        let mut stepped = frame.clone();
        if let Some(bug) = bug {
            stepped.entropy = bug.distort(frame.entropy);
        }
        let before = self.simulation.snapshot();
        let refused = |cause: tickworld_sim::frame::FrameError| VerifierError::Frame {
            tick: frame.tick,
            cause: cause.to_string(),
        };
        let roots = self.simulation.step(&stepped, &Inline).map_err(refused)?;
        let after = self.simulation.world();
        self.recorder.record(frame, &roots, after)?;
        self.changed_rows += rows::changed(&before, after, self.simulation.schema());
        self.ticks += 1;
        self.take(&roots);
        Ok(roots)
    }

    fn take(&mut self, roots: &Roots) {
        for root in std::iter::once(&roots.root).chain(&roots.columns) {
            self.roots.update(&root.0);
        }
    }

    /// Goes on from the snapshot's bytes.
    fn through_bytes(&mut self) -> Result<(), VerifierError> {
        let tick = self.simulation.world().tick();
        let bytes = self.simulation.to_bytes();
        self.snapshots.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        let refused =
            |cause: tickworld_sim::snapshot::RestoreError| VerifierError::Snapshot { tick, cause: cause.to_string() };
        let restored = World::from_bytes(&bytes).map_err(refused)?;
        self.simulation = Simulation::resume(self.simulation.library().clone(), restored);
        Ok(())
    }

    fn finish(self) -> Result<Resimulated, VerifierError> {
        let (sink, _) = self.recorder.seal()?;
        let digest = |hasher: &blake3::Hasher| Hash(*hasher.finalize().as_bytes());
        Ok(Resimulated {
            ticks: self.ticks,
            changed_rows: self.changed_rows,
            roots: digest(&self.roots),
            trace: digest(&sink.0),
            snapshots: digest(&self.snapshots),
            first_difference: self.first_difference,
        })
    }
}

/// Keeps of what is written only the digest: traces may be longer than a small machine's memory.
#[derive(Default)]
struct HashSink(blake3::Hasher);

impl Sink for HashSink {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.update(bytes);
        Ok(())
    }
}
