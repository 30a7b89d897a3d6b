//! Tickworld's engine: the world is a struct of paged, copy-on-write, hashed columns, changed only by `step(frame)`.
//!
//! A game writes its state as a plain struct of [parts](part::Part), its rules as plain functions over that struct, and gets
//! for it: a root over everything every tick, snapshots as clones, rollback and forks, restore from untrusted bytes, traces,
//! and diffs that name the entity and the field. The same frames give the same roots on every machine.
//!
//! ```
//! use tickworld_sim::prelude::*;
//!
//! #[derive(Component, Clone, Copy)]
//! struct Push {
//!     by: i32,
//! }
//!
//! #[derive(State, Clone)]
//! struct Ice {
//!     entities: Entities,
//!     position: Column<i32>,
//!     velocity: Column<i32>,
//! }
//!
//! struct Curling;
//!
//! fn push(ice: &mut Ice, step: &mut Step<'_, Curling>) {
//!     for input in step.inputs() {
//!         let Some(row) = input.entity.and_then(|stone| ice.entities.row(stone)) else { continue };
//!         ice.velocity.modify(row, |velocity| *velocity = velocity.saturating_add(input.body.by));
//!     }
//! }
//!
//! fn glide(ice: &mut Ice, _: &mut Step<'_, Curling>) {
//!     join((&mut ice.position, &ice.velocity)).for_each(|_, (position, velocity)| {
//!         *position = position.saturating_add(*velocity);
//!     });
//! }
//!
//! impl Game for Curling {
//!     type State = Ice;
//!     type Input = Push;
//!     type Event = ();
//!     type Content = ();
//!     const NAME: &'static str = "curling";
//!     const REVISION: u32 = 1;
//!     const SYSTEMS: &'static [System<Self>] =
//!         &[System { name: "push", run: push }, System { name: "glide", run: glide }];
//!
//!     fn join(ice: &mut Ice, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
//!         let stone = ice.spawn(Band(0)).ok()?;
//!         let row = ice.entities.row(stone)?;
//!         ice.position.set(row, 0);
//!         ice.velocity.set(row, 0);
//!         Some(stone)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut game = Simulation::<Curling>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
//! let player = PlayerId(1);
//! let inputs = vec![
//!     Input { player, sequence: Sequence(0), act: Act::ENTER },
//!     Input { player, sequence: Sequence(1), act: Act::Play(Push { by: 3 }) },
//! ];
//! // Sixteen secret bytes come with every frame; the dice are made of them.
//! game.step(&InputFrame::new(Tick(1), Entropy::from_bytes([1; 16]), inputs), &Inline)?;
//! let past = game.snapshot(); // shares every page
//! let roots = game.step(&InputFrame::empty(Tick(2), Entropy::from_bytes([2; 16])), &Inline)?;
//!
//! game.restore(&past);
//! let again = game.step(&InputFrame::empty(Tick(2), Entropy::from_bytes([2; 16])), &Inline)?;
//! assert_eq!(roots, again);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/pasture.rs` is a whole game of a hundred lines; `held_controls.rs`, `recording.rs` and `state_to_json.rs` beside it
//! show one thing each.
//!
//! # Where things are
//!
//! | you want | look at |
//! | --- | --- |
//! | describe a world | [`state`], [`component`], [`column`](mod@column), [`list`], [`text`], [`resource`], [`derived`], [`entities`] |
//! | write its rules | [`game`], [`step`], [`join`], [`commands`], [`events`], [`stream`], [`rng`], [`math`], [`grid`] |
//! | run it | [`simulation`], [`frame`], [`executor`], [`content`] |
//! | predict and go back | [`rollback`] |
//! | know who plays, and what became of their inputs | [`session`] |
//! | know which part of a larger world this is | [`region`] |
//! | keep it, send it, restore it | [`world`], [`snapshot`], [`durability`] |
//! | record it, and find where two runs part | [`trace`], [`diff`] |
//! | read its bytes without its types | [`schema`], [`json`], [`bytes`], [`hash`], [`limits`] |
//! | know what your build does on overflow | [`overflow`] |
//!
//! # What is deliberately absent
//!
//! Files, sockets, clocks and threads: they belong to whoever embeds the engine; threads come in through
//! [`executor::Executor`]. Floats, hash maps, `usize` in bytes and interior mutability: they differ between machines or hide
//! from the root. A scheduler and a registry of types: systems are functions in one declared order, and a field that could
//! not be hashed, snapshotted and diffed does not compile. Unsafe code. Any rule of any game.
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
// The derives name this crate by its path; so do its own uses of them.
extern crate self as tickworld_sim;

pub mod bytes;
pub mod column;
pub mod commands;
pub mod component;
pub mod content;
pub mod derived;
pub mod diff;
pub mod durability;
pub mod entities;
pub mod entity;
pub mod events;
pub mod executor;
pub mod frame;
pub mod game;
pub mod grid;
pub mod hash;
pub mod join;
pub mod json;
pub mod limits;
pub mod list;
pub mod math;
pub mod overflow;
pub mod part;
pub mod prelude;
pub mod region;
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
pub mod text;
pub mod trace;
pub mod world;

pub use component::Component;
pub use state::State;
