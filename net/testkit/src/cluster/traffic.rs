//! What travels: connections, messages and timers, between the simulation's queue and both sides.
//!
//! Invariant: after anything happened at a side, everything that it has to say is taken at once, and its timer is set anew.

use bytes::Bytes;
use tickworld_proto::{
    channel::{Channel, Transmit},
    host::{AddressKey, Connection, SessionId},
    instant::Micros,
    limits::INPUTS_IN_FLIGHT_MAX,
    message::{InputMessage, Inputs, Message, SessionKind},
};
use tickworld_region::{Answer, Event as RegionEvent, RequestError};
use tickworld_sim::{frame::Sequence, region::RegionId};

use super::{Bug, Cluster, Event, Line, peer::backoff, server::Wake, storage::Disk, watch::Life};
use crate::{
    check::Violation,
    network::{Arrival, ConnectionId, LinkSettings, NetworkEvent, Sent, Side},
};

/// What a region tells.
type Told = RegionEvent<tickworld_ledger::Ledger>;

/// A timer that is due already goes off so much later, lest time stand still.
const TIMER_MIN: Micros = Micros(200);

impl<D: Disk> Cluster<D> {
    /// A client tries to connect.
    pub(super) fn connect(&mut self, index: usize, run: u64) {
        let peer = &mut self.peers[index];
        if peer.run != run || peer.connection.is_some() {
            return;
        }
        peer.region = peer.next_region;
        let Some(life) = self.seats[&peer.region].servers.last().map(|server| server.life) else {
            let wait = backoff(&mut peer.dice);
            return self.clock.after(wait, Event::Connect(index, run));
        };
        let link = if self.is_calm { LinkSettings::default() } else { self.plan.weather };
        let id = self.network.connect(link, link);
        self.lines.insert(id, Line { client: index, life });
        self.watch.count("connections");
        let now = self.clock.now();
        peer.handle_connected(now, id);
        let address = AddressKey([u8::try_from(index).expect("few clients"); 16]);
        if let Some(server) = self.server(life) {
            server.region.handle_connected(now, SessionId(id.0), Connection { address, datagram_bytes_max: 1_200 });
        }
        self.settle_server(life);
        self.settle_client(index);
    }

    /// Something comes out of the network.
    pub(super) fn arrive(&mut self, event: NetworkEvent) {
        let Some((id, side, arrival)) = self.network.handle(&mut self.clock, event) else { return };
        if let (Some(life), Side::Host, Arrival::Lost) = (self.strangers.get(&id).copied(), side, &arrival) {
            let now = self.clock.now();
            if let Some(server) = self.server(life) {
                server.region.handle_disconnected(now, SessionId(id.0));
                self.settle_server(life);
            }
        }
        let Some(Line { client, life }) = self.lines.get(&id).copied() else { return };
        let now = self.clock.now();
        self.watch.digest.number(now.0);
        match (side, arrival) {
            (Side::Host, Arrival::Message(channel, bytes)) => {
                self.watch.digest.bytes(&bytes);
                let bytes = if self.bug == Some(Bug::AppliesAResentInputAgain) {
                    self.again(client, channel, &bytes).unwrap_or(bytes)
                } else {
                    bytes
                };
                let Some(server) = self.server(life) else { return };
                server.region.handle_message(now, SessionId(id.0), channel, &bytes);
                self.settle_server(life);
            }
            (Side::Host, Arrival::Lost) => {
                if let Some(server) = self.server(life) {
                    server.region.handle_disconnected(now, SessionId(id.0));
                    self.settle_server(life);
                }
            }
            (Side::Client, Arrival::Message(channel, bytes)) if self.peers[client].connection == Some(id) => {
                self.watch.digest.bytes(&bytes);
                self.peers[client].handle_message(now, channel, &bytes, self.bug);
                self.settle_client(client);
            }
            (Side::Client, Arrival::Lost) if self.peers[client].connection == Some(id) => self.lose(client),
            (Side::Client, _) => {}
        }
    }

    /// A client has no connection any more, and comes back.
    pub(super) fn lose(&mut self, index: usize) {
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        peer.handle_lost(now);
        if !peer.gives_up {
            let wait = backoff(&mut peer.dice);
            self.clock.after(wait, Event::Connect(index, peer.run));
        }
        self.settle_client(index);
    }

    pub(super) fn wake_client(&mut self, index: usize, run: u64) {
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        if peer.run != run {
            return;
        }
        peer.timer_at = None;
        let local = peer.local(now);
        if peer.client.poll_timeout().is_some_and(|due| due <= local) {
            peer.client.handle_timeout(local);
        }
        self.settle_client(index);
    }

