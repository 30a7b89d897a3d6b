//! Peers that lie, flood, stall and replay: each is sent away with the reason's name, and those beside it notice nothing.
//!
//! Hostile peers come from addresses of their own on the loopback (127.0.0.2 and on), so that budgets tell them apart.

use std::{net::UdpSocket, time::SystemTime};

use bytes::Bytes;
use tickworld_ledger::Ledger;
use tickworld_net::{
    client_connection::{ClientConnection, ClientConnectionEvent},
    endpoint::{Endpoint, EndpointSettings},
    tls::trust::Trust,
};
use tickworld_proto::{
    channel::{Channel, Transmit},
    instant::Instant,
    limits::{FRAMES_PER_REQUEST_MAX, PROTOCOL_VERSION},
    message::{Durability, FrameRequest, Goodbye, Hello, InputMessage, Inputs, Message, Reason, SessionKind, Ticket},
};
use tickworld_server::admission::{Claims, DevelopmentIssuer, KindName};
use tickworld_sim::{
    content::ContentId,
    frame::{Sequence, Tick},
    game::Game as _,
    hash::Hash,
    region::RegionId,
    schema::SchemaId,
    world::schema,
};
use tickworld_testkit::dice::Dice;
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    harness::{Audit, LONG, Launch, LoadClients, NetworkFaults, Process, Ready, Relay, load_plan, meter, nonce, token},
    launch,
};

/// A server, good players on it, and hostile peers to come.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Process,
    pub(crate) ready: Ready,
    relay: Relay,
    load_clients: LoadClients,
    runtime: Runtime,
}

/// How a hostile session ended.
#[derive(Debug)]
pub(crate) enum End {
    Goodbye(Goodbye),
    /// Closed by the shell, which tells why.
    Closed(String),
}

impl Site {
    fn new() -> Self {
        Self::of(|launch| launch)
    }

    /// A server that is started in some other way.
    pub(crate) fn of(change: impl FnOnce(Launch) -> Launch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let launch = change(launch(folder.path()));
        let (server, ready) = launch.start_ready();
        let relay = Relay::new(NetworkFaults::default(), 1);
        relay.listen_in();
        relay.lead_to(Some(ready.address));
        let mut plan = load_plan(&launch, ready, 1..=3);
        plan.address = relay.address;
        let load_clients = LoadClients::begin(&plan);
        load_clients.await_answers(20);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { folder, server, ready, relay, load_clients, runtime }
    }

    /// Hostile peers' door, with the loopback address that ends in `host`.
    pub(crate) fn endpoint(&self, host: u8) -> Endpoint {
        let mut settings = EndpointSettings::new(Trust::Pinned(self.ready.fingerprint));
        settings.local = Some(([127, 0, 0, host], 0).into());
        Endpoint::bind(self.runtime.handle(), settings).unwrap()
    }

    pub(crate) fn dial(&self, endpoint: &Endpoint) -> ClientConnection {
        let dialed =
            self.runtime.block_on(async { timeout(LONG, endpoint.dial(self.ready.address, "localhost")).await });
        dialed.unwrap().unwrap()
    }

    /// A session that is let in as a good one would be.
    fn open(&self, endpoint: &Endpoint, player: u64, kind: SessionKind) -> ClientConnection {
        let connection = self.dial(endpoint);
        connection.send(control(&self.hello(player, kind)));
        loop {
            match self.next(&connection) {
                Some((_, Message::Welcome(_))) => return connection,
                Some(_) => {}
                None => panic!("player {player} is not let in"),
            }
        }
    }

