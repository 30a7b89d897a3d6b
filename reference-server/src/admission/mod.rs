//! [`Authenticator`]: who may come in. The default one, [`JwtAuthenticator`], takes signed tokens, each of one client.
//!
//! Invariant: whoever is let in was granted it by the authenticator, or shows a ticket of a session that was; the world's thread
//! never waits for either. An authenticator that gives no answer refuses.

mod claims;
mod jwt;
mod keys;
mod provider;
mod spent;
mod token_error;

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use tickworld_proto::{
    host::{Generations, NotedGeneration},
    message::{Nonce, SessionKind},
};
use tickworld_sim::frame::PlayerId;

pub use claims::{Claims, KindName, audience_of};
pub use jwt::{Clock, FORGET_AFTER_SECONDS, JwtAuthenticator, JwtSettings, system_clock};
pub use keys::{DevelopmentIssuer, KeyError, PublicKey};
pub use spent::{take_over_file, token_digest};
pub use token_error::TokenError;

/// Keys that may sign tokens, at most.
pub const KEYS_MAX: usize = 16;
/// Longest identity of a token in bytes.
pub const TOKEN_ID_BYTES_MAX: usize = 64;
/// The farthest that a token may expire from now, in seconds.
pub const TOKEN_SECONDS_MAX: u64 = 24 * 60 * 60;

/// What somebody shows who wants to come in.
#[derive(Clone)]
#[non_exhaustive]
pub struct AuthenticationRequest {
    /// The bytes of the client's `Hello`, as they came.
    pub token: Bytes,
    /// The number of the client's program, by which it is told from another one that shows the same token.
    pub nonce: Nonce,
    /// The kind of session that it asks for.
    pub kind: SessionKind,
    generations: Generations,
}

impl AuthenticationRequest {
    /// Of a `Hello`, to a world that knows nobody.
    #[must_use]
    pub fn new(token: Bytes, nonce: Nonce, kind: SessionKind) -> Self {
        Self { token, nonce, kind, generations: Generations::default() }
    }

    /// The same, to a world whose players have these generations.
    #[must_use]
    pub fn with_generations(self, generations: Generations) -> Self {
        Self { generations, ..self }
    }

    /// The generation of a player, 0 of those whom nobody knows: to be noted with a token that is shown for the first time, and
    /// handed back with every showing in [`Granted::noted`].
    #[must_use]
    pub fn generation_of(&self, player: PlayerId) -> u32 {
        self.generations.of(player)
    }

    /// Whether the player has to come home from the archive before this session can be theirs: the same is asked again then, so a
    /// token that lets one client in is not to be noted yet.
    #[must_use]
    pub fn is_away(&self, player: PlayerId) -> bool {
        self.generations.is_away(player)
    }
}

impl std::fmt::Debug for AuthenticationRequest {
    /// Without the token, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticationRequest").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What somebody is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The player that it is; `None` may watch.
    pub player: Option<PlayerId>,
    /// The kinds of session that they may have, now and when they come back.
    pub kinds: Vec<SessionKind>,
    /// When they can come back for the last time without another token, in seconds since 1970; `None` where there is no such moment.
    pub until_seconds: Option<u64>,
    /// Where a token lets one client in: what was noted with it when it was first shown, and what its player's generation is. It does
    /// so again as long as nobody sent the player away since, and no other client came in. `None` where it may be shown again and
    /// again.
    pub noted: Option<NotedGeneration>,
}

impl Granted {
    /// By a token that may be shown again and again.
    #[must_use]
    pub const fn new(player: Option<PlayerId>, kinds: Vec<SessionKind>) -> Self {
        Self { player, kinds, until_seconds: None, noted: None }
    }
}

/// Why nobody is let in. The peer is told the text and no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// What was shown does not admit, and will not if it is shown again.
    #[error("{0}")]
    Denied(String),
    /// It cannot be judged at present: the peer may try again later.
    #[error("{0}")]
    Unavailable(String),
}

/// What an [`Authenticator`] gives: its verdict, later.
pub type Authentication<'a> = Pin<Box<dyn Future<Output = Result<Granted, Refused>> + Send + 'a>>;

/// Judges who may come in.
///
/// It is asked beside the world's thread, for many at a time, and not for those who come back with a ticket. What it
/// answers late, or for somebody who has gone meanwhile, is of no effect.
///
/// ```
/// use tickworld_server::admission::{Authentication, AuthenticationRequest, Authenticator, Granted, Refused};
/// use tickworld_proto::message::SessionKind;
/// use tickworld_sim::frame::PlayerId;
///
/// /// Everybody who knows the word may watch.
/// struct Password(&'static str);
///
/// impl Authenticator for Password {
///     fn authenticate(&self, request: AuthenticationRequest) -> Authentication<'_> {
///         Box::pin(async move {
///             if request.token == self.0.as_bytes() {
///                 Ok(Granted::new(None, vec![SessionKind::Witness]))
///             } else {
///                 Err(Refused::Denied("that is not the word".to_owned()))
///             }
///         })
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync {
    /// Judges one request.
    fn authenticate(&self, request: AuthenticationRequest) -> Authentication<'_>;
}
