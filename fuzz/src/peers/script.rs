//! Messages from arbitrary bytes: well-formed ones whose numbers make no sense, and raw ones.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use tickworld_ledger::Order;
use tickworld_proto::{
    channel::Channel,
    instant::{Instant, Micros},
    message::{
        DesyncReport, Durability, Fate, Follow, Frame, FrameRequest, Goodbye, Head, InputMessage, InputOutcome, Inputs,
        ManifestOffer, Message, Moved, Notice, Outcomes, Page, PageRequest, Pong, Reason, Refusal, RejoinCause,
        RootReport, Ticket, Way,
    },
    ticket::TICKET_BYTES,
};
use tickworld_sim::{
    component::Component as _,
    frame::{InputFrame, Sequence, Tick},
    hash::{Hash, ShortHash},
    region::RegionId,
    rng::Entropy,
    session::OutcomeCode,
};

/// A channel.
///
/// # Errors
/// When the bytes are at their end; so everywhere here.
pub fn channel(u: &mut Unstructured<'_>) -> Result<Channel> {
    Ok(*u.choose(&[Channel::Control, Channel::Datagram, Channel::Bulk])?)
}

/// A tick: mostly near `around`, sometimes anywhere.
pub fn tick(u: &mut Unstructured<'_>, around: Tick) -> Result<Tick> {
    Ok(match u.int_in_range(0..=7_u8)? {
        0 => Tick(u.arbitrary()?),
        1 => Tick(u64::MAX),
        _ => Tick(around.0.saturating_add(u.int_in_range(0..=12)?).saturating_sub(6)),
    })
}

fn sequence(u: &mut Unstructured<'_>) -> Result<Sequence> {
    Ok(Sequence(if u.ratio(1, 8)? { u.arbitrary()? } else { u.int_in_range(0..=40)? }))
}

fn blob(u: &mut Unstructured<'_>, most: usize) -> Result<Bytes> {
    let length = u.int_in_range(0..=most)?.min(u.len());
    Ok(Bytes::copy_from_slice(u.bytes(length)?))
}

fn root(u: &mut Unstructured<'_>, around: Tick) -> Result<RootReport> {
    Ok(RootReport { tick: tick(u, around)?, root: ShortHash(u.arbitrary()?) })
}

/// The order that these numbers give: mostly a transfer.
#[must_use]
pub const fn order(from: u32, to: u32, amount: u32) -> Order {
    match amount % 8 {
        5 => Order::Take { account: from, amount },
        6 => Order::Put { account: to, amount },
        7 => Order::Travel { region: to },
        _ => Order::Transfer { from, to, amount },
    }
}

/// An order's canonical bytes without the zeros at their end.
#[must_use]
pub fn body(order: &Order) -> Bytes {
    let mut bytes = vec![0; Order::SIZE];
    order.encode(&mut bytes);
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(length);
    Bytes::from(bytes)
}

/// Something that a client might send, with whatever numbers.
///
/// # Errors
/// When the bytes are at their end.
pub fn from_client(u: &mut Unstructured<'_>, around: Tick) -> Result<Message> {
    Ok(match u.int_in_range(0..=9_u8)? {
        0 | 1 => inputs(u, around)?,
        2 => Message::Root(root(u, around)?),
        3 => Message::Join,
        4 => {
            let mut pages = (0..u.int_in_range(0..=8_u8)?).map(|_| u.arbitrary()).collect::<Result<Vec<u32>>>()?;
            pages.sort_unstable();
            pages.dedup();
            Message::PageRequest(PageRequest { tick: tick(u, around)?, pages })
        }
        5 => Message::FrameRequest(FrameRequest { first: tick(u, around)?, count: u.int_in_range(0..=256)? }),
        6 => Message::Follow(Follow { first: tick(u, around)?, root: ShortHash(u.arbitrary()?) }),
        7 => Message::DescentRequest(blob(u, 600)?),
        8 => Message::Ping(Instant(u.arbitrary()?)),
        _ => Message::DesyncReport(DesyncReport { tick: tick(u, around)?, finding: "nothing".to_owned() }),
    })
}

fn inputs(u: &mut Unstructured<'_>, around: Tick) -> Result<Message> {
    let mut list = Vec::new();
    for _ in 0..u.int_in_range(0..=8_u8)? {
        let order = order(u.int_in_range(0..=90)?, u.int_in_range(0..=90)?, u.arbitrary()?);
        let body = if u.ratio(1, 6)? { blob(u, 20)? } else { body(&order) };
        let (not_before, not_after) = (tick(u, around)?, tick(u, around)?);
        list.push(InputMessage { sequence: sequence(u)?, not_before, not_after, body });
    }
    list.sort_by_key(|input| input.sequence);
    list.dedup_by_key(|input| input.sequence);
    let least = list.first().map_or(Sequence(0), |input| input.sequence);
    let base = Sequence(if u.ratio(1, 4)? { sequence(u)?.0.min(least.0) } else { least.0 });
    Ok(Message::Inputs(Inputs { base, inputs: list }))
}

