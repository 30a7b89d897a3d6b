//! QUIC's errors in the words of this crate.
//!
//! Invariant: every error of a connection becomes one [`Disconnect`], every error of a handshake one [`DialError`].

use quinn::{ConnectionError, TransportErrorCode, VarInt};

use crate::{
    close::{Close, CloseCode, Disconnect},
    transport::DialError,
};

/// RFC 9001, section 4.8: TLS alerts are QUIC errors from here on.
const TLS_ALERTS: std::ops::Range<u64> = 0x100..0x200;
/// RFC 7301, section 3.2.
const ALERT_NO_APPLICATION_PROTOCOL: u64 = TLS_ALERTS.start + 120;

/// Why a connection is no more.
pub(super) fn disconnected(error: ConnectionError) -> Disconnect {
    match error {
        ConnectionError::ApplicationClosed(close) => Disconnect::ByPeer(Close {
            code: CloseCode::of(close.error_code.into_inner()),
            detail: String::from_utf8_lossy(&close.reason).into_owned(),
        }),
        ConnectionError::LocallyClosed => Disconnect::Closed,
        other => Disconnect::Lost(other.to_string()),
    }
}

/// Why there is no connection to a host.
pub(super) fn dial_failed(error: &ConnectionError) -> DialError {
    let (code, reason) = match error {
        ConnectionError::TimedOut => return DialError::NoAnswer,
        ConnectionError::VersionMismatch => return DialError::Protocol,
        // From here: this side's judgement of the server.
        ConnectionError::TransportError(error) => (u64::from(error.code), Some(error.reason.clone())),
        // From the server: its judgement of this side.
        ConnectionError::ConnectionClosed(close) => (u64::from(close.error_code), None),
        _ => return DialError::Failed(error.to_string()),
    };
    if code == u64::from(TransportErrorCode::CONNECTION_REFUSED) {
        return DialError::Refused;
    }
    match reason {
        _ if code == ALERT_NO_APPLICATION_PROTOCOL => DialError::Protocol,
        Some(reason) if TLS_ALERTS.contains(&code) => DialError::Untrusted(reason),
        _ => DialError::Failed(error.to_string()),
    }
}

/// A close's code in QUIC's CONNECTION_CLOSE.
pub(super) fn number_on_wire(code: CloseCode) -> VarInt {
    VarInt::from_u64(code.number()).unwrap_or(VarInt::MAX)
}