    pub(crate) fn hello(&self, player: u64, kind: SessionKind) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            build: "hostile".to_owned(),
            game: Ledger::NAME.to_owned(),
            schema: schema::<Ledger>().id(),
            revision: Ledger::REVISION,
            content: ContentId::NONE,
            kind,
            durability: Durability::Disk,
            token: token(self.folder.path(), player).into_bytes(),
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce: nonce(),
            ticket: None,
        }
    }

    /// The next message; none where the connection ends instead.
    pub(crate) fn next(&self, connection: &ClientConnection) -> Option<(Channel, Message)> {
        self.runtime.block_on(async {
            loop {
                match timeout(LONG, connection.next()).await.expect("nothing comes") {
                    Some(ClientConnectionEvent::Message { channel, bytes }) => {
                        return Some((channel, Message::decode(channel, &bytes).unwrap()));
                    }
                    Some(ClientConnectionEvent::DatagramSize { .. }) => {}
                    Some(ClientConnectionEvent::Disconnected { .. }) | None => return None,
                }
            }
        })
    }

    /// How the session ends, whatever comes before.
    pub(crate) fn end_of(&self, connection: &ClientConnection) -> End {
        self.runtime.block_on(async {
            loop {
                match timeout(LONG, connection.next()).await.expect("the session does not end") {
                    Some(ClientConnectionEvent::Message { channel, bytes }) => {
                        if let Message::Goodbye(goodbye) = Message::decode(channel, &bytes).unwrap() {
                            return End::Goodbye(goodbye);
                        }
                    }
                    Some(ClientConnectionEvent::DatagramSize { .. }) => {}
                    Some(ClientConnectionEvent::Disconnected { why }) => return End::Closed(why.to_string()),
                    None => panic!("a connection says why it ended"),
                }
            }
        })
    }

    /// The session must end for this reason, said in such words.
    pub(crate) fn expect(&self, connection: &ClientConnection, reason: Reason, words: &str) {
        match self.end_of(connection) {
            End::Goodbye(goodbye) if goodbye.reason == reason && goodbye.detail.contains(words) => {}
            other => panic!("expected {reason:?} ({words}), not {other:?}"),
        }
    }

    /// A `Hello` that must be refused.
    pub(crate) fn refuse(&self, endpoint: &Endpoint, hello: Hello, reason: Reason, words: &str) {
        let connection = self.dial(endpoint);
        connection.send(control(&hello));
        self.expect(&connection, reason, words);
    }

    /// Those who play by the rules are answered meanwhile.
    pub(crate) fn others_go_on(&self) {
        self.load_clients.await_answers(20);
    }

    /// At the end: nobody else noticed anything, and the server is in its right mind.
    pub(crate) fn finish(self) {
        self.others_go_on();
        let memory = self.server.memory_kib();
        assert!(memory < 400 * 1_024, "the server took {memory} KiB");
        let answer_log = self.load_clients.settle();
        assert!(answer_log.outages.is_empty(), "others had outages: {:?}", answer_log.outages);
        let mut audit = Audit::default();
        audit.read_to_the_end(self.server, &launch(self.folder.path()));
        // Hostile players' inputs stand in nobody's answer log.
        let findings: Vec<_> = audit
            .check_settled(&answer_log)
            .into_iter()
            .filter(|finding| !finding.contains("submitted was None"))
            .collect();
        assert_eq!(findings, [""; 0]);
    }
}

/// A message on the control stream.
pub(crate) fn control(message: &(impl Clone + Into<Whole>)) -> Transmit {
    let Whole(message) = message.clone().into();
    Transmit { channel: Channel::Control, bytes: message.encode() }
}

pub(crate) struct Whole(Message);

impl From<Hello> for Whole {
    fn from(hello: Hello) -> Self {
        Self(Message::Hello(hello))
    }
}

impl From<Message> for Whole {
    fn from(message: Message) -> Self {
        Self(message)
    }
}

#[test]
fn tokens_that_do_not_admit_are_refused_by_name() {
    let site = Site::new();
    let endpoint = site.endpoint(2);
    let issuer = DevelopmentIssuer::open(site.folder.path()).unwrap();
    let stranger = tempfile::tempdir().unwrap();
    let stranger = DevelopmentIssuer::open(stranger.path()).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let fresh = || Claims::fresh(Some(50), "tickworld", &[KindName::Command], now, 600).unwrap();
    let used = issuer.sign(&fresh());
    let refused = [
        (String::new(), "no readable token"),
        ("no token at all".to_owned(), "no readable token"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "not signed with EdDSA"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned(), "not signed with EdDSA"),
        (stranger.sign(&fresh()), "not signed by anybody known"),
        (issuer.sign(&Claims { exp: now - 100, ..fresh() }), "has expired"),
        (issuer.sign(&Claims { nbf: Some(now + 500), ..fresh() }), "not valid yet"),
        (issuer.sign(&Claims { exp: now + 100_000, ..fresh() }), "expires in more than"),
        (issuer.sign(&Claims { aud: "elsewhere".to_owned(), ..fresh() }), "another audience"),
        (issuer.sign(&Claims { kinds: vec![KindName::Witness], ..fresh() }), "does not allow this kind"),
        (issuer.sign(&Claims { sub: None, ..fresh() }), "claims"),
        (issuer.sign(&Claims { sub: Some("0".to_owned()), ..fresh() }), "claims"),
    ];
    for (token, words) in refused {
        let hello = Hello { token: token.into_bytes(), ..site.hello(50, SessionKind::Command) };
        site.refuse(&endpoint, hello, Reason::Unauthorized, words);
    }
    // Another program each time.
    let hello = || Hello { token: used.clone().into_bytes(), ..site.hello(50, SessionKind::Command) };
    let connection = site.dial(&endpoint);
    connection.send(control(&hello()));
    assert!(matches!(site.next(&connection), Some((_, Message::Welcome(_)))));
    site.refuse(&endpoint, hello(), Reason::Unauthorized, "used before");
    let guess = Hello { token: vec![], ticket: Some(Ticket([1; 39])), ..site.hello(50, SessionKind::Command) };
    site.refuse(&endpoint, guess, Reason::Unauthorized, "not one of this world's");
    site.finish();
}

