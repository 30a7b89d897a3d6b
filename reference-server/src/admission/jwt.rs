//! [`JwtAuthenticator`]: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037).
//!
//! Invariant: a token lets one client in, however often that has to ask: to this audience, from its beginning to its end give or take the leeway, for the kinds of
//! session that it names, and only if one of the known keys signed it. Other algorithms are refused before any key is looked
//! at. A token is spent in the store before it admits anybody.
//!
//! What is spent is forgotten only when somebody shows a token that a known key signed and that is within its time by our clock,
//! and only if it expired [`FORGET_AFTER_SECONDS`] ago by the same clock. Such a token expires within [`TOKEN_SECONDS_MAX`] of
//! now, so its issuer's clock agrees with ours to about a day: a clock that is wrong by more than that takes no token, and
//! therefore forgets none. Where the store can keep no more, a day and the leeway are enough: what expired before cannot be
//! good by any clock that takes the token shown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use tickworld_persist::{Bearer, Tokens, error::SpendError};
use tickworld_proto::host::NotedGeneration;

use super::{
    Authentication, AuthenticationRequest, Authenticator, Claims, Granted, KEYS_MAX, PublicKey, TOKEN_SECONDS_MAX,
    TokenError, provider, token_digest,
};

/// How long after its end a spent token is remembered, in seconds.
pub const FORGET_AFTER_SECONDS: u64 = 7 * TOKEN_SECONDS_MAX;
/// Good tokens from one forgetting to the next.
const FORGET_EVERY: u64 = 1_024;

/// What tokens are held against, besides their signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// What they must name as their audience.
    pub audience: String,
    /// By how many seconds the clocks of issuers and this server may differ: so much earlier a token begins, and so much later
    /// it ends.
    pub leeway_seconds: u64,
}

/// Gives the time in seconds since 1970.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// The clock of this machine.
#[must_use]
pub fn system_clock() -> Clock {
    Box::new(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// See the module.
pub struct JwtAuthenticator<T> {
    keys: Vec<PublicKey>,
    validation: Validation,
    leeway_seconds: u64,
    tokens: Arc<T>,
    clock: Clock,
    good_count: AtomicU64,
}

impl<T: Tokens> JwtAuthenticator<T> {
    /// Of these keys; `tokens` remembers what was used.
    ///
    /// # Panics
    /// With more than [`KEYS_MAX`] keys.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, settings: &JwtSettings, tokens: Arc<T>) -> Self {
        assert!(keys.len() <= KEYS_MAX, "at most {KEYS_MAX} keys");
        provider::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        // Judged below, by a clock that tests can set.
        validation.validate_exp = false;
        let leeway_seconds = settings.leeway_seconds;
        Self { keys, validation, leeway_seconds, tokens, clock: system_clock(), good_count: AtomicU64::new(0) }
    }

    /// Asks this clock instead of the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Lets a token's first bearer in.
    ///
    /// # Errors
    /// Why not.
    pub async fn admit(&self, request: &AuthenticationRequest) -> Result<Granted, TokenError> {
        let claims = self.verified(&request.token)?;
        let (now, leeway) = ((self.clock)(), self.leeway_seconds);
        let is_over = claims.session_until.is_some_and(|until| until <= now);
        if is_over || claims.exp.saturating_add(leeway) <= now {
            return Err(TokenError::Expired);
        }
        if claims.exp.saturating_sub(now) > TOKEN_SECONDS_MAX.saturating_add(leeway) {
            return Err(TokenError::Lasting);
        }
        if claims.nbf.is_some_and(|from| from > now.saturating_add(leeway)) {
            return Err(TokenError::Early);
        }
        let granted = claims.granted()?;
        if !granted.kinds.contains(&request.kind) {
            return Err(TokenError::Kind);
        }
        // Before the token is spent: what takes too long then costs its bearer nothing.
        if self.good_count.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.forget(now.saturating_sub(FORGET_AFTER_SECONDS)).await;
        }
        // It is shown again when the player is home: only then it is known what is to be noted with it.
        if granted.player.is_some_and(|player| request.is_away(player)) {
            return Ok(granted);
        }
        // Last, so that only a token that would admit is used up.
        let generation = granted.player.map_or(0, |player| request.generation_of(player));
        let bearer = Bearer { nonce: request.nonce.0, generation };
        match self.spend(&claims, bearer, now).await {
            // What was noted first counts: the world may have gone on since.
            Ok(Some(first)) if first.nonce == bearer.nonce => {
                let noted = NotedGeneration { first: first.generation, now: generation };
                Ok(Granted { noted: Some(noted), ..granted })
            }
            Ok(_) => Err(TokenError::Used),
            Err(error) => {
                tracing::debug!(%error, "a token cannot be spent");
                Err(TokenError::Busy)
            }
        }
    }

    /// Spends a token that is good now; makes room for it where there is none.
    async fn spend(&self, claims: &Claims, bearer: Bearer, now: u64) -> Result<Option<Bearer>, SpendError> {
        let token = token_digest(&claims.jti);
        match self.tokens.spend(token, bearer, claims.exp).await {
            Err(SpendError::Full) => {
                let surely = TOKEN_SECONDS_MAX.saturating_add(self.leeway_seconds.saturating_mul(2));
                self.forget(now.saturating_sub(surely)).await;
                self.tokens.spend(token, bearer, claims.exp).await
            }
            spent => spent,
        }
    }

    /// Forgets what nobody can use any more.
    async fn forget(&self, expired_before: u64) {
        match self.tokens.forget_spent(expired_before).await {
            Ok(count) => tracing::debug!(count, "forgot spent tokens"),
            Err(error) => tracing::debug!(%error, "spent tokens are not forgotten"),
        }
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

impl<T: Tokens> Authenticator for JwtAuthenticator<T> {
    fn authenticate(&self, request: AuthenticationRequest) -> Authentication<'_> {
        Box::pin(async move { Ok(self.admit(&request).await?) })
    }
}

impl<T> std::fmt::Debug for JwtAuthenticator<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtAuthenticator").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
