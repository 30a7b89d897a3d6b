//! Faults as they strike, and their mending.
//!
//! Invariant: a fault that lasts has an end, at the latest with the calm; what is under way when the calm begins still happens.

use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, SessionId},
    instant::Micros,
    limits::PROTOCOL_VERSION,
    message::{Durability, Hello, Message, Nonce, SessionKind, Ticket},
};
use tickworld_region::{Request, RequestId};
use tickworld_sim::{content::ContentId, frame::PlayerId, game::Game as _, region::RegionId};

use super::{
    Cluster, Event,
    bug::Bug,
    opening::{self, OpenError, PACKS},
    peer::{PARDONS, Peer},
    plan::Fault,
    storage::Disk,
    watch::Life,
};
use crate::{
    disk::SyncFault,
    network::{ConnectionId, LinkSettings, Side},
};

impl<D: Disk> Cluster<D> {
    pub(super) fn inject(&mut self, fault: Fault) {
        if self.is_calm {
            return;
        }
        let has_struck = match fault {
            Fault::Partition => self.partition(),
            Fault::Cut => self.cut_line(),
            Fault::LostWelcome => self.lose_welcome(),
            Fault::ClientCrash => self.crash_client(),
            Fault::Leave => self.leave(),
            Fault::Silence => self.fall_silent(),
            Fault::Rival => self.begin_rival(),
            Fault::PowerCut | Fault::Kill => self.stop_server(fault),
            Fault::CutInAppend | Fault::CutInSnapshot | Fault::CutInRecovery => self.arm(fault),
            Fault::DiskFull | Fault::SyncFails | Fault::SlowDisk => self.harm_disk(fault),
            Fault::Takeover => self.take_over(),
            Fault::Restart => self.restart(),
            Fault::RulesPanic => self.panic_rules(),
            Fault::Restore => self.go_back(),
            Fault::RegionsApart => self.part_regions(),
            Fault::Operator => self.operate(),
            Fault::Stranger => self.come_as_stranger(),
            Fault::Latency
            | Fault::Jitter
            | Fault::Loss
            | Fault::Duplication
            | Fault::Reordering
            | Fault::Bandwidth => false,
        };
        if has_struck {
            self.watch.note(|| format!("fault: {fault:?}"));
            self.watch.count(name(fault));
        }
    }

    fn any_line(&mut self) -> Option<(ConnectionId, usize)> {
        let peers = self.peers.iter().enumerate().filter(|(_, peer)| !peer.is_rival);
        let lines = peers.filter_map(|(index, peer)| Some((peer.connection?, index)));
        let lines: Vec<(ConnectionId, usize)> = lines.collect();
        (!lines.is_empty()).then(|| *self.dice.pick(&lines))
    }

    fn partition(&mut self) -> bool {
        let Some((id, _)) = self.any_line() else { return false };
        let longest = self.plan.network_timeout.0 * 2;
        let wait = self.dice.micros(Micros(50_000), Micros(longest));
        let sides = *self.dice.pick(&[(true, false), (false, true), (true, true)]);
        for (side, is_blocked) in [(Side::Client, sides.0), (Side::Host, sides.1)] {
            if is_blocked {
                self.network.block(&mut self.clock, id, side, wait);
            }
        }
        true
    }

    /// A connection breaks: the client's side notices first, or the server's.
    fn cut_line(&mut self) -> bool {
        let Some((id, index)) = self.any_line() else { return false };
        if self.dice.permille(500) {
            self.network.close(&mut self.clock, id, Side::Client);
            self.lose(index);
        } else {
            let now = self.clock.now();
            let life = self.lines[&id].life;
            self.network.close(&mut self.clock, id, Side::Host);
            if let Some(server) = self.server(life) {
                server.region.handle_disconnected(now, SessionId(id.0));
                self.settle_server(life);
            }
        }
        true
    }

    /// Somebody comes back, and does not hear that they are welcome.
    fn lose_welcome(&mut self) -> bool {
        self.welcomes_to_lose += self.dice.between(1, 3);
        self.cut_line()
    }