    /// A client's caller has something to say; in the calm one last thing.
    pub(super) fn play(&mut self, index: usize) {
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        if !peer.plays() || peer.is_done {
            return;
        }
        let is_taken = peer.play(now, &self.plan, &mut self.watch);
        let is_last = self.is_calm && now.since(self.plan.calm_at) > Micros(1_000_000);
        peer.is_done = is_last && is_taken && peer.is_content();
        let wait = peer.dice.micros(Micros(1_000), peer.plan.pause);
        self.clock.after(wait, Event::Play(index));
        self.settle_client(index);
    }

    /// Takes everything that a client has to say.
    pub(super) fn settle_client(&mut self, index: usize) {
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        let life = peer.connection.and_then(|id| self.lines.get(&id)).map_or(Life(0), |line| line.life);
        let report = peer.drive(now, life, self.bug, &mut self.watch);
        let mut transmits: Vec<Transmit> = core::iter::from_fn(|| peer.client.poll_transmit()).collect();
        // Sending may be what the client has to tell of.
        peer.drive(now, life, None, &mut self.watch);
        if let (Some(message), Some(_)) = (report, peer.client.welcome()) {
            transmits.push(Transmit { channel: Channel::Datagram, bytes: message.encode() });
        }
        if self.bug == Some(Bug::GarblesAMessage) && peer.dice.permille(10) {
            transmits.iter_mut().for_each(|transmit| transmit.bytes = b"not a message".as_slice().into());
        }
        let mut is_closed = false;
        if let Some(id) = peer.connection {
            for transmit in transmits {
                is_closed |= self.network.send(&mut self.clock, id, Side::Host, transmit) == Sent::Overflow;
            }
            if peer.is_closing {
                self.network.close(&mut self.clock, id, Side::Client);
                is_closed = true;
            }
        }
        if core::mem::take(&mut peer.is_outdated) {
            return self.begin_client(index, None);
        }
        if is_closed {
            peer.is_closing = false;
            return self.lose(index);
        }
        let peer = &mut self.peers[index];
        let unanswered = peer.client.unanswered().count() as u64;
        let verdict = self.watch.bounded.observe("inputs without an answer", unanswered, INPUTS_IN_FLIGHT_MAX.into());
        self.watch.judge(verdict);
        let Some(due) = peer.client.poll_timeout().map(|due| peer.global(due)) else { return };
        let due = due.max(now.after(TIMER_MIN));
        if peer.timer_at.is_none_or(|at| due < at) {
            peer.timer_at = Some(due);
            self.clock.at(due, Event::Client(index, peer.run));
        }
    }

    /// Begins what a server's region wants done, and takes everything that it has to say.
    pub(super) fn settle_server(&mut self, life: Life) {
        let now = self.clock.now();
        let Some(region) = self.region_of(life) else { return };
        let seat = self.seats.get_mut(&region).expect("every region has a seat");
        seat.disk.tell(&mut self.watch.region(region).durable);
        // What is done at once may bring more to do or to say.
        loop {
            self.at_server(life, |server, site| server.take_effects(now, site));
            let Some(server) = self.server(life) else { return };
            let stepped = server.stepped();
            let mut sent: Vec<(SessionId, Transmit)> = core::iter::from_fn(|| server.region.poll_transmit()).collect();
            let events: Vec<Told> = core::iter::from_fn(|| server.region.poll_event()).collect();
            if sent.is_empty() && events.is_empty() {
                break;
            }
            if self.bug == Some(Bug::ReleasesOutOfOrder) {
                self.disorder(region, &mut sent);
            }
            for (session, transmit) in sent {
                let line = self.lines.get(&ConnectionId(session.0));
                let player = line.map(|line| self.peers[line.client].player);
                self.watch.depart(life, stepped, player, &transmit);
                self.send_down(life, session, transmit);
            }
            events.into_iter().for_each(|event| self.take_region_event(life, event));
        }
        self.send_posts(life);
        let Some(server) = self.server(life) else { return };
        let unseen = server.region.session_count_of(SessionKind::Witness) == 0;
        let released = server.region.released_tick();
        let timer = server.region.poll_timeout().map(|due| due.max(now.after(TIMER_MIN)));
        let timer = timer.filter(|due| server.timer_at.is_none_or(|at| *due < at));
        server.timer_at = timer.or(server.timer_at);
        let wakes = core::mem::take(&mut server.wakes);
        if unseen {
            self.watch.release_unseen(life, released);
        }
        if let Some(due) = timer {
            self.clock.at(due, Event::Server(life, Wake::Timer));
        }
        for (wait, wake) in wakes {
            self.clock.after(wait, Event::Server(life, wake));
        }
        self.take_end(life);
    }

