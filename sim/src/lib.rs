//! Tickworld's engine: the world is a struct of paged, copy-on-write, hashed columns, changed only by `step(frame)`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// The derives name this crate by its path; so do its own uses of them.
extern crate self as tickworld_sim;

pub mod bytes;
pub mod column;
pub mod commands;
pub mod component;
pub mod content;
pub mod derived;
pub mod diff;
pub mod entities;
pub mod entity;
pub mod events;
pub mod executor;
pub mod frame;
pub mod game;
pub mod grid;
pub mod hash;
pub mod join;
pub mod limits;
pub mod list;
pub mod math;
pub mod part;
pub mod prelude;
pub mod resource;
pub mod rng;
pub mod rollback;
pub mod schema;
pub mod session;
pub mod simulation;
pub mod snapshot;
pub mod state;
pub mod step;
pub mod stream;
pub mod trace;
pub mod world;

pub use component::Component;
pub use state::State;