    fn crash_client(&mut self) -> bool {
        let Some((id, index)) = self.any_line() else { return false };
        self.network.vanish(&mut self.clock, id, Side::Client);
        let ticket = self.peers[index].client.ticket().filter(|_| self.dice.permille(700));
        self.begin_client(index, ticket);
        true
    }

    fn leave(&mut self) -> bool {
        let Some((id, index)) = self.any_line() else { return false };
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        if peer.client.welcome().is_none() {
            return false;
        }
        let local = peer.local(now);
        peer.client.leave(local);
        while let Some(transmit) = peer.client.poll_transmit() {
            self.network.send(&mut self.clock, id, Side::Host, transmit);
        }
        self.network.close(&mut self.clock, id, Side::Client);
        self.begin_client(index, None);
        true
    }

    fn fall_silent(&mut self) -> bool {
        let wait = self.dice.micros(Micros(1_000_000), Micros(6_000_000));
        for index in 0..self.peers.len() {
            let peer = &self.peers[index];
            if let Some(id) = peer.connection {
                self.network.close(&mut self.clock, id, Side::Client);
            }
            if peer.is_rival {
                self.end_client(index, None);
            } else {
                let ticket = peer.client.ticket();
                self.begin_client_after(index, ticket, Some(wait));
            }
        }
        true
    }

    /// A second program of a player begins, which they notice: it takes their session, and what they came in with is void. Or
    /// somebody comes who shows what is void.
    fn begin_rival(&mut self) -> bool {
        let now = self.clock.now();
        let Some(index) = self.peers.iter().position(|peer| peer.is_rival && peer.connection.is_none()) else {
            return false;
        };
        let player = self.peers[index].player;
        let spoils = self.peers.iter_mut().find(|peer| peer.player == player && !peer.is_rival).and_then(Peer::spoils);
        let rival = &mut self.peers[index];
        rival.choose_region(&self.plan);
        match spoils.filter(|_| rival.dice.permille(600)) {
            Some(shown) => rival.begin_as_impostor(now, shown),
            None => {
                rival.begin_again(now, None, rival.content);
                self.pardon(|peer| peer.player == player);
            }
        }
        let rival = &mut self.peers[index];
        let stay = rival.dice.micros(Micros(100_000), Micros(3_000_000));
        let run = rival.run;
        self.clock.after(stay, Event::End(index, run));
        self.connect(index, run);
        true
    }

    /// A client's program ends without a word; `run` says which.
    pub(super) fn end_client(&mut self, index: usize, run: Option<u64>) {
        let peer = &mut self.peers[index];
        if run.is_none_or(|run| run == peer.run)
            && let Some(id) = peer.end()
        {
            self.network.vanish(&mut self.clock, id, Side::Client);
        }
    }

    /// A client's program is over, with whatever it waited for; another one starts.
    pub(super) fn begin_client(&mut self, index: usize, ticket: Option<Ticket>) {
        self.begin_client_after(index, ticket, None);
    }

    fn begin_client_after(&mut self, index: usize, ticket: Option<Ticket>, wait: Option<Micros>) {
        let now = self.clock.now();
        let peer = &mut self.peers[index];
        self.watch.forget(peer.player);
        if peer.is_done {
            // The one before had said its last word, the new one has not.
            self.clock.after(Micros(1_000), Event::Play(index));
        }
        peer.choose_region(&self.plan);
        let content = self.seats[&peer.next_region].servers.last().map(|server| server.region.newest_world().content());
        peer.begin_again(now, ticket, content.unwrap_or(peer.content));
        // Where there is an archive some are away for long enough to rest in it.
        let rests = self.plan.host.archive_after_ticks.is_some() && peer.dice.permille(300);
        let short = peer.dice.micros(Micros(10_000), Micros(if rests { 4_000_000 } else { 1_000_000 }));
        let wait = wait.unwrap_or(short);
        self.clock.after(wait, Event::Connect(index, peer.run));
    }

