//! Every cap of the protocol, in one table. What both sides must agree on travels in the handshake besides.
//!
//! A reader checks the cap before it allocates; a writer asserts it.

// DOC:LIMITS
/// Version of the messages; the handshake refuses another one by name.
pub const PROTOCOL_VERSION: u16 = 1;
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
/// Resume keys that are good at once.
pub const RESUME_KEYS_MAX: u32 = 65_536;
/// Messages that wait for the transport to fetch them.
pub const OUTBOX_MESSAGES_MAX: u32 = 262_144;
/// Events that wait for the embedder to fetch them.
pub const EVENTS_MAX: u32 = 65_536;
/// The operator's acts in one frame.
pub const OPERATOR_ACTS_MAX: u32 = 64;
// DOC:END
