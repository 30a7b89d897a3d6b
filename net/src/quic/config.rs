//! QUIC's parameters on both sides, and the TLS under it.
//!
//! Invariant: every window is a named limit, so a connection's memory is bounded whatever its peer does.

use std::{sync::Arc, time::Duration};

use quinn::{
    EndpointConfig, IdleTimeout, TransportConfig, VarInt,
    crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig},
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;

use crate::{
    limits::{
        BULK_STREAMS_MAX, BULK_WINDOW_BYTES, CLIENT_WINDOW_BYTES, CONTROL_WINDOW_BYTES, DATAGRAM_RECEIVE_BYTES_MAX,
        DATAGRAM_SEND_BYTES_MAX, RESET_INTERVAL_MIN, SEND_WINDOW_BYTES,
    },
    tls::{client_config, identity::Identity, server_config, trust::Trust},
};

/// Silence that ends a connection, and how often this side breaks it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liveness {
    pub(super) idle_timeout: Duration,
    pub(super) keep_alive_interval: Option<Duration>,
}

/// What a host grants to its clients.
pub(super) fn host_transport(liveness: Liveness) -> Arc<TransportConfig> {
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
pub(super) fn client_transport(liveness: Liveness) -> Arc<TransportConfig> {
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

/// The TLS of a server that shows `identity` and speaks `alpn`.
pub(super) fn server_crypto(identity: Identity, alpn: &[u8]) -> Result<QuicServerConfig, rustls::Error> {
    QuicServerConfig::try_from(server_config(identity, alpn)?).map_err(|error| unusable(&error))
}

/// The TLS of a client that knows its server by `trust` and speaks `alpn`.
pub(super) fn client_crypto(trust: Trust, alpn: &[u8]) -> Result<QuicClientConfig, rustls::Error> {
    QuicClientConfig::try_from(client_config(trust, alpn)?).map_err(|error| unusable(&error))
}

fn unusable(error: &NoInitialCipherSuite) -> rustls::Error {
    rustls::Error::General(error.to_string())
}

/// Both keys are the same at every start, so that a server that was killed knows its predecessor's connections for what they
/// are and resets them (RFC 9000, section 10.3): otherwise clients would wait out their idle timeouts.
pub(super) fn host_endpoint(identity: &Identity) -> EndpointConfig {
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &identity.secret(b"tickworld.quic-reset.1"));
    let mut id_key = [0; 8];
    id_key.copy_from_slice(&identity.secret(b"tickworld.quic-connection-id.1")[..8]);
    let id_key = u64::from_le_bytes(id_key);
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)));
    config.min_reset_interval(RESET_INTERVAL_MIN);
    config
}