    fn stop_server(&mut self, fault: Fault) -> bool {
        if let Some(world) = self.world.as_mut().filter(|_| fault == Fault::PowerCut)
            && self.dice.permille(250)
        {
            world.cut_power(&mut self.dice);
            self.watch.note(|| "the power of the store that all regions share goes".into());
            self.clock.after(self.dice.micros(Micros(20_000), Micros(1_500_000)), Event::Start(RegionId::ARCHIVE));
            return true;
        }
        let region = self.any_region();
        if self.seat(region).servers.is_empty() {
            return false;
        }
        if fault == Fault::PowerCut {
            self.cut_power(region, "suddenly");
        } else {
            self.seat(region).disk.kill();
            self.end_all(region);
        }
        true
    }

    /// The power will go in the midst of what is done next.
    fn arm(&mut self, fault: Fault) -> bool {
        let region = self.any_region();
        let Some(server) = self.last_server(region) else { return false };
        match fault {
            Fault::CutInAppend => server.is_append_armed = true,
            Fault::CutInSnapshot => {
                server.is_snapshot_armed = true;
                self.ask(region, Request::Snapshot);
            }
            _ => {
                self.seat(region).is_armed = true;
                self.cut_power(region, "before a recovery");
            }
        }
        true
    }

    /// Something is wrong with the disk of a region's machine, or with that of the store that all regions share.
    fn harm_disk(&mut self, fault: Fault) -> bool {
        let is_shared = self.world.is_some() && self.dice.permille(250);
        let place = if is_shared { RegionId::ARCHIVE } else { self.any_region() };
        let how = *self.dice.pick(&[SyncFault::Retained, SyncFault::Lost]);
        match (fault, self.disk(place)) {
            (Fault::DiskFull, Some(disk)) => disk.set_full(true),
            (Fault::SyncFails, Some(disk)) => disk.fail_syncs(Some(how)),
            _ => self.seats.get_mut(&place).into_iter().for_each(|seat| seat.is_slow = true),
        }
        let wait = self.dice.micros(Micros(50_000), Micros(2_000_000));
        self.clock.after(wait, Event::Mend(fault, place));
        true
    }

    /// A disk by the region of its machine; that of the store that all regions share stands for the archive.
    fn disk(&mut self, place: RegionId) -> Option<&mut D> {
        match self.seats.get_mut(&place) {
            Some(seat) => Some(&mut seat.disk),
            None => self.world.as_mut().map(|world| &mut world.disk),
        }
    }

    pub(super) fn mend(&mut self, fault: Fault, place: RegionId) {
        match (fault, self.disk(place)) {
            (Fault::DiskFull, Some(disk)) => disk.set_full(false),
            (Fault::SyncFails, Some(disk)) => disk.fail_syncs(None),
            _ => self.seats.get_mut(&place).into_iter().for_each(|seat| seat.is_slow = false),
        }
    }

    /// Another server takes over beside the first one, which learns of it when it appends.
    fn take_over(&mut self) -> bool {
        let region = self.any_region();
        if self.seat(region).servers.len() != 1 {
            return false;
        }
        self.start(region);
        true
    }
}

impl<D: Disk> Cluster<D> {
    /// The server is told to end, with a disk that lets it or not; or has to, for what does its work is gone.
    fn restart(&mut self) -> bool {
        let region = self.any_region();
        let (is_stuck, is_lost) = (self.dice.permille(200), self.dice.permille(200));
        let Some(server) = self.last_server(region) else { return false };
        (server.is_stopping, server.is_stuck) = (true, is_stuck);
        if is_lost {
            let life = server.life;
            server.region.handle_lost("the thread that steps is gone".to_owned());
            self.settle_server(life);
            return true;
        }
        self.ask(region, Request::Shutdown)
    }

