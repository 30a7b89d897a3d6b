//! [`Region`]: host, simulation, journal, roots and snapshots of one world, tied together.
//!
//! Invariant: the frame of a tick is handed to the journal before it is stepped, and nothing that the tick made leaves before
//! it was stepped and is as durable as its reader was promised. Whatever fails, what was told stays true.

mod archiving;
mod ending;
mod grouping;
mod hashing;
mod journaling;
mod pace;
mod posting;
mod requests;
mod snapshots;
mod ticks;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tickworld_persist::{
    BuildId, ClaimRecord, Claimant, Epoch, JournalHeader, LogPosition, LogState, Mark, Record, WallTime, Why,
};
use tickworld_proto::{
    channel::{Channel, Transmit},
    host::{Connection, Counters, Grant, Host, HostEvent, HostSettings, SessionId, TicketIssuer},
    instant::{Instant, Micros},
    message::{self, Goodbye, SessionKind},
};
use tickworld_sim::{
    content::ContentId,
    frame::{InputFrame, Tick},
    game::Game,
    schema::{Schema, SchemaId},
    simulation::Simulation,
    world::World,
};

use self::{
    archiving::Archiving,
    ending::Phase,
    grouping::Grouping,
    hashing::Hashing,
    journaling::Journaling,
    pace::Pace,
    posting::Posting,
    requests::{Loading, Submitted},
    snapshots::Snapshots,
};
use crate::{
    effect::{AppendOutcome, Authenticate, Effect, Identity, KeysEffect},
    event::{Ended, Event},
    limits::EVENTS_MAX,
    open::Opened,
    request::{Answer, RequestError, RequestId},
    settings::{RegionSettings, Secrets},
};

/// How far the note of a panic is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Marking {
    /// There is nothing to note, or it is noted.
    Nothing,
    /// It is still to be handed out.
    Wanted(Mark),
    UnderWay,
}

/// See the module; [the crate](crate) shows the loop that drives it.
pub struct Region<G: Game> {
    settings: RegionSettings,
    header: JournalHeader,
    epoch: Epoch,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    host: Host<G>,
    secrets: Box<dyn Secrets>,
    pace: Pace,
    /// `None` while a step is under way, and once one has failed.
    simulation: Option<Simulation<G>>,
    /// A closed frame whose step was not handed out yet.
    to_step: Option<InputFrame<G::Input>>,
    /// The newest stepped tick.
    stepped: Tick,
    journaling: Journaling,
    hashing: Hashing<G>,
    snapshots: Snapshots<G>,
    /// The records from the newest hashed tick on, as far as those have some.
    records: VecDeque<LogPosition>,
    grouping: Grouping,
    /// The last record: a tick's, or the claim at the beginning.
    last: LogPosition,
    incarnation: u32,
    /// Which program makes the ticks.
    build: BuildId,
    /// The tick that the rules panicked in, until it is noted.
    marking: Marking,
    /// In whose name records are written, and what their clock said when the region began.
    claimant: Claimant,
    began: Instant,
    /// The newest tick that is kept as surely as records are appended for.
    kept: Tick,
    storage_failed: Option<String>,
    /// The newest tick that was shown as released.
    released: Tick,
    loading: VecDeque<Loading>,
    /// Packs for the running world, which a step may have at the moment.
    contents: Vec<(ContentId, G::Content)>,
    /// Inputs of requests whose fate is not known yet.
    submitted: Vec<Submitted>,
    /// Requests that are not answered yet.
    open_requests: BTreeMap<RequestId, ()>,
    authentications: VecDeque<Authenticate>,
    keys: VecDeque<KeysEffect>,
    archiving: Archiving<G::Input>,
    posting: Posting,
    phase: Phase,
    to_end_claim: bool,
    /// When the claim is ended.
    ended_at: WallTime,
    events: VecDeque<Event<G>>,
    events_dropped: u64,
}

