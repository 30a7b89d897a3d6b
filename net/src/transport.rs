//! QUIC's parameters on both sides.
//!
//! Invariant: every window is a named limit, so a connection's memory is bounded whatever its peer does.

use std::{sync::Arc, time::Duration};

use quinn::{IdleTimeout, TransportConfig, VarInt};

use crate::limits::{
    BULK_STREAMS_MAX, BULK_WINDOW_BYTES, CLIENT_WINDOW_BYTES, CONTROL_WINDOW_BYTES, DATAGRAM_RECEIVE_BYTES_MAX,
    DATAGRAM_SEND_BYTES_MAX, SEND_WINDOW_BYTES,
};

/// Silence that ends a connection, and how often this side breaks it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    pub(crate) idle_timeout: Duration,
    pub(crate) keep_alive_interval: Option<Duration>,
}

/// What a host grants to its clients.
pub(crate) fn host_transport(liveness: Liveness) -> Arc<TransportConfig> {
    let mut config = common(liveness);
    config
        // One more of each than the protocol has: a peer that opens one is told so, instead of waiting for ever.
        .max_concurrent_bidi_streams(VarInt::from_u32(2))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(CONTROL_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONTROL_WINDOW_BYTES));
    Arc::new(config)
}

/// What a client grants to its host.
pub(crate) fn client_transport(liveness: Liveness) -> Arc<TransportConfig> {
    let mut config = common(liveness);
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(BULK_STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(BULK_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CLIENT_WINDOW_BYTES));
    Arc::new(config)
}

fn common(liveness: Liveness) -> TransportConfig {
    let mut config = TransportConfig::default();
    let idle = IdleTimeout::try_from(liveness.idle_timeout).unwrap_or_else(|_| IdleTimeout::from(VarInt::MAX));
    config
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(liveness.keep_alive_interval)
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES_MAX))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES_MAX);
    config
}
