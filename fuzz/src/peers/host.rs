//! A region of a ledger, an honest player, and strangers; and a journal that keeps what it likes when it likes.
//!
//! Whatever the strangers do: no panic, every table within its bound, coins conserved, and each of the honest player's inputs
//! is answered in the end, applied.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    Appended, BuildId, Claim, Claimant, Epoch, JournalHeader, LogPosition, Slot, WorldId as StoredWorldId,
};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, HostSettings, Kinds, SessionId},
    instant::{Instant, Micros},
    limits::{DATAGRAM_BYTES_MIN, PROTOCOL_VERSION},
    message::{
        Durability, Fate, Goodbye, Hello, InputMessage, Inputs, Message, Nonce, Reason, SessionKind, Ticket, WorldId,
    },
    ticket::{TICKET_BYTES, TicketClaims, TicketKeys},
};
use tickworld_region::{
    Answer, Append, AppendOutcome, Effect, Event, Identity, OpenReport, Opened, Region, RegionSettings, Request,
    RequestId, SnapshotStored,
};
use tickworld_sim::{
    content::ContentId,
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    game::Game as _,
    hash::Hash,
    region::RegionId,
    trace::Start,
};

use super::script;

const TICK: Micros = Micros::from_millis(33);
const ACCOUNTS: u32 = 80;
const COINS: u64 = 1_000;
const HONEST: SessionId = SessionId(1);
/// The world's keys, and the time when the region begins.
const KEYS: TicketKeys = TicketKeys::first([5; 32]);
const WORLD: [u8; 16] = [7; 16];
const WALL_SECONDS: u64 = 1_800_000_000;
/// Connections of strangers in a run.
const STRANGERS_MAX: u64 = 12;

