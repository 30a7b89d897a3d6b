//! The lockstep protocol, sans I/O: bytes and instants go in, bytes and events come out.
//!
//! [`message`] is what the two sides say. docs/PROTOCOL.md has the state diagrams, timers and limits.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::default_numeric_fallback,
        clippy::arithmetic_side_effects,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::iter_over_hash_type,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

extern crate alloc;

pub mod channel;
pub mod instant;
pub mod limits;
pub mod message;
