//! Verified FlatBuffers to messages.
//!
//! Invariant: a count is compared with its cap before anything is allocated for it, and unknown numbers of enumerations are
//! refused here. Canonical bytes inside are taken as they are: who uses them checks them.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use flatbuffers::Vector;
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Sequence, Tick},
    hash::{Hash, ShortHash},
    region::RegionId,
    schema::SchemaId,
    session::OutcomeCode,
};

use super::WireError;
use crate::{
    generated::tickworld::wire as fb,
    instant::{Instant, Micros},
    limits,
    message::{
        DesyncReport, Durability, Fate, Follow, Frame, FrameRequest, Goodbye, Head, Hello, InputMessage, InputOutcome,
        Inputs, ManifestOffer, Message, Moved, Nonce, Notice, Outcomes, Page, PageRequest, Pong, Reason, Refusal,
        RejoinCause, RootReport, SessionKind, Ticket, Way, Welcome, WorldId,
    },
};

type Decoded<T> = Result<T, WireError>;

/// The message in an envelope.
pub(super) fn body(envelope: fb::Envelope<'_>) -> Decoded<Message> {
    let absent = || WireError::Value { field: "envelope.body", value: u64::from(envelope.body_type().0) };
    // Each accessor gives nothing for another type; the type was just looked at.
    macro_rules! body {
        ($accessor:ident) => {
            envelope.$accessor().ok_or_else(absent)?
        };
    }
    Ok(match envelope.body_type() {
        fb::Body::Hello => Message::Hello(hello(body!(body_as_hello))?),
        fb::Body::Goodbye => Message::Goodbye(goodbye(body!(body_as_goodbye))?),
        fb::Body::Join => Message::Join,
        fb::Body::PageRequest => Message::PageRequest(page_request(body!(body_as_page_request))?),
        fb::Body::Follow => {
            let it = body!(body_as_follow);
            Message::Follow(Follow { first: Tick(it.tick()), root: ShortHash(it.root().0) })
        }
        fb::Body::FrameRequest => Message::FrameRequest(frame_request(body!(body_as_frame_request))?),
        fb::Body::Inputs => Message::Inputs(inputs(body!(body_as_inputs))?),
        fb::Body::Root => Message::Root(report(body!(body_as_root).report())),
        fb::Body::Ping => Message::Ping(Instant(body!(body_as_ping).sent())),
        fb::Body::DescentRequest => {
            let it = body!(body_as_descent_request);
            Message::DescentRequest(blob("descent_request.bytes", it.bytes(), limits::DESCENT_BYTES_MAX)?)
        }
        fb::Body::DesyncReport => {
            let it = body!(body_as_desync_report);
            let finding = text("desync_report.finding", it.finding())?;
            Message::DesyncReport(DesyncReport { tick: Tick(it.tick()), finding })
        }
        fb::Body::Welcome => Message::Welcome(welcome(body!(body_as_welcome))?),
        fb::Body::Manifest => Message::Manifest(manifest(body!(body_as_manifest))?),
        fb::Body::Pages => Message::Pages(pages(body!(body_as_pages))?),
        fb::Body::Frame => Message::Frame(frame(body!(body_as_frame))?),
        fb::Body::Head => Message::Head(head(body!(body_as_head))?),
        fb::Body::Outcomes => Message::Outcomes(outcomes(body!(body_as_outcomes))?),
        fb::Body::Pong => Message::Pong(pong(body!(body_as_pong))),
        fb::Body::DescentResponse => {
            let it = body!(body_as_descent_response);
            Message::DescentResponse(blob("descent_response.bytes", it.bytes(), limits::DESCENT_BYTES_MAX)?)
        }
        fb::Body::Notice => Message::Notice(notice(body!(body_as_notice))?),
        fb::Body::Ticket => Message::Ticket(ticket(body!(body_as_ticket).ticket())),
        fb::Body::Moved => Message::Moved(moved(body!(body_as_moved))?),
        fb::Body::Rejoin => Message::Rejoin(rejoin_cause(body!(body_as_rejoin).cause())?),
        _ => return Err(absent()),
    })
}

fn counted(field: &'static str, count: usize, max: u32) -> Decoded<()> {
    if count > max as usize { Err(WireError::Count { field, count, max }) } else { Ok(()) }
}

