//! What operators may do, and who is one.
//!
//! Invariant: deny by default. Without a configured token every route is closed, and a wrong token is told from a right one in
//! the same time. Every answer is JSON, and comes in bounded time even where the region gives none.

use std::time::{Duration, Instant};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tickworld_persist::limits::PACK_BYTES_MAX;
use tickworld_sim::frame::PlayerId;
use tokio::{
    sync::{mpsc::error::TrySendError, oneshot},
    time::timeout,
};

use super::{HttpState, Refusal, refusal};
use crate::command::{Command, CommandError, Reply};

/// Shortest token that operators may have, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
/// Longest reason of a kick in bytes.
const REASON_BYTES_MAX: usize = 256;
/// Longest body of a request that carries no pack, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long the region may take for what it does between two ticks.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// How long it may take to store a snapshot, or to check and try a pack. What is asked for may be done later all the same.
const WORK_TIME_MAX: Duration = Duration::from_secs(30);

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

pub(super) fn router(state: &HttpState) -> Router<HttpState> {
    Router::new()
        .route("/status", get(status))
        .route("/snapshot", post(snapshot))
        .route("/kick", post(kick).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/content", post(content).layer(DefaultBodyLimit::max(pack_bytes_max())))
        .route("/shutdown", post(shutdown))
        .fallback(|| async { StatusCode::NOT_FOUND })
        // Whoever is no operator does not learn which routes there are.
        .layer(from_fn_with_state(state.clone(), authorize))
        .layer(from_fn(refusal::as_json))
}

/// Longest pack that is read.
fn pack_bytes_max() -> usize {
    usize::try_from(PACK_BYTES_MAX).unwrap_or(usize::MAX)
}

/// What a port says of operators' routes that is not theirs.
pub(super) async fn elsewhere() -> Refusal {
    let error = "operators' requests are not taken on this port";
    Refusal::new(StatusCode::NOT_FOUND, error).help("the setting `admin` says on which one they are")
}

async fn authorize(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = &state.admin else {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "nobody administers this server");
        return refusal.help("set admin-token-file or TICKWORLD_ADMIN_TOKEN").into_response();
    };
    if !token.admits(shown) {
        if let Some(left_out) = state.strangers.pass(Instant::now()) {
            tracing::warn!(path = request.uri().path(), left_out, "an operator's request without the operators' token");
        }
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "this takes the operators' token");
        let mut response = refusal.help("show it so: Authorization: Bearer TOKEN").into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    tracing::info!(method = %request.method(), path = request.uri().path(), "operator");
    next.run(request).await
}

async fn status(State(state): State<HttpState>) -> Response {
    ask(&state, ANSWER_TIME_MAX, Command::Status).await
}

async fn snapshot(State(state): State<HttpState>) -> Response {
    if state.ready.storage_failed() {
        let error = "no snapshot: ticks cannot be stored at present";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).help("see the log for the cause").into_response();
    }
    ask(&state, WORK_TIME_MAX, Command::Snapshot).await
}

/// The body of a kick.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kick {
    player: u64,
    #[serde(default)]
    reason: String,
}

async fn kick(State(state): State<HttpState>, Json(Kick { player, mut reason }): Json<Kick>) -> Response {
    let end = (0..=REASON_BYTES_MAX.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    reason.truncate(end.unwrap_or(0));
    ask(&state, ANSWER_TIME_MAX, |reply| Command::Kick(PlayerId(player), reason, reply)).await
}

/// What may stand behind the path of new content.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HowToSwitch {
    #[serde(default)]
    force: bool,
}

async fn content(
    State(state): State<HttpState>,
    Query(HowToSwitch { force }): Query<HowToSwitch>,
    pack: Bytes,
) -> Response {
    ask(&state, WORK_TIME_MAX, |reply| Command::Content { pack, force, reply }).await
}

/// What a shutdown is answered with: it has begun, and the process ends when it is done.
#[derive(Serialize)]
struct ShuttingDown {
    shutting_down: bool,
}

async fn shutdown(State(state): State<HttpState>) -> Response {
    match answer(&state, ANSWER_TIME_MAX, Command::Shutdown).await {
        Ok(()) => Json(ShuttingDown { shutting_down: true }).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Sends a request to the region and waits for its answer, which is the response.
async fn ask<T: Serialize>(state: &HttpState, time: Duration, command: impl FnOnce(Reply<T>) -> Command) -> Response {
    match answer(state, time, command).await {
        Ok(done) => Json(done).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer<T>(state: &HttpState, time: Duration, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refusal> {
    let (reply, answer) = oneshot::channel();
    let unavailable = |error: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error);
    let ended = || unavailable("the world does not run");
    match state.commands.try_send(command(reply)) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return Err(unavailable("too many requests wait already").help("ask again later")),
        Err(TrySendError::Closed(_)) => return Err(ended()),
    }
    match timeout(time, answer).await {
        Ok(Ok(answer)) => answer.map_err(Refusal::from),
        Ok(Err(_)) => Err(ended()),
        Err(_) => {
            let error = format!("no answer within {} seconds: it may be done later", time.as_secs());
            Err(unavailable(&error).help("see /readyz, and the log"))
        }
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        let status = match &error {
            CommandError::Absent(_) => StatusCode::NOT_FOUND,
            CommandError::Unusable(_) | CommandError::Unresolved(_) => StatusCode::UNPROCESSABLE_ENTITY,
            CommandError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let refusal = Self::new(status, error.to_string());
        match error {
            CommandError::Unresolved(lines) => {
                let help = "say in the content what stands for them (`replaced:`), or send it again with ?force=true: whoever \
                            has one of them does nothing then";
                refusal.help(help).unresolved(lines)
            }
            _ => refusal,
        }
    }
}
