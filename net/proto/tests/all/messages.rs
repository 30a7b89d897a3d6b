//! Any message within the limits, for laws over all of them.

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use tickworld_proto::{
    instant::{Instant, Micros},
    limits,
    message::{
        DesyncReport, Durability, Fate, Follow, Frame, FrameRequest, Goodbye, Head, Hello, InputMessage, InputOutcome,
        Inputs, ManifestOffer, Message, Moved, Nonce, Notice, Outcomes, Page, PageRequest, Pong, Reason, Refusal,
        RejoinCause, RootReport, SessionKind, Ticket, Way, Welcome, WorldId,
    },
};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Sequence, Tick},
    hash::{Hash, ShortHash},
    region::RegionId,
    schema::SchemaId,
    session::OutcomeCode,
};

pub(crate) const REASONS: [Reason; 17] = [
    Reason::Leave,
    Reason::Shutdown,
    Reason::Replaced,
    Reason::Protocol,
    Reason::Incompatible,
    Reason::Unauthorized,
    Reason::Full,
    Reason::Budget,
    Reason::Violation,
    Reason::TooSlow,
    Reason::TimedOut,
    Reason::Durability,
    Reason::Operator,
    Reason::Held,
    Reason::Moved,
    Reason::Storage,
    Reason::Elsewhere,
];

const REFUSALS: [Refusal; 7] = [
    Refusal::Expired,
    Refusal::QueueFull,
    Refusal::TooFarAhead,
    Refusal::Malformed,
    Refusal::Left,
    Refusal::Forgotten,
    Refusal::Void,
];

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,120}".prop_filter("within the cap", |text| text.len() <= usize::from(limits::TEXT_BYTES_MAX))
}

fn blob(bytes_max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=bytes_max).prop_map(Bytes::from)
}

fn durability() -> impl Strategy<Value = Durability> {
    prop::sample::select(vec![Durability::Memory, Durability::Disk, Durability::Quorum])
}

fn report() -> impl Strategy<Value = RootReport> {
    (any::<u64>(), any::<[u8; 8]>()).prop_map(|(tick, root)| RootReport { tick: Tick(tick), root: ShortHash(root) })
}

fn hello() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(vec![SessionKind::Lockstep, SessionKind::Witness, SessionKind::Command]);
    let ids = (hash(), hash(), any::<u32>());
    let token = vec(any::<u8>(), 0..=usize::from(limits::TOKEN_BYTES_MAX));
    let place = (option::of(any::<[u8; 16]>()), any::<u32>(), any::<u64>(), any::<[u8; 16]>(), option::of(ticket()));
    let fields = (ids, text(), text(), kind, durability(), token, place);
    fields.prop_map(|((schema, content, revision), build, game, kind, durability, token, place)| {
        let (world, region, hops, nonce, ticket) = place;
        Message::Hello(Hello {
            protocol: limits::PROTOCOL_VERSION,
            build,
            game,
            schema: SchemaId(schema),
            revision,
            content: ContentId(content),
            kind,
            durability,
            token,
            world: world.map(WorldId),
            region: RegionId(region),
            hops,
            nonce: Nonce(nonce),
            ticket,
        })
    })
}

fn welcome() -> impl Strategy<Value = Message> {
    let numbers = (option::of(any::<u64>()), any::<u32>(), any::<u16>(), any::<u64>(), any::<[u32; 4]>());
    (numbers, hash(), hash(), durability(), any::<[u32; 2]>(), ticket()).prop_map(
        |(numbers, schema, content, durability, [region, incarnation], ticket)| {
            let (player, next, rate, tick, [revision, delay, in_flight, history]) = numbers;
            Message::Welcome(Welcome {
                player: player.map(PlayerId),
                next_sequence: Sequence(next),
                tick_rate: rate,
                tick: Tick(tick),
                schema: SchemaId(schema),
                revision,
                content: ContentId(content),
                input_delay_ticks: delay,
                durability,
                region: RegionId(region),
                incarnation,
                ticket,
                inputs_in_flight_max: in_flight,
                history_ticks: history,
            })
        },
    )
}

fn inputs() -> impl Strategy<Value = Message> {
    let window = prop_oneof![Just((0, u64::MAX)), any::<(u64, u64)>()];
    let input = (1..1000_u32, window, blob(usize::from(limits::INPUT_BYTES_MAX)));
    let count_max = limits::INPUTS_IN_FLIGHT_MAX as usize;
    (1..1_000_000_u32, 0..3_u32, vec(input, 0..=count_max)).prop_map(|(first, gap, inputs)| {
        let mut sequence = first;
        let inputs = inputs.into_iter().map(|(skip, (not_before, not_after), body)| {
            sequence += skip;
            let (not_before, not_after) = (Tick(not_before), Tick(not_after));
            InputMessage { sequence: Sequence(sequence), not_before, not_after, body }
        });
        Message::Inputs(Inputs { base: Sequence(first.saturating_sub(gap)), inputs: inputs.collect() })
    })
}