impl<G: Game> Region<G> {
    /// A region of an opened world, which nobody plays yet. `wall_seconds` is the time for people, in seconds since 1970.
    #[must_use]
    pub fn new(
        now: Instant,
        wall_seconds: u64,
        settings: RegionSettings,
        opened: Opened<G>,
        secrets: Box<dyn Secrets>,
    ) -> Self {
        let Opened {
            simulation,
            roots,
            recent,
            header,
            claim,
            position,
            last,
            claimant,
            build,
            snapshot_tick,
            keys,
            ..
        } = opened;
        let tick = simulation.world().tick();
        assert_eq!((tick, tick), (position.tick, last.tick), "a region begins where the journal ends");
        let settings =
            RegionSettings { host: HostSettings { tick_rate: header.tick_rate, ..settings.host }, ..settings };
        let world = simulation.snapshot();
        let (schema, schema_id) = (simulation.schema().clone(), simulation.schema_id());
        let issuer = TicketIssuer { world: message::WorldId(header.world.0), keys, wall_seconds };
        let host = Host::new(now, settings.host, &schema, world.clone(), roots, issuer);
        Self {
            settings,
            epoch: claim.epoch,
            schema,
            schema_id,
            host,
            secrets,
            pace: Pace::new(now, header.tick_rate),
            simulation: Some(simulation),
            to_step: None,
            stepped: tick,
            journaling: Journaling::new(claim.epoch),
            hashing: Hashing::new(world, recent, header.root_lag_ticks),
            snapshots: Snapshots::new(snapshot_tick),
            records: VecDeque::from([position]),
            grouping: Grouping::default(),
            last,
            incarnation: claim.incarnation,
            build,
            marking: Marking::Nothing,
            claimant,
            began: now,
            kept: tick,
            storage_failed: None,
            released: tick,
            loading: VecDeque::new(),
            contents: Vec::new(),
            submitted: Vec::new(),
            open_requests: BTreeMap::new(),
            authentications: VecDeque::new(),
            keys: VecDeque::new(),
            archiving: Archiving::default(),
            posting: Posting::default(),
            phase: Phase::Running,
            to_end_claim: false,
            ended_at: WallTime(0),
            events: VecDeque::new(),
            events_dropped: 0,
            header,
        }
    }

    /// What the journal says of itself.
    #[must_use]
    pub const fn header(&self) -> &JournalHeader {
        &self.header
    }

    /// Names and types of everything in the world.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The newest hashed world. One that is released may be older: [`Event::Released`] gives those.
    #[must_use]
    pub const fn newest_world(&self) -> &World<G> {
        &self.hashing.newest
    }

