//! [`TokenError`]: why a token is refused.
//!
//! Invariant: what it says helps its bearer and nobody else: it names no key, no player and no other token.

use super::{Refused, TOKEN_SECONDS_MAX};

/// Why a token is refused. The peer is told no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No token, or bytes that are none.
    #[error("there is no readable token")]
    Form,
    /// Another algorithm than EdDSA.
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    /// No known key signed it.
    #[error("the token is not signed by anybody known here")]
    Forged,
    /// It was made for another world.
    #[error("the token is for another audience")]
    Audience,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    Early,
    /// It is valid for too long.
    #[error("the token expires in more than {TOKEN_SECONDS_MAX} seconds")]
    Lasting,
    /// It was used before, by another client.
    #[error("the token was used before, by another client")]
    Used,
    /// It does not allow this kind of session.
    #[error("the token does not allow this kind of session")]
    Kind,
    /// A claim is missing or malformed.
    #[error("the token's claims are not what this server reads")]
    Claims,
    /// The store cannot note that it was used.
    #[error("tokens cannot be taken at present, try again later")]
    Busy,
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Busy => Self::Unavailable(error.to_string()),
            _ => Self::Denied(error.to_string()),
        }
    }
}