    fn send_down(&mut self, life: Life, session: SessionId, transmit: Transmit) {
        let now = self.clock.now();
        let id = ConnectionId(session.0);
        let is_welcome = || matches!(Message::decode(transmit.channel, &transmit.bytes), Ok(Message::Welcome(_)));
        if self.welcomes_to_lose > 0 && is_welcome() {
            self.welcomes_to_lose -= 1;
            self.watch.count("welcomes lost");
            self.network.close(&mut self.clock, id, Side::Host);
            if let Some(server) = self.server(life) {
                server.region.handle_disconnected(now, session);
            }
            return;
        }
        if self.network.send(&mut self.clock, id, Side::Client, transmit) == Sent::Overflow
            && let Some(server) = self.server(life)
        {
            server.region.handle_disconnected(now, session);
        }
    }

    fn take_region_event(&mut self, life: Life, event: Told) {
        match event {
            Told::Opened { .. } => {
                let Some(server) = self.server(life) else { return };
                let resumptions = server.region.counters().resumptions;
                let is_resumed = resumptions > core::mem::replace(&mut server.resumptions, resumptions);
                self.watch.count(if is_resumed { "resumptions" } else { "admissions" });
            }
            Told::Refused { .. } => self.watch.count("strangers sent away"),
            Told::Closed { session, reason } => {
                self.watch.note(|| format!("server {}: session {} is closed, {reason:?}", life.0, session.0));
                self.network.close(&mut self.clock, ConnectionId(session.0), Side::Host);
            }
            Told::Desync { session, tick } => {
                let what = format!("a server says that session {} has another root at tick {tick}", session.0);
                self.watch.judge(Err(Violation::FalseDesync(what)));
            }
            Told::DesyncReport { session, report } => {
                let what = format!("session {} at tick {}: {}", session.0, report.tick, report.finding);
                self.watch.judge(Err(Violation::FalseDesync(what)));
            }
            Told::Violation { session, what } => {
                let client = self.lines.get(&ConnectionId(session.0)).map_or(0, |line| line.client);
                let what = format!("{}, by the server: {what}", self.peers[client].name());
                self.watch.judge(Err(Violation::Accused(what)));
            }
            Told::Durable { tick, .. } => self.watch.store(life, tick),
            Told::Released(world) => {
                self.watch.count("ticks released");
                self.watch.release_world(life, &world);
            }
            Told::Answered { answer, .. } => self.take_answer(life, &answer),
            Told::Ended(ended) => {
                if let Some(server) = self.server(life) {
                    server.ended = Some(ended);
                }
            }
            Told::StorageFailed { .. } => self.watch.count("storage failures told"),
            Told::ArchiveFailed { .. } => self.watch.count("failures of the archive told"),
            Told::StorageRecovered { .. } | Told::FrameClosed { .. } | Told::Snapshot { .. } => {}
        }
    }

    fn take_answer(&mut self, life: Life, answer: &Result<Answer, RequestError>) {
        self.watch.count(match answer {
            Ok(Answer::Input { .. }) => "orders answered",
            Ok(Answer::Switched(_)) => "contents switched",
            Ok(_) => "requests answered",
            Err(_) => "requests refused",
        });
        if let Some(server) = self.server(life) {
            let left = server.open_requests.checked_sub(1);
            let verdict = left.ok_or_else(|| Violation::Stuck("a request was answered twice".to_owned()));
            server.open_requests = left.unwrap_or(0);
            self.watch.judge(verdict.map(drop));
        }
    }

    /// For [`Bug::ReleasesOutOfOrder`]: the first head comes after those behind it.
    fn disorder(&mut self, region: RegionId, sent: &mut Vec<(SessionId, Transmit)>) {
        let is_head = |(_, transmit): &(SessionId, Transmit)| {
            matches!(Message::decode(transmit.channel, &transmit.bytes), Ok(Message::Head(_)))
        };
        let Some(at) = sent.iter().position(is_head) else { return };
        let head = sent.remove(at);
        let held = &mut self.seat(region).held;
        match held.take() {
            None => *held = Some(head),
            Some(earlier) => sent.extend([head, earlier]),
        }
    }

    /// For [`Bug::AppliesAResentInputAgain`]: a message of which an input came before, with that input once more under a new
    /// number.
    fn again(&mut self, client: usize, channel: Channel, bytes: &Bytes) -> Option<Bytes> {
        let Ok(Message::Inputs(Inputs { base, mut inputs })) = Message::decode(channel, bytes) else { return None };
        let came: Vec<bool> = inputs.iter().map(|input| !self.seen.insert((client, input.sequence))).collect();
        let resent = inputs.iter().zip(came).find(|(_, came)| *came).map(|(input, _)| input.clone())?;
        let sequence = Sequence(inputs.last()?.sequence.0 + 1);
        inputs.push(InputMessage { sequence, ..resent });
        Some(Message::Inputs(Inputs { base, inputs }).encode())
    }
}
