//! [`SpentTokens`]: which tokens were used, so that none admits twice.
//!
//! Invariant: a token that [`spend`](SpentTokens::spend) reported as fresh is spent from then on, across any crash, until
//! somebody forgets it.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use tickworld_sim::hash::Hasher;

/// Stands for a token's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenDigest(pub [u8; 16]);

impl TokenDigest {
    /// Of a token's identity (`jti`): the first 16 bytes of its hash.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = Hasher::new(b"tickworld.token.1").update(id.as_bytes()).finish();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.0[..16]);
        Self(digest)
    }
}

/// The store cannot do it now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpendError(pub String);

/// Remembers tokens that were used.
pub trait SpentTokens: Send + Sync {
    /// Spends a token that expires so many seconds after 1970; gives whether it was fresh. Durable when it is done.
    ///
    /// # Errors
    /// When the store cannot keep it: then it admits nobody.
    fn spend(&self, token: TokenDigest, expires_seconds: u64) -> impl Future<Output = Result<bool, SpendError>> + Send;

    /// Forgets those that expired before this time.
    ///
    /// # Errors
    /// When the store fails.
    fn forget_spent(&self, expired_before_seconds: u64) -> impl Future<Output = Result<(), SpendError>> + Send;
}

/// In memory alone: for tests, and for worlds that are kept nowhere.
#[derive(Debug, Default)]
pub struct MemoryTokens {
    expiry: Mutex<BTreeMap<TokenDigest, u64>>,
}

impl MemoryTokens {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<TokenDigest, u64>) -> T) -> T {
        act(&mut self.expiry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpentTokens for MemoryTokens {
    async fn spend(&self, token: TokenDigest, expires_seconds: u64) -> Result<bool, SpendError> {
        Ok(self.with(|expiry| {
            let is_fresh = !expiry.contains_key(&token);
            let latest = expiry.entry(token).or_insert(expires_seconds);
            *latest = expires_seconds.max(*latest);
            is_fresh
        }))
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<(), SpendError> {
        self.with(|expiry| expiry.retain(|_, expires| *expires >= expired_before_seconds));
        Ok(())
    }
}

/// The file of an earlier version: when a token expires (u64), then its digest, without an end.
const FILE: &str = "used-tokens";
/// See [`FILE`].
const RECORD_BYTES: usize = 8 + 16;
/// Seconds since 1970 that an expiry in such a file can have: the years 2020 to 2200. What is none begins no record.
const EXPIRY: std::ops::Range<u64> = 1_577_836_800..7_258_118_400;

/// Spends what stands in the file in which an earlier version kept used tokens, then removes the file.
///
/// # Errors
/// When the file cannot be read or removed, or the store cannot keep what is in it: the file stays then.
pub async fn take_over_file(data: &Path, tokens: &impl SpentTokens) -> io::Result<()> {
    let path = data.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let records = records(&bytes);
    for (token, expires) in &records {
        tokens.spend(*token, *expires).await.map_err(io::Error::other)?;
    }
    fs::remove_file(&path)?;
    tracing::info!(count = records.len(), file = %path.display(), "took over the tokens that were used");
    Ok(())
}

/// The records of such a file. Where a full disk cut one short, the next ones stand behind it out of step: a record begins
/// wherever its expiry can be one. What is none and looks like one stands for no token that anybody has.
fn records(bytes: &[u8]) -> Vec<(TokenDigest, u64)> {
    let record = |record: &[u8]| {
        let (expires, digest) = record.split_at_checked(8)?;
        let expires = u64::from_le_bytes(expires.try_into().ok()?);
        let digest = TokenDigest(digest.try_into().ok()?);
        EXPIRY.contains(&expires).then_some((digest, expires))
    };
    bytes.windows(RECORD_BYTES).filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(ids: std::ops::Range<u64>) -> Vec<u8> {
        let record = |id: u64| {
            let mut bytes = (1_800_000_000 + id).to_le_bytes().to_vec();
            bytes.extend(TokenDigest::of(&id.to_string()).0);
            bytes
        };
        ids.flat_map(record).collect()
    }

    #[test]
    fn records_behind_a_cut_one_are_found() {
        let whole: Vec<_> = (0..9).map(|id| (TokenDigest::of(&id.to_string()), 1_800_000_000 + id)).collect();
        assert_eq!(records(&file(0..9)), whole);
        for cut in 1..RECORD_BYTES {
            let mut bytes = file(0..4);
            bytes.truncate(4 * RECORD_BYTES - cut);
            bytes.extend(file(4..9));
            let found = records(&bytes);
            for record in whole.iter().filter(|record| **record != whole[3]) {
                assert!(found.contains(record), "cut by {cut}: {record:?} is lost in {found:?}");
            }
        }
        assert_eq!(records(&[0xff; 100]), []);
    }

    #[tokio::test]
    async fn an_earlier_versions_file_is_taken_over_once() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (path, tokens) = (folder.path().join(FILE), MemoryTokens::default());
        fs::write(&path, file(0..3)).expect("the folder can be written");
        take_over_file(folder.path(), &tokens).await.expect("the file can be read");
        assert!(!path.exists());
        assert_eq!(tokens.spend(TokenDigest::of("1"), 0).await, Ok(false));
        assert_eq!(tokens.spend(TokenDigest::of("3"), 0).await, Ok(true));
        take_over_file(folder.path(), &tokens).await.expect("there is nothing more to do");
    }
}
