//! [`read_keys`] and [`rotate_keys`]: the world's keys in its store.
//!
//! Invariant: a world has keys from its beginning on. Who rotates them replaces what they saw, so two who do so at once make two
//! rotations, in some order.

use tickworld_persist::{
    Keys, KeysRow,
    error::{Fault, FetchError},
};
use tickworld_proto::ticket::TicketKeys;
use tickworld_sim::component::DecodeError;

/// Why a world's keys cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// They are damaged, or the storage fails.
    #[error("the world's keys cannot be read: {0}")]
    Fetch(#[from] FetchError),
    /// They are of another version.
    #[error("the world's keys cannot be read: {0}")]
    Form(#[from] DecodeError),
    /// They were never drawn.
    #[error("the world has no keys yet: a server that opens it draws them")]
    Absent,
    /// The storage fails. It may have happened.
    #[error("the world's keys cannot be written: {0}")]
    Storage(#[from] Fault),
    /// Others rotated them again and again.
    #[error("others rotate the world's keys at the same time")]
    Contended,
}

/// So often somebody may come between reading and writing.
const TRIES: u32 = 8;

/// The world's keys.
///
/// # Errors
/// When there are none, or they cannot be read.
pub async fn read_keys(store: &impl Keys) -> Result<TicketKeys, KeysError> {
    let row = store.keys().await?.ok_or(KeysError::Absent)?;
    Ok(TicketKeys::decode(&row.0)?)
}

/// Those of a world that is opened: drawn from `secret`, which is random, where there are none that can be read. What was made with
/// keys that are damaged is void, and nothing else is lost with them.
///
/// # Errors
/// When they can be neither read nor drawn.
pub(crate) async fn open_keys(store: &impl Keys, secret: [u8; 32]) -> Result<TicketKeys, KeysError> {
    match read_keys(store).await {
        Err(KeysError::Absent | KeysError::Fetch(FetchError::Damaged(_))) => {}
        read => return read,
    }
    let drawn = TicketKeys::first(secret);
    // Where another one was faster, theirs are the world's.
    if store.replace_keys(None, &row(&drawn)).await? { Ok(drawn) } else { read_keys(store).await }
}

/// Replaces the current key by `secret`, which is random.
///
/// # Errors
/// When there are none, or they can be neither read nor written.
pub async fn rotate_keys(store: &impl Keys, secret: [u8; 32], now_seconds: u64) -> Result<TicketKeys, KeysError> {
    for _ in 0..TRIES {
        let seen = store.keys().await?.ok_or(KeysError::Absent)?;
        let rotated = TicketKeys::decode(&seen.0)?.rotated(secret, now_seconds);
        if store.replace_keys(Some(&seen), &row(&rotated)).await? {
            return Ok(rotated);
        }
    }
    Err(KeysError::Contended)
}

fn row(keys: &TicketKeys) -> KeysRow {
    KeysRow(keys.encode().to_vec().into())
}
