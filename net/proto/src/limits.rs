//! Every cap of the protocol, in one table. What both sides must agree on travels in the handshake besides.
//!
//! A reader checks the cap before it allocates; a writer asserts it.

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
/// Longest message of a descent in bytes.
pub const DESCENT_BYTES_MAX: u32 = 32 * 1024;
/// Longest page in bytes before compression: the engine's largest body of rows, a count and its presence words.
pub const PAGE_BYTES_MAX: u32 = 16 * 1024 + 129;
