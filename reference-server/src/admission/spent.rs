//! Used tokens as the world's store knows them, and the file in which an earlier version kept them.
//!
//! Invariant: what stands for a token is the same in both, so that a token which was used before an upgrade stays used.

use std::{fs, io, path::Path};

use tickworld_persist::{Bearer, TokenDigest, Tokens};
use tickworld_sim::hash::Hasher;

/// Stands for a token's identity (`jti`): the first 16 bytes of its hash.
#[must_use]
pub fn token_digest(id: &str) -> TokenDigest {
    let hash = Hasher::new(b"tickworld.token.1").update(id.as_bytes()).finish();
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.0[..16]);
    TokenDigest(digest)
}

/// The file of an earlier version: when a token expires (u64), then its digest, without an end.
const FILE: &str = "used-tokens";
/// Bytes of one token in [`FILE`].
const RECORD_BYTES: usize = 8 + 16;
/// Seconds since 1970 that an expiry in such a file can have: the years 2020 to 2200. What is none begins no record.
const EXPIRY: std::ops::Range<u64> = 1_577_836_800..7_258_118_400;

/// Spends what stands in the file in which an earlier version kept used tokens, then removes the file.
///
/// # Errors
/// When the file cannot be read or removed, or the store cannot keep what is in it: the file stays then.
pub async fn take_over_file(data: &Path, tokens: &impl Tokens) -> io::Result<()> {
    let path = data.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let records = records(&bytes);
    for (token, expires) in &records {
        tokens.spend(*token, nobody()?, *expires).await.map_err(io::Error::other)?;
    }
    fs::remove_file(&path)?;
    tracing::info!(count = records.len(), file = %path.display(), "took over the tokens that were used");
    Ok(())
}

/// Whose a token is that was used before anybody noted by whom: a number that no client has.
fn nobody() -> io::Result<Bearer> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Bearer { nonce, generation: 0 })
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
    use tickworld_persist::memory::Memory;

    use super::*;

    fn file(ids: std::ops::Range<u64>) -> Vec<u8> {
        let record = |id: u64| {
            let mut bytes = (1_800_000_000 + id).to_le_bytes().to_vec();
            bytes.extend(token_digest(&id.to_string()).0);
            bytes
        };
        ids.flat_map(record).collect()
    }

    #[test]
    fn records_behind_a_cut_one_are_found() {
        let whole: Vec<_> = (0..9).map(|id| (token_digest(&id.to_string()), 1_800_000_000 + id)).collect();
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
        let (path, tokens) = (folder.path().join(FILE), Memory::default());
        fs::write(&path, file(0..3)).expect("the folder can be written");
        take_over_file(folder.path(), &tokens).await.expect("the file can be read");
        assert!(!path.exists());
        let bearer = Bearer { nonce: [7; 16], generation: 0 };
        assert_ne!(tokens.spend(token_digest("1"), bearer, 0).await, Ok(Some(bearer)));
        assert_eq!(tokens.spend(token_digest("3"), bearer, 0).await, Ok(Some(bearer)));
        take_over_file(folder.path(), &tokens).await.expect("there is nothing more to do");
    }
}