fn outcomes() -> impl Strategy<Value = Message> {
    let applied = (0..4_u64, any::<u16>(), any::<i64>()).prop_map(|(tick, code, value)| Fate::Applied {
        tick: Tick(tick),
        code: OutcomeCode(code),
        value,
    });
    let refused = prop::sample::select(REFUSALS.to_vec()).prop_map(Fate::Refused);
    let entry = (1..50_u32, prop_oneof![applied, refused]);
    (durability(), vec(entry, 0..=usize::from(limits::OUTCOMES_MAX))).prop_map(|(durability, entries)| {
        let mut sequence = 0;
        let outcomes = entries.into_iter().map(|(skip, fate)| {
            sequence += skip;
            InputOutcome { sequence: Sequence(sequence), fate }
        });
        Message::Outcomes(Outcomes { durability, outcomes: outcomes.collect() })
    })
}

fn pages() -> impl Strategy<Value = Message> {
    let page = (1..9_u32, 0..500_u32, blob(600));
    vec(page, 0..=usize::from(limits::PAGES_PER_REQUEST_MAX)).prop_map(|entries| {
        let mut index = 0;
        let pages = entries.into_iter().map(|(skip, saved, bytes)| {
            index += skip;
            Page { index, raw_bytes: u32::try_from(bytes.len()).expect("short") + saved, bytes }
        });
        Message::Pages(pages.collect())
    })
}

fn numbers() -> impl Strategy<Value = Message> {
    let ticks = vec(any::<u32>(), 0..=usize::from(limits::PAGES_PER_REQUEST_MAX));
    prop_oneof![
        Just(Message::Join),
        (any::<u64>(), ticks).prop_map(|(tick, mut pages)| {
            pages.sort_unstable();
            pages.dedup();
            Message::PageRequest(PageRequest { tick: Tick(tick), pages })
        }),
        (any::<u64>(), any::<[u8; 8]>())
            .prop_map(|(first, root)| Message::Follow(Follow { first: Tick(first), root: ShortHash(root) })),
        prop::sample::select(vec![RejoinCause::Behind, RejoinCause::Ahead, RejoinCause::Forked])
            .prop_map(Message::Rejoin),
        ticket().prop_map(Message::Ticket),
        (any::<u64>(), 0..=limits::FRAMES_PER_REQUEST_MAX)
            .prop_map(|(first, count)| Message::FrameRequest(FrameRequest { first: Tick(first), count })),
        report().prop_map(Message::Root),
        any::<u64>().prop_map(|sent| Message::Ping(Instant(sent))),
        any::<[u64; 4]>().prop_map(|[sent, host, tick, closes]| {
            Message::Pong(Pong {
                sent: Instant(sent),
                host: Instant(host),
                open_tick: Tick(tick),
                closes_in: Micros(closes),
            })
        }),
    ]
}

fn ticket() -> impl Strategy<Value = Ticket> {
    vec(any::<u8>(), 39).prop_map(|bytes| Ticket(bytes.try_into().expect("39 of them")))
}

fn moved() -> impl Strategy<Value = Message> {
    let ways = usize::from(limits::MOVED_WAYS_MAX);
    let fields = (any::<u32>(), any::<u64>(), text(), vec(text(), 0..=ways), vec(hash(), 0..=ways));
    fields.prop_map(|(region, hops, address, transports, certificate_hashes)| {
        let way = Way { address, transports, certificate_hashes };
        Message::Moved(Moved { region: RegionId(region), hops, way })
    })
}

fn texts() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<u64>(), text())
            .prop_map(|(tick, finding)| Message::DesyncReport(DesyncReport { tick: Tick(tick), finding })),
        text().prop_map(|reason| Message::Notice(Notice::StorageFailed { reason })),
        Just(Message::Notice(Notice::StorageRecovered)),
        moved(),
        (prop::sample::select(REASONS.to_vec()), text())
            .prop_map(|(reason, detail)| Message::Goodbye(Goodbye { reason, detail })),
    ]
}

fn blobs() -> impl Strategy<Value = Message> {
    prop_oneof![
        blob(3000).prop_map(Message::DescentRequest),
        blob(3000).prop_map(Message::DescentResponse),
        (any::<u64>(), 0..=limits::BULK_BYTES_MAX, blob(3000)).prop_map(|(tick, raw_bytes, bytes)| {
            Message::Manifest(ManifestOffer { tick: Tick(tick), raw_bytes, bytes })
        }),
        (durability(), any::<u16>(), option::of(report()), blob(3000)).prop_map(
            |(durability, pace_percent, proof, frame)| {
                Message::Frame(Frame { durability, pace_percent, proof, frame })
            }
        ),
        (any::<[u64; 2]>(), hash(), any::<u32>(), durability(), any::<u16>()).prop_map(
            |([tick, root_tick], root, inputs, durability, pace_percent)| {
                let (tick, root_tick) = (Tick(tick), Tick(root_tick));
                Message::Head(Head { tick, root_tick, root, inputs, durability, pace_percent })
            }
        ),
    ]
}

/// Any message within the limits.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![hello(), welcome(), inputs(), outcomes(), pages(), numbers(), texts(), blobs()]
}
