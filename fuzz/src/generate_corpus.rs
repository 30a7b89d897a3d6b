//! Seeds that are made rather than found: one small sound instance of every format, and scripts for the rest.
//!
//! Invariant: the same on every run, so that sowing again changes a file only where a format changed.

use std::sync::Arc;

use bytes::Bytes;
use tickworld_contentc::compile;
use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{ClaimRecord, Epoch, JournalHeader, Record, Slot, TickRecord, WallTime, Why, WorldId};
use tickworld_proto::{
    host::Kinds,
    limits::PROTOCOL_VERSION,
    message::{
        self as proto, Durability, Follow, FrameRequest, Hello, Message, Moved, Nonce, PageRequest, RejoinCause,
        SessionKind, Ticket, Way,
    },
    ticket::{TicketClaims, TicketKeys},
};
use tickworld_region::{Mail, MailRefusal, Post, PostBody, Standing};
use tickworld_sim::{
    content::ContentId,
    diff::{WorldView, descent::Requester, descent::answer},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    game::Game as _,
    hash::Hash,
    region::{Border, RegionId},
    rng::Entropy,
    simulation::Simulation,
    snapshot::Manifest,
    trace::{About, Recorder, Start},
};

use crate::{
    decoders::{dice, parcel},
    fix_checksums,
};

/// A seed: the target's name, its own name, its bytes.
pub type Seed = (&'static str, &'static str, Vec<u8>);

/// All of them.
///
/// # Panics
/// If the code under test cannot write its own formats.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let mut all = vec![
        ("trace", "ledger", trace()),
        ("snapshot", "ledger", Ledger::open(70, 9).to_bytes()),
        ("parcel", "harbour", parcel::sample()),
        ("schema", "frame-of-acts", encoded(&acts())),
        ("yaml", "ogre", dice::SOURCE.as_bytes().to_vec()),
        ("yaml", "unknown-field", b"damage_types: {fire: {name: Fire, colour: red}}".to_vec()),
        ("yaml", "tabs-and-anchors", b"a: &x\n\t- *x\n\"b\": !!str 1\n--- \n? {c: [d}\n".to_vec()),
    ];
    all.extend(schemas());
    all.extend(journal());
    all.extend(messages());
    all.extend(tickets());
    all.extend(posts());
    all.extend(descents());
    let pack = compile(&dice::sources(dice::SOURCE.into())).unwrap_or_else(|wrong| panic!("{wrong}"));
    all.push(("pack", "ogre", pack.bytes));
    let scalars = ["2d6+3", "1d12-1", "7", "30 ft", "60/240 ft", "-0.5", "3.00001525", "1e3", "4d6 fire", "\u{1F3B2}"];
    let names = ["dice", "negative", "plain", "feet", "range", "half", "fine", "exponent", "typed", "emoji"];
    all.extend(names.into_iter().zip(scalars).map(|(name, text)| ("dice", name, text.as_bytes().to_vec())));
    for target in ["columns", "histories", "rules", "divergence", "host", "client", "peers"] {
        all.extend(
            [("script-a", 11), ("script-b", 12), ("script-c", 13)].map(|(name, seed)| (target, name, script(seed))),
        );
    }
    all
}

/// Bytes without a meaning of their own: operations are read from them.
fn script(seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..600)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56).to_le_bytes()[0]
        })
        .collect()
}

fn frame(tick: Tick) -> InputFrame<Order> {
    let player = PlayerId(1);
    let sequence = u32::try_from(tick.0).expect("few ticks");
    let transfer = Order::Transfer { from: sequence, to: sequence + 1, amount: 3 };
    let inputs = match tick.0 {
        1 => vec![Input { player, sequence: Sequence(0), act: Act::ENTER }],
        _ => vec![Input { player, sequence: Sequence(sequence), act: Act::Play(transfer) }],
    };
    InputFrame::new(tick, Entropy::from_bytes(u128::from(tick.0).to_le_bytes()), inputs)
}

