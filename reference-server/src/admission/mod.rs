//! [`Gate`]: who may come in. Tokens are JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037).
//!
//! Invariant: a token admits once: to this audience, before it expires, for the kinds of session that it names, and only if
//! one of the known keys signed it. Other algorithms are refused before any key is looked at. A token that was used stays
//! used across a restart of this process.

mod claims;
mod keys;
mod provider;
mod used;

use std::path::Path;

use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use tickworld_proto::message::SessionKind;
use tickworld_sim::frame::PlayerId;

pub use claims::{Claims, KindName};
pub use keys::{DevelopmentIssuer, KeyError, PublicKey};
pub use used::UsedTokens;

/// Keys that may sign tokens, at most.
pub const KEYS_MAX: usize = 16;
/// Longest identity of a token in bytes.
pub const TOKEN_ID_BYTES_MAX: usize = 64;
/// The farthest that a token may expire from now, in seconds: used ones are remembered until then.
pub const TOKEN_SECONDS_MAX: u64 = 24 * 60 * 60;
/// Used tokens that are remembered; more than that in a day are refused.
pub const USED_TOKENS_MAX: usize = 1 << 20;

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
    /// For another world.
    #[error("the token is for another audience")]
    Audience,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// Not yet valid.
    #[error("the token is not valid yet")]
    Early,
    /// It is valid for too long.
    #[error("the token expires in more than {TOKEN_SECONDS_MAX} seconds")]
    Lasting,
    /// It was used before.
    #[error("the token was used before")]
    Used,
    /// It does not allow this kind of session.
    #[error("the token does not allow this kind of session")]
    Kind,
    /// A claim is missing or malformed.
    #[error("the token's claims are not what this server reads")]
    Claims,
    /// Too many tokens were used lately.
    #[error("too many tokens were used lately, try again later")]
    Busy,
}

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Who; `None` may watch.
    pub player: Option<PlayerId>,
    /// The kinds of session.
    pub kinds: Vec<SessionKind>,
}

/// Judges tokens.
#[derive(Debug)]
pub struct Gate {
    keys: Vec<PublicKey>,
    validation: Validation,
    used: UsedTokens,
}

impl Gate {
    /// Of these keys, for this audience.
    ///
    /// # Panics
    /// With more than [`KEYS_MAX`] keys.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, audience: &str, used: UsedTokens) -> Self {
        assert!(keys.len() <= KEYS_MAX, "at most {KEYS_MAX} keys");
        provider::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        // Judged below, by the caller's clock: a library's own would make these rules untestable.
        validation.validate_exp = false;
        Self { keys, validation, used }
    }

    /// Lets a token's bearer in, once; `now_seconds` since 1970.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&mut self, token: &[u8], kind: SessionKind, now_seconds: u64) -> Result<Pass, TokenError> {
        let claims = self.verified(token)?;
        if claims.exp <= now_seconds {
            return Err(TokenError::Expired);
        }
        if claims.exp - now_seconds > TOKEN_SECONDS_MAX {
            return Err(TokenError::Lasting);
        }
        if claims.nbf.is_some_and(|from| from > now_seconds) {
            return Err(TokenError::Early);
        }
        let pass = claims.pass()?;
        if !pass.kinds.contains(&kind) {
            return Err(TokenError::Kind);
        }
        // Last, so that only a token that would admit is used up.
        self.used.insert(&claims.jti, claims.exp, now_seconds)?;
        Ok(pass)
    }

    /// The claims of a token that one of the keys signed for this audience.
    fn verified(&self, token: &[u8]) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // An algorithm that the library does not know is no variant of its enum.
            ErrorKind::Json(_) => TokenError::Algorithm,
            _ => TokenError::Form,
        })?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Algorithm);
        }
        for key in &self.keys {
            match jsonwebtoken::decode::<Claims>(token, &key.decoding(), &self.validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => match error.kind() {
                    ErrorKind::InvalidSignature => {}
                    ErrorKind::InvalidAudience => return Err(TokenError::Audience),
                    ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
                        return Err(TokenError::Claims);
                    }
                    _ => return Err(TokenError::Form),
                },
            }
        }
        Err(TokenError::Forged)
    }
}

/// Where the data folder keeps the tokens that were used.
#[must_use]
pub fn used_tokens_file(data: &Path) -> std::path::PathBuf {
    data.join("used-tokens")
}
