//! A host of a ledger, an honest player, and strangers.
//!
//! Whatever the strangers do: no panic, every table within its bound, coins conserved, and each of the honest player's inputs
//! is answered in the end, applied.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use tickworld_ledger::{Ledger, Transfer};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, Grant, Host, HostEvent, HostSettings, Kinds, SessionId},
    instant::{Instant, Micros},
    limits::{DATAGRAM_BYTES_MIN, PROTOCOL_VERSION},
    message::{Durability, Fate, Hello, InputMessage, Inputs, Message, Reason, ResumeKey, SessionKind},
};
use tickworld_sim::{
    content::ContentId,
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    rng::Entropy,
    simulation::Simulation,
};

use super::script;

const TICK: Micros = Micros::from_millis(33);
const ACCOUNTS: u32 = 80;
const COINS: u64 = 1_000;
const HONEST: SessionId = SessionId(1);
/// The first one that is given out.
const HONEST_KEY: ResumeKey = ResumeKey(1_u128.to_le_bytes());
/// Connections of strangers in a run.
const STRANGERS_MAX: u64 = 12;

struct Stage {
    host: Host<Ledger>,
    simulation: Simulation<Ledger>,
    now: Instant,
    next: u64,
    strangers: Vec<SessionId>,
    keys: u128,
    /// What the honest player sent, and what came of it.
    sent: u32,
    fates: BTreeMap<Sequence, Fate>,
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut stage = Stage::new();
    let mut u = Unstructured::new(data);
    while !u.is_empty() {
        if stage.act(&mut u).is_err() {
            break;
        }
        stage.check();
    }
    // Whoever is honest is answered although the others are still there.
    for _ in 0..3 {
        stage.tick(true);
        stage.resend();
    }
    stage.tick(true);
    assert_eq!(stage.fates.len(), stage.sent as usize, "an honest player's inputs are without an answer");
    let applied = stage.fates.values().all(|fate| matches!(fate, Fate::Applied { .. }));
    assert!(applied, "an honest player's input is refused: {:?}", stage.fates);
}

impl Stage {
    fn new() -> Self {
        let mut simulation = Ledger::open(ACCOUNTS, COINS);
        let roots = simulation.seal(&Inline);
        let now = Instant(1_000_000);
        let settings = HostSettings { history_ticks: 16, sessions_max: 8, greetings_max: 4, ..HostSettings::default() };
        let host = Host::new(now, settings, simulation.schema(), simulation.snapshot(), roots);
        let mut stage =
            Self { host, simulation, now, next: 1, strangers: Vec::new(), keys: 0, sent: 0, fates: BTreeMap::new() };
        stage.connect(AddressKey([1; 16]));
        let hello = stage.hello(SessionKind::Command, PROTOCOL_VERSION, None);
        stage.message(HONEST, Channel::Control, &Message::Hello(hello));
        stage.tick(true);
        stage
    }

    fn hello(&self, kind: SessionKind, protocol: u16, resume: Option<ResumeKey>) -> Hello {
        Hello {
            protocol,
            build: "fuzz".to_owned(),
            game: "tickworld-ledger".to_owned(),
            schema: self.simulation.schema_id(),
            revision: 1,
            content: ContentId::NONE,
            kind,
            durability: Durability::Disk,
            token: if resume.is_some() { Vec::new() } else { b"token".to_vec() },
            resume,
        }
    }

    fn connect(&mut self, address: AddressKey) -> SessionId {
        let session = SessionId(self.next);
        self.next += 1;
        self.host.handle_connected(self.now, session, Connection { address, datagram_bytes_max: DATAGRAM_BYTES_MIN });
        self.drain();
        session
    }

    fn message(&mut self, session: SessionId, channel: Channel, message: &Message) {
        self.host.handle_message(self.now, session, channel, &message.encode());
        self.drain();
    }

