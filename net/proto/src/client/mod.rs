//! [`Client`]: the client's half of the protocol, from the first `Hello` to the last answer.
//!
//! Invariant: whatever a host sends, at whatever time, a client answers with an event and never with a panic, and never keeps
//! more than [`limits`] allow. A world is only shown after its root was computed here, and every input that is submitted has
//! at most one answer, however often connections break.
//! It reads no clock, opens no socket and draws no randomness.
//!
//! ```text
//!          handle_connected                  Welcome
//!      Away --------------> AwaitingWelcome --------> Open ---+--- command: inputs up, outcomes down
//!       ^                          |                   |      +--- witness: heads down
//!       |  handle_disconnected     | Goodbye           |      +--- lockstep:
//!       +--------------------------+-------------------+
//!                                  v                   v           +-> Joining ---> Following
//!                                 Over <---------------+           |      ^            | root differs
//!                                                                  |      |            v
//!                                                                  |      +------ Descending
//! ```

mod clock;
mod descent;
mod event;
mod frames;
mod inflate;
mod input_sender;
mod join;
mod lead;
mod lockstep;
mod replica;
mod session;
mod settings;
mod witness;

use alloc::{collections::VecDeque, string::String, sync::Arc, vec::Vec};

pub use clock::OpenTick;
pub use event::{ClientEvent, Fault, PageFault, RejoinCause, Side};
pub use input_sender::SubmitError;
pub use join::JoinProgress;
pub use settings::ClientSettings;
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Executor,
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    region::RegionId,
    rollback::{InputPredictor, RollbackCounters},
    schema::{Schema, SchemaId},
    world::{World, schema},
};
pub use witness::WitnessCounters;

use self::{
    clock::HostClock, event::Events, input_sender::InputSender, lead::Lead, lockstep::Work, replica::Replica,
    witness::Witness,
};
use crate::{
    channel::{Channel, Transmit},
    instant::{Instant, Micros},
    limits,
    message::{Goodbye, Message, Reason, SessionKind, Ticket, Welcome},
};

/// One peer of a host.
///
/// Feed it with `handle_*`; then poll until nothing comes, in this order: [`drive`](Self::drive) (lockstep clients),
/// [`poll_event`](Self::poll_event), [`poll_transmit`](Self::poll_transmit); then wait until
/// [`poll_timeout`](Self::poll_timeout) and call [`handle_timeout`](Self::handle_timeout), or until bytes come. After
/// [`handle_disconnected`](Self::handle_disconnected) the same client connects again: what it holds of the world, and the
/// inputs that have no answer, go on with the next session.
///
/// ```
/// use tickworld_ledger::{Ledger, Order};
/// use tickworld_proto::{
///     channel::Channel,
///     client::{Client, ClientSettings, SubmitError},
///     instant::Instant,
///     message::{Message, Nonce, SessionKind},
/// };
/// use tickworld_sim::{content::{ContentId, Library}, frame::Tick, rollback::PredictNothing};
///
/// // A program draws its nonce at random, once.
/// let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, b"token".to_vec(), Nonce([7; 16]));
/// let library = Library::of(ContentId::NONE, ());
/// let mut client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, library);
/// client.handle_connected(Instant(5), 1_200);
/// let hello = client.poll_transmit().expect("a client speaks first");
/// assert!(matches!(Message::decode(Channel::Control, &hello.bytes), Ok(Message::Hello(_))));
///
/// let transfer = Order::Transfer { from: 0, to: 1, amount: 5 };
/// let early = client.submit(Instant(6), transfer, Tick(0), Tick(u64::MAX));
/// assert_eq!(early, Err(SubmitError::NotReady), "the host says which number comes next");
/// ```
pub struct Client<G: Game, P> {
    settings: ClientSettings,
    library: Library<G::Content>,
    predictor: P,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    now: Instant,
    state: SessionState,
    datagram_bytes_max: u16,
    ticket: Option<Ticket>,
    /// Whether the last `Hello` came with a ticket.
    is_resuming: bool,
    /// How often the player has changed places, as far as hosts have told.
    hops: u64,
    player: Option<PlayerId>,
    /// The region of the last session.
    region: Option<RegionId>,
    clock: HostClock,
    input_sender: InputSender<G::Input>,
    work: Work<G>,
    replica: Option<Replica<G, P>>,
    lead: Lead,
    witness: Witness,
    /// Manifests that were asked for in this session and have not come.
    manifests_due: u32,
    events: Events,
    transmits: VecDeque<Transmit>,
    counters: ClientCounters,
    faults: u32,
    desyncs: u32,
}

