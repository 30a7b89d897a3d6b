//! Every cap of the protocol, in one table. What both sides must agree on travels in the handshake besides.
//!
//! A reader checks the cap before it allocates; a writer asserts it.

use crate::instant::Micros;

// DOC:LIMITS
/// Bytes of returning players' parcels in one frame; a single one may be longer.
pub const RETURN_BYTES_PER_FRAME: usize = 256 * 1024;
/// Frames that say that a player is back before that is given up: a world that does not take one has no room, or cannot read it.
pub const RETURNS_SAID_MAX: u32 = 3;
/// Players who may be on their way home at the same time.
pub const HOMECOMINGS_MAX: u32 = 1_024;
/// Slots of players of whom a tick looks whether they have been away for long.
pub const ARCHIVE_SLOTS_PER_TICK: u32 = 64;
/// Version of the messages; the handshake refuses another one by name.
pub const PROTOCOL_VERSION: u16 = 2;
/// Longest control message in bytes.
pub const CONTROL_BYTES_MAX: u32 = 64 * 1024;
/// Longest bulk message in bytes: a frame with all its inputs, a manifest, a batch of pages.
pub const BULK_BYTES_MAX: u32 = 32 * 1024 * 1024;
/// Longest datagram in bytes, whatever the path would carry.
pub const DATAGRAM_BYTES_MAX: u16 = 1_452;
/// Shortest datagram that a path must carry: QUIC's least packet less its overhead.
pub const DATAGRAM_BYTES_MIN: u16 = 1_100;
/// Longest text in a message (build, reason, report) in bytes.
pub const TEXT_BYTES_MAX: u16 = 512;
/// Most transports, and most certificates, that a `Moved` names.
pub const MOVED_WAYS_MAX: u16 = 8;
/// Longest token in bytes.
pub const TOKEN_BYTES_MAX: u16 = 4_096;
/// Inputs of a player that may be without an answer, and most inputs in one message: as many outcomes as the engine
/// remembers.
pub const INPUTS_IN_FLIGHT_MAX: u32 = tickworld_sim::limits::OUTCOMES_PER_PLAYER;
/// Most outcomes in one message.
pub const OUTCOMES_MAX: u16 = 256;
/// Most pages in one request.
pub const PAGES_PER_REQUEST_MAX: u16 = 64;
/// Most frames in one request.
pub const FRAMES_PER_REQUEST_MAX: u16 = 256;
/// Longest body of an input in bytes.
pub const INPUT_BYTES_MAX: u16 = 256;
/// Longest message of a descent in bytes: as many answers as one may have, each as long as one may be.
pub const DESCENT_BYTES_MAX: u32 = 1_100_000;
/// Longest page in bytes before compression: the engine's largest body of rows, a count and its presence words.
pub const PAGE_BYTES_MAX: u32 = 16 * 1024 + 129;
/// Longest manifest in bytes before compression.
pub const MANIFEST_BYTES_MAX: u32 = 31 * 1024 * 1024;

/// Longest answer that the host sends by the control channel; longer ones go by bulk.
pub const CONTROL_ANSWER_BYTES_MAX: u32 = 16 * 1024;
/// Bytes of pages after which the host begins another message.
pub const PAGES_MESSAGE_BYTES: u32 = 256 * 1024;
/// Pages of one joiner that wait to be sent; those asked for beyond are asked for again.
pub const PAGES_QUEUED_MAX: u32 = 1_024;
/// By how much a client's base may be above the next input that the host knows of.
pub const SEQUENCE_JUMP_MAX: u32 = 65_536;
/// Refusals of a player that the host remembers.
pub const REFUSALS_PER_PLAYER_MAX: u32 = 64;
/// Addresses with budgets of their own.
pub const ADDRESSES_MAX: u32 = 65_536;
/// Messages that wait for the transport to fetch them.
pub const OUTBOX_MESSAGES_MAX: u32 = 262_144;
/// Their bytes; one that goes to many counts once.
pub const OUTBOX_BYTES_MAX: u64 = 64 << 20;
/// Events that wait for the embedder to fetch them.
pub const EVENTS_MAX: u32 = 65_536;
/// Shortest time between two readings of the world's keys because a ticket names one that is not known.
pub const KEYS_READ_WAIT: Micros = Micros::from_millis(1_000);
/// The operator's acts in one frame.
pub const OPERATOR_ACTS_MAX: u32 = 64;
// DOC:END

// The client's own: what it keeps, and how long it waits. Nobody else needs them.

