//! [`Player`]: one bot's session from its first to its last answer.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use tickworld_net::{
    connection::{Backoff, Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, connect},
    dialer::Dialer,
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    instant,
    message::{Fate, Nonce, SessionKind},
};
use tickworld_sim::{
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    region::RegionId,
    rng::{Entropy, StreamKey},
    rollback::PredictNothing,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until},
};

use super::{
    Bot, Moment, Pace,
    report::{Joined, Tally},
};
use crate::interrupt::Asked;

/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// Attempts to reach the server.
const ATTEMPTS_MAX: u32 = 8;

/// A bot with its part in the plan.
pub(super) struct Player<B> {
    pub(super) bot: Arc<B>,
    pub(super) kind: SessionKind,
    pub(super) number: u64,
    /// The region that it asks for; 0 for any.
    pub(super) region: RegionId,
    pub(super) pace: Pace,
    /// Outcomes from here on are measured.
    pub(super) count_from: Instant,
    pub(super) until: Instant,
    /// Ends it earlier.
    pub(super) asked: Asked,
}

type Hand<B> = Connection<<B as Bot>::Game, PredictNothing>;

/// A session under way.
struct Play<B: Bot> {
    player: Player<B>,
    connection: Hand<B>,
    tally: Tally,
    identity: Option<PlayerId>,
    /// The region that welcomed it last.
    region: RegionId,
    waiting: HashMap<Sequence, Instant>,
    due: Instant,
    round: u64,
    /// When the bot began, and what the welcome said of the server's ticks.
    begun: Instant,
    clock: Option<ServerClock>,
    has_ended: bool,
    /// Whether it was asked to end before its time.
    was_asked: bool,
    /// Why there was no session, the last time that there was none.
    outage: Option<String>,
}

/// The newest tick at some moment, and the rate.
struct ServerClock {
    at: Instant,
    tick: u64,
    rate: f64,
}

/// Ticks that a bot may be behind the server's clock and yet have all that was released: storing and the way take some.
const BEHIND_TICKS: f64 = 4.0;

impl<B: Bot> Player<B> {
    /// Plays until its time is up, or it is asked to end, and its inputs are answered. None where it was asked to end before
    /// it was let in.
    pub(super) async fn play(self, dialer: Dialer, address: SocketAddr, token: String) -> Option<Tally> {
        let number = self.number;
        let (content, library) = self.bot.library();
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
        let mut settings = ClientSettings::new(self.kind, content, token.into_bytes(), Nonce(nonce));
        settings.build = format!("tickworld {}", env!("CARGO_PKG_VERSION"));
        settings.region = self.region;
        let client = Client::new(instant::Instant(0), settings, PredictNothing, library);
        let backoff = Backoff { attempts_max: Some(ATTEMPTS_MAX), ..Backoff::default() };
        let settings = ConnectionSettings { backoff, ..ConnectionSettings::new(address, "localhost") };
        let (connection, mut events, driver) = connect(dialer, client, Arc::new(Inline), settings);
        let runtime = Handle::current();
        let driving = match self.kind {
            // Simulating may take long, and must not hold up the others.
            SessionKind::Lockstep => tokio::task::spawn_blocking(move || drop(runtime.block_on(driver.run()))),
            _ => tokio::spawn(async move { drop(driver.run().await) }),
        };
        let mut play = Play {
            tally: Tally::new(self.kind),
            due: Instant::now(),
            player: self,
            connection,
            identity: None,
            region: RegionId::FIRST,
            waiting: HashMap::new(),
            round: 0,
            begun: Instant::now(),
            clock: None,
            has_ended: false,
            was_asked: false,
            outage: None,
        };
        play.run(&mut events).await;
        let (was_asked, outage) = (play.was_asked, play.outage.take());
        let mut tally = play.end(&mut events).await;
        // It has said that it ended.
        _ = driving.await;
        if was_asked && !tally.opened && tally.wrong.is_empty() {
            return None;
        }
        if !tally.opened && tally.wrong.is_empty() {
            let cause =
                outage.unwrap_or_else(|| format!("no answer from {address}: does a server listen there (UDP)?"));
            tally.wrong.push(format!("session {number}: never came in: {cause}"));
        }
        Some(tally)
    }
}

impl<B: Bot> Play<B> {
    async fn run(&mut self, events: &mut ConnectionEvents) {
        let until = self.player.until;
        let mut asked = self.player.asked.clone();
        while !self.has_ended && !self.was_asked && Instant::now() < until {
            let may_send = self.identity.is_some();
            let missing = match self.player.pace {
                Pace::InFlight(count) if may_send => (count as usize).saturating_sub(self.waiting.len()),
                Pace::Rate(_) if may_send && Instant::now() >= self.due => 1,
                _ => 0,
            };
            if missing > 0 {
                self.submit(missing).await;
            }
            let wake = match self.player.pace {
                Pace::Rate(_) if may_send => self.due.min(until),
                _ => until,
            };
            tokio::select! {
                event = events.next() => self.take(event),
                () = sleep_until(wake) => {}
                () = asked.wait() => {
                    self.was_asked = true;
                    self.player.until = Instant::now();
                }
            }
            self.take_ready(events).await;
        }
    }

    /// Everything that is there already.
    async fn take_ready(&mut self, events: &mut ConnectionEvents) {
        while !self.has_ended {
            tokio::select! {
                biased;
                event = events.next() => self.take(event),
                () = std::future::ready(()) => return,
            }
        }
    }

