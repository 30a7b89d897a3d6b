//! [`Simulation`]: a world and the one function that changes it.
//!
//! Invariant: `step` is a function of (world, frame, content): the same three give the same root on every machine, in every
//! build, with any executor, after restore and after rollback. A refused frame changes nothing.

mod admission;

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};

use admission::Admission;

use crate::{
    commands::Commands,
    content::{ContentId, Library},
    executor::{Executor, Inline},
    frame::{FrameError, InputFrame, PlayerId},
    game::Game,
    limits,
    parcel::depart,
    region::RegionId,
    rng::StreamKey,
    schema::{Schema, SchemaId},
    session::{Outcome, OutcomeCode},
    state::State,
    step::{Accepted, CONTEST_STREAM, OpenedStreams, Step},
    world::{Roots, World, schema},
};

/// A running world. One task owns it; reading it needs no lock, for a snapshot is a clone.
pub struct Simulation<G: Game> {
    world: World<G>,
    library: Library<G::Content>,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    spawns_refused: u64,
    joins_refused: u64,
    departures_refused: u64,
}

impl<G: Game> Clone for Simulation<G> {
    fn clone(&self) -> Self {
        Self {
            world: self.world.clone(),
            library: self.library.clone(),
            schema: self.schema.clone(),
            schema_id: self.schema_id,
            spawns_refused: self.spawns_refused,
            joins_refused: self.joins_refused,
            departures_refused: self.departures_refused,
        }
    }
}

