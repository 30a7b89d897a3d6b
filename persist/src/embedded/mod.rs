//! redb: journal, snapshots, spent tokens, keys, marks and the archive in one database on this machine.
//!
//! Invariant: every commit is a whole state; what was reported durable is found again after a crash, or its absence is
//! noticed by the watermark beside the database. Whatever redb does with a damaged file, an error or a panic, comes out as an
//! error.
//!
//! [`Core`] is synchronous and has no thread; [`Store`] runs one on a thread of its own. Where the bytes are is the
//! [`StorageBackend`]'s: files, files that are only read, or any storage that redb can work on.

mod archive;
mod backend;
mod core;
mod journal;
mod keys;
mod marks;
mod pages;
mod reading;
mod rows;
mod store;
mod thread;
mod tokens;
mod watermark;

pub use self::{
    backend::{Files, StorageBackend},
    core::{Core, Settings},
    reading::{Overlay, ReadOnly},
    store::Store,
};
