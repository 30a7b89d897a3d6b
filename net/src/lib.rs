//! The protocol over QUIC: a thin shell of tokio and quinn around `tickworld-proto`.
//!
//! Invariant: no protocol decision is made here; what a session may do, when it ends and what it is told is proto's.
