//! [`Hash`](struct@Hash): BLAKE3 digests.
//!
//! Invariant: whatever names or binds other things begins with the name of its kind, so two kinds never share a digest. Pages
//! and packs are hashed as they are: their digests are only ever looked up where their kind is known.

/// A BLAKE3 digest (32 bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zeros: stands where there is nothing to hash.
    pub const ZERO: Self = Self([0; 32]);

    /// The first eight bytes: enough to tell two honest states apart, short enough to record for every column and tick.
    #[must_use]
    pub fn short(&self) -> ShortHash {
        let mut short = [0; 8];
        short.copy_from_slice(&self.0[..8]);
        ShortHash(short)
    }
}

impl core::fmt::Debug for Hash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::fmt::Display for Hash {
    /// All 64 hexadecimal digits; `{:.8}` gives the first eight.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4_u32, byte & 15]);
        digits.take(f.precision().unwrap_or(64)).try_for_each(|digit| write!(f, "{digit:x}"))
    }
}

/// The first eight bytes of a [`Hash`](struct@Hash).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShortHash(pub [u8; 8]);

impl core::fmt::Debug for ShortHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::fmt::Display for ShortHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// BLAKE3 over a domain name and what follows it.
#[derive(Clone)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Begins with the length of `domain` (one byte) and `domain`.
    #[must_use]
    pub fn new(domain: &'static [u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[u8::try_from(domain.len()).expect("domains are short")]);
        hasher.update(domain);
        Self(hasher)
    }

    /// The same with a secret key: nobody makes such a digest without it.
    #[must_use]
    pub fn keyed(key: &[u8; 32], domain: &'static [u8]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(&[u8::try_from(domain.len()).expect("domains are short")]);
        hasher.update(domain);
        Self(hasher)
    }

    /// Adds bytes to what is hashed.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of everything so far.
    #[must_use]
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

/// BLAKE3 of plain bytes: the hash of a page.
#[must_use]
pub fn hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}
