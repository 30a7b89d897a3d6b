//! Content packs: FlatBuffers, verified once, decoded into owned tables.
#![no_std]
extern crate alloc;

pub mod model;