/// How long a client waits for the answer to its `Hello`.
pub const CLIENT_WELCOME_WAIT: Micros = Micros::from_millis(10_000);
/// How long a host may say nothing at all.
pub const CLIENT_SILENCE_MAX: Micros = Micros::from_millis(15_000);
/// Time between the first pings of a session.
pub const CLIENT_PING_WAIT_FIRST: Micros = Micros::from_millis(200);
/// Time between later pings.
pub const CLIENT_PING_WAIT: Micros = Micros::from_millis(2_000);
/// How many pings are first ones, and how many answers the clock is read from.
pub const CLIENT_PINGS_KEPT: usize = 8;
/// Time between two readings from which the drift of a clock is told.
pub const CLIENT_SKEW_BASE: Micros = Micros::from_millis(10_000);
/// Greatest drift that a clock may seem to have, in millionths.
pub const CLIENT_SKEW_PPM_MAX: i64 = 1_000;
/// Shortest time before inputs are sent again.
pub const CLIENT_RESEND_WAIT_MIN: Micros = Micros::from_millis(30);
/// Longest time before inputs are sent again: how far the wait doubles.
pub const CLIENT_RESEND_WAIT_MAX: Micros = Micros::from_millis(2_000);
/// How long a missing frame may merely be late.
pub const CLIENT_GAP_WAIT: Micros = Micros::from_millis(20);
/// Shortest time before frames are asked for again.
pub const CLIENT_FRAME_WAIT_MIN: Micros = Micros::from_millis(100);
/// How often one run of frames is asked for before the client takes a snapshot instead.
pub const CLIENT_FRAME_ASKS_MAX: u32 = 20;
/// Frames asked for at once.
pub const CLIENT_FRAMES_PER_ASK: u16 = 64;
/// Frames kept that wait for an earlier one, in ticks above the confirmed one.
pub const CLIENT_FRAMES_AHEAD_MAX: u64 = 1_024;
/// Bytes of frames kept that wait for an earlier one.
pub const CLIENT_FRAMES_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a client waits for a manifest before it asks again.
pub const CLIENT_MANIFEST_WAIT: Micros = Micros::from_millis(3_000);
/// How long a client waits for pages before it asks again.
pub const CLIENT_PAGES_WAIT: Micros = Micros::from_millis(1_500);
/// Pages that are asked for and have not come.
pub const CLIENT_PAGES_ASKED_MAX: usize = 256;
/// How often pages in turn may fail to come before the client asks for a newer snapshot.
pub const CLIENT_PAGE_WAITS_MAX: u32 = 8;
/// So few pages that the snapshot is new enough once they came.
pub const CLIENT_PAGES_FEW: usize = 64;
/// Snapshots that one join compares before it takes what it has.
pub const CLIENT_JOIN_ROUNDS_MAX: u32 = 8;
/// How long a client waits for the answer to a question of a descent.
pub const CLIENT_DESCENT_WAIT: Micros = Micros::from_millis(5_000);
/// Desyncs of a session that a client gets over by joining again.
pub const CLIENT_DESYNCS_MAX: u32 = 3;
/// Roots that a witness remembers.
pub const CLIENT_ROOTS_KEPT: usize = 256;
/// Faults of a host in one session before the client ends it.
pub const CLIENT_FAULTS_MAX: u32 = 32;
/// Messages that wait for the transport; what is beyond is said again by a timer.
pub const CLIENT_TRANSMITS_MAX: usize = 256;
/// Events that wait for the caller; further ones are counted, not kept. Outcomes are always kept: they are bounded by
/// [`INPUTS_IN_FLIGHT_MAX`].
pub const CLIENT_EVENTS_MAX: usize = 1_024;

// Sessions between peers, without a host.

/// Version of the messages between peers; they refuse another one.
pub const PEER_VERSION: u8 = 1;
/// Most players of a session between peers.
pub const PEERS_MAX: usize = 8;
/// Most ticks by which a peer's own inputs may be delayed.
pub const PEER_DELAY_TICKS_MAX: u32 = 64;
/// Most ticks that a peer may be ahead of what is confirmed.
pub const PEER_PREDICTION_TICKS_MAX: u32 = 64;
/// How far above the confirmed tick another peer's input may be: its delay and its prediction on top of one's own.
pub const PEER_INPUTS_AHEAD_MAX: u64 = 256;
/// How long inputs are kept below the confirmed tick: no peer is further behind.
pub const PEER_INPUTS_KEPT: u64 = 256;
/// Confirmed frames that wait for a spectator, here and there.
pub const PEER_FRAMES_KEPT: usize = 1_024;
/// Roots of one peer that wait for the own ones.
pub const PEER_ROOTS_KEPT: usize = 64;
/// Readings of a peer's time that advice is made of.
pub const PEER_READINGS_KEPT: usize = 30;
/// Ticks between two pieces of advice about time: more than there are readings, so that each is of its own.
pub const PEER_ADVICE_TICKS: u64 = 60;
/// A peer that is ahead by fewer ticks need not wait.
pub const PEER_ADVICE_TICKS_MIN: u32 = 2;
/// Messages that wait for the transport; what is beyond is said again by a timer.
pub const PEER_TRANSMITS_MAX: usize = 256;
