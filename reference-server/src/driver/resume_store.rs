//! Resume keys across a server's good end: its clients come back to the next one without a token.
//!
//! Invariant: a key is good once. The file is written when nobody is served any more and removed before the first key of it
//! can be used, so a server that is killed revives none. It holds hashes: who reads it can come back as nobody.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tickworld_proto::{
    host::{KeptKey, Kinds, Resumed},
    instant::Micros,
    limits::RESUME_KEYS_MAX,
};
use tickworld_sim::{frame::PlayerId, hash::Hash};

use crate::secret_file;

/// A key in the file: when it expires in seconds since 1970 (u64), the player or 0 for nobody (u64), the kinds (u8), the hash.
const ENTRY_BYTES: usize = 8 + 8 + 1 + 32;

/// Writes them down.
pub(super) fn keep(data: &Path, keys: &[KeptKey], now_seconds: u64) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(keys.len() * ENTRY_BYTES);
    for KeptKey { key, good_for, resumed: Resumed { player, kinds } } in keys {
        bytes.extend((now_seconds + good_for.0 / 1_000_000).to_le_bytes());
        bytes.extend(player.map_or(0, |player| player.0).to_le_bytes());
        bytes.push(kinds.bits());
        bytes.extend(key.0);
    }
    secret_file::replace(&file(data), &bytes)
}

/// Takes them out of the folder; none where there are none, or the file is none of these.
pub(super) fn take(data: &Path, now_seconds: u64) -> Vec<KeptKey> {
    let path = file(data);
    let read = fs::read(&path).and_then(|bytes| fs::remove_file(&path).map(|()| bytes));
    match read {
        Ok(bytes) => bytes
            .chunks_exact(ENTRY_BYTES)
            .take(RESUME_KEYS_MAX as usize)
            .filter_map(|it| entry(it, now_seconds))
            .collect(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, file = %path.display(), "clients need new tokens to come back");
            }
            Vec::new()
        }
    }
}

fn entry(bytes: &[u8], now_seconds: u64) -> Option<KeptKey> {
    let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let good_for = number(0)?.checked_sub(now_seconds).filter(|seconds| *seconds > 0)?;
    let player = number(8).filter(|player| *player > 0).map(PlayerId);
    let kinds = Kinds::of_bits(*bytes.get(16)?)?;
    let key = Hash(bytes.get(17..)?.try_into().ok()?);
    Some(KeptKey { key, good_for: Micros(good_for.saturating_mul(1_000_000)), resumed: Resumed { player, kinds } })
}

fn file(data: &Path) -> PathBuf {
    data.join("resume-keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_once_and_not_after_their_time() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let key = |number: u8, seconds: u64, player: Option<PlayerId>| KeptKey {
            key: Hash([number; 32]),
            good_for: Micros(seconds * 1_000_000),
            resumed: Resumed { player, kinds: Kinds::ALL },
        };
        let keys = [key(1, 60, Some(PlayerId(7))), key(2, 5, None), key(3, 60, None)];
        keep(folder.path(), &keys, 1_000).expect("the folder can be written");
        assert_eq!(take(folder.path(), 1_010), [key(1, 50, Some(PlayerId(7))), key(3, 50, None)]);
        assert_eq!(take(folder.path(), 1_010), []);
    }

    #[test]
    fn bytes_that_are_no_keys_are_none() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for length in [0, 1, ENTRY_BYTES - 1, ENTRY_BYTES, 3 * ENTRY_BYTES + 7] {
            fs::write(file(folder.path()), vec![0xff; length]).expect("the folder can be written");
            assert_eq!(take(folder.path(), 1_000), [], "{length} bytes");
        }
    }
}