/// What a client counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Messages that came.
    pub messages: u64,
    /// Bytes of those messages.
    pub bytes: u64,
    /// Things that a host did wrong.
    pub faults: u64,
    /// Events that were not kept, because nobody polled.
    pub events_dropped: u64,
    /// Messages that were not kept, because nobody polled.
    pub transmits_dropped: u64,
    /// Confirmed ticks whose root was not the host's.
    pub desyncs: u64,
}

/// What [`Client::drive`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Driven {
    /// Ticks that were confirmed.
    pub confirmed: u32,
    /// Ticks predicted, for the first time or anew.
    pub predicted: u32,
    /// Whether more can be done at once: the caller's bound was reached.
    pub has_more: bool,
}

/// Where a session stands.
enum SessionState {
    /// There is no connection.
    Away,
    /// `Hello` is sent.
    AwaitingWelcome { until: Instant },
    /// The host welcomed the client.
    Open { welcome: Welcome, heard: Instant },
    /// Over, by either side, and still connected.
    Over,
}

impl<G: Game, P: InputPredictor<G> + Clone> Client<G, P> {
    /// A client without a connection. `library` has the content that it can simulate with; command and witness clients
    /// need none. The predictor is cloned for every world that is followed.
    ///
    /// # Panics
    /// If the token is longer than [`TOKEN_BYTES_MAX`](limits::TOKEN_BYTES_MAX).
    #[must_use]
    pub fn new(now: Instant, settings: ClientSettings, predictor: P, library: Library<G::Content>) -> Self {
        assert_token(&settings.token);
        let schema = Arc::new(schema::<G>());
        let schema_id = schema.id();
        Self {
            ticket: settings.ticket,
            settings,
            library,
            predictor,
            schema,
            schema_id,
            now,
            state: SessionState::Away,
            datagram_bytes_max: limits::DATAGRAM_BYTES_MIN,
            is_resuming: false,
            hops: 0,
            player: None,
            region: None,
            clock: HostClock::default(),
            input_sender: InputSender::default(),
            work: Work::Idle,
            replica: None,
            lead: Lead::default(),
            witness: Witness::default(),
            manifests_due: 0,
            events: Events::default(),
            transmits: VecDeque::new(),
            counters: ClientCounters::default(),
            faults: 0,
            desyncs: 0,
        }
    }

    // Input.

    /// A connection is there whose datagrams carry up to so many bytes: the client says `Hello`.
    pub fn handle_connected(&mut self, now: Instant, datagram_bytes_max: u16) {
        self.tell_time(now);
        self.disconnect();
        self.datagram_bytes_max = datagram_bytes_max.min(limits::DATAGRAM_BYTES_MAX);
        self.greet();
    }

    /// A message came over `channel`.
    pub fn handle_message(&mut self, now: Instant, channel: Channel, bytes: &[u8]) {
        self.tell_time(now);
        if matches!(self.state, SessionState::Away | SessionState::Over) {
            return;
        }
        self.counters.messages = self.counters.messages.saturating_add(1);
        self.counters.bytes = self.counters.bytes.saturating_add(bytes.len() as u64);
        match Message::decode(channel, bytes) {
            Ok(message) => self.handle(message),
            Err(error) => self.fault(Fault::Wire(error)),
        }
        self.look_after_work();
    }

