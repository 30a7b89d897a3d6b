//! [`Recorder`]: writes a run's trace while it runs.
//!
//! Invariant: what is recorded never depends on who records: two recorders of one run have equal links at every tick. The
//! pages of the last ticks are kept as snapshots (shared pages, no copies) and written only when they are evidence.
//! It does not step: the caller does, and shows every tick.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};

use crate::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{InputFrame, Tick},
    game::Game,
    hash::Hash,
    limits,
    schema::{Schema, SchemaId},
    simulation::Simulation,
    snapshot::Manifest,
    world::{Roots, World},
};

use super::{
    About, Chain, Header, Mismatch, RecordError, Reproducible, Sink, StageRoots, Start, TraceSize, record::Kind,
    step_staged, writer::Writer,
};

/// Whether to go on after the first tick whose root is not the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AfterMismatch {
    /// Write the evidence and record on.
    #[default]
    Continue,
    /// Write the evidence and seal.
    Seal,
}

/// What became of an expected root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The tick has that root.
    Met,
    /// The tick has another one. Only the first mismatch of a trace is noted in it.
    Missed(Mismatch),
    /// The tick was not recorded yet: it will be compared when it is.
    Awaited,
    /// The tick is older than the evidence kept, or too many roots wait: nothing was compared.
    Forgotten,
}

/// A tick whose pages may become evidence.
struct Moment<G: Game> {
    world: World<G>,
    root: Hash,
    frame: Option<InputFrame<G::Input>>,
    stages: Option<StageRoots>,
}

/// Writes the trace of one running simulation.
pub struct Recorder<G: Game, S> {
    writer: Writer<S>,
    about: About,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    library: Library<G::Content>,
    /// The last ticks, one more than are evidence: the first of them must be run again from the one before.
    recent: VecDeque<Moment<G>>,
    last_keyframe: Tick,
    expected: BTreeMap<Tick, Hash>,
    mismatch: Option<Mismatch>,
    after_mismatch: AfterMismatch,
}

impl<G: Game, S: Sink> Recorder<G, S> {
    /// Begins the trace of what `simulation` does from now on. `packs` are the bytes of the content packs that it may use.
    ///
    /// # Errors
    /// When the sink fails, a text or pack is over its limit, or the content in force is not among the packs (a game without
    /// content, [`ContentId::NONE`], needs none).
    pub fn begin(
        sink: S,
        simulation: &Simulation<G>,
        about: About,
        packs: &[(ContentId, &[u8])],
    ) -> Result<Self, RecordError<S::Error>> {
        let (schema, schema_id) = (simulation.schema().clone(), simulation.schema_id());
        let world = simulation.snapshot();
        let root = Manifest::of(&world, schema_id).roots(&schema).root;
        let start = Start { tick: world.tick(), root, content: world.content() };
        let mut contents: Vec<ContentId> = Vec::new();
        for (id, _) in packs {
            if !contents.contains(id) {
                contents.push(*id);
            }
        }
        let header = Header { about, revision: G::REVISION, start, contents, schema: (*schema).clone() };
        check_header::<S>(&header)?;
        let mut writer = Writer::begin(sink, &header, schema_id)?;
        for (id, pack) in packs {
            writer.content(*id, pack)?;
        }
        if start.content != ContentId::NONE && !writer.has_content(start.content) {
            return Err(RecordError::Content(start.content));
        }
        writer.state(Kind::Keyframe, &world, schema_id)?;
        let mut recorder = Self {
            writer,
            about: header.about,
            schema,
            schema_id,
            library: simulation.library().clone(),
            recent: VecDeque::new(),
            last_keyframe: start.tick,
            expected: BTreeMap::new(),
            mismatch: None,
            after_mismatch: AfterMismatch::default(),
        };
        recorder.keep(Moment { world, root, frame: None, stages: None });
        Ok(recorder)
    }

    /// What to do at the first mismatch.
    #[must_use]
    pub const fn after_mismatch(mut self, after: AfterMismatch) -> Self {
        self.after_mismatch = after;
        self
    }

    /// What the trace has come to.
    #[must_use]
    pub const fn size(&self) -> TraceSize {
        self.writer.size()
    }