    /// The newest stepped tick.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.stepped
    }

    /// The newest tick that is kept as surely as the region promises.
    #[must_use]
    pub const fn kept_tick(&self) -> Tick {
        self.kept
    }

    /// The newest tick that peers know who were promised the region's own durability.
    #[must_use]
    pub const fn released_tick(&self) -> Tick {
        self.host.released_tick()
    }

    /// Records that are not kept yet.
    #[must_use]
    pub fn waiting_records(&self) -> usize {
        self.journaling.len()
    }

    /// Worlds without roots.
    #[must_use]
    pub fn waiting_roots(&self) -> usize {
        self.hashing.pending_count()
    }

    /// What a replay from the last snapshot would cost, as measured.
    #[must_use]
    pub const fn replay_debt(&self) -> Micros {
        self.snapshots.debt()
    }

    /// How fast the world runs: 100 is its rate, 200 half of it.
    #[must_use]
    pub const fn pace_percent(&self) -> u16 {
        self.host.pace_percent()
    }

    /// What the protocol's host counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.host.counters()
    }

    /// Sessions at present, admitted or not.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.host.session_count()
    }

    /// Admitted sessions of a kind.
    #[must_use]
    pub fn session_count_of(&self, kind: SessionKind) -> usize {
        self.host.session_count_of(kind)
    }

    /// The protocol's host, to look at.
    #[must_use]
    pub const fn host(&self) -> &Host<G> {
        &self.host
    }

    /// Events that were dropped because nobody fetched them.
    #[must_use]
    pub const fn events_dropped(&self) -> u64 {
        self.events_dropped
    }

    /// Whether the region has ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// A transport has a new connection.
    pub fn handle_connected(&mut self, now: Instant, session: SessionId, connection: Connection) {
        if !self.has_ended() {
            self.host.handle_connected(now, session, connection);
            self.settle(now);
        }
    }

    /// A message came over a connection.
    pub fn handle_message(&mut self, now: Instant, session: SessionId, channel: Channel, bytes: &[u8]) {
        if !self.has_ended() {
            self.host.handle_message(now, session, channel, bytes);
            self.settle(now);
        }
    }

    /// A connection is gone, for whatever reason.
    pub fn handle_disconnected(&mut self, now: Instant, session: SessionId) {
        if !self.has_ended() {
            self.host.handle_disconnected(now, session);
            self.settle(now);
        }
    }

    /// Does what is due: timers, the next tick, another try of what failed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.has_ended() {
            return;
        }
        if self.host.poll_timeout().is_some_and(|due| due <= now) {
            self.host.handle_timeout(now);
        }
        self.journaling.handle_timeout(now);
        self.archiving.handle_timeout(now);
        self.handle_posting_timeout(now);
        if self.phase.deadline().is_some_and(|deadline| deadline <= now) {
            let overdue = self.phase.overdue().to_owned();
            return self.end(Ended::Failed(overdue));
        }
        if self.pace.due() <= now && self.may_close() {
            self.close_frame(now);
        }
        self.settle(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` while only a completion, a request or a
    /// peer can bring anything on.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.has_ended() {
            return None;
        }
        let tick = self.may_close().then(|| self.pace.due());
        let others = [self.archiving.poll_timeout(), self.posting.poll_timeout()];
        [tick, self.host.poll_timeout(), self.journaling.poll_timeout(), self.phase.deadline()]
            .into_iter()
            .chain(others)
            .flatten()
            .min()
    }

    /// What became of an append.
    ///
    /// # Panics
    /// If none is under way.
    pub fn handle_appended(&mut self, now: Instant, outcome: AppendOutcome) {
        if self.has_ended() {
            return;
        }
        let progress = self.journaling.handle_appended(now, outcome);
        self.take_progress(now, progress);
    }

    /// Where the journal stands, as [`Effect::ReadLogState`] asked.
    ///
    /// # Panics
    /// If nobody asked.
    pub fn handle_log_state(&mut self, now: Instant, state: Result<LogState, String>) {
        if !self.has_ended() {
            let progress = self.journaling.handle_log_state(now, state);
            self.take_progress(now, progress);
        }
    }

    /// Who somebody is, or the last word to somebody who does not come in.
    pub fn handle_authenticated(&mut self, now: Instant, session: SessionId, result: Result<Identity, Goodbye>) {
        if self.has_ended() {
            return;
        }
        match result {
            Ok(Identity { player, kinds, until_seconds, noted }) => {
                self.host.admit(now, session, Grant { player, kinds, until_seconds, noted });
            }
            Err(Goodbye { reason, detail }) => {
                self.host.refuse(now, session, reason, &detail);
                self.tell(Event::Refused { session });
            }
        }
        self.settle(now);
    }

    /// The time for people, in seconds since 1970: by it tickets expire. A clock that is set right is told so now and then.
    pub const fn tell_wall_time(&mut self, now: Instant, seconds: u64) {
        self.host.tell_wall_time(now, seconds);
    }

    /// Something is gone that the region cannot do without: whoever carries out its effects, for instance.
    pub fn handle_lost(&mut self, what: String) {
        if !self.has_ended() {
            self.end(Ended::Failed(what));
        }
    }

    /// The claim was ended, or could not be.
    pub fn handle_claim_ended(&mut self, now: Instant, result: Result<(), String>) {
        if !matches!(self.phase, Phase::EndingClaim { .. }) {
            return;
        }
        self.settle(now);
        self.end(match result {
            Ok(()) => Ended::Asked,
            Err(reason) => Ended::Failed(reason),
        });
    }

    /// The tick that the rules panicked in is noted, or could not be. The region ends either way: without the mark the next start
    /// panics in it once more, and notes it then.
    pub fn handle_marked(&mut self, now: Instant, result: Result<(), String>) {
        if self.marking != Marking::UnderWay {
            return;
        }
        self.marking = Marking::Nothing;
        if let (Err(reason), Phase::Draining { then: Ended::Panicked { message, .. }, .. }) = (result, &mut self.phase)
        {
            message.push_str(&format!(" (and no mark of it could be stored: {reason})"));
        }
        self.settle(now);
    }

    /// The next thing to do. In this order: append, note a panic, step, hash, store a snapshot, authenticate, read or rotate keys, ask
    /// the archive, load a pack, end the claim; so that the journal writes while the tick is stepped.
    pub fn poll_effect(&mut self) -> Option<Effect<G>> {
        if self.has_ended() {
            return None;
        }
        self.poll_journal()
            .or_else(|| self.poll_mark())
            .or_else(|| self.poll_step())
            .or_else(|| self.poll_hash())
            .or_else(|| self.poll_snapshot())
            .or_else(|| self.authentications.pop_front().map(Effect::Authenticate))
            .or_else(|| self.keys.pop_front().map(Effect::Keys))
            .or_else(|| self.poll_archive())
            .or_else(|| self.poll_arrived())
            .or_else(|| self.poll_pack())
            .or_else(|| core::mem::take(&mut self.to_end_claim).then(|| Effect::EndClaim(self.end_of_claim())))
    }

    /// The next message to send. Fetch all of them before [`poll_event`](Self::poll_event).
    pub fn poll_transmit(&mut self) -> Option<(SessionId, Transmit)> {
        self.host.poll_transmit()
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<Event<G>> {
        self.events.pop_front()
    }

    /// What the clock of people says, by the one that the region was opened with.
    pub(super) fn wall(&self, now: Instant) -> WallTime {
        WallTime(self.claimant.wall.0.saturating_add(now.since(self.began).0 / 1_000))
    }

    /// The claim that ends the region's own: nothing is appended any more.
    fn end_of_claim(&self) -> Record {
        let after = self.last;
        let claim = ClaimRecord {
            slot: after.slot.next(),
            after,
            wall: self.ended_at,
            incarnation: self.incarnation,
            why: Why::End,
            is_loss: false,
            who: self.claimant.who.clone(),
        };
        Record::claim(claim).expect("the claim at the beginning had the same name")
    }

    /// After anything has changed: what follows from it.
    fn settle(&mut self, now: Instant) {
        self.take_host_events();
        self.go_on_with_postponed(now);
        self.take_host_events();
        self.show_released();
        self.go_on_posting(now);
        self.advance_phase(now);
    }

    fn take_host_events(&mut self) {
        while let Some(event) = self.host.poll_event() {
            let event = match event {
                HostEvent::Admission { session, hello } => {
                    let (token, nonce, kind) = (hello.token, hello.nonce, hello.kind);
                    let generations = self.host.generations();
                    self.authentications.push_back(Authenticate { session, token, nonce, kind, generations });
                    continue;
                }
                HostEvent::KeysWanted => {
                    self.keys.push_back(KeysEffect { request: None, secret: None });
                    continue;
                }
                HostEvent::Sought(search) => {
                    self.archiving.seek(search);
                    continue;
                }
                HostEvent::Homecoming { player, result } => {
                    self.archiving.take_homecoming(player, result);
                    continue;
                }
                HostEvent::Opened { session, player, kind } => Event::Opened { session, player, kind },
                HostEvent::Closed { session, reason } => {
                    self.authentications.retain(|waiting| waiting.session != session);
                    Event::Closed { session, reason }
                }
                HostEvent::Desync { session, tick, .. } => Event::Desync { session, tick },
                HostEvent::DesyncReport { session, report, .. } => Event::DesyncReport { session, report },
                HostEvent::Violation { session, what } => Event::Violation { session, what },
            };
            self.tell(event);
        }
    }

    /// Tells of ticks that were released since the last time, and answers whose inputs were in them.
    fn show_released(&mut self) {
        let released = self.host.released_tick();
        if released == self.released {
            return;
        }
        while self.released < released {
            self.released = self.released.next();
            if self.settings.shows_released
                && let Some(world) = self.host.released_world(self.released).cloned()
            {
                self.tell(Event::Released(world));
            }
        }
        let mut answered = Vec::new();
        self.submitted.retain(|asked| match self.host.fate_of(asked.by, asked.sequence) {
            None => true,
            Some(fate) => {
                answered.push((asked.request, asked.answer(fate)));
                false
            }
        });
        answered.into_iter().for_each(|(request, answer)| self.answer(request, answer));
    }

    /// Ends at once: nothing more is done or told after it.
    fn end(&mut self, ended: Ended) {
        self.phase = Phase::Ended;
        for request in core::mem::take(&mut self.open_requests).into_keys() {
            let answer = Err(RequestError::Unavailable("the world does not run any more".to_owned()));
            self.events.push_back(Event::Answered { request, answer });
        }
        self.events.push_back(Event::Ended(ended));
    }

    fn answer(&mut self, request: RequestId, answer: Result<Answer, RequestError>) {
        if self.open_requests.remove(&request).is_some() {
            self.events.push_back(Event::Answered { request, answer });
        }
    }

    fn tell(&mut self, event: Event<G>) {
        // Whoever waits for a close or an end must not wait in vain; of these there is one for each session or request.
        let is_needed = matches!(event, Event::Closed { .. } | Event::StorageRecovered { .. });
        if is_needed || self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.events_dropped = self.events_dropped.saturating_add(1);
        }
    }
}
