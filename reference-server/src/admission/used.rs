//! [`UsedTokens`]: which tokens were used and have not expired yet.
//!
//! Invariant: what was inserted is in the file before the token admits anybody, so a process that was killed knows it still.
//! The file grows by 24 bytes a token and is written anew, without what has expired, at every start and whenever most of it
//! is of no use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tickworld_sim::hash::Hasher;

use super::{TokenError, USED_TOKENS_MAX};

/// Bytes of a token in the file: when it expires (u64), then its digest, cut.
const RECORD_BYTES: usize = 8 + 16;

type Digest = [u8; 16];

/// Tokens that admit no more.
#[derive(Debug, Default)]
pub struct UsedTokens {
    expiry: BTreeMap<Digest, u64>,
    by_expiry: BTreeSet<(u64, Digest)>,
    file: Option<(PathBuf, File)>,
    records_in_file: usize,
}

impl UsedTokens {
    /// Kept in memory alone.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Kept in a file as well.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, now_seconds: u64) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut used = Self::default();
        // A record that a crash cut short is of a token that admitted nobody.
        for record in bytes.chunks_exact(RECORD_BYTES).take(USED_TOKENS_MAX) {
            let (mut expires, mut digest) = ([0; 8], Digest::default());
            expires.copy_from_slice(&record[..8]);
            digest.copy_from_slice(&record[8..]);
            let expires = u64::from_le_bytes(expires);
            if expires > now_seconds && used.expiry.insert(digest, expires).is_none() {
                used.by_expiry.insert((expires, digest));
            }
        }
        used.rewrite(path)?;
        Ok(used)
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// When it was used before, or nothing more can be noted.
    pub fn insert(&mut self, id: &str, expires: u64, now_seconds: u64) -> Result<(), TokenError> {
        while let Some((_, digest)) = self.by_expiry.first().copied().filter(|(expires, _)| *expires <= now_seconds) {
            self.by_expiry.pop_first();
            self.expiry.remove(&digest);
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&Hasher::new(b"tickworld.token.1").update(id.as_bytes()).finish().0[..16]);
        if self.expiry.contains_key(&digest) {
            return Err(TokenError::Used);
        }
        if self.expiry.len() >= USED_TOKENS_MAX {
            return Err(TokenError::Busy);
        }
        self.note(expires, &digest).map_err(|_| TokenError::Busy)?;
        self.expiry.insert(digest, expires);
        self.by_expiry.insert((expires, digest));
        Ok(())
    }

    fn note(&mut self, expires: u64, digest: &Digest) -> io::Result<()> {
        if self.file.is_some() && self.records_in_file >= 2 * self.expiry.len() + 1_024 {
            let path = self.file.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
            self.rewrite(&path)?;
        }
        if let Some((_, file)) = &mut self.file {
            file.write_all(&record(expires, digest))?;
            self.records_in_file += 1;
        }
        Ok(())
    }

    /// Writes the file anew beside itself, then puts it in place.
    fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let part = path.with_extension("part");
        let bytes: Vec<u8> = self.by_expiry.iter().flat_map(|(expires, digest)| record(*expires, digest)).collect();
        fs::write(&part, bytes)?;
        fs::rename(&part, path)?;
        self.records_in_file = self.expiry.len();
        self.file = Some((path.to_owned(), OpenOptions::new().append(true).open(path)?));
        Ok(())
    }
}

fn record(expires: u64, digest: &Digest) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    bytes[..8].copy_from_slice(&expires.to_le_bytes());
    bytes[8..].copy_from_slice(digest);
    bytes
}