/// Every act of which other frames here have none.
fn acts() -> InputFrame<Order> {
    let (region, incarnation, lamport) = (RegionId(2), 1, 9);
    let parcel: Arc<[u8]> = parcel::sample().into();
    let own = [
        Act::Incarnation { number: 2, lamport },
        Act::Border { region, state: Border::Full },
        Act::Delivered { region, incarnation, sequence: 3, lamport },
        Act::Accept { region, incarnation },
        Act::Mail { region, incarnation, sequence: 4, lamport, is_held: true, parcel: parcel.clone() },
    ];
    let of_player = [Act::Return { hops: 7, is_held: false, parcel }, Act::Archive, Act::Hold, Act::TimeOut];
    let requests = [
        Request::Kick(PlayerId(1)),
        Request::Bar { player: PlayerId(1), is_barred: true },
        Request::Content(ContentId::NONE),
        Request::Held { player: PlayerId(1), is_taken: false },
        Request::Border { region, is_open: true },
        Request::Accept { region, incarnation },
        Request::Mark(lamport),
        Request::Clear(PlayerId(1)),
    ];
    let at = |player, sequence, act| Input { player, sequence: Sequence(sequence), act };
    let own = own.into_iter().map(|act| at(PlayerId::REGION, 0, act));
    let of_player = of_player.into_iter().map(|act| at(PlayerId(1), 0, act));
    let requests = (1..).zip(requests).map(|(sequence, it)| at(PlayerId::OPERATOR, sequence, Act::Request(it)));
    InputFrame::new(Tick(1), Entropy::PREDICTED, own.chain(of_player).chain(requests).collect())
}

fn encoded(frame: &InputFrame<Order>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

fn step(simulation: &mut Simulation<Ledger>) -> (InputFrame<Order>, tickworld_sim::world::Roots) {
    let frame = frame(simulation.world().tick().next());
    let roots = simulation.step(&frame, &Inline).expect("a frame of the next tick");
    (frame, roots)
}

fn trace() -> Vec<u8> {
    let mut simulation = Ledger::open(70, 9);
    simulation.seal(&Inline);
    let about = About { keyframe_ticks: 3, evidence_ticks: 2, title: "seed".to_owned(), ..About::default() };
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about, &[]).expect("memory takes all");
    recorder.expect(Tick(4), Hash::ZERO).expect("memory takes all");
    for _ in 0..6 {
        let (frame, roots) = step(&mut simulation);
        recorder.record(&frame, &roots, simulation.world()).expect("memory takes all");
    }
    recorder.seal().expect("memory takes all").0
}

fn schemas() -> [Seed; 3] {
    let mut simulation = Ledger::open(70, 9);
    step(&mut simulation);
    let (frame, _) = step(&mut simulation);
    let mut manifest = Vec::new();
    Manifest::of(simulation.world(), simulation.schema_id()).encode(&mut manifest);
    [
        ("schema", "ledger", simulation.schema().encode()),
        ("schema", "frame", encoded(&frame)),
        ("schema", "manifest", manifest),
    ]
}

fn journal() -> [Seed; 4] {
    let mut simulation = Ledger::open(70, 9);
    let start_root = simulation.seal(&Inline).root;
    let header = JournalHeader {
        world: WorldId([7; 16]),
        region: Some(RegionId::FIRST),
        revision: Ledger::REVISION,
        tick_rate: 30,
        root_lag_ticks: 1,
        start: Start { tick: Tick(0), root: start_root, content: ContentId::NONE },
        schema: (**simulation.schema()).clone(),
    };
    let claim = Record::claim(ClaimRecord {
        slot: Slot(1),
        after: header.start_position(),
        wall: WallTime(5),
        incarnation: 1,
        why: Why::TakeOver,
        is_loss: false,
        who: "seed".to_owned(),
    });
    let claim = claim.expect("within the limits");
    let record = Record::new(TickRecord {
        slot: Slot(2),
        epoch: Epoch(1),
        previous_hash: claim.hash(),
        wall: WallTime(6),
        count: 1,
        root: Some(start_root),
        frame: Bytes::from(encoded(&frame(Tick(1)))),
    });
    let record = record.expect("within the limits");
    let bytes_of = |record: &Record| {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes
    };
    let mut header_bytes = Vec::new();
    header.encode(&mut header_bytes);
    [
        ("journal", "header", header_bytes),
        ("journal", "record", bytes_of(&record)),
        ("journal", "claim", bytes_of(&claim)),
        ("journal", "record-of-version-1", old_record()),
    ]
}