    /// The link of the last tick.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.writer.chain()
    }

    /// The last tick recorded.
    #[must_use]
    pub const fn last(&self) -> Tick {
        self.writer.last()
    }

    /// Whether nothing more can be recorded.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.writer.is_closed()
    }

    /// The first tick whose root was not the expected one.
    #[must_use]
    pub const fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Adds a pack that a later frame switches to; `library` is the simulation's, which holds it.
    ///
    /// # Errors
    /// When the sink fails or the pack is over its limit.
    pub fn add_content(
        &mut self,
        id: ContentId,
        pack: &[u8],
        library: &Library<G::Content>,
    ) -> Result<(), RecordError<S::Error>> {
        self.library = library.clone();
        self.writer.content(id, pack)
    }

    /// Records the tick that `frame` made: `roots` of `world`, which is as the tick left it. Gives the mismatch if this tick
    /// is the first whose root is not the expected one.
    ///
    /// # Errors
    /// When it is not the next tick, the frame switches to a pack that is not in the trace, or the sink fails.
    pub fn record(
        &mut self,
        frame: &InputFrame<G::Input>,
        roots: &Roots,
        world: &World<G>,
    ) -> Result<Option<Mismatch>, RecordError<S::Error>> {
        self.record_moment(frame, roots, world, None)
    }

    /// The same for a tick made by [`step_staged`]: at a mismatch the recorder then knows the roots after every system even
    /// where running the tick again would not give them.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_staged(
        &mut self,
        frame: &InputFrame<G::Input>,
        roots: &Roots,
        world: &World<G>,
        stages: StageRoots,
    ) -> Result<Option<Mismatch>, RecordError<S::Error>> {
        self.record_moment(frame, roots, world, Some(stages))
    }

    fn record_moment(
        &mut self,
        frame: &InputFrame<G::Input>,
        roots: &Roots,
        world: &World<G>,
        stages: Option<StageRoots>,
    ) -> Result<Option<Mismatch>, RecordError<S::Error>> {
        if self.writer.is_closed() {
            return Err(RecordError::Sealed);
        }
        let expected = self.last().next();
        for found in [frame.tick, world.tick()] {
            if found != expected {
                return Err(RecordError::Tick { expected, found });
            }
        }
        frame.check().map_err(RecordError::Frame)?;
        if let Some((.., id)) = frame.switches().find(|(.., id)| !self.writer.has_content(*id)) {
            return Err(RecordError::Content(id));
        }
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.writer.tick(bytes, roots)?;
        let tick = frame.tick;
        let moment = Moment { world: world.clone(), root: roots.root, frame: Some(frame.clone()), stages };
        self.keep(moment);
        if tick.0.saturating_sub(self.last_keyframe.0) >= u64::from(self.about.keyframe_ticks) {
            self.writer.state(Kind::Keyframe, world, self.schema_id)?;
            self.last_keyframe = tick;
        }
        match self.expected.remove(&tick) {
            Some(root) if root != roots.root => self.missed(tick, root).map(Some),
            _ => Ok(None),
        }
    }

    /// Says which root `tick` should have, as a lockstep client learns it from the server, before or after it got there
    /// itself. At the first mismatch the evidence is written at once.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn expect(&mut self, tick: Tick, root: Hash) -> Result<Expectation, RecordError<S::Error>> {
        if tick > self.last() {
            if self.expected.len() >= limits::EXPECTED_ROOTS_MAX as usize {
                return Ok(Expectation::Forgotten);
            }
            self.expected.insert(tick, root);
            return Ok(Expectation::Awaited);
        }
        match self.recent.iter().find(|moment| moment.world.tick() == tick) {
            None => Ok(Expectation::Forgotten),
            Some(moment) if moment.root == root => Ok(Expectation::Met),
            Some(_) => self.missed(tick, root).map(Expectation::Missed),
        }
    }

    fn missed(&mut self, tick: Tick, expected: Hash) -> Result<Mismatch, RecordError<S::Error>> {
        let found = self.recent.iter().position(|moment| moment.world.tick() == tick);
        // Without evidence kept, the last record's root is the one that was just compared.
        let own = found.and_then(|at| self.recent.get(at)).map_or(Hash::ZERO, |moment| moment.root);
        if self.mismatch.is_some() {
            // After a desync every tick misses; only the first is worth running again.
            return Ok(Mismatch { tick, own, expected, reproducible: Reproducible::Unknown });
        }
        let again = found.and_then(|at| self.run_again(at));
        let reproducible = match &again {
            None => Reproducible::Unknown,
            Some((root, _)) if *root == own => Reproducible::Yes,
            Some(_) => Reproducible::No,
        };
        let mismatch = Mismatch { tick, own, expected, reproducible };
        if self.writer.is_closed() {
            return Ok(mismatch);
        }
        self.mismatch = Some(mismatch);
        self.writer.mismatch(&mismatch)?;
        let seen = found.and_then(|at| self.recent.get(at)).and_then(|moment| moment.stages.clone());
        if let Some(stages) = seen.or(again.filter(|_| reproducible == Reproducible::Yes).map(|(_, stages)| stages)) {
            self.writer.stages(&stages)?;
        }
        self.evidence()?;
        if self.after_mismatch == AfterMismatch::Seal {
            self.finish()?;
        }
        Ok(mismatch)
    }

    /// Runs a recent tick once more from the world before it: root and stages, where that can be done.
    fn run_again(&self, at: usize) -> Option<(Hash, StageRoots)> {
        let frame = self.recent.get(at)?.frame.as_ref()?;
        let before = self.recent.get(at.checked_sub(1)?)?;
        let mut simulation = Simulation::resume(self.library.clone(), before.world.clone());
        let (roots, stages) = step_staged(&mut simulation, frame, &Inline, None).ok()?;
        Some((roots.root, stages))
    }

    fn evidence(&mut self) -> Result<(), RecordError<S::Error>> {
        let kept = self.about.evidence_ticks as usize;
        let skip = self.recent.len().saturating_sub(kept);
        for moment in self.recent.iter().skip(skip) {
            self.writer.state(Kind::Evidence, &moment.world, self.schema_id)?;
        }
        Ok(())
    }

    fn keep(&mut self, moment: Moment<G>) {
        self.recent.push_back(moment);
        // At least the last world, for the keyframe at the end.
        let kept = (self.about.evidence_ticks as usize).saturating_add(1);
        while self.recent.len() > kept {
            self.recent.pop_front();
        }
    }

    /// Ends the trace: evidence, a last keyframe, the index.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn seal(mut self) -> Result<(S, TraceSize), RecordError<S::Error>> {
        if !self.writer.is_closed() {
            self.evidence()?;
            self.finish()?;
        }
        let size = self.writer.size();
        Ok((self.writer.into_sink(), size))
    }

    fn finish(&mut self) -> Result<(), RecordError<S::Error>> {
        if self.last_keyframe < self.last()
            && let Some(last) = self.recent.back()
        {
            self.writer.state(Kind::Keyframe, &last.world, self.schema_id)?;
        }
        self.writer.seal().map(|_| ())
    }

    /// Names and types of everything recorded.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }
}

fn check_header<S: Sink>(header: &Header) -> Result<(), RecordError<S::Error>> {
    let About { engine, title, seed, keyframe_ticks, evidence_ticks, .. } = &header.about;
    let limit = |what| Err(RecordError::Limit { what });
    if [engine, title, seed].iter().any(|text| text.len() > usize::from(limits::TRACE_TEXT_BYTES_MAX)) {
        return limit("a text of the header");
    }
    if header.start.tick.0 > limits::START_TICK_MAX {
        return limit("the tick of the start");
    }
    if header.contents.len() > usize::from(limits::TRACE_CONTENTS_MAX) {
        return limit("the number of content packs");
    }
    if *keyframe_ticks == 0 || *evidence_ticks > limits::EVIDENCE_TICKS_MAX {
        return limit("the number of ticks between keyframes, or of evidence");
    }
    if header.schema.encode().len() > limits::SCHEMA_BYTES_MAX as usize {
        return limit("the schema");
    }
    Ok(())
}
