//! [`Tokens`]: which single-use tokens were spent, and by whom.
//!
//! Invariant: a token is one bearer's for ever, whatever crashes, fills up or fails, and nobody is told so before that is durable.
//! Where it is not known whether it was noted, nobody is told that it is theirs; whoever comes again is told what stands there, so
//! nothing that breaks on the way costs a bearer another token.
//!
//! There is no clock here: when a token expires is a number that it is forgotten by. Whoever forgets says up to which second,
//! and leaves a margin for clocks that were wrong.

use std::{fmt, future::Future};

use tickworld_sim::hash::Hasher;

use crate::error::{Fault, SpendError};

/// A token as far as a store knows it: 16 bytes of a hash of it, so that who reads a store can spend nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest(pub [u8; 16]);

impl TokenDigest {
    /// Of a token's identity (the `jti` of a JWT): the first 16 bytes of BLAKE3 over 17 "tickworld.token.1" and its bytes.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = Hasher::new(b"tickworld.token.1").update(id.as_bytes()).finish();
        Self(*hash.0.first_chunk().expect("a hash has 32 bytes"))
    }
}

impl fmt::Debug for TokenDigest {
    /// All 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who spends a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// The number that a client's program drew for itself.
    pub nonce: [u8; 16],
    /// What the world knew of the player then: by it whoever uses the store tells whether the token is void by now.
    pub generation: u32,
}

impl fmt::Debug for Bearer {
    /// The first four digits of the nonce are enough to tell bearers apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({:02x}{:02x}.., generation {})", self.nonce[0], self.nonce[1], self.generation)
    }
}

/// Keeps which single-use tokens were spent. It needs no journal: tokens are a world's, whatever its history.
pub trait Tokens: Send + Sync {
    /// Spends a token, if it was not spent before; gives whose it is from then on, durably: who spent it first. `None` where it was
    /// spent, and nobody knows any more by whom. The token alone counts, so spending it with another second to expire is spending
    /// it again, and it is kept until the latest of these is over by the clock that [`forget_spent`](Self::forget_spent) is asked
    /// by. Tokens that are spent at the same time may share a commit.
    ///
    /// # Errors
    /// When as many are kept as may be, or the storage fails. After [`SpendError::Unknown`] it may count as spent.
    fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> impl Future<Output = Result<Option<Bearer>, SpendError>> + Send;

    /// Forgets the spent tokens that expire before this second; gives how many.
    ///
    /// # Errors
    /// When the storage fails; some may be forgotten then, and the call can be repeated.
    fn forget_spent(&self, expired_before_seconds: u64) -> impl Future<Output = Result<u64, Fault>> + Send;
}