fn text(field: &'static str, text: &str) -> Decoded<String> {
    counted(field, text.len(), u32::from(limits::TEXT_BYTES_MAX))?;
    Ok(String::from(text))
}

fn blob(field: &'static str, bytes: Vector<'_, u8>, max: u32) -> Decoded<Bytes> {
    counted(field, bytes.len(), max)?;
    Ok(Bytes::copy_from_slice(bytes.bytes()))
}

fn digest(it: &fb::Digest) -> Hash {
    Hash(it.0)
}

fn ticket(it: &fb::TicketBytes) -> Ticket {
    Ticket(it.0)
}

fn rejoin_cause(it: fb::RejoinCause) -> Decoded<RejoinCause> {
    match it {
        fb::RejoinCause::Behind => Ok(RejoinCause::Behind),
        fb::RejoinCause::Ahead => Ok(RejoinCause::Ahead),
        fb::RejoinCause::Forked => Ok(RejoinCause::Forked),
        other => Err(WireError::Value { field: "rejoin.cause", value: u64::from(other.0) }),
    }
}

fn moved(it: fb::Moved<'_>) -> Decoded<Moved> {
    counted("moved.transports", it.transports().len(), u32::from(limits::MOVED_WAYS_MAX))?;
    counted("moved.hashes", it.hashes().len(), u32::from(limits::MOVED_WAYS_MAX))?;
    Ok(Moved {
        region: RegionId(it.region()),
        hops: it.hops(),
        way: Way {
            address: text("moved.address", it.address())?,
            transports: it.transports().iter().map(|it| text("moved.transports", it)).collect::<Decoded<_>>()?,
            certificate_hashes: it.hashes().iter().map(digest).collect(),
        },
    })
}

fn report(it: &fb::Proof) -> RootReport {
    RootReport { tick: Tick(it.tick()), root: ShortHash(it.root().0) }
}

fn kind(it: fb::SessionKind) -> Decoded<SessionKind> {
    match it {
        fb::SessionKind::Lockstep => Ok(SessionKind::Lockstep),
        fb::SessionKind::Witness => Ok(SessionKind::Witness),
        fb::SessionKind::Command => Ok(SessionKind::Command),
        other => Err(WireError::Value { field: "hello.kind", value: u64::from(other.0) }),
    }
}

fn durability(field: &'static str, it: fb::Durability) -> Decoded<Durability> {
    match it {
        fb::Durability::Memory => Ok(Durability::Memory),
        fb::Durability::Disk => Ok(Durability::Disk),
        fb::Durability::Quorum => Ok(Durability::Quorum),
        other => Err(WireError::Value { field, value: u64::from(other.0) }),
    }
}

fn hello(it: fb::Hello<'_>) -> Decoded<Hello> {
    counted("hello.token", it.token().len(), u32::from(limits::TOKEN_BYTES_MAX))?;
    Ok(Hello {
        protocol: it.protocol(),
        build: text("hello.build", it.build())?,
        game: text("hello.game", it.game())?,
        schema: SchemaId(digest(it.schema())),
        revision: it.revision(),
        content: ContentId(digest(it.content())),
        kind: kind(it.kind())?,
        durability: durability("hello.durability", it.durability())?,
        token: Vec::from(it.token().bytes()),
        world: it.world().map(|world| WorldId(world.0)),
        region: RegionId(it.region()),
        hops: it.hops(),
        nonce: Nonce(it.nonce().0),
        ticket: it.ticket().map(ticket),
    })
}

fn goodbye(it: fb::Goodbye<'_>) -> Decoded<Goodbye> {
    let reason = match it.reason() {
        fb::Reason::Leave => Reason::Leave,
        fb::Reason::Shutdown => Reason::Shutdown,
        fb::Reason::Replaced => Reason::Replaced,
        fb::Reason::Protocol => Reason::Protocol,
        fb::Reason::Incompatible => Reason::Incompatible,
        fb::Reason::Unauthorized => Reason::Unauthorized,
        fb::Reason::Full => Reason::Full,
        fb::Reason::Budget => Reason::Budget,
        fb::Reason::Violation => Reason::Violation,
        fb::Reason::TooSlow => Reason::TooSlow,
        fb::Reason::TimedOut => Reason::TimedOut,
        fb::Reason::Durability => Reason::Durability,
        fb::Reason::Operator => Reason::Operator,
        fb::Reason::Held => Reason::Held,
        fb::Reason::Moved => Reason::Moved,
        fb::Reason::Storage => Reason::Storage,
        fb::Reason::Elsewhere => Reason::Elsewhere,
        other => return Err(WireError::Value { field: "goodbye.reason", value: u64::from(other.0) }),
    };
    Ok(Goodbye { reason, detail: text("goodbye.detail", it.detail())? })
}

