//! Journals, snapshots, spent tokens and keys of worlds: traits, redb behind them, a double in memory, and one conformance suite for all.
//!
//! Invariant: what an append reported as durable is there after any crash that its level allows, and damage is never
//! silent.
//!
//! | you want | look at |
//! | --- | --- |
//! | what is kept | [`JournalHeader`], [`Record`], [`Snapshot`] |
//! | to keep it | [`Journal`], [`Snapshots`], [`Tokens`], [`Keys`]; [`AnyStore`], which is [`embedded::Store`] on this machine's disk or [`memory::Memory`] |
//! | to keep where players are, and what the absent have | [`Archive`], [`Whereabouts`], [`Raise`] |
//! | to keep a build from a tick that it cannot make | [`Marks`], [`Mark`], [`BuildId`] |
//! | to leave the last tick out | [`skip`](fn@skip) |
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
//! # Slots, claims and lives
//!
//! A journal is a row of *slots*, numbered densely from 1 ([`Slot`]); the header stands before them, in slot 0. In each stands one
//! [`Record`]: a tick's frame ([`TickRecord`]), or a *claim* ([`ClaimRecord`]).
//!
//! - **Whoever appends the next slot owns the region.** A record takes the slot after the last one or none, so two owners cannot
//!   both go on, and the slower one is told. Failover, skip, cut and a good end are one kind of record: a claim, which names the
//!   record that history goes on after.
//! - An *epoch* ([`Epoch`]) is the slot of the claim in force. There is no counter beside the records, and no flag that says how
//!   the last owner ended: the last record does.
//! - *Void* is what stands between the record that a claim goes on after and the claim, torn rows among it. Void records stay where
//!   they are until they are trimmed; the history passes them over, and so does every reader but [`Journal::record`].
//! - A claim that voids ticks which may have been told says so ([`ClaimRecord::is_loss`]). Only then does another life of the region
//!   begin, with the next *incarnation*; whoever opens the region raises all its numbers before anything else. A claim that lies
//!   about it is refused.
//! - A *skip* voids the last tick, which nobody can make. It takes nothing back that was told, and is no loss, where a [`Mark`] of
//!   the tick's own writer says that it panicked in it, nobody claimed since, and nothing follows.
//! - The *watermark*, kept beside a database that could fall back, names a slot. Slots are never taken twice, so it only rises: a
//!   claim after a loss stands behind everything that was ever acknowledged.
//!
//! A tick may be made twice in one journal, before and after a claim; so snapshots name the slot of their record. A journal of
//! format 1 has no slots and no claims: it is read, with each tick in the slot of its number, and not continued
//! ([`error::ClaimError::Old`]).
//!
//! Reserved and refused by name, because a region on one machine needs none of it: runs of empty ticks in one record, restores,
//! upgrades and other changes of terms.
//!
//! # What is deliberately absent
//!
//! Frames and worlds as values: a journal keeps canonical bytes, whoever replays knows the game. A cache: the pages of a
//! running world are in its snapshots. Retries: who waits for an answer decides how long.

#[cfg(feature = "stores")]
mod any_store;
#[cfg(feature = "stores")]
mod append_validator;
mod archive;
#[cfg(feature = "stores")]
pub mod conformance;
#[cfg(feature = "stores")]
pub mod embedded;
pub mod error;
mod header;
mod keys;
pub mod limits;
#[cfg(feature = "stores")]
mod live;
mod marks;
#[cfg(feature = "stores")]
pub mod memory;
mod page;
mod position;
mod progress;
mod record;
mod recover;
mod region_store;
mod retention;
mod salvage;
mod skip;
mod store;
mod tokens;
mod verify;
mod walk;

#[cfg(feature = "stores")]
pub use any_store::{AnyStore, StoreConfig};
pub use archive::{Archive, Raise, Voucher, Whereabouts};
pub use header::{JournalHeader, WorldId};
pub use keys::{Keys, KeysRow};
pub use marks::{Attempts, BuildId, Mark, Marks};
pub use position::{Epoch, LogPosition, Slot};
pub use progress::Progress;
pub use record::{ClaimRecord, Proof, Record, RecordError, TickRecord, WallTime, Why};
pub use recover::{
    Origin, RecoverError, Recovery, SkippedSnapshot, find_origin, prover_of, recover, snapshot_contradiction,
};
pub use region_store::RegionStore;
pub use retention::{Removed, Retention};
pub use salvage::{Salvage, TailReport};
pub use skip::{SkipError, Skipped, skip};
pub use store::{Appended, Claim, Claimant, DataLossPolicy, Journal, LogState, Page, Snapshot, Snapshots, Store};
pub use tickworld_sim::durability::Durability;
pub use tokens::{Bearer, TokenDigest, Tokens};
pub use verify::{Finding, VerifyError, VerifyReport, verify};
pub use walk::{ChainWalk, Walked};