#[test]
fn builds_that_do_not_fit_are_refused_by_name() {
    let site = Site::new();
    let endpoint = site.endpoint(2);
    let hello = || site.hello(60, SessionKind::Lockstep);
    let (protocol, incompatible) = (Reason::Protocol, Reason::Incompatible);
    let cases = [
        (Hello { protocol: 99, ..hello() }, protocol, "protocol version 99"),
        (Hello { game: "chess".to_owned(), ..hello() }, incompatible, "game `chess`"),
        (Hello { schema: SchemaId(Hash([1; 32])), ..hello() }, incompatible, "schema"),
        (Hello { revision: 99, ..hello() }, incompatible, "rules revision 99"),
        (Hello { content: ContentId(Hash([1; 32])), ..hello() }, incompatible, "get that pack first"),
        (Hello { durability: Durability::Quorum, ..hello() }, Reason::Durability, "this host promises Disk"),
    ];
    for (hello, reason, words) in cases {
        site.refuse(&endpoint, hello, reason, words);
    }
    site.finish();
}

#[test]
fn messages_out_of_place_end_the_session() {
    let site = Site::new();
    let endpoint = site.endpoint(2);
    let inputs = |base: u32, sequence: u32| {
        let body = Bytes::from_static(&[1]);
        let input = InputMessage { sequence: Sequence(sequence), not_before: Tick(0), not_after: Tick(u64::MAX), body };
        Message::Inputs(Inputs { base: Sequence(base), inputs: vec![input] })
    };
    // Before the welcome.
    for early in [Message::Join, inputs(1, 1), Message::Ping(Instant(0))] {
        let connection = site.dial(&endpoint);
        connection.send(control(&early));
        site.expect(&connection, Reason::Violation, "before the welcome");
    }
    // After it, what the kind of session does not have.
    let cases = [
        (SessionKind::Command, Message::Join, "`join`"),
        (SessionKind::Witness, inputs(1, 1), "`inputs`"),
        (SessionKind::Command, inputs(1, 5_000), "beyond what may be in flight"),
        (SessionKind::Command, inputs(4_000_000_000, 4_000_000_000), "beyond what may be in flight"),
        (SessionKind::Command, Message::Hello(site.hello(70, SessionKind::Command)), "`hello`"),
        (SessionKind::Lockstep, Message::DescentResponse(Bytes::from_static(b"?")), "`descent response`"),
    ];
    for (player, (kind, message, words)) in (71..).zip(cases) {
        let connection = site.open(&endpoint, player, kind);
        connection.send(control(&message));
        site.expect(&connection, Reason::Violation, words);
    }
    site.finish();
}