/// An empty frame of tick 5 in a record of version 1 (docs/FORMATS.md, "Old journal record").
fn old_record() -> Vec<u8> {
    let mut bytes = [&b"TWRECORD"[..], &[1, 0], &5_u64.to_le_bytes(), &2_u64.to_le_bytes(), &[7; 32]].concat();
    bytes.extend_from_slice(&[&4_u64.to_le_bytes()[..], &[0; 41], &28_u32.to_le_bytes()].concat());
    bytes.extend_from_slice(&[&5_u64.to_le_bytes()[..], &[3; 16], &[0; 4], &[0; 32]].concat());
    fix_checksums::journal_record(&bytes)
}

fn messages() -> Vec<Seed> {
    let simulation = Ledger::open(1, 1);
    let hello = Message::Hello(Hello {
        protocol: PROTOCOL_VERSION,
        build: "seed".to_owned(),
        game: "tickworld-ledger".to_owned(),
        schema: simulation.schema_id(),
        revision: Ledger::REVISION,
        content: ContentId::NONE,
        kind: SessionKind::Lockstep,
        durability: Durability::Disk,
        token: b"token".to_vec(),
        world: Some(proto::WorldId([7; 16])),
        region: RegionId::FIRST,
        hops: 2,
        nonce: Nonce([3; 16]),
        ticket: Some(ticket()),
    });
    let request = Message::FrameRequest(FrameRequest { first: Tick(4), count: 9 });
    let pages = Message::PageRequest(PageRequest { tick: Tick(4), pages: vec![0, 2, 5] });
    let follow = Message::Follow(Follow { first: Tick(5), root: simulation.schema_id().0.short() });
    let moved = Message::Moved(Moved {
        region: RegionId(2),
        hops: 3,
        way: Way {
            address: "b.example:4433".to_owned(),
            transports: vec!["quic".to_owned()],
            certificate_hashes: vec![simulation.schema_id().0],
        },
    });
    let named = [
        ("hello", hello),
        ("frame-request", request),
        ("page-request", pages),
        ("join", Message::Join),
        ("follow", follow),
        ("ticket", Message::Ticket(ticket())),
        ("moved", moved),
        ("rejoin", Message::Rejoin(RejoinCause::Forked)),
    ];
    named.into_iter().map(|(name, message)| ("wire", name, [&[0], &message.encode()[..]].concat())).collect()
}

/// One that the fuzz target's keys made.
fn ticket() -> Ticket {
    let claims = TicketClaims {
        player: Some(PlayerId(7)),
        kinds: Kinds::ALL,
        generation: 3,
        expires_seconds: 1_800_000_900,
        until_seconds: Some(1_800_005_000),
    };
    Ticket::seal(proto::WorldId([7; 16]), &TicketKeys::first([1; 32]), &claims)
}

fn tickets() -> [Seed; 3] {
    let keys = TicketKeys::first([1; 32]);
    let rotated = keys.rotated([2; 32], 1_800_000_000);
    let ticket = [&[0], &ticket().0[..]].concat();
    [
        ("ticket", "good", ticket),
        ("ticket", "keys", keys.encode().to_vec()),
        ("ticket", "rotated", rotated.encode().to_vec()),
    ]
}

fn posts() -> [Seed; 2] {
    let parcel = parcel::sample().into();
    let standing = Standing {
        incarnation: 1,
        lamport: 9,
        schema: Ledger::open(8, 100).schema_id(),
        revision: Ledger::REVISION,
        knows: 1,
        has: 3,
        last_in: 4,
        last_out: 5,
        delivered: 2,
        last_in_at_claim: 0,
        last_out_at_claim: 0,
        refusal: Some(MailRefusal::Full),
    };
    let bodies = [
        ("standing", PostBody::Standing(standing)),
        ("mail", PostBody::Mail(Mail { incarnation: 1, sequence: 5, lamport: 9, parcel })),
    ];
    bodies.map(|(name, body)| {
        let mut bytes = Vec::new();
        Post { world: WorldId([7; 16]), from: RegionId(1), to: RegionId(2), body }.encode(&mut bytes);
        ("post", name, bytes)
    })
}

fn descents() -> [Seed; 2] {
    let (own, mut other) = (Ledger::open(300, 1_000), Ledger::open(300, 1_000));
    step(&mut other);
    let view = WorldView::new(own.world(), own.schema());
    let mut requester = Requester::new(&view, 4);
    let request = requester.poll_request().expect("it begins with a question");
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    request.encode(&mut asked);
    answer(&WorldView::new(other.world(), other.schema()), &request).encode(&mut answered);
    [("descent", "question", asked), ("descent", "answer", answered)]
}