    /// The connection is gone.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.tell_time(now);
        self.disconnect();
    }

    /// A moment that [`poll_timeout`](Self::poll_timeout) named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tell_time(now);
        match &self.state {
            SessionState::AwaitingWelcome { until } if *until <= now => {
                self.close(Reason::TimedOut, "the host did not answer the hello")
            }
            SessionState::Open { heard, .. } if heard.after(limits::CLIENT_SILENCE_MAX) <= now => {
                self.close(Reason::TimedOut, "nothing was heard of the host");
            }
            SessionState::Open { .. } => {
                if let Some(sent) = self.clock.poll_ping(now) {
                    self.send(Channel::Datagram, &Message::Ping(sent));
                }
                self.lead.handle_timeout(now);
                self.look_after_work();
            }
            _ => {}
        }
    }

    // Changes.

    /// Takes an input of the session's player, to be applied in a tick from `not_before` to `not_after`. Its fate is told by
    /// one [`ClientEvent::Outcome`]. Between connections inputs are taken too, and sent with the next one.
    ///
    /// # Errors
    /// When it cannot be sent, now or ever; nothing is then changed.
    pub fn submit(
        &mut self,
        now: Instant,
        input: G::Input,
        not_before: Tick,
        not_after: Tick,
    ) -> Result<Sequence, SubmitError> {
        self.tell_time(now);
        let is_over = matches!(self.state, SessionState::Over);
        let is_silent =
            self.settings.kind == SessionKind::Witness || self.input_sender.is_open() && self.player.is_none();
        if is_over || is_silent {
            return Err(SubmitError::NotPlaying);
        }
        self.input_sender.submit(input, not_before, not_after, self.events.outcomes())
    }

    /// Restores a world that is complete, confirms the frames that came, predicts ahead; steps at most about `ticks_max`
    /// ticks, and where a guess was wrong as many more as the prediction is ahead. Restoring is one piece of work.
    pub fn drive(&mut self, now: Instant, executor: &dyn Executor, ticks_max: u32) -> Driven {
        self.tell_time(now);
        let driven = self.drive_lockstep(executor, ticks_max);
        self.look_after_work();
        driven
    }

    /// Adds a content pack, before or after a tick needed it.
    pub fn add_content(&mut self, id: ContentId, content: G::Content) {
        self.library.add(id, content);
        if let Some(replica) = &mut self.replica {
            replica.set_library(&self.library);
        }
    }

    /// Replaces the token, for the next session that has no ticket.
    ///
    /// # Panics
    /// If it is longer than [`TOKEN_BYTES_MAX`](limits::TOKEN_BYTES_MAX).
    pub fn set_token(&mut self, token: Vec<u8>) {
        assert_token(&token);
        self.settings.token = token;
    }

    /// Ends the session: the player leaves the world. What became of inputs without an answer stays unknown.
    pub fn leave(&mut self, now: Instant) {
        self.tell_time(now);
        if !matches!(self.state, SessionState::Away | SessionState::Over) {
            self.close(Reason::Leave, "");
        }
    }

    // Output.

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.transmits.is_empty() && matches!(self.state, SessionState::Open { .. }) {
            let bytes_max = usize::from(self.datagram_bytes_max.max(limits::DATAGRAM_BYTES_MIN));
            let wait = self.resend_wait();
            for inputs in self.input_sender.poll_messages(self.now, wait, bytes_max) {
                self.send(Channel::Datagram, &Message::Inputs(inputs));
            }
        }
        self.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            SessionState::Away | SessionState::Over => None,
            SessionState::AwaitingWelcome { until } => Some(*until),
            SessionState::Open { heard, .. } => {
                let silence = Some(heard.after(limits::CLIENT_SILENCE_MAX));
                let inputs = self.input_sender.poll_timeout(self.resend_wait());
                [silence, self.clock.poll_timeout(), inputs, self.work_timeout()].into_iter().flatten().min()
            }
        }
    }

    // What is known.

    /// Who the host says this is; stays known between sessions.
    #[must_use]
    pub const fn player(&self) -> Option<PlayerId> {
        self.player
    }

    /// What the host said of the session that is open.
    #[must_use]
    pub const fn welcome(&self) -> Option<&Welcome> {
        match &self.state {
            SessionState::Open { welcome, .. } => Some(welcome),
            _ => None,
        }
    }

    /// Whether the session is over and the connection of no more use.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, SessionState::Over)
    }

    /// The ticket that the next session begins with: to be kept by a program that wants to come back after its end.
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// The predicted world: what to show. It has no roots to compare with anyone.
    #[must_use]
    pub fn predicted(&self) -> Option<&World<G>> {
        self.replica.as_ref().map(|replica| replica.rollback().predicted())
    }

    /// The world of the last confirmed tick.
    #[must_use]
    pub fn confirmed(&self) -> Option<&World<G>> {
        self.replica.as_ref().map(|replica| replica.rollback().confirmed().world())
    }

    /// Bytes that the worlds of late confirmed ticks hold: at most
    /// [`evidence_bytes_max`](tickworld_sim::rollback::RollbackSettings::evidence_bytes_max), or what the newest alone holds.
    #[must_use]
    pub fn evidence_bytes(&self) -> u64 {
        self.replica.as_ref().map_or(0, |replica| replica.rollback().evidence_bytes())
    }

    /// The world of a confirmed tick of late, as long as there is room for it.
    #[must_use]
    pub fn evidence(&self, tick: Tick) -> Option<&World<G>> {
        self.replica.as_ref()?.world(tick)
    }

    /// The last tick whose root the host has said since the client has this world, and it is the one that was computed here.
    #[must_use]
    pub fn proven(&self) -> Option<Tick> {
        self.replica.as_ref()?.proven()
    }

    /// The sequences that have no answer, ascending.
    pub fn unanswered(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.input_sender.unanswered()
    }

    /// The host's time, as far as it can be told.
    #[must_use]
    pub fn host_time(&self, now: Instant) -> Option<Instant> {
        self.clock.host_time(now)
    }

    /// The tick that takes inputs at the host, as far as it can be told.
    #[must_use]
    pub fn open_tick(&self, now: Instant) -> Option<OpenTick> {
        self.clock.open_tick(now)
    }

    /// The shortest way to the host and back of late.
    #[must_use]
    pub fn round_trip(&self) -> Option<Micros> {
        self.clock.way_min()
    }

    /// How much faster the host's clock runs than the own, in millionths; 0 until that is sure.
    #[must_use]
    pub const fn skew_ppm(&self) -> i64 {
        self.clock.skew_ppm()
    }

    /// How far a join is; `None` where none is under way.
    #[must_use]
    pub fn join_progress(&self) -> Option<JoinProgress> {
        match &self.work {
            Work::Joining(join) => Some(join.progress()),
            _ => None,
        }
    }

    /// What a witness saw.
    #[must_use]
    pub const fn witness_counters(&self) -> WitnessCounters {
        self.witness.counters()
    }

    /// What the prediction did, since the last join.
    #[must_use]
    pub fn rollback_counters(&self) -> Option<RollbackCounters> {
        self.replica.as_ref().map(|replica| replica.rollback().counters())
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> ClientCounters {
        ClientCounters { events_dropped: self.events.dropped(), ..self.counters }
    }

    // For all parts.

    fn tell_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Queues a message; a datagram that is too long for the path goes by the stream.
    fn send(&mut self, channel: Channel, message: &Message) {
        if self.transmits.len() >= limits::CLIENT_TRANSMITS_MAX {
            self.counters.transmits_dropped = self.counters.transmits_dropped.saturating_add(1);
            return;
        }
        let bytes = message.encode();
        let fits = bytes.len() <= usize::from(self.datagram_bytes_max);
        let channel = if channel == Channel::Datagram && !fits { Channel::Control } else { channel };
        self.transmits.push_back(Transmit { channel, bytes });
    }

    /// Tells of a fault; a host with too many is left.
    fn fault(&mut self, fault: Fault) {
        self.events.push(ClientEvent::Fault(fault));
        self.counters.faults = self.counters.faults.saturating_add(1);
        self.faults = self.faults.saturating_add(1);
        if self.faults > limits::CLIENT_FAULTS_MAX {
            self.close(Reason::Violation, "the host did too much that it must not");
        }
    }

    /// Ends the session from this side.
    fn close(&mut self, reason: Reason, detail: &str) {
        let goodbye = Goodbye { reason, detail: String::from(detail) };
        self.transmits.clear();
        self.send(Channel::Control, &Message::Goodbye(goodbye.clone()));
        self.end(goodbye, Side::Client);
    }

    fn resend_wait(&self) -> Micros {
        let ticks = self.clock.tick_length().0.saturating_mul(2);
        Micros(self.clock.way().0.saturating_add(ticks))
    }
}

/// A token is the caller's; what no message can carry is a bug there.
fn assert_token(token: &[u8]) {
    let most = usize::from(limits::TOKEN_BYTES_MAX);
    assert!(token.len() <= most, "a token of {} bytes, at most {most} are allowed", token.len());
}