    /// The servers of a region end, and what comes next goes on from an earlier tick, as an operator accepts.
    fn go_back(&mut self) -> bool {
        let region = self.any_region();
        let is_quiet = self.bug == Some(Bug::TakesTicksBackQuietly);
        let ticks = if is_quiet { 1 } else { self.dice.between(1, 60) };
        // A neighbour that meets a region two lives on keeps its border closed until an operator opens it.
        let is_again = self.world.is_some() && self.watch.has_lost(region);
        let seat = self.seat(region);
        if !seat.has_begun || is_again {
            return false;
        }
        seat.disk.kill();
        if !seat.servers.is_empty() {
            self.end_all(region);
        }
        let (is_alone, until) = (self.world.is_none(), Life(self.lives));
        let seat = self.seats.get_mut(&region).expect("every region has a seat");
        let watch = &mut self.watch;
        let mut is_told = false;
        let mut tell = |after| {
            is_told = true;
            watch.take_back(region, until, after);
        };
        let store = seat.disk.open().map_err(OpenError::Storage);
        let cut = store.and_then(|store| opening::go_back(&store, ticks, is_alone, is_quiet, &mut tell));
        seat.disk.kill();
        match cut {
            Ok(true) => {
                watch.lose(region);
                watch.count(if is_alone {
                    "restores of the only region"
                } else {
                    "restores of one of several regions"
                });
            }
            Err(OpenError::Violation(violation)) => watch.judge(Err(violation)),
            // Whether a claim is there whose storage failed shows when the region is opened.
            Ok(false) | Err(_) => {}
        }
        if is_told {
            self.pardon(|_| true);
        }
        is_told
    }

    fn panic_rules(&mut self) -> bool {
        let region = self.any_region();
        let Some(server) = self.last_server(region) else { return false };
        server.panics = true;
        true
    }

    fn operate(&mut self) -> bool {
        let region = self.any_region();
        let request = match self.dice.below(12) {
            0 => Request::Status,
            1 | 2 => Request::Snapshot,
            3 | 4 => {
                let players = self.plan.clients.len() as u64 + 1;
                let player = PlayerId(1 + self.dice.below(players));
                self.pardon(|peer| peer.player == player);
                Request::Kick { player, reason: String::new() }
            }
            5 => {
                let players = self.plan.clients.len() as u64 + 1;
                let player = PlayerId(1 + self.dice.below(players));
                // Nobody is kept out: the calm at the end demands an answer for everybody.
                Request::Bar { player, is_barred: false }
            }
            6 => {
                let pack: Bytes = PACKS[usize::try_from(self.dice.below(3)).expect("few packs")].into();
                Request::Content { pack, force: self.dice.permille(500) }
            }
            7 => {
                // What the key before the last one made is void.
                let is_again = self.rotations > 0;
                self.rotations += 1;
                self.pardon(|_| is_again);
                Request::RotateKey
            }
            8 => {
                // More than a region takes: the last of them are refused.
                for _ in 0..FLOOD {
                    self.ask(region, Request::Snapshot);
                }
                Request::Status
            }
            9 => {
                // One pack is tried at a time: the second one is refused.
                self.ask(region, Request::Content { pack: PACKS[0].into(), force: true });
                Request::Content { pack: PACKS[1].into(), force: true }
            }
            _ => self.order(),
        };
        self.ask(region, request)
    }

    /// An operator looks after those who are held because a tick broke: each comes in, or what they came with is dropped.
    pub(super) fn release_held(&mut self, region: RegionId) {
        let Some(status) = self.last_server(region).map(|server| server.region.status()) else { return };
        for player in status.held_players {
            self.watch.count("held players cleared");
            self.ask(region, Request::Clear { player });
        }
        for player in status.held_returns {
            let is_taken = self.dice.permille(700);
            self.watch.count(if is_taken { "held returns taken" } else { "held returns dropped" });
            self.ask(region, Request::Held { player, is_taken });
        }
    }

    /// These clients may need another token.
    fn pardon(&mut self, which: impl Fn(&Peer) -> bool) {
        self.peers.iter_mut().filter(|peer| which(peer)).for_each(|peer| peer.pardons += PARDONS);
    }

