//! Journals, snapshots and spent tokens of worlds: traits, redb behind them, a double in memory, and one conformance suite for all.
//!
//! Invariant: what an append reported as durable is there after any crash that its level allows, and damage is never
//! silent.
//!
//! | you want | look at |
//! | --- | --- |
//! | what is kept | [`JournalHeader`], [`Record`], [`Snapshot`] |
//! | to keep it | [`Journal`], [`Snapshots`], [`Tokens`]; [`AnyStore`], which is [`embedded::Store`] on this machine's disk or [`memory::Memory`] |
//! | to look at one without changing it | [`embedded::ReadOnly`] |
//! | redb without threads, on storage of your own | [`embedded::Core`], [`embedded::StorageBackend`] |
//! | to start a world again | [`recover`](fn@recover); [`ChainWalk`] judges records without reading them |
//! | to know what a store may have lost unnoticed | [`Salvage`] |
//! | to know that everything kept is whole | [`verify`](fn@verify) |
//! | to show that a backend of your own keeps the promises | [`conformance`] |
//! | every cap | [`limits`] |
//!
//! The stores themselves are the feature `stores`, which is on unless it is switched off: without it there is neither a database
//! nor tokio, and what is left is what a state machine needs to speak of a store.
//!
//! # What is deliberately absent
//!
//! Frames and worlds as values: a journal keeps canonical bytes, whoever replays knows the game. A cache: the pages of a
//! running world are in its snapshots. Retries: who waits for an answer decides how long.

#[cfg(feature = "stores")]
mod any_store;
#[cfg(feature = "stores")]
mod append_validator;
#[cfg(feature = "stores")]
pub mod conformance;
#[cfg(feature = "stores")]
pub mod embedded;
pub mod error;
mod header;
pub mod limits;
#[cfg(feature = "stores")]
pub mod memory;
mod page;
mod record;
mod recover;
mod retention;
mod salvage;
mod store;
mod tokens;
mod verify;
mod walk;

#[cfg(feature = "stores")]
pub use any_store::{AnyStore, StoreConfig};
pub use header::{JournalHeader, WorldId};
pub use record::{Body, Epoch, Proof, Record, RecordError};
pub use recover::{
    Origin, RecoverError, Recovery, SkippedSnapshot, find_origin, prover_of, recover, snapshot_contradiction,
};
pub use retention::{Removed, Retention};
pub use salvage::{Salvage, TailReport};
pub use store::{Appended, Claim, DataLossPolicy, Journal, LogPosition, LogState, Page, Snapshot, Snapshots, Store};
pub use tickworld_sim::durability::Durability;
pub use tokens::{TokenDigest, Tokens};
pub use verify::{Finding, Progress, VerifyError, VerifyReport, verify};
pub use walk::{ChainWalk, Walked};