struct Stage {
    region: Region<Ledger>,
    /// Records that are with the journal.
    append: Option<Append>,
    /// The coins of the newest stepped world.
    coins: u64,
    now: Instant,
    next: u64,
    strangers: Vec<SessionId>,
    /// Requests that are without an answer.
    requests: u64,
    asked: u64,
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
        let now = Instant(1_000_000);
        let host = HostSettings { history_ticks: 16, sessions_max: 8, greetings_max: 4, ..HostSettings::default() };
        let settings = RegionSettings { host, ..RegionSettings::default() };
        let mut secrets = 0_u128;
        let secrets = move || {
            secrets += 1;
            secrets.to_le_bytes()
        };
        let region = Region::new(now, WALL_SECONDS, settings, opened(), Box::new(secrets));
        let mut stage = Self {
            region,
            append: None,
            coins: u64::from(ACCOUNTS) * COINS,
            now,
            next: 1,
            strangers: Vec::new(),
            requests: 0,
            asked: 0,
            sent: 0,
            fates: BTreeMap::new(),
        };
        stage.connect(AddressKey([1; 16]));
        let hello = stage.hello(SessionKind::Command, PROTOCOL_VERSION, None);
        stage.message(HONEST, Channel::Control, &Message::Hello(hello));
        stage.tick(true);
        stage
    }

    fn hello(&self, kind: SessionKind, protocol: u16, ticket: Option<Ticket>) -> Hello {
        Hello {
            protocol,
            build: "fuzz".to_owned(),
            game: "tickworld-ledger".to_owned(),
            schema: self.region.schema().id(),
            revision: Ledger::REVISION,
            content: ContentId::NONE,
            kind,
            durability: Durability::Disk,
            token: if ticket.is_some() { Vec::new() } else { b"token".to_vec() },
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce: Nonce([3; 16]),
            ticket,
        }
    }

    fn connect(&mut self, address: AddressKey) -> SessionId {
        let session = SessionId(self.next);
        self.next += 1;
        self.region.handle_connected(self.now, session, Connection { address, datagram_bytes_max: DATAGRAM_BYTES_MIN });
        self.drain();
        session
    }

    fn message(&mut self, session: SessionId, channel: Channel, message: &Message) {
        self.region.handle_message(self.now, session, channel, &message.encode());
        self.drain();
    }

    fn act(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let around = self.region.host().open_tick();
        match u.int_in_range(0..=15_u8)? {
            0 | 1 if self.next < STRANGERS_MAX => {
                let session = self.connect(AddressKey([u.int_in_range(1..=3)?; 16]));
                self.strangers.push(session);
                let kind = *u.choose(&[SessionKind::Lockstep, SessionKind::Witness, SessionKind::Command])?;
                let protocol = if u.ratio(1, 8)? { u.arbitrary()? } else { PROTOCOL_VERSION };
                let ticket = if u.ratio(1, 3)? { Some(ticket(u)?) } else { None };
                let hello = self.hello(kind, protocol, ticket);
                self.message(session, Channel::Control, &Message::Hello(hello));
            }
            2..=4 => self.tick(u.ratio(3, 4)?),
            5 => self.submit(),
            13 => self.keep(u.int_in_range(1..=3)?),
            14 => self.ask(u)?,
            6 => {
                let pause = Micros(u.int_in_range(0..=3_000_000)?);
                // The honest one is never silent for longer than that, however many ticks went by.
                self.message(HONEST, Channel::Datagram, &Message::Ping(self.now));
                self.now = self.now.after(pause);
                self.region.handle_timeout(self.now);
                self.drain();
                self.message(HONEST, Channel::Datagram, &Message::Ping(self.now));
            }
            kind => {
                let Some(session) = self.stranger(u)? else { return Ok(()) };
                match kind {
                    7 => self.region.handle_disconnected(self.now, session),
                    8 | 9 => {
                        let channel = script::channel(u)?;
                        let length = u.int_in_range(0..=400_usize)?.min(u.len());
                        self.region.handle_message(self.now, session, channel, u.bytes(length)?);
                    }
                    _ => {
                        let message = script::from_client(u, around)?;
                        let channel = script::channel(u)?;
                        self.region.handle_message(self.now, session, channel, &message.encode());
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
            body: script::body(&Order::Transfer { from: number % ACCOUNTS, to: (number + 1) % ACCOUNTS, amount: 1 }),
        });
        let inputs = Inputs { base: Sequence(base), inputs: inputs.collect() };
        self.message(HONEST, Channel::Datagram, &Message::Inputs(inputs));
    }

    fn tick(&mut self, is_stored: bool) {
        self.now = self.now.after(TICK);
        // The honest one is never silent for long, however many ticks go by.
        self.message(HONEST, Channel::Datagram, &Message::Ping(self.now));
        self.region.handle_timeout(self.now);
        self.drain();
        if is_stored {
            while self.append.is_some() {
                self.keep(usize::MAX);
            }
        }
    }

    /// The journal keeps so many of the records that it has, at least one.
    fn keep(&mut self, count: usize) {
        let Some(append) = self.append.take() else { return };
        let kept = append.records.iter().take(count).last().map(|record| record.tick());
        let kept = kept.expect("a region appends at least one record");
        self.region.handle_appended(self.now, AppendOutcome::Kept(Appended { kept, durable: kept }));
        self.drain();
    }

    /// An operator asks for something.
    fn ask(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        self.asked += 1;
        let request = match u.int_in_range(0..=6_u8)? {
            6 => Request::RotateKey,
            0 => Request::Status,
            1 => Request::Snapshot,
            2 => Request::Kick { player: PlayerId(u.int_in_range(2..=5)?), reason: String::new() },
            4 => Request::Bar { player: PlayerId(u.int_in_range(2..=5)?), is_barred: u.arbitrary()? },
            3 => Request::Content { pack: vec![7; 7].into(), force: u.arbitrary()? },
            _ => {
                let input = Order::Transfer {
                    from: u.int_in_range(0..=ACCOUNTS)?,
                    to: u.int_in_range(0..=ACCOUNTS)?,
                    amount: 1,
                };
                Request::Input { player: PlayerId(u.int_in_range(0..=9)?), input }
            }
        };
        self.requests += 1;
        self.region.handle_request(self.now, RequestId(self.asked), request);
        self.drain();
        Ok(())
    }

    /// Does what the region wants done, but for what the journal keeps for later.
    fn carry_out(&mut self) -> bool {
        let mut any = false;
        while let Some(effect) = self.region.poll_effect() {
            any = true;
            match effect {
                Effect::Append(append) => self.append = Some(append),
                Effect::Step(step) => {
                    let stepped = step.run(&Inline).expect("a region makes frames that the engine takes");
                    self.coins = stepped.simulation.state().endowment();
                    self.region.handle_stepped(self.now, Micros(100), Ok(stepped));
                }
                Effect::Hash(world) => self.region.handle_hashed(self.now, Micros(50), world.run(&Inline)),
                Effect::Authenticate(asking) => {
                    let player = Some(PlayerId(asking.session.0.min(4)));
                    let result = if asking.token == b"token" {
                        Ok(Identity::new(player, Kinds::ALL))
                    } else {
                        Err(Goodbye { reason: Reason::Unauthorized, detail: String::new() })
                    };
                    self.region.handle_authenticated(self.now, asking.session, result);
                }
                Effect::Keys(effect) => {
                    self.region.handle_keys(self.now, effect.request, Ok(KEYS));
                }
                Effect::LoadPack(load) => {
                    let content = load.world().content();
                    self.region.handle_pack_loaded(self.now, load.request, Ok((content, ())));
                }
                Effect::StoreSnapshot(snapshot) => {
                    let stored = SnapshotStored { tick: snapshot.world.tick(), pages: 1, pages_new: 1 };
                    self.region.handle_snapshot_stored(self.now, Micros(100), Ok(stored));
                }
                Effect::ReadLogState | Effect::Mark(_) | Effect::EndClaim(_) | Effect::Seek(_) | Effect::Move(_) => {
                    panic!("no append failed, no step panicked, there is no archive, and nobody ends the region")
                }
            }
        }
        any
    }

    fn drain(&mut self) {
        loop {
            let mut any = self.carry_out();
            while let Some((session, transmit)) = self.region.poll_transmit() {
                any = true;
                assert!(session.0 < self.next, "a message to nobody");
                let message = Message::decode(transmit.channel, &transmit.bytes).expect("a region sends what decodes");
                let Message::Outcomes(outcomes) = message else { continue };
                for outcome in outcomes.outcomes.iter().filter(|_| session == HONEST) {
                    let first = *self.fates.entry(outcome.sequence).or_insert(outcome.fate);
                    assert_eq!(first, outcome.fate, "an input was answered twice, differently");
                }
            }
            while let Some(event) = self.region.poll_event() {
                any = true;
                self.take(event);
            }
            if !any {
                return;
            }
        }
    }

    fn take(&mut self, event: Event<Ledger>) {
        match event {
            Event::Closed { session, reason } => {
                assert!(session != HONEST, "the honest session was ended: {reason:?}");
                self.strangers.retain(|other| *other != session);
            }
            Event::Desync { session, .. } | Event::Violation { session, .. } => {
                assert!(session != HONEST, "the honest session is accused");
            }
            Event::Answered { answer, .. } => {
                self.requests = self.requests.checked_sub(1).expect("a request is answered once");
                if let Ok(Answer::Ending(_)) = answer {
                    panic!("nobody asked for the end");
                }
            }
            Event::Ended(ended) => panic!("the region ended: {ended:?}"),
            _ => {}
        }
    }

    fn check(&self) {
        let host = self.region.host();
        let settings = host.settings();
        assert!(host.session_count() <= (settings.sessions_max + settings.greetings_max) as usize);
        assert!(host.history_len() <= settings.history_ticks as usize + settings.durable_lag_ticks_max as usize + 2);
        assert_eq!(self.coins, u64::from(ACCOUNTS) * COINS, "coins");
        assert!(self.region.waiting_records() <= settings.durable_lag_ticks_max as usize, "records that wait");
        let reason = host.session_of(PlayerId(1));
        assert_eq!(reason, Some(HONEST), "{:?}", Reason::Replaced);
    }
}

/// A ticket of somebody else than the honest player: with whatever numbers under a good seal, with one byte changed, or of
/// whatever bytes.
fn ticket(u: &mut Unstructured<'_>) -> Result<Ticket> {
    if u.ratio(1, 4)? {
        let mut bytes = [0; TICKET_BYTES];
        u.fill_buffer(&mut bytes)?;
        return Ok(Ticket(bytes));
    }
    let player = if u.ratio(1, 4)? { None } else { Some(PlayerId(u.int_in_range(2..=6)?)) };
    let claims = TicketClaims {
        player,
        kinds: Kinds::of_bits(u.int_in_range(0..=7)?).unwrap_or_default(),
        generation: if u.ratio(1, 4)? { u.arbitrary()? } else { u.int_in_range(0..=3)? },
        expires_seconds: if u.ratio(1, 4)? { u.arbitrary()? } else { WALL_SECONDS + 900 },
        until_seconds: if u.ratio(1, 2)? { Some(u.arbitrary()?) } else { None },
    };
    let mut ticket = Ticket::seal(WorldId(WORLD), &KEYS, &claims);
    if u.ratio(1, 3)? {
        let place = u.int_in_range(0..=38)?;
        ticket.0[place] ^= u.int_in_range(1..=255)?;
    }
    Ok(ticket)
}

/// A bank that begins.
fn opened() -> Opened<Ledger> {
    let mut simulation = Ledger::open(ACCOUNTS, COINS);
    let roots = simulation.seal(&Inline);
    let header = JournalHeader {
        world: StoredWorldId(WORLD),
        region: Some(RegionId::FIRST),
        revision: Ledger::REVISION,
        tick_rate: 30,
        root_lag_ticks: 1,
        start: Start { tick: Tick(0), root: roots.root, content: ContentId::NONE },
        schema: (**simulation.schema()).clone(),
    };
    let position = header.start_position();
    let last = LogPosition { slot: Slot(1), tick: Tick(0), record_hash: Hash([5; 32]) };
    Opened {
        recent: vec![(Tick(0), roots.root)],
        simulation,
        roots,
        header,
        claim: Claim { epoch: Epoch(1), last, incarnation: 1 },
        claimant: Claimant::default(),
        build: BuildId::of(b"fuzz"),
        position,
        last,
        keys: KEYS,
        snapshot_tick: Tick(0),
        report: OpenReport::default(),
    }
}
