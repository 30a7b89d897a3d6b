//! [`Replay`]: a journal's ticks made again; records go in, worlds, roots and verdicts come out.
//!
//! Invariant: a record is taken only if it follows from the one before; a tick is made only with the content that its frame
//! names; and of each tick it is said whether the root is the one that the journal proves. A root that is not ends the proof,
//! not the replay: whoever records what comes out goes on.

use std::collections::VecDeque;

use tickworld_persist::{JournalHeader, LogPosition, Proof, Record};
use tickworld_sim::{
    component::{Component, DecodeError},
    content::ContentId,
    executor::Executor,
    frame::{InputFrame, Tick},
    game::Game,
    hash::Hash,
    schema::SchemaId,
    simulation::Simulation,
    snapshot::Manifest,
    world::{Roots, schema},
};

use crate::step::{Step, StepError, Stepped};

/// A world that follows a journal.
///
/// For each record: [`handle_record`](Self::handle_record), then [`add_content`](Self::add_content) for each of
/// [`missing_contents`](Self::missing_contents), then [`poll_step`](Self::poll_step) and
/// [`handle_stepped`](Self::handle_stepped) until there is nothing to poll: a claim makes no tick, and a run many.
pub struct Replay<G: Game> {
    header: JournalHeader,
    /// `None` while a step is under way, and once one has failed.
    simulation: Option<Simulation<G>>,
    roots: Roots,
    /// The last record whose ticks are made, claims among them.
    last: LogPosition,
    /// The newest tick; in a run it is not yet the last record's.
    tick: Tick,
    /// The record that made the newest tick.
    made: LogPosition,
    /// Roots of the last ticks, the newest last.
    recent: VecDeque<(Tick, Hash)>,
    taken: Option<Taken<G>>,
    proof: Option<(Tick, Proof)>,
    proofs: u64,
    proven: Option<Tick>,
}

/// A record that was taken and whose ticks are to be made.
struct Taken<G: Game> {
    /// Of the next tick.
    frame: InputFrame<G::Input>,
    place: LogPosition,
}

/// A tick that was made again.
pub struct Replayed<G: Game> {
    /// The frame that made it.
    pub frame: InputFrame<G::Input>,
    /// The roots of the world after it.
    pub roots: Roots,
    /// A root that is not the one that the record proves.
    pub divergence: Option<Divergence>,
}

/// A root that is not the proven one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The root of this tick.
    pub tick: Tick,
    /// The root that the journal or a snapshot has.
    pub recorded: Hash,
    /// The root that this build computes.
    pub found: Hash,
    /// Where the recorded root stands.
    pub witness: Witness,
    /// The columns that differ, by name; none where only the root is known.
    pub columns: Vec<String>,
}

/// What proves a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The journal's header: the world does not begin as it did.
    Start,
    /// The record of a later tick.
    Record(Tick),
    /// The snapshot of the tick itself.
    Snapshot,
}

impl core::fmt::Display for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Start => f.write_str("the journal's header"),
            Self::Record(tick) => write!(f, "the record of tick {tick}"),
            Self::Snapshot => f.write_str("the snapshot of that tick"),
        }
    }
}

/// Why a journal cannot be replayed further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The journal is of another game.
    #[error("the world is one of the game `{found}`, this is `{expected}`")]
    Game {
        /// The game of this build.
        expected: &'static str,
        /// The game of the journal.
        found: String,
    },
    /// The journal is of another schema of the game.
    #[error("the world has schema {}, this build has {}", found.0, expected.0)]
    Schema {
        /// The schema of this build.
        expected: SchemaId,
        /// The schema of the journal.
        found: SchemaId,
    },
    /// The journal is of another revision of the rules.
    #[error("the world has rules revision {found}, this build has {expected}")]
    Revision {
        /// The revision of this build.
        expected: u32,
        /// The revision of the journal.
        found: u32,
    },
    /// The record is not the one that follows.
    #[error("the record of tick {found} does not follow the one of tick {last}")]
    Order {
        /// The last record.
        last: Tick,
        /// The one that came.
        found: Tick,
    },
    /// The record's frame cannot be read.
    #[error("the frame of tick {tick} cannot be read: {error}")]
    Frame {
        /// The tick of the frame.
        tick: Tick,
        /// Why it cannot be read.
        error: DecodeError,
    },
    /// The tick cannot be made.
    #[error("tick {tick} cannot be made: {error}")]
    Step {
        /// The tick of the record.
        tick: Tick,
        /// Why it cannot be made.
        error: StepError,
    },
}

