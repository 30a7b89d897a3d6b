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
//! # Players travel
//!
//! A world may be one [region] of a larger one. A player who leaves for another region, or for the archive, goes as a
//! [parcel]: their entity and what else belongs to them, with all rows, and with what became of their inputs. A game that lets
//! players travel says what belongs to them, and where who comes is put; all else is the engine's.
//!
//! ```
//! use tickworld_sim::{prelude::*, region::{Border, RegionId}};
//!
//! /// To another region.
//! #[derive(Component, Clone, Copy)]
//! struct Ride(u32);
//!
//! #[derive(State, Clone)]
//! struct Road {
//!     entities: Entities,
//!     mile: Column<u32>,
//!     load: ListColumn<u16, 8>,
//!     // A mule goes along only with its owner.
//!     #[parcel(drop)]
//!     owner: Column<Entity>,
//! }
//!
//! struct Caravan;
//!
//! fn ride(_: &mut Road, step: &mut Step<'_, Caravan>) {
//!     for input in step.inputs() {
//!         step.depart(input.player, RegionId(input.body.0));
//!     }
//! }
//!
//! impl Game for Caravan {
//!     type State = Road;
//!     type Input = Ride;
//!     type Event = ();
//!     type Content = ();
//!     const NAME: &'static str = "caravan";
//!     const REVISION: u32 = 1;
//!     const SYSTEMS: &'static [System<Self>] = &[System { name: "ride", run: ride }];
//!     const TRAVELS: bool = true;
//!
//!     fn join(road: &mut Road, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
//!         let (own, mule) = (road.spawn(Band(0)).ok()?, road.spawn(Band(1)).ok()?);
//!         road.mile.set(road.entities.row(own)?, 7);
//!         let row = road.entities.row(mule)?;
//!         road.owner.set(row, own);
//!         road.load.push(row, 300).ok()?;
//!         Some(own)
//!     }
//!
//!     fn belongings(road: &Road, own: Entity) -> Vec<Entity> {
//!         let mut mules = Vec::new();
//!         join(&road.owner).for_each(|row, owner| mules.extend(road.entities.entity(row).filter(|_| *owner == own)));
//!         mules
//!     }
//!
//!     fn arrive(road: &mut Road, _: &mut Step<'_, Self>, _: PlayerId, entities: &[Entity], _from: Tick) {
//!         // Miles count from the border.
//!         for row in entities.iter().filter_map(|entity| road.entities.row(*entity)) {
//!             road.mile.modify(row, |mile| *mile = 0);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! /// A region that has met its neighbour.
//! fn region(id: u32, neighbour: u32) -> Result<Simulation<Caravan>, Box<dyn std::error::Error>> {
//!     let mut game = Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
//!     game.world_mut().set_region(RegionId(id));
//!     let region = RegionId(neighbour);
//!     let acts = [Act::Accept { region, incarnation: 1 }, Act::Border { region, state: Border::Open }];
//!     for (tick, act) in (1..).zip(acts) {
//!         let own = Input { player: PlayerId::REGION, sequence: Sequence(0), act };
//!         game.step(&InputFrame::new(Tick(tick), Entropy::from_bytes([1; 16]), vec![own]), &Inline)?;
//!     }
//!     Ok(game)
//! }
//!
//! let (mut here, mut there) = (region(1, 2)?, region(2, 1)?);
//! let player = PlayerId(1);
//! let inputs = vec![
//!     Input { player, sequence: Sequence(0), act: Act::ENTER },
//!     Input { player, sequence: Sequence(1), act: Act::Play(Ride(2)) },
//! ];
//! here.step(&InputFrame::new(Tick(3), Entropy::from_bytes([1; 16]), inputs), &Inline)?;
//! assert!(here.state().entities.is_empty());
//!
//! // What waits in the outbox is brought to the other region, as often as it takes: it applies once.
//! let (entry, parcel) = here.world().region().outbox().next().ok_or("nothing waits")?;
//! let mail = Act::Mail {
//!     region: RegionId(1),
//!     incarnation: 1,
//!     sequence: entry.sequence,
//!     lamport: entry.lamport,
//!     is_held: false,
//!     parcel: parcel.into(),
//! };
//! let inputs = vec![Input { player: PlayerId::REGION, sequence: Sequence(0), act: mail }];
//! there.step(&InputFrame::new(Tick(3), Entropy::from_bytes([1; 16]), inputs), &Inline)?;
//! let came = there.world().players().find(player).and_then(|it| it.entity).ok_or("nobody came")?;
//! let row = there.state().entities.row(came).ok_or("nobody lives")?;
//! assert_eq!((there.state().mile.get(row), there.state().entities.len()), (Some(&0), 2));
//! # Ok(())
//! # }
//! ```
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
//! | know which part of a larger world this is, and let players travel | [`region`], [`parcel`] |
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
mod decode_error;
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
pub mod parcel;
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
pub mod stream;
pub mod text;
pub mod trace;
pub mod world;

pub use component::Component;
#[doc(inline)]
pub use game::step;
pub use state::State;