    /// An input in the name of a player whom no client plays; each order is another one.
    fn order(&mut self) -> Request<Order> {
        let amount = u32::try_from(self.requests).unwrap_or(0) + 1;
        let accounts = u64::from(self.plan.accounts);
        let mut account = || u32::try_from(self.dice.below(accounts)).expect("few accounts");
        Request::Input { player: PlayerId(ORDERER), input: Order::Transfer { from: account(), to: account(), amount } }
    }

    /// Asks the newest server of a region for something.
    fn ask(&mut self, region: RegionId, request: Request<Order>) -> bool {
        let now = self.clock.now();
        let id = RequestId(self.requests + 1);
        let Some(server) = self.last_server(region) else { return false };
        let life = server.life;
        let input = if let Request::Input { player, input } = &request { Some((*player, *input)) } else { None };
        server.open_requests += 1;
        server.region.handle_request(now, id, request);
        self.requests += 1;
        if let Some((player, input)) = input {
            // Its number is the next one of the player's: nobody else gives it any.
            self.watch.once.order(player, input);
        }
        self.settle_server(life);
        true
    }

    /// A connection over which somebody shows a token that is none.
    fn come_as_stranger(&mut self) -> bool {
        let now = self.clock.now();
        let region = self.any_region();
        let nonce = Nonce(self.dice.bytes());
        let Some(life) = self.last_server(region).map(|server| server.life) else { return false };
        let id = self.network.connect(LinkSettings::default(), LinkSettings::default());
        self.strangers.insert(id, life);
        let server = self.server(life).expect("it runs");
        let connection = Connection { address: AddressKey([99; 16]), datagram_bytes_max: 1_200 };
        server.region.handle_connected(now, SessionId(id.0), connection);
        let schema = server.region.schema().id();
        let hello = Message::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            build: "a stranger".to_owned(),
            game: "tickworld-ledger".to_owned(),
            schema,
            revision: Ledger::REVISION,
            content: ContentId::NONE,
            kind: SessionKind::Witness,
            durability: Durability::Disk,
            token: b"let me in".to_vec(),
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce,
            ticket: None,
        });
        server.region.handle_message(now, SessionId(id.0), Channel::Control, &hello.encode());
        self.settle_server(life);
        true
    }
}

/// Requests of an impatient operator.
const FLOOD: usize = tickworld_region::limits::REQUESTS_MAX + 8;

/// The player in whose name operators give orders.
pub(super) const ORDERER: u64 = 1_000;

pub(super) const fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Latency => "fault: latency",
        Fault::Jitter => "fault: jitter",
        Fault::Loss => "fault: loss",
        Fault::Duplication => "fault: duplication",
        Fault::Reordering => "fault: reordering",
        Fault::Bandwidth => "fault: bandwidth",
        Fault::Partition => "fault: partition",
        Fault::Cut => "fault: cut connection",
        Fault::LostWelcome => "fault: lost welcome",
        Fault::ClientCrash => "fault: client crash",
        Fault::Leave => "fault: leave",
        Fault::Silence => "fault: silence",
        Fault::Rival => "fault: rival",
        Fault::PowerCut => "fault: power cut",
        Fault::Kill => "fault: killed server",
        Fault::CutInAppend => "fault: power cut in append",
        Fault::CutInSnapshot => "fault: power cut in snapshot",
        Fault::CutInRecovery => "fault: power cut in recovery",
        Fault::DiskFull => "fault: full disk",
        Fault::SyncFails => "fault: failing syncs",
        Fault::SlowDisk => "fault: slow disk",
        Fault::Takeover => "fault: takeover",
        Fault::Restart => "fault: restart",
        Fault::RulesPanic => "fault: panic of the rules",
        Fault::Restore => "fault: restore",
        Fault::RegionsApart => "fault: regions apart",
        Fault::Operator => "fault: operator",
        Fault::Stranger => "fault: stranger",
    }
}
