//! Every cap of this shell, in one table. What a message may weigh is in [`tickworld_proto::limits`].
//!
//! Invariant: nothing that a peer sends is stored before it is counted against one of these.

use std::time::Duration;

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"tickworld/1";
/// What an element of a queue counts besides its bytes, so that empty messages are bounded too.
pub const MESSAGE_OVERHEAD_BYTES: usize = 256;
/// Requests of operators and embedders that may wait for a region's thread.
pub const REQUESTS_MAX: usize = 256;
/// Bytes that all sessions together may have waiting for a region's thread.
pub const INBOUND_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes that one session may have waiting for a region's thread: two of the longest messages. Past it datagrams are
/// dropped, and the control stream is left to QUIC's flow control.
pub const SESSION_INBOUND_BYTES_MAX: u32 = 128 * 1024;
/// Bytes that a connection may have waiting for its client; a single longer message is taken where none waits.
pub const LINK_INBOUND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that the region's thread may have handed over and the shell not yet taken.
pub const OUTBOUND_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes of control messages that may wait for a peer that does not read; past it the session ends.
pub const CONTROL_QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of bulk messages that may wait for a peer that does not read; past it they are dropped. A single longer one is
/// taken where none waits.
pub const BULK_QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of datagrams that may wait for the path; past it the oldest are dropped.
pub const DATAGRAM_SEND_BYTES_MAX: usize = 64 * 1024;
/// Bytes of datagrams that came and were not looked at yet; past it the oldest are dropped.
pub const DATAGRAM_RECEIVE_BYTES_MAX: usize = 64 * 1024;
/// Bytes on streams that are sent and not yet acknowledged.
pub const SEND_WINDOW_BYTES: u64 = 1024 * 1024;
/// Bytes that a client may send ahead on the control stream, and in all.
pub const CONTROL_WINDOW_BYTES: u32 = 128 * 1024;
/// Bytes that a host may send ahead on one bulk stream.
pub const BULK_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes that a host may send ahead on all streams.
pub const CLIENT_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Bulk streams that a host may have open; a client reads as many messages at once.
pub const BULK_STREAMS_MAX: u32 = 4;
/// Sends of datagrams after which the path is asked again what it carries.
pub const DATAGRAM_SIZE_CHECK_SENDS: u32 = 64;
/// Connections that wait for a place among the handshakes.
pub const INCOMING_MAX: usize = 4_096;
/// Bytes of all connections that wait for a place among the handshakes.
pub const INCOMING_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of one of them.
pub const INCOMING_BYTES_EACH_MAX: u64 = 16 * 1024;
/// Connections at a time, those in their handshake included.
pub const SESSIONS_MAX: usize = 4_096;
/// Connections at a time of one address.
pub const SESSIONS_PER_ADDRESS_MAX: usize = 1_024;
/// Handshakes at a time.
pub const HANDSHAKES_MAX: usize = 256;
/// Connections at a time that have not said anything yet.
pub const HELLOS_MAX: usize = 1_024;
/// Longest text in a close, in bytes; QUIC cuts it where a packet holds less.
pub const CLOSE_DETAIL_BYTES_MAX: usize = 256;
/// Longest certificate or key file in bytes.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// What a socket is asked to buffer each way; the system may grant less.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// From a connection's first packet until it is secure.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From then until the client's first control message is there, whole.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// For one control message to be taken by a peer's flow control.
pub const CONTROL_WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// For one bulk message to be taken; past it that message is given up.
pub const BULK_WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// For the last messages of a session to be acknowledged before it is cut.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// For a peer that has ended its control stream to close the connection.
pub const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence after which a connection is lost.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a client shows that it is there.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Between two resets of connections that nobody here knows: a thousand clients of a server that was killed hear of it within
/// a second, and who forges their packets gets no more bytes out than in.
pub const RESET_INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Between two lines of the log about connections that were refused for their address.
pub const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(10);