    /// Sends some inputs in one call.
    async fn submit(&mut self, count: usize) {
        let Some(identity) = self.identity else { return };
        let (bot, moment) = (Arc::clone(&self.player.bot), Moment { region: self.region, round: self.round });
        self.round += 1;
        let call = self.connection.with(move |client, now| {
            let key = StreamKey::new(&Entropy::from_bytes([7; 16]), moment.round, "bots");
            let mut dice = key.rng(identity.0);
            let mut sent = Vec::new();
            for _ in 0..count {
                let input = bot.next(&mut dice, client.confirmed(), identity, moment);
                match client.submit(now, input, Tick(0), Tick(u64::MAX)) {
                    Ok(sequence) => sent.push(sequence),
                    Err(_) => break,
                }
            }
            sent
        });
        let begun = Instant::now();
        if let Ok(sent) = call.await {
            self.tally.submitted += sent.len() as u64;
            self.waiting.extend(sent.into_iter().map(|sequence| (sequence, begun)));
        }
        if let Pace::Rate(rate) = self.player.pace {
            self.due = Instant::now().max(self.due + Duration::from_secs_f64(1.0 / rate.max(0.001)));
        }
    }

    fn take(&mut self, event: Option<ConnectionEvent>) {
        match event {
            Some(ConnectionEvent::Client(event)) => self.take_client(event),
            Some(ConnectionEvent::Outage { cause, .. }) => {
                self.tally.outages += 1;
                self.outage = Some(cause.to_string());
            }
            Some(ConnectionEvent::Ended(end)) => {
                self.has_ended = true;
                if Instant::now() < self.player.until {
                    self.tally.wrong.push(format!("session {}: {end}", self.player.number));
                }
            }
            Some(_) => {}
            None => self.has_ended = true,
        }
    }

    fn take_client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Welcome(welcome) => {
                if !self.tally.opened {
                    // Not all at once, in whatever process they are.
                    let phase = welcome.player.map_or(0, |player| player.0 * 37 % 1_000);
                    self.due = Instant::now() + Duration::from_millis(phase);
                }
                self.tally.opened = true;
                let rate = f64::from(welcome.tick_rate);
                self.clock = Some(ServerClock { at: Instant::now(), tick: welcome.tick.0, rate });
                (self.identity, self.region) = (welcome.player, welcome.region);
            }
            ClientEvent::Moved(_) => self.tally.moves += 1,
            ClientEvent::Outcome { sequence, fate, .. } => {
                match fate {
                    Fate::Applied { .. } => self.tally.applied += 1,
                    Fate::Refused(_) => self.tally.refused += 1,
                }
                let Some(sent) = self.waiting.remove(&sequence) else {
                    let number = self.player.number;
                    self.tally.wrong.push(format!("session {number}: input {} was answered twice", sequence.0));
                    return;
                };
                let now = Instant::now();
                if now >= self.player.count_from && now < self.player.until {
                    self.tally.measured += 1;
                    let micros = u64::try_from(now.duration_since(sent).as_micros()).unwrap_or(u64::MAX);
                    self.tally.latency.saturating_record(micros);
                }
            }
            ClientEvent::Joined { received_bytes: bytes, .. } => {
                let joined = Joined { restored: self.begun.elapsed(), caught_up: None, bytes };
                self.tally.joined.get_or_insert(joined);
            }
            ClientEvent::Confirmed { tick, .. } => {
                self.tally.roots += 1;
                self.note_place(tick);
            }
            ClientEvent::Desync(report) => {
                self.tally.desyncs += 1;
                self.tally.wrong.push(format!("tick {}: {}", report.tick, report.finding));
            }
            ClientEvent::Fault(fault) => self.tally.wrong.push(format!("session {}: {fault}", self.player.number)),
            _ => {}
        }
    }

    /// Notes when a bot that joined has come as far as the server.
    fn note_place(&mut self, tick: Tick) {
        let (Some(joined), Some(clock)) = (&mut self.tally.joined, &self.clock) else { return };
        let newest = clock.tick as f64 + clock.at.elapsed().as_secs_f64() * clock.rate;
        if joined.caught_up.is_none() && tick.0 as f64 + BEHIND_TICKS >= newest {
            joined.caught_up = Some(self.begun.elapsed());
        }
    }

    /// Waits for the last answers, looks at the world once more, and leaves.
    async fn end(mut self, events: &mut ConnectionEvents) -> Tally {
        let limit = Instant::now() + LAST_ANSWERS;
        while !self.has_ended && !self.waiting.is_empty() && Instant::now() < limit {
            tokio::select! {
                event = events.next() => self.take(event),
                () = sleep_until(limit) => {}
            }
        }
        self.tally.unanswered = self.waiting.len() as u64;
        if !self.has_ended {
            let bot = Arc::clone(&self.player.bot);
            let checked = self.connection.with(move |client, _| client.confirmed().and_then(|world| bot.check(world)));
            if let Ok(Some(wrong)) = checked.await {
                self.tally.wrong.push(wrong);
            }
            let connection = self.connection.clone();
            let leaving = tokio::spawn(async move { connection.leave().await });
            while !self.has_ended {
                let event = events.next().await;
                self.take(event);
            }
            // It ends with the connection.
            _ = leaving.await;
        }
        self.tally
    }
}