/// Something that a host might send, with whatever numbers. `known` is bytes of a real manifest and real pages.
///
/// # Errors
/// When the bytes are at their end.
pub fn from_host(u: &mut Unstructured<'_>, around: Tick, known: &[Bytes]) -> Result<Message> {
    let durability = *u.choose(&[Durability::Memory, Durability::Disk, Durability::Quorum])?;
    let pace_percent = u.int_in_range(100..=1_000)?;
    Ok(match u.int_in_range(0..=12_u8)? {
        0 | 1 => {
            let proof = if u.ratio(1, 2)? { Some(root(u, around)?) } else { None };
            Message::Frame(Frame { durability, pace_percent, proof, frame: frame(u, around)? })
        }
        2 => Message::Head(Head {
            tick: tick(u, around)?,
            root_tick: tick(u, around)?,
            root: Hash(u.arbitrary()?),
            inputs: u.arbitrary()?,
            durability,
            pace_percent,
        }),
        3 => Message::Outcomes(Outcomes { durability, outcomes: outcomes(u, around)? }),
        4 => {
            let bytes = known_or_blob(u, known)?;
            let longer = if u.ratio(1, 2)? { u.int_in_range(0..=30_000_000)? } else { u.int_in_range(0..=4_096)? };
            let raw_bytes = length(&bytes) + longer;
            Message::Manifest(ManifestOffer { tick: tick(u, around)?, raw_bytes, bytes })
        }
        5 | 6 => {
            let mut pages = Vec::new();
            for index in 0..u.int_in_range(0..=4_u32)? {
                let bytes = known_or_blob(u, known)?;
                let longer = if u.ratio(1, 2)? { 0 } else { u.int_in_range(0..=12_000)? };
                let raw_bytes = length(&bytes) + longer;
                pages.push(Page { index: index * u.int_in_range(1..=3)?, raw_bytes, bytes });
            }
            pages.sort_by_key(|page| page.index);
            pages.dedup_by_key(|page| page.index);
            Message::Pages(pages)
        }
        7 => Message::DescentResponse(blob(u, 600)?),
        8 => Message::Pong(Pong {
            sent: Instant(u.arbitrary()?),
            host: Instant(u.arbitrary()?),
            open_tick: tick(u, around)?,
            closes_in: Micros(u.arbitrary()?),
        }),
        10 => Message::Rejoin(*u.choose(&[RejoinCause::Behind, RejoinCause::Ahead, RejoinCause::Forked])?),
        11 => {
            let mut bytes = [0; TICKET_BYTES];
            u.fill_buffer(&mut bytes)?;
            Message::Ticket(Ticket(bytes))
        }
        12 => Message::Moved(Moved {
            region: RegionId(u.arbitrary()?),
            hops: u.arbitrary()?,
            way: Way {
                address: "fuzz:1".to_owned(),
                transports: vec!["quic".to_owned(); u.int_in_range(0..=8)?],
                certificate_hashes: vec![Hash([3; 32]); u.int_in_range(0..=8)?],
            },
        }),
        _ => match u.ratio(1, 8)? {
            true => Message::Goodbye(Goodbye { reason: Reason::Shutdown, detail: "fuzz".to_owned() }),
            false => Message::Notice(Notice::StorageFailed { reason: "fuzz".to_owned() }),
        },
    })
}

fn known_or_blob(u: &mut Unstructured<'_>, known: &[Bytes]) -> Result<Bytes> {
    if known.is_empty() || u.ratio(1, 3)? { blob(u, 300) } else { Ok(u.choose(known)?.clone()) }
}

fn length(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn outcomes(u: &mut Unstructured<'_>, around: Tick) -> Result<Vec<InputOutcome>> {
    let mut list = Vec::new();
    for _ in 0..u.int_in_range(0..=6_u8)? {
        let applied =
            Fate::Applied { tick: tick(u, around)?, code: OutcomeCode(u.arbitrary()?), value: u.arbitrary()? };
        let fate = if u.ratio(1, 3)? { Fate::Refused(Refusal::Expired) } else { applied };
        list.push(InputOutcome { sequence: sequence(u)?, fate });
    }
    list.sort_by_key(|outcome| outcome.sequence);
    list.dedup_by_key(|outcome| outcome.sequence);
    Ok(list)
}

/// A frame that the engine takes, or bytes.
fn frame(u: &mut Unstructured<'_>, around: Tick) -> Result<Bytes> {
    if u.ratio(1, 3)? {
        return blob(u, 200);
    }
    let mut out = Vec::new();
    InputFrame::<Order>::empty(tick(u, around)?, Entropy::from_bytes(u.arbitrary()?)).encode(&mut out);
    Ok(Bytes::from(out))
}
