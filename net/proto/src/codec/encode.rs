//! Messages to FlatBuffers.
//!
//! Invariant: only messages within the limits are written, so whatever is written decodes. Equal messages give equal bytes.

use alloc::vec::Vec;

use bytes::Bytes;
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};
use tickworld_sim::{frame::Tick, hash::Hash};

use crate::{
    generated::{Wide, tickworld::wire as fb},
    limits,
    message::{
        Durability, Fate, Frame, Goodbye, Head, Hello, Inputs, Message, Moved, Notice, Outcomes, Page, Pong, Reason,
        Refusal, RejoinCause, RootReport, SessionKind, Ticket, Way, Welcome,
    },
};

type Builder = FlatBufferBuilder<'static>;
type Body = (fb::Body, WIPOffset<UnionWIPOffset>);

/// What an envelope and the fixed fields of any body take, amply.
const ENVELOPE_BYTES: usize = 256;

/// The bytes of a message.
pub(super) fn message(message: &Message) -> Bytes {
    let mut builder = Builder::with_capacity(payload_bytes(message).saturating_add(ENVELOPE_BYTES));
    let (body_type, body) = body(&mut builder, message);
    let envelope = fb::Envelope::create(&mut builder, &fb::EnvelopeArgs { body_type, body: Some(body) });
    fb::finish_envelope_buffer(&mut builder, envelope);
    let (bytes, start) = builder.collapse();
    Bytes::from(bytes).slice(start..)
}

/// Length of the long part of a message, so that the buffer is made once.
fn payload_bytes(message: &Message) -> usize {
    let bodies = |inputs: &Inputs| inputs.inputs.iter().map(|input| input.body.len().saturating_add(24)).sum();
    let pages = |pages: &[Page]| pages.iter().map(|page| page.bytes.len().saturating_add(12)).sum();
    match message {
        Message::Hello(it) => it.token.len().saturating_add(it.build.len()).saturating_add(it.game.len()),
        Message::PageRequest(it) => it.pages.len().saturating_mul(4),
        Message::Inputs(it) => bodies(it),
        Message::DescentRequest(bytes) | Message::DescentResponse(bytes) => bytes.len(),
        Message::DesyncReport(it) => it.finding.len(),
        Message::Manifest(it) => it.bytes.len(),
        Message::Pages(it) => pages(it),
        Message::Frame(it) => it.frame.len(),
        Message::Outcomes(it) => it.outcomes.len().saturating_mul(24),
        Message::Notice(Notice::StorageFailed { reason }) => reason.len(),
        Message::Goodbye(it) => it.detail.len(),
        _ => 0,
    }
}

