//! A region as a state machine: moments, messages and completions go in; frames to step, records to append, worlds to hash
//! and messages to send come out.
//!
//! Invariant: whatever a region does follows from what it was handed, in the order in which it was handed over. It has no
//! clock, no thread, no socket, no file and no random numbers of its own, so a server, a simulated cluster, a fuzzer and a
//! tool drive the same code.
//!
//! | you want | look at |
//! | --- | --- |
//! | to run a world | [`Region`], its [`Effect`]s and [`Event`]s |
//! | to begin a world, or to go on with a stored one | [`open`](fn@open) |
//! | to simulate again what a journal holds | [`Replay`] |
//! | to store a snapshot in steps | [`SnapshotWrite`] |
//! | to host a game of your own | [`GameAdapter`] |
//! | to ask something of a running region | [`Request`], [`Answer`] |
//! | to run several regions of one world | [`Region::tell_neighbour`], [`Post`] |
//!
//! # The loop of a driver
//!
//! One thread owns the region. It has one mailbox, in which completions stand before requests, and requests before what
//! peers sent:
//!
//! ```text
//! loop {
//!     wait for mail until region.poll_timeout()
//!     for each mail: region.handle_..(now, ..)                  // `now` is read after the wait
//!     region.handle_timeout(now)
//!     while let Some(effect) = region.poll_effect() { .. }      // carry it out here, or begin it elsewhere: its completion is mail
//!     while let Some((session, transmit)) = region.poll_transmit() { .. }
//!     while let Some(post) = region.poll_post() { .. }          // to another region; it may be lost
//!     while let Some(event) = region.poll_event() { .. }        // `Closed` follows the session's last message
//! }
//! ```
//!
//! # The way of a tick
//!
//! When a tick is due, the frame is closed and its record goes to the journal ([`Effect::Append`]) before its step begins
//! ([`Effect::Step`]). The root comes with the step, or up to the journal's root lag later ([`Effect::Hash`]). A tick is
//! released to a session once it was stepped and is as durable as the session was promised. The next frame is closed after
//! the step, never while the journal is further behind than the settings allow, and never before the root is known that its
//! record has to carry.
//!
//! # What is deliberately absent
//!
//! Threads and catching of panics: a step is an effect, so whoever runs it decides where, and a panic comes back as a value.
//! Retrying inside an effect: a store is asked once, and what an unknown outcome means is decided here.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::iter_over_hash_type, clippy::disallowed_types, clippy::disallowed_methods))]

mod adapter;
mod archive;
mod debts;
mod effect;
mod event;
mod keys;
pub mod limits;
mod open;
mod post;
mod region;
mod replay;
mod request;
mod settings;
mod snapshot_write;
mod step;

pub use adapter::{AdapterError, Content, GameAdapter};
pub use archive::{Findings, Moved, Moves, Seek, SeekError, move_players, seek};
pub use effect::{
    Append, AppendOutcome, Authenticate, Effect, HashWorld, Hashed, Identity, KeysEffect, LoadPack, StoreSnapshot,
};
pub use event::{Ended, Event};
pub use keys::{KeysError, read_keys, rotate_keys};
pub use open::{OpenError, OpenReport, OpenSettings, Opened, look, open};
pub use post::{Mail, MailRefusal, Post, PostBody, Standing};
pub use region::Region;
pub use replay::{Divergence, Replay, ReplayError, Replayed, Witness, frames_of};
pub use request::{
    Answer, Kicked, OperatorRequest, Request, RequestError, RequestId, SnapshotStored, Status, Switched,
};
pub use settings::{RegionSettings, Secrets};
pub use snapshot_write::{SnapshotWrite, StoreAnswer, StoreCall};
pub use step::{InlineStepper, Step, StepError, Stepped, Stepper};