fn page_request(it: fb::PageRequest<'_>) -> Decoded<PageRequest> {
    counted("page_request.pages", it.pages().len(), u32::from(limits::PAGES_PER_REQUEST_MAX))?;
    let pages: Vec<u32> = it.pages().iter().collect();
    if !pages.is_sorted_by(|a, b| a < b) {
        return Err(WireError::Form { field: "page_request.pages" });
    }
    Ok(PageRequest { tick: Tick(it.tick()), pages })
}

fn frame_request(it: fb::FrameRequest<'_>) -> Decoded<FrameRequest> {
    counted("frame_request.count", usize::from(it.count()), u32::from(limits::FRAMES_PER_REQUEST_MAX))?;
    Ok(FrameRequest { first: Tick(it.first()), count: it.count() })
}

fn inputs(it: fb::Inputs<'_>) -> Decoded<Inputs> {
    let (heads, windows) = (it.heads(), it.windows());
    counted("inputs.heads", heads.len(), limits::INPUTS_IN_FLIGHT_MAX)?;
    // One copy for all bodies, which share it.
    let bodies_max = limits::INPUTS_IN_FLIGHT_MAX.saturating_mul(u32::from(limits::INPUT_BYTES_MAX));
    let mut bodies = blob("inputs.bodies", it.bodies(), bodies_max)?;
    let base = Sequence(it.base());
    let mut inputs: Vec<InputMessage> = Vec::with_capacity(heads.len());
    for head in heads {
        let (sequence, length) = (Sequence(head.sequence()), usize::from(head.body_bytes()));
        let rises = inputs.last().map_or(base <= sequence, |last| last.sequence < sequence);
        if !rises || sequence.0 == 0 || usize::from(head.window()) >= windows.len() {
            return Err(WireError::Form { field: "inputs.heads" });
        }
        counted("inputs.heads.body_bytes", length, u32::from(limits::INPUT_BYTES_MAX))?;
        if length > bodies.len() {
            return Err(WireError::Form { field: "inputs.bodies" });
        }
        let window = windows.get(usize::from(head.window()));
        inputs.push(InputMessage {
            sequence,
            not_before: Tick(window.not_before()),
            not_after: Tick(window.not_after()),
            body: bodies.split_to(length),
        });
    }
    if bodies.is_empty() { Ok(Inputs { base, inputs }) } else { Err(WireError::Form { field: "inputs.bodies" }) }
}

fn welcome(it: fb::Welcome<'_>) -> Decoded<Welcome> {
    Ok(Welcome {
        player: it.player().map(PlayerId),
        next_sequence: Sequence(it.next_sequence()),
        tick_rate: it.tick_rate(),
        tick: Tick(it.tick()),
        schema: SchemaId(digest(it.schema())),
        revision: it.revision(),
        content: ContentId(digest(it.content())),
        input_delay_ticks: it.input_delay_ticks(),
        durability: durability("welcome.durability", it.durability())?,
        region: RegionId(it.region()),
        incarnation: it.incarnation(),
        ticket: ticket(it.ticket()),
        inputs_in_flight_max: it.inputs_in_flight_max(),
        history_ticks: it.history_ticks(),
    })
}

fn manifest(it: fb::Manifest<'_>) -> Decoded<ManifestOffer> {
    counted("manifest.raw_bytes", it.raw_bytes() as usize, limits::BULK_BYTES_MAX)?;
    let bytes = blob("manifest.bytes", it.bytes(), limits::BULK_BYTES_MAX)?;
    Ok(ManifestOffer { tick: Tick(it.tick()), raw_bytes: it.raw_bytes(), bytes })
}