/// The frames of the ticks that a record makes: none of a claim, and of a run as many as it stands for.
///
/// # Errors
/// When the record's frame cannot be read.
pub fn frames_of<I: Component>(record: &Record) -> Result<Vec<InputFrame<I>>, DecodeError> {
    let Some(frame) = record.frame() else { return Ok(Vec::new()) };
    let mut frames = vec![InputFrame::<I>::decode_as(frame, record.frame_format())?];
    while let Some(last) = frames.last().filter(|last| last.tick < record.tick()) {
        frames.push(following(last));
    }
    Ok(frames)
}

/// The next frame of a run: with the same entropy, and without inputs.
const fn following<I>(frame: &InputFrame<I>) -> InputFrame<I> {
    InputFrame::empty(frame.tick.next(), frame.entropy)
}

impl<G: Game> Replay<G> {
    /// Whether this build can replay a journal: before anything else of it is read.
    ///
    /// # Errors
    /// When it is of another game, schema or revision.
    pub fn check(header: &JournalHeader) -> Result<(), ReplayError> {
        if header.game() != G::NAME {
            return Err(ReplayError::Game { expected: G::NAME, found: header.game().to_owned() });
        }
        let (expected, found) = (schema::<G>().id(), header.schema_id());
        if expected != found {
            return Err(ReplayError::Schema { expected, found });
        }
        if header.revision != G::REVISION {
            return Err(ReplayError::Revision { expected: G::REVISION, found: header.revision });
        }
        Ok(())
    }

    /// Begins with a world that stands at `place`, which is hashed here. The inner divergence is set where it is the
    /// journal's beginning, and is not the one that the header names.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    ///
    /// # Panics
    /// If the world is of another tick than `place`.
    pub fn begin(
        header: JournalHeader,
        mut simulation: Simulation<G>,
        place: LogPosition,
        executor: &dyn Executor,
    ) -> Result<(Self, Option<Divergence>), ReplayError> {
        Self::check(&header)?;
        let tick = simulation.world().tick();
        assert_eq!(tick, place.tick, "a replay begins with the world of its place");
        let roots = simulation.seal(executor);
        let start = header.start;
        let differs = tick == start.tick && roots.root != start.root;
        let divergence = differs.then(|| Divergence {
            tick,
            recorded: start.root,
            found: roots.root,
            witness: Witness::Start,
            columns: Vec::new(),
        });
        let replay = Self {
            header,
            recent: VecDeque::from([(tick, roots.root)]),
            simulation: Some(simulation),
            roots,
            last: place,
            tick,
            made: place,
            taken: None,
            proof: None,
            proofs: 0,
            proven: None,
        };
        Ok((replay, divergence))
    }

    /// What the journal says of itself.
    #[must_use]
    pub const fn header(&self) -> &JournalHeader {
        &self.header
    }

    /// The world as it is now.
    ///
    /// # Panics
    /// While a step is under way, and once one has failed.
    #[must_use]
    pub const fn simulation(&self) -> &Simulation<G> {
        self.simulation.as_ref().expect("the world is looked at between steps")
    }