/// Is shown the world after joins and leaves (as system `session`) and after every system.
pub type Observer<'o, G> = &'o mut dyn FnMut(&'static str, &mut World<G>);

impl<G: Game> Simulation<G> {
    /// A world at tick 0, as `set_up` leaves it.
    ///
    /// # Determinism
    /// What a system's `+` does on overflow is the build's to say, unless it is named: see [`overflow`](crate::overflow), and
    /// let your program look with [`overflow_is_checked!`](crate::overflow_is_checked) when it starts.
    ///
    /// # Panics
    /// If `library` does not hold `content`.
    pub fn new(
        library: Library<G::Content>,
        content: ContentId,
        set_up: impl FnOnce(&mut G::State, &G::Content),
    ) -> Self {
        let pack = library.find(content).expect("the library holds the content that the world begins with");
        let mut state = G::State::empty();
        state.rebuild();
        set_up(&mut state, pack);
        state.rebuild();
        Self::resume(library, World::new(state, content))
    }

    /// Continues a world: a snapshot, or one that was restored.
    pub fn resume(library: Library<G::Content>, world: World<G>) -> Self {
        let schema = Arc::new(schema::<G>());
        let schema_id = schema.id();
        Self { world, library, schema, schema_id, spawns_refused: 0, joins_refused: 0, departures_refused: 0 }
    }

    /// The world at the end of the last tick.
    #[must_use]
    pub const fn world(&self) -> &World<G> {
        &self.world
    }

    /// The world, to write: for tools and tests. A running world is only changed by frames.
    pub const fn world_mut(&mut self) -> &mut World<G> {
        &mut self.world
    }

    /// The game's part of the world.
    #[must_use]
    pub const fn state(&self) -> &G::State {
        &self.world.state
    }

    /// The packs it can use.
    pub const fn library_mut(&mut self) -> &mut Library<G::Content> {
        &mut self.library
    }

    /// The packs it can use.
    #[must_use]
    pub const fn library(&self) -> &Library<G::Content> {
        &self.library
    }

    /// Names and types of everything in the world.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The schema's id.
    #[must_use]
    pub const fn schema_id(&self) -> SchemaId {
        self.schema_id
    }

    /// Spawns that found the world full, since this simulation was made.
    #[must_use]
    pub const fn spawns_refused(&self) -> u64 {
        self.spawns_refused
    }

    /// Entries of players beyond [`PLAYERS_MAX`](crate::limits::PLAYERS_MAX), since this simulation was made.
    #[must_use]
    pub const fn joins_refused(&self) -> u64 {
        self.joins_refused
    }

    /// Players who were to leave and stayed, since this simulation was made: their border was closed, they were in the middle of
    /// something, their parcel was too large, or there was no room.
    #[must_use]
    pub const fn departures_refused(&self) -> u64 {
        self.departures_refused
    }

    /// The world as it is now, to keep: shares every page.
    #[must_use]
    pub fn snapshot(&self) -> World<G> {
        self.world.clone()
    }

    /// Goes back (or over) to a snapshot.
    pub fn restore(&mut self, snapshot: &World<G>) {
        self.world = snapshot.clone();
    }

    /// Makes the next tick and hashes it.
    ///
    /// # Errors
    /// When the frame is refused; the world is then unchanged.
    pub fn step(&mut self, frame: &InputFrame<G::Input>, executor: &dyn Executor) -> Result<Roots, FrameError> {
        installed(executor, || {
            self.advance_observed(frame, executor, None)?;
            Ok(self.seal(executor))
        })
    }

    /// The same; gives besides what the tick's world does not share with the one before, in bytes.
    ///
    /// # Errors
    /// When the frame is refused; the world is then unchanged.
    pub(crate) fn step_measured(
        &mut self,
        frame: &InputFrame<G::Input>,
        executor: &dyn Executor,
    ) -> Result<(Roots, u64), FrameError> {
        installed(executor, || {
            self.advance_observed(frame, executor, None)?;
            let bytes = self.world.dirty_bytes();
            Ok((self.seal(executor), bytes))
        })
    }

    /// Hashes what the last ticks changed. Cheap where nothing did.
    pub fn seal(&mut self, executor: &dyn Executor) -> Roots {
        self.world.seal(self.schema_id, executor)
    }

    /// The roots of a snapshot, to be computed beside the next tick; [`adopt_hashes`](Self::adopt_hashes) brings the page
    /// hashes home.
    pub fn seal_snapshot(&self, snapshot: &mut World<G>, executor: &dyn Executor) -> Roots {
        snapshot.seal(self.schema_id, executor)
    }

    /// Takes over page hashes computed on a snapshot, where the page is still the same.
    pub fn adopt_hashes(&mut self, sealed: &World<G>) {
        self.world.adopt_hashes(sealed);
    }

    /// Makes the next tick without hashing it.
    ///
    /// # Errors
    /// When the frame is refused; the world is then unchanged.
    ///
    /// # Panics
    /// At the end of a tick whose systems wrote through a [`Row`](crate::entity::Row) whose entity is gone: a bug of the game,
    /// which every restore from then on would refuse.
    pub fn advance(&mut self, frame: &InputFrame<G::Input>, executor: &dyn Executor) -> Result<(), FrameError> {
        installed(executor, || self.advance_observed(frame, executor, None))
    }

    /// The same, shown to an observer after every system: for blame, and for tests that plant a fault.
    ///
    /// # Errors
    /// When the frame is refused; the world is then unchanged.
    pub fn advance_observed(
        &mut self,
        frame: &InputFrame<G::Input>,
        executor: &dyn Executor,
        mut observer: Option<Observer<'_, G>>,
    ) -> Result<(), FrameError> {
        let at = self.world.tick;
        if frame.tick != at.next() {
            return Err(FrameError::Tick { at, found: frame.tick });
        }
        frame.check()?;
        let content = self.content_after(frame)?;
        let pack = self.library.find(content).ok_or(FrameError::Content(content))?.clone();

        self.world.tick = frame.tick;
        self.world.content = content;
        self.world.events.clear();
        self.world.region.count_tick();
        let (mut accepted, mut streams, mut departures) = self.admit(frame, &pack, executor);
        contest_order(frame, &mut accepted);
        if let Some(observer) = &mut observer {
            observer("session", &mut self.world);
        }
        let mut answers = alloc::vec![(OutcomeCode::UNANSWERED, 0); accepted.len()];
        for system in G::SYSTEMS {
            let World { events, state, .. } = &mut self.world;
            let mut step = Step::<G> {
                tick: frame.tick,
                entropy: frame.entropy,
                content: &*pack,
                executor,
                inputs: &accepted,
                answers: &mut answers,
                events,
                streams,
                departures,
                commands: Commands::new(),
            };
            (system.run)(state, &mut step);
            let refused = step.commands.apply(state);
            (streams, departures) = (step.streams, step.departures);
            self.spawns_refused = self.spawns_refused.saturating_add(u64::from(refused));
            if let Some(observer) = &mut observer {
                observer(system.name, &mut self.world);
            }
        }
        if let Some(field) = self.world.state.dangling_rows() {
            panic!("`{field}` was written in tick {} through a row whose entity is gone", frame.tick.0);
        }
        let region = self.world.region.state().id;
        for (input, (code, value)) in accepted.iter().zip(answers) {
            let outcome = Outcome { sequence: input.sequence, region, tick: frame.tick.0, code, value };
            self.world.players.record(input.player, outcome);
        }
        self.depart(departures);
        Ok(())
    }

    /// Lets players leave, by id: last, so that all of the tick goes along.
    fn depart(&mut self, departures: Departures) {
        let (mut gone, mut archived) = (0_u32, 0_u32);
        for (id, to) in departures {
            let to_archive = to == RegionId::ARCHIVE;
            let has_turn =
                gone < limits::DEPARTURES_PER_TICK_MAX && !(to_archive && archived >= limits::ARCHIVED_PER_TICK_MAX);
            let is_gone = has_turn && self.may_leave(id, to) && depart(&mut self.world, &self.schema, id, to);
            gone = gone.saturating_add(u32::from(is_gone));
            archived = archived.saturating_add(u32::from(is_gone && to_archive));
            self.departures_refused = self.departures_refused.saturating_add(u64::from(!is_gone));
        }
    }

    /// Whether a player is here and may leave for there. The archive is for the absent.
    fn may_leave(&self, id: PlayerId, to: RegionId) -> bool {
        let Some(player) = self.world.players.find(id) else { return false };
        let is_here = id.is_player() && player.departed_to.is_none() && to != self.world.region.state().id;
        let may_go = is_here && !(to == RegionId::ARCHIVE && player.connected);
        // The game's own answer may cost more than whether anybody may.
        G::TRAVELS && may_go && self.world.region.may_post(to, 0) && G::may_leave(&self.world.state, id, player.entity)
    }

    /// Lets players come and go, does what the engine itself is asked for, and gives the inputs that apply, with the random
    /// streams opened so far.
    fn admit(
        &mut self,
        frame: &InputFrame<G::Input>,
        pack: &G::Content,
        executor: &dyn Executor,
    ) -> (Vec<Accepted<G::Input>>, OpenedStreams, Departures) {
        let World { region, players, events, state, .. } = &mut self.world;
        let schema = &*self.schema;
        let step = Step::<G> {
            tick: frame.tick,
            entropy: frame.entropy,
            content: pack,
            executor,
            inputs: &[],
            answers: &mut [],
            events,
            streams: OpenedStreams::default(),
            departures: BTreeMap::new(),
            commands: Commands::new(),
        };
        let mut admission = Admission { schema, region, players, state, step, voided: None, entries_refused: 0 };
        let mut accepted = Vec::new();
        let mut refused = 0_u32;
        for input in &frame.inputs {
            accepted.extend(admission.apply(input));
            // At once, so that who left and comes back in one tick is not taken for whom the leaving removes.
            refused = refused.saturating_add(admission.step.commands.apply(admission.state));
        }
        let Admission { step, entries_refused, .. } = admission;
        let (streams, departures) = (step.streams, step.departures);
        self.spawns_refused = self.spawns_refused.saturating_add(u64::from(refused));
        self.joins_refused = self.joins_refused.saturating_add(entries_refused);
        (accepted, streams, departures)
    }

    /// The content in force after the frame's switches.
    fn content_after(&self, frame: &InputFrame<G::Input>) -> Result<ContentId, FrameError> {
        let mut content = self.world.content;
        for (player, sequence, id) in frame.switches() {
            if self.world.players.takes(player, sequence) {
                self.library.find(id).ok_or(FrameError::Content(id))?;
                content = id;
            }
        }
        Ok(content)
    }

    /// Compares every derived part with what the state says.
    ///
    /// # Errors
    /// The name of the first field that differs: a bug of the game.
    pub fn check_derived(&self) -> Result<(), &'static str> {
        self.world.state.check_derived()
    }

    /// Steps on the caller's thread.
    ///
    /// # Errors
    /// When the frame is refused; the world is then unchanged.
    pub fn step_inline(&mut self, frame: &InputFrame<G::Input>) -> Result<Roots, FrameError> {
        self.step(frame, &Inline)
    }
}

/// Who leaves, and for where.
type Departures = BTreeMap<PlayerId, RegionId>;

/// Lets the executor know that jobs will come in quick succession.
fn installed<R: Send>(executor: &dyn Executor, work: impl FnOnce() -> R + Send) -> R {
    let mut result = None;
    executor.install(Box::new(|| result = Some(work())));
    result.expect("an executor runs what is installed")
}

/// Orders inputs so that who comes first depends on the frame's entropy, not on ids; each player's own keep their order.
fn contest_order<I>(frame: &InputFrame<I>, accepted: &mut [Accepted<I>]) {
    let key = StreamKey::new(&frame.entropy, frame.tick.0, CONTEST_STREAM);
    let draw = |player: PlayerId| (key.rng(player.0).next_u64(), player);
    accepted.sort_by_cached_key(|input| (draw(input.player), input.sequence));
}