fn pages(it: fb::Pages<'_>) -> Decoded<Vec<Page>> {
    let heads = it.heads();
    counted("pages.heads", heads.len(), u32::from(limits::PAGES_PER_REQUEST_MAX))?;
    let bodies_max = u32::from(limits::PAGES_PER_REQUEST_MAX).saturating_mul(limits::PAGE_BYTES_MAX);
    let mut bodies = blob("pages.bodies", it.bodies(), bodies_max)?;
    let mut pages: Vec<Page> = Vec::with_capacity(heads.len());
    for head in heads {
        let length = head.body_bytes() as usize;
        counted("pages.heads.raw_bytes", head.raw_bytes() as usize, limits::PAGE_BYTES_MAX)?;
        let rises = pages.last().is_none_or(|last| last.index < head.index());
        if !rises || head.body_bytes() > head.raw_bytes() || length > bodies.len() {
            return Err(WireError::Form { field: "pages.heads" });
        }
        pages.push(Page { index: head.index(), raw_bytes: head.raw_bytes(), bytes: bodies.split_to(length) });
    }
    if bodies.is_empty() { Ok(pages) } else { Err(WireError::Form { field: "pages.bodies" }) }
}

fn frame(it: fb::Frame<'_>) -> Decoded<Frame> {
    Ok(Frame {
        durability: durability("frame.durability", it.durability())?,
        pace_percent: it.pace_percent(),
        proof: it.proof().map(report),
        frame: blob("frame.frame", it.frame(), limits::BULK_BYTES_MAX)?,
    })
}

fn head(it: fb::Head<'_>) -> Decoded<Head> {
    Ok(Head {
        tick: Tick(it.tick()),
        root_tick: Tick(it.root_tick()),
        root: digest(it.root()),
        inputs: it.inputs(),
        durability: durability("head.durability", it.durability())?,
        pace_percent: it.pace_percent(),
    })
}

fn outcomes(it: fb::Outcomes<'_>) -> Decoded<Outcomes> {
    counted("outcomes.outcomes", it.outcomes().len(), u32::from(limits::OUTCOMES_MAX))?;
    let mut outcomes: Vec<InputOutcome> = Vec::with_capacity(it.outcomes().len());
    for entry in it.outcomes() {
        let sequence = Sequence(entry.sequence());
        if outcomes.last().is_some_and(|last| last.sequence >= sequence) {
            return Err(WireError::Form { field: "outcomes.outcomes" });
        }
        outcomes.push(InputOutcome { sequence, fate: fate(entry, it.ticks())? });
    }
    Ok(Outcomes { durability: durability("outcomes.durability", it.durability())?, outcomes })
}

fn fate(entry: &fb::OutcomeEntry, ticks: Vector<'_, u64>) -> Decoded<Fate> {
    let refusal = match entry.fate() {
        fb::Fate::Applied => {
            let at = usize::from(entry.tick());
            if at >= ticks.len() {
                return Err(WireError::Form { field: "outcomes.ticks" });
            }
            let (tick, code) = (Tick(ticks.get(at)), OutcomeCode(entry.code()));
            return Ok(Fate::Applied { tick, code, value: entry.value() });
        }
        fb::Fate::Expired => Refusal::Expired,
        fb::Fate::QueueFull => Refusal::QueueFull,
        fb::Fate::TooFarAhead => Refusal::TooFarAhead,
        fb::Fate::Malformed => Refusal::Malformed,
        fb::Fate::Left => Refusal::Left,
        fb::Fate::Forgotten => Refusal::Forgotten,
        fb::Fate::Void => Refusal::Void,
        other => return Err(WireError::Value { field: "outcomes.fate", value: u64::from(other.0) }),
    };
    Ok(Fate::Refused(refusal))
}

fn pong(it: fb::Pong<'_>) -> Pong {
    Pong {
        sent: Instant(it.sent()),
        host: Instant(it.host()),
        open_tick: Tick(it.open_tick()),
        closes_in: Micros(it.closes_in()),
    }
}

fn notice(it: fb::Notice<'_>) -> Decoded<Notice> {
    match it.kind() {
        fb::NoticeKind::StorageFailed => Ok(Notice::StorageFailed { reason: text("notice.reason", it.reason())? }),
        fb::NoticeKind::StorageRecovered => Ok(Notice::StorageRecovered),
        other => Err(WireError::Value { field: "notice.kind", value: u64::from(other.0) }),
    }
}