fn body(to: &mut Builder, message: &Message) -> Body {
    match message {
        Message::Hello(it) => (fb::Body::Hello, hello(to, it)),
        Message::Goodbye(it) => (fb::Body::Goodbye, goodbye(to, it)),
        Message::Join => (fb::Body::Join, fb::Join::create(to, &fb::JoinArgs {}).as_union_value()),
        Message::PageRequest(it) => {
            within(it.pages.len(), u32::from(limits::PAGES_PER_REQUEST_MAX));
            let pages = Some(to.create_vector(&it.pages));
            let table = fb::PageRequest::create(to, &fb::PageRequestArgs { tick: it.tick.0, pages });
            (fb::Body::PageRequest, table.as_union_value())
        }
        Message::Follow(it) => {
            let args = fb::FollowArgs { tick: it.first.0, root: Some(&fb::ShortDigest(it.root.0)) };
            (fb::Body::Follow, fb::Follow::create(to, &args).as_union_value())
        }
        Message::FrameRequest(it) => {
            within(usize::from(it.count), u32::from(limits::FRAMES_PER_REQUEST_MAX));
            let table = fb::FrameRequest::create(to, &fb::FrameRequestArgs { first: it.first.0, count: it.count });
            (fb::Body::FrameRequest, table.as_union_value())
        }
        Message::Inputs(it) => (fb::Body::Inputs, inputs(to, it)),
        Message::Root(it) => {
            let table = fb::Root::create(to, &fb::RootArgs { report: Some(&proof(it)) });
            (fb::Body::Root, table.as_union_value())
        }
        Message::Ping(sent) => (fb::Body::Ping, fb::Ping::create(to, &fb::PingArgs { sent: sent.0 }).as_union_value()),
        Message::DescentRequest(bytes) => {
            let bytes = Some(blob(to, bytes, limits::DESCENT_BYTES_MAX));
            let table = fb::DescentRequest::create(to, &fb::DescentRequestArgs { bytes });
            (fb::Body::DescentRequest, table.as_union_value())
        }
        Message::DesyncReport(it) => {
            let finding = Some(text(to, &it.finding));
            let table = fb::DesyncReport::create(to, &fb::DesyncReportArgs { tick: it.tick.0, finding });
            (fb::Body::DesyncReport, table.as_union_value())
        }
        Message::Welcome(it) => (fb::Body::Welcome, welcome(to, it)),
        Message::Manifest(it) => {
            within(it.raw_bytes as usize, limits::BULK_BYTES_MAX);
            let bytes = Some(blob(to, &it.bytes, limits::BULK_BYTES_MAX));
            let args = fb::ManifestArgs { tick: it.tick.0, raw_bytes: it.raw_bytes, bytes };
            (fb::Body::Manifest, fb::Manifest::create(to, &args).as_union_value())
        }
        Message::Pages(it) => (fb::Body::Pages, pages(to, it)),
        Message::Frame(it) => (fb::Body::Frame, frame(to, it)),
        Message::Head(it) => (fb::Body::Head, head(to, it)),
        Message::Outcomes(it) => (fb::Body::Outcomes, outcomes(to, it)),
        Message::Pong(it) => (fb::Body::Pong, pong(to, it)),
        Message::DescentResponse(bytes) => {
            let bytes = Some(blob(to, bytes, limits::DESCENT_BYTES_MAX));
            let table = fb::DescentResponse::create(to, &fb::DescentResponseArgs { bytes });
            (fb::Body::DescentResponse, table.as_union_value())
        }
        Message::Notice(it) => (fb::Body::Notice, notice(to, it)),
        Message::Ticket(it) => {
            let table = fb::Ticket::create(to, &fb::TicketArgs { ticket: Some(&ticket(it)) });
            (fb::Body::Ticket, table.as_union_value())
        }
        Message::Moved(it) => (fb::Body::Moved, moved(to, it)),
        Message::Rejoin(cause) => {
            let cause = match cause {
                RejoinCause::Behind => fb::RejoinCause::Behind,
                RejoinCause::Ahead => fb::RejoinCause::Ahead,
                RejoinCause::Forked => fb::RejoinCause::Forked,
            };
            (fb::Body::Rejoin, fb::Rejoin::create(to, &fb::RejoinArgs { cause }).as_union_value())
        }
    }
}

/// A message over a cap is a bug of who built it; the peer would refuse it, so it is better found here.
fn within(count: usize, max: u32) {
    assert!(count <= max as usize, "a message with {count} of what may be {max}");
}

fn narrow(count: usize) -> u16 {
    u16::try_from(count).expect("checked against a cap of 16 bits")
}

fn text(to: &mut Builder, text: &str) -> WIPOffset<&'static str> {
    within(text.len(), u32::from(limits::TEXT_BYTES_MAX));
    to.create_string(text)
}

fn blob(to: &mut Builder, bytes: &[u8], max: u32) -> WIPOffset<flatbuffers::Vector<'static, u8>> {
    within(bytes.len(), max);
    to.create_vector(bytes)
}

fn digest(hash: &Hash) -> fb::Digest {
    fb::Digest(hash.0)
}

const fn ticket(it: &Ticket) -> fb::TicketBytes {
    fb::TicketBytes(it.0)
}

fn proof(report: &RootReport) -> fb::Proof {
    fb::Proof::new(report.tick.0, &fb::ShortDigest(report.root.0))
}

const fn durability(it: Durability) -> fb::Durability {
    match it {
        Durability::Memory => fb::Durability::Memory,
        Durability::Disk => fb::Durability::Disk,
        Durability::Quorum => fb::Durability::Quorum,
    }
}

fn hello(to: &mut Builder, it: &Hello) -> WIPOffset<UnionWIPOffset> {
    let token = Some(blob(to, &it.token, u32::from(limits::TOKEN_BYTES_MAX)));
    let (game, build) = (Some(text(to, &it.game)), Some(text(to, &it.build)));
    let (world, ticket) = (it.world.map(|world| fb::Id(world.0)), it.ticket.as_ref().map(ticket));
    let args = fb::HelloArgs {
        protocol: it.protocol,
        kind: match it.kind {
            SessionKind::Lockstep => fb::SessionKind::Lockstep,
            SessionKind::Witness => fb::SessionKind::Witness,
            SessionKind::Command => fb::SessionKind::Command,
        },
        durability: durability(it.durability),
        revision: it.revision,
        schema: Some(&digest(&it.schema.0)),
        content: Some(&digest(&it.content.0)),
        game,
        build,
        token,
        world: world.as_ref(),
        region: it.region.0,
        hops: it.hops,
        nonce: Some(&fb::Id(it.nonce.0)),
        ticket: ticket.as_ref(),
    };
    fb::Hello::create(to, &args).as_union_value()
}