    fn act(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let around = self.host.open_tick();
        match u.int_in_range(0..=15_u8)? {
            0 | 1 if self.next < STRANGERS_MAX => {
                let session = self.connect(AddressKey([u.int_in_range(1..=3)?; 16]));
                self.strangers.push(session);
                let kind = *u.choose(&[SessionKind::Lockstep, SessionKind::Witness, SessionKind::Command])?;
                let protocol = if u.ratio(1, 8)? { u.arbitrary()? } else { PROTOCOL_VERSION };
                let resume = if u.ratio(1, 4)? { Some(ResumeKey(u.arbitrary()?)) } else { None };
                // Who knows the key may take the session over; here it is guessed in no time, elsewhere never.
                let resume = resume.filter(|key| *key != HONEST_KEY);
                let hello = self.hello(kind, protocol, resume);
                self.message(session, Channel::Control, &Message::Hello(hello));
            }
            2..=4 => self.tick(u.ratio(3, 4)?),
            5 => self.submit(),
            6 => {
                let pause = Micros(u.int_in_range(0..=3_000_000)?);
                // The honest one is never silent for longer than that, however many ticks went by.
                self.message(HONEST, Channel::Datagram, &Message::Ping(self.now));
                self.now = self.now.after(pause);
                self.host.handle_timeout(self.now);
                self.drain();
                self.message(HONEST, Channel::Datagram, &Message::Ping(self.now));
            }
            kind => {
                let Some(session) = self.stranger(u)? else { return Ok(()) };
                match kind {
                    7 => self.host.handle_disconnected(self.now, session),
                    8 | 9 => {
                        let channel = script::channel(u)?;
                        let length = u.int_in_range(0..=400_usize)?.min(u.len());
                        self.host.handle_message(self.now, session, channel, u.bytes(length)?);
                    }
                    _ => {
                        let message = script::from_client(u, around)?;
                        let channel = script::channel(u)?;
                        self.host.handle_message(self.now, session, channel, &message.encode());
                    }
                }
                self.drain();
            }
        }
        Ok(())
    }

    fn stranger(&self, u: &mut Unstructured<'_>) -> Result<Option<SessionId>> {
        if self.strangers.is_empty() {
            return Ok(None);
        }
        u.choose(&self.strangers).copied().map(Some)
    }

    fn submit(&mut self) {
        if self.sent < 40 {
            self.sent += 1;
            self.resend();
        }
    }

    /// Everything without an answer, as a client does.
    fn resend(&mut self) {
        let open: Vec<u32> = (1..=self.sent).filter(|number| !self.fates.contains_key(&Sequence(*number))).collect();
        let base = open.first().copied().unwrap_or(self.sent + 1);
        let inputs = open.into_iter().map(|number| InputMessage {
            sequence: Sequence(number),
            not_before: Tick(0),
            not_after: Tick(u64::MAX),
            body: script::body(&Transfer { from: number % ACCOUNTS, to: (number + 1) % ACCOUNTS, amount: 1 }),
        });
        let inputs = Inputs { base: Sequence(base), inputs: inputs.collect() };
        self.message(HONEST, Channel::Datagram, &Message::Inputs(inputs));
    }

    fn tick(&mut self, is_stored: bool) {
        self.now = self.now.after(TICK);
        if self.host.may_close() {
            let entropy = Entropy::from_bytes(u128::from(self.host.open_tick().0).to_le_bytes());
            let frame = self.host.close_frame(self.now, entropy);
            let roots = self.simulation.step(&frame, &Inline).expect("the host makes frames that the engine takes");
            self.host.handle_stepped(self.now, self.simulation.snapshot());
            self.host.handle_root(self.now, roots, self.simulation.snapshot());
        }
        if is_stored {
            self.host.handle_durable(self.now, Tick(self.host.open_tick().0 - 1), Durability::Disk);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((session, transmit)) = self.host.poll_transmit() {
            let message = Message::decode(transmit.channel, &transmit.bytes).expect("the host sends what decodes");
            let Message::Outcomes(outcomes) = message else { continue };
            for outcome in outcomes.outcomes.iter().filter(|_| session == HONEST) {
                let first = *self.fates.entry(outcome.sequence).or_insert(outcome.fate);
                assert_eq!(first, outcome.fate, "an input was answered twice, differently");
            }
        }
        while let Some(event) = self.host.poll_event() {
            match event {
                HostEvent::Admission { session, .. } => {
                    self.keys += 1;
                    let player = Some(PlayerId(session.0.min(4)));
                    let resume = ResumeKey(self.keys.to_le_bytes());
                    self.host.admit(self.now, session, Grant { player, kinds: Kinds::ALL, resume });
                }
                HostEvent::Closed { session, reason } => {
                    assert!(session != HONEST, "the honest session was ended: {reason:?}");
                    self.strangers.retain(|other| *other != session);
                }
                HostEvent::Desync { session, .. } | HostEvent::Violation { session, .. } => {
                    assert!(session != HONEST, "the honest session is accused");
                }
                _ => {}
            }
        }
        if let Some((session, transmit)) = self.host.poll_transmit() {
            // What an admission brought about.
            _ = Message::decode(transmit.channel, &transmit.bytes).expect("the host sends what decodes");
            assert!(session.0 < self.next);
            self.drain();
        }
    }

    fn check(&self) {
        let settings = self.host.settings();
        assert!(self.host.session_count() <= (settings.sessions_max + settings.greetings_max) as usize);
        assert!(
            self.host.history_len() <= settings.history_ticks as usize + settings.durable_lag_ticks_max as usize + 2
        );
        assert_eq!(self.simulation.state().total(), u64::from(ACCOUNTS) * COINS, "coins");
        let reason = self.host.session_of(PlayerId(1));
        assert_eq!(reason, Some(HONEST), "{:?}", Reason::Replaced);
    }
}
