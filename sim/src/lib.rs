//! Tickworld's engine: the world is a struct of paged, copy-on-write, hashed columns, changed only by `step(frame)`.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod math;
pub mod rng;