    /// The newest tick.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The last record whose ticks are made: what follows stands after it.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        self.last
    }

    /// The root of one of the last ticks.
    pub(crate) fn root_of(&self, tick: Tick) -> Option<Hash> {
        self.recent.iter().find(|(of, _)| *of == tick).map(|(_, root)| *root)
    }

    /// The roots of the newest world.
    #[must_use]
    pub const fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Roots that were compared with what records prove.
    #[must_use]
    pub const fn proofs(&self) -> u64 {
        self.proofs
    }

    /// The last tick whose root was found to be the proven one.
    #[must_use]
    pub const fn proven(&self) -> Option<Tick> {
        self.proven
    }

    /// The next record.
    ///
    /// # Errors
    /// When it does not follow from the last one, or its frame cannot be read; the replay then stands where it stood.
    ///
    /// # Panics
    /// If the ticks of the record before were not all made.
    pub fn handle_record(&mut self, record: &Record) -> Result<(), ReplayError> {
        assert!(self.taken.is_none() && self.simulation.is_some(), "records are taken one by one");
        let tick = record.tick_before().next();
        if record.tick_before() != self.tick || record.previous_hash() != self.last.record_hash {
            return Err(ReplayError::Order { last: self.tick, found: tick });
        }
        let Some(frame) = record.frame() else {
            self.last = record.position();
            return Ok(());
        };
        let frame = InputFrame::<G::Input>::decode_as(frame, record.frame_format());
        let frame = frame.map_err(|error| ReplayError::Frame { tick, error })?;
        self.proof = record.proof(&self.header).map(|proof| (record.tick(), proof));
        self.taken = Some(Taken { frame, place: record.position() });
        Ok(())
    }

    /// The content that the record's tick needs and that is not there yet.
    #[must_use]
    pub fn missing_contents(&self) -> Vec<ContentId> {
        let library = self.simulation().library();
        let named = self.taken.iter().flat_map(|taken| taken.frame.switches().map(|(.., id)| id));
        named.filter(|id| library.find(*id).is_none()).collect()
    }

    /// Content that is there from now on.
    ///
    /// # Panics
    /// While a step is under way, and once one has failed.
    pub fn add_content(&mut self, id: ContentId, content: G::Content) {
        let simulation = self.simulation.as_mut().expect("content comes between steps");
        simulation.library_mut().add(id, content);
    }

    /// The next step of the record that was taken, if there is one left.
    pub fn poll_step(&mut self) -> Option<Step<G>> {
        let Taken { frame, place } = self.taken.take()?;
        let simulation = self.simulation.take()?;
        self.tick = frame.tick;
        if self.tick < place.tick {
            self.taken = Some(Taken { frame: following(&frame), place });
        } else {
            (self.last, self.made) = (place, place);
        }
        Some(Step { simulation, frame, seals: true })
    }

    /// The step is over.
    ///
    /// # Errors
    /// When the tick was not made; the replay has ended then.
    ///
    /// # Panics
    /// If none was under way, or it did not compute roots.
    pub fn handle_stepped(&mut self, result: Result<Stepped<G>, StepError>) -> Result<Replayed<G>, ReplayError> {
        assert!(self.simulation.is_none(), "a step is over once");
        let tick = self.tick;
        let Stepped { frame, simulation, roots, .. } = result.map_err(|error| ReplayError::Step { tick, error })?;
        let roots = roots.expect("a replay asks for the roots of every tick");
        self.simulation = Some(simulation);
        self.roots = roots.clone();
        self.recent.push_back((tick, roots.root));
        while self.recent.len() > usize::from(self.header.root_lag_ticks) + 1 {
            self.recent.pop_front();
        }
        // What a record proves is looked at when all of its ticks are made.
        let proof = self.proof.take_if(|(last, _)| *last == tick);
        let divergence = proof.and_then(|(witness, proof)| self.compare(witness, proof));
        Ok(Replayed { frame, roots, divergence })
    }

    /// Compares what a record proves with the roots of the last ticks, whether the record's own tick was made or not.
    pub fn compare_record(&mut self, record: &Record) -> Option<Divergence> {
        self.compare(record.tick(), record.proof(&self.header)?)
    }

    fn compare(&mut self, witness: Tick, proof: Proof) -> Option<Divergence> {
        let (tick, found) = *self.recent.iter().find(|(tick, _)| *tick == proof.tick)?;
        self.proofs += 1;
        if found == proof.root {
            self.proven = self.proven.max(Some(tick));
            return None;
        }
        let (recorded, witness) = (proof.root, Witness::Record(witness));
        Some(Divergence { tick, recorded, found, witness, columns: Vec::new() })
    }

    /// Compares the newest world with a snapshot of its tick.
    ///
    /// # Panics
    /// If the snapshot is of another tick.
    pub fn compare_snapshot(&mut self, manifest: &Manifest) -> Option<Divergence> {
        let tick = self.tick();
        assert_eq!(manifest.head.tick, tick, "a world is compared with a snapshot of its own tick");
        let recorded = manifest.roots(&self.header.schema);
        if recorded.root == self.roots.root {
            self.proven = self.proven.max(Some(tick));
            return None;
        }
        let columns = self.header.schema.columns.iter().zip(recorded.columns.iter().zip(&self.roots.columns));
        let columns = columns.filter(|(_, (one, other))| one != other).map(|(column, _)| column.name.to_string());
        Some(Divergence {
            tick,
            recorded: recorded.root,
            found: self.roots.root,
            witness: Witness::Snapshot,
            columns: columns.collect(),
        })
    }

    /// The world, its roots, the roots of the last ticks, and the position of its tick's record.
    ///
    /// # Panics
    /// While a step is under way, and once one has failed.
    #[must_use]
    pub fn into_parts(self) -> (Simulation<G>, Roots, Vec<(Tick, Hash)>, LogPosition) {
        let simulation = self.simulation.expect("a replay is over between steps");
        (simulation, self.roots, self.recent.into(), self.made)
    }
}