fn goodbye(to: &mut Builder, it: &Goodbye) -> WIPOffset<UnionWIPOffset> {
    let detail = Some(text(to, &it.detail));
    let reason = match it.reason {
        Reason::Leave => fb::Reason::Leave,
        Reason::Shutdown => fb::Reason::Shutdown,
        Reason::Replaced => fb::Reason::Replaced,
        Reason::Protocol => fb::Reason::Protocol,
        Reason::Incompatible => fb::Reason::Incompatible,
        Reason::Unauthorized => fb::Reason::Unauthorized,
        Reason::Full => fb::Reason::Full,
        Reason::Budget => fb::Reason::Budget,
        Reason::Violation => fb::Reason::Violation,
        Reason::TooSlow => fb::Reason::TooSlow,
        Reason::TimedOut => fb::Reason::TimedOut,
        Reason::Durability => fb::Reason::Durability,
        Reason::Operator => fb::Reason::Operator,
        Reason::Held => fb::Reason::Held,
        Reason::Moved => fb::Reason::Moved,
        Reason::Storage => fb::Reason::Storage,
        Reason::Elsewhere => fb::Reason::Elsewhere,
    };
    fb::Goodbye::create(to, &fb::GoodbyeArgs { reason, detail }).as_union_value()
}

fn inputs(to: &mut Builder, it: &Inputs) -> WIPOffset<UnionWIPOffset> {
    within(it.inputs.len(), limits::INPUTS_IN_FLIGHT_MAX);
    let (mut heads, mut windows, mut bodies) = (Vec::with_capacity(it.inputs.len()), Vec::new(), Vec::new());
    for input in &it.inputs {
        within(input.body.len(), u32::from(limits::INPUT_BYTES_MAX));
        // Inputs of one moment mostly have one window: it is said once.
        let window = fb::Window::new(input.not_before.0, input.not_after.0);
        if windows.last() != Some(&window) {
            windows.push(window);
        }
        let place = narrow(windows.len().saturating_sub(1));
        heads.push(fb::InputHead::new(input.sequence.0, narrow(input.body.len()), place));
        bodies.extend_from_slice(&input.body);
    }
    let args = fb::InputsArgs {
        base: it.base.0,
        heads: Some(to.create_vector(&heads)),
        windows: Some(to.create_vector(&windows)),
        bodies: Some(to.create_vector(&bodies)),
    };
    fb::Inputs::create(to, &args).as_union_value()
}

fn welcome(to: &mut Builder, it: &Welcome) -> WIPOffset<UnionWIPOffset> {
    let args = fb::WelcomeArgs {
        player: it.player.map(|player| player.0),
        tick: it.tick.0,
        next_sequence: it.next_sequence.0,
        revision: it.revision,
        schema: Some(&digest(&it.schema.0)),
        content: Some(&digest(&it.content.0)),
        region: it.region.0,
        incarnation: it.incarnation,
        ticket: Some(&ticket(&it.ticket)),
        input_delay_ticks: it.input_delay_ticks,
        inputs_in_flight_max: it.inputs_in_flight_max,
        history_ticks: it.history_ticks,
        tick_rate: it.tick_rate,
        durability: durability(it.durability),
    };
    fb::Welcome::create(to, &args).as_union_value()
}

fn moved(to: &mut Builder, it: &Moved) -> WIPOffset<UnionWIPOffset> {
    let Way { address, transports, certificate_hashes } = &it.way;
    within(transports.len(), u32::from(limits::MOVED_WAYS_MAX));
    within(certificate_hashes.len(), u32::from(limits::MOVED_WAYS_MAX));
    let address = Some(text(to, address));
    let transports: Vec<_> = transports.iter().map(|transport| text(to, transport)).collect();
    let hashes: Vec<_> = certificate_hashes.iter().map(digest).collect();
    let args = fb::MovedArgs {
        region: it.region.0,
        hops: it.hops,
        address,
        transports: Some(to.create_vector(&transports)),
        hashes: Some(to.create_vector(&hashes)),
    };
    fb::Moved::create(to, &args).as_union_value()
}