#[test]
fn bytes_that_are_no_message_end_the_session() {
    let site = Site::new();
    let seed = 3;
    println!("seed {seed}");
    let mut dice = Dice::new(seed, "mutations", 0);
    let mut violations = 0;
    for player in 100..140_u64 {
        // Each session of its own endpoint's address: 20 of one address at most.
        let endpoint = site.endpoint(2 + (player % 20) as u8);
        let connection = site.open(&endpoint, player, SessionKind::Lockstep);
        let good = [
            Message::Hello(site.hello(player, SessionKind::Lockstep)).encode(),
            Message::Join.encode(),
            Message::FrameRequest(FrameRequest { first: Tick(1), count: 3 }).encode(),
            Message::Inputs(Inputs { base: Sequence(1), inputs: vec![] }).encode(),
            Message::DescentRequest(Bytes::from(dice.bytes::<64>().to_vec())).encode(),
        ];
        for _ in 0..20 {
            let mut bytes = dice.pick(&good).to_vec();
            for _ in 0..dice.between(1, 4) {
                let at = dice.below(bytes.len() as u64) as usize;
                bytes[at] = dice.bytes::<1>()[0];
            }
            bytes.truncate(dice.between(0, bytes.len() as u64) as usize);
            connection.send(Transmit { channel: Channel::Control, bytes: bytes.into() });
        }
        // And for certain.
        connection.send(Transmit { channel: Channel::Control, bytes: Bytes::from_static(b"GET / HTTP/1.1") });
        match site.end_of(&connection) {
            End::Goodbye(goodbye) if matches!(goodbye.reason, Reason::Violation | Reason::Protocol) => violations += 1,
            other => panic!("seed {seed}, player {player}: {other:?}"),
        }
    }
    assert_eq!(violations, 40);
    assert!(meter(site.ready.http, "tickworld_violations_total") > 0);
    site.finish();
}

#[test]
fn floods_end_when_the_budget_does() {
    let site = Site::new();
    // Messages: more than a second's worth and all patience.
    let pings = site.open(&site.endpoint(2), 200, SessionKind::Command);
    for number in 0..2_500 {
        pings.send(control(&Message::Ping(Instant(number))));
    }
    site.expect(&pings, Reason::Budget, "too many messages or bytes");
    site.others_go_on();
    // Bytes: the longest messages that the stream takes, each no descent.
    let long = site.open(&site.endpoint(3), 201, SessionKind::Lockstep);
    let descent = Message::DescentRequest(Bytes::from(vec![0xaa; 60_000])).encode();
    for _ in 0..16 {
        long.send(Transmit { channel: Channel::Control, bytes: descent.clone() });
    }
    let end = site.end_of(&long);
    assert!(matches!(&end, End::Goodbye(it) if [Reason::Budget, Reason::Violation].contains(&it.reason)), "{end:?}");
    site.others_go_on();
    // Sessions of one address: 64, and no more.
    let endpoint = site.endpoint(4);
    let held: Vec<ClientConnection> =
        (300..364).map(|player| site.open(&endpoint, player, SessionKind::Witness)).collect();
    site.refuse(&endpoint, site.hello(364, SessionKind::Witness), Reason::Budget, "too many sessions");
    site.others_go_on();
    drop(held);
    site.finish();
}

#[test]
fn a_peer_that_asks_and_does_not_read_is_ended() {
    let site = Site::new();
    let connection = site.open(&site.endpoint(2), 400, SessionKind::Lockstep);
    let again = Message::FrameRequest(FrameRequest { first: Tick(1), count: FRAMES_PER_REQUEST_MAX });
    for _ in 0..3_000 {
        connection.send(control(&again));
    }
    site.others_go_on();
    // Only now it reads.
    match site.end_of(&connection) {
        End::Goodbye(goodbye) => assert!([Reason::Budget, Reason::TooSlow].contains(&goodbye.reason), "{goodbye:?}"),
        // A close is sent once; where that packet is lost in the flood, a reset tells that the session is over.
        End::Closed(why) => assert!(why.contains("slow") || why.contains("reset"), "{why}"),
    }
    site.finish();
}

/// Whoever copies a good player's packets and sends them again, from the first one on, gets nothing for it.
#[test]
fn packets_that_are_sent_again_by_somebody_else_open_nothing() {
    let site = Site::new();
    site.others_go_on();
    let heard = site.relay.heard();
    assert!(heard.len() > 20);
    let sessions = || {
        ["lockstep", "witness", "command"]
            .map(|kind| meter(site.ready.http, &format!("tickworld_sessions{{kind=\"{kind}\"}}")))
    };
    let (before, inputs) = (sessions(), site.load_clients.answer_log().submitted.len());
    let thief = UdpSocket::bind("127.0.0.9:0").unwrap();
    for _ in 0..2 {
        for packet in &heard {
            thief.send_to(packet, site.ready.address).unwrap();
        }
        site.others_go_on();
    }
    assert_eq!(sessions(), before);
    assert!(site.load_clients.answer_log().submitted.len() > inputs);
    site.finish();
}
