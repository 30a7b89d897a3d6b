//! [`Keys`]: the secret keys of a world, in a row of their own.
//!
//! Invariant: the row changes only by who saw what stands there, and is there durably before anybody is told so; so two who rotate
//! at once do not undo each other. It is no part of the history: no record, snapshot or pack holds it. What stands in it is its
//! owner's to know.

use std::{fmt, future::Future};

use bytes::Bytes;

use crate::error::{Fault, FetchError};

/// The row as bytes, at most [`KEYS_BYTES_MAX`](crate::limits::KEYS_BYTES_MAX).
#[derive(Clone, PartialEq, Eq)]
pub struct KeysRow(pub Bytes);

impl fmt::Debug for KeysRow {
    /// Hides the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeysRow(..)")
    }
}

/// Keeps the keys of a world. They need no journal: keys are a world's, whatever its history.
pub trait Keys: Send + Sync {
    /// The row; `None` where there was never one.
    ///
    /// # Errors
    /// When the row is damaged, or the storage fails.
    fn keys(&self) -> impl Future<Output = Result<Option<KeysRow>, FetchError>> + Send;

    /// Puts `next` where `seen` stands, durably; gives whether it did. Where something else stands, nothing is changed. A row that
    /// is damaged is nobody's to have seen: only `None` takes its place, for what it made is void anyhow.
    ///
    /// # Errors
    /// When the row is too long, or the storage fails: it may have happened then, which reading tells.
    fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> impl Future<Output = Result<bool, Fault>> + Send;
}
