//! What operators may do, and who is one.
//!
//! Invariant: deny by default. Without a configured token every route is closed, and a wrong token is told from a right one in
//! the same time.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tickworld_content::limits::PACK_BYTES_MAX;
use tickworld_sim::frame::PlayerId;
use tokio::sync::oneshot;

use super::Site;
use crate::command::{Command, CommandError, Reply};

/// Shortest token that operators may have, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
/// Longest reason of a kick in bytes.
const REASON_BYTES_MAX: usize = 256;

/// What operators show: a digest of it, so that it cannot be printed by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminToken(blake3::Hash);

impl AdminToken {
    /// Of a secret; `None` where it is too short to be one.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        let secret = secret.trim();
        (secret.len() >= TOKEN_BYTES_MIN).then(|| Self(blake3::hash(secret.as_bytes())))
    }

    /// Whether a request's `Authorization` shows it. `blake3::Hash` compares in constant time.
    fn admits(&self, authorization: Option<&str>) -> bool {
        let shown = authorization.and_then(|value| value.strip_prefix("Bearer "));
        shown.is_some_and(|secret| blake3::hash(secret.as_bytes()) == self.0)
    }
}

pub(super) fn router(site: &Site) -> Router<Site> {
    Router::new()
        .route("/status", get(status))
        .route("/snapshot", post(snapshot))
        .route("/kick", post(kick))
        .route("/content", post(content).layer(DefaultBodyLimit::max(PACK_BYTES_MAX)))
        .route("/shutdown", post(shutdown))
        .route_layer(middleware::from_fn_with_state(site.clone(), authorize))
}

async fn authorize(State(site): State<Site>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = &site.admin else {
        let text = "nobody administers this server: set admin-token-file or TICKWORLD_ADMIN_TOKEN\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    };
    if !token.admits(shown) {
        tracing::warn!(path = request.uri().path(), "an operator's command without the operators' token");
        let text = "show the operators' token: Authorization: Bearer TOKEN\n";
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], text).into_response();
    }
    tracing::info!(method = %request.method(), path = request.uri().path(), "operator");
    next.run(request).await
}

async fn status(State(site): State<Site>) -> Response {
    ask(&site, Command::Status).await
}

async fn snapshot(State(site): State<Site>) -> Response {
    ask(&site, Command::Snapshot).await
}

/// The body of a kick.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kick {
    player: u64,
    #[serde(default)]
    reason: String,
}

async fn kick(State(site): State<Site>, Json(Kick { player, mut reason }): Json<Kick>) -> Response {
    let end = (0..=REASON_BYTES_MAX.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    reason.truncate(end.unwrap_or(0));
    ask(&site, |reply| Command::Kick(PlayerId(player), reason, reply)).await
}

async fn content(State(site): State<Site>, pack: Bytes) -> Response {
    ask(&site, |reply| Command::Content(pack, reply)).await
}

async fn shutdown(State(site): State<Site>) -> Response {
    ask(&site, Command::Shutdown).await
}

/// Sends a command and waits for its answer.
async fn ask<T: serde::Serialize>(site: &Site, command: impl FnOnce(Reply<T>) -> Command) -> Response {
    let (reply, answer) = oneshot::channel();
    let ended = || Err(CommandError::Unavailable("the world does not run".to_owned()));
    let answer = match site.commands.try_send(command(reply)) {
        Ok(()) => answer.await.unwrap_or_else(|_| ended()),
        Err(tokio::sync::mpsc::error::TrySendError::Full(_)) => {
            Err(CommandError::Unavailable("too many commands wait already".to_owned()))
        }
        Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => ended(),
    };
    match answer {
        Ok(done) => Json(done).into_response(),
        Err(error) => {
            let code = match &error {
                CommandError::Absent(_) => StatusCode::NOT_FOUND,
                CommandError::Unusable(_) => StatusCode::UNPROCESSABLE_ENTITY,
                CommandError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (code, Json(serde_json::json!({ "error": error.to_string() }))).into_response()
        }
    }
}