fn pages(to: &mut Builder, pages: &[Page]) -> WIPOffset<UnionWIPOffset> {
    within(pages.len(), u32::from(limits::PAGES_PER_REQUEST_MAX));
    let mut bodies = Vec::with_capacity(pages.iter().map(|page| page.bytes.len()).sum());
    let mut heads = Vec::with_capacity(pages.len());
    for page in pages {
        within(page.raw_bytes as usize, limits::PAGE_BYTES_MAX);
        let body_bytes = u32::try_from(page.bytes.len()).unwrap_or(u32::MAX);
        within(page.bytes.len(), page.raw_bytes);
        heads.push(fb::PageHead::new(page.index, page.raw_bytes, body_bytes));
        bodies.extend_from_slice(&page.bytes);
    }
    let args = fb::PagesArgs { heads: Some(to.create_vector(&heads)), bodies: Some(to.create_vector(&bodies)) };
    fb::Pages::create(to, &args).as_union_value()
}

fn frame(to: &mut Builder, it: &Frame) -> WIPOffset<UnionWIPOffset> {
    let frame = Some(blob(to, &it.frame, limits::BULK_BYTES_MAX));
    let proof = it.proof.as_ref().map(proof);
    let args = fb::FrameArgs {
        durability: durability(it.durability),
        pace_percent: it.pace_percent,
        proof: proof.as_ref(),
        frame,
    };
    fb::Frame::create(to, &args).as_union_value()
}

fn head(to: &mut Builder, it: &Head) -> WIPOffset<UnionWIPOffset> {
    let args = fb::HeadArgs {
        tick: it.tick.0,
        root_tick: it.root_tick.0,
        root: Some(&digest(&it.root)),
        inputs: it.inputs,
        durability: durability(it.durability),
        pace_percent: it.pace_percent,
    };
    fb::Head::create(to, &args).as_union_value()
}

fn outcomes(to: &mut Builder, it: &Outcomes) -> WIPOffset<UnionWIPOffset> {
    within(it.outcomes.len(), u32::from(limits::OUTCOMES_MAX));
    let (mut entries, mut ticks) = (Vec::with_capacity(it.outcomes.len()), Vec::new());
    for outcome in &it.outcomes {
        let (fate, tick, code, value) = match outcome.fate {
            Fate::Applied { tick, code, value } => (fb::Fate::Applied, Some(tick), code.0, value),
            Fate::Refused(refusal) => (refused(refusal), None, 0, 0),
        };
        if let Some(Tick(tick)) = tick
            && ticks.last() != Some(&tick)
        {
            ticks.push(tick);
        }
        let place = tick.map_or(0, |_| ticks.len().saturating_sub(1));
        let place = u8::try_from(place).expect("at most OUTCOMES_MAX ticks");
        entries.push(fb::OutcomeEntry::new(value, outcome.sequence.0, code, fate, place));
    }
    // As the schema's numbers of eight bytes are aligned everywhere.
    let ticks: Vec<_> = ticks.into_iter().map(Wide).collect();
    let args = fb::OutcomesArgs {
        durability: durability(it.durability),
        ticks: Some(to.create_vector(&ticks)),
        outcomes: Some(to.create_vector(&entries)),
    };
    fb::Outcomes::create(to, &args).as_union_value()
}

const fn refused(refusal: Refusal) -> fb::Fate {
    match refusal {
        Refusal::Expired => fb::Fate::Expired,
        Refusal::QueueFull => fb::Fate::QueueFull,
        Refusal::TooFarAhead => fb::Fate::TooFarAhead,
        Refusal::Malformed => fb::Fate::Malformed,
        Refusal::Left => fb::Fate::Left,
        Refusal::Forgotten => fb::Fate::Forgotten,
        Refusal::Void => fb::Fate::Void,
    }
}

fn pong(to: &mut Builder, it: &Pong) -> WIPOffset<UnionWIPOffset> {
    let args = fb::PongArgs { sent: it.sent.0, host: it.host.0, open_tick: it.open_tick.0, closes_in: it.closes_in.0 };
    fb::Pong::create(to, &args).as_union_value()
}

fn notice(to: &mut Builder, it: &Notice) -> WIPOffset<UnionWIPOffset> {
    let (kind, reason) = match it {
        Notice::StorageFailed { reason } => (fb::NoticeKind::StorageFailed, reason.as_str()),
        Notice::StorageRecovered => (fb::NoticeKind::StorageRecovered, ""),
    };
    let reason = Some(text(to, reason));
    fb::Notice::create(to, &fb::NoticeArgs { kind, reason }).as_union_value()
}

const _: () = assert!(limits::OUTCOMES_MAX <= 256, "the place of a tick in `Outcomes` is one byte");
