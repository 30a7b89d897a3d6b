//! What operators may do, and who is one.
//!
//! Invariant: deny by default. Without a configured token every route is closed, and a wrong token is told from a right one in
//! the same time. Every answer is JSON, and comes in bounded time even where the region gives none.

use std::time::{Duration, Instant};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, Request as HttpRequest, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tickworld_persist::limits::PACK_BYTES_MAX;
use tickworld_region::{OperatorRequest, Request};
use tickworld_sim::frame::PlayerId;
use tokio::time::timeout;

use super::{HttpState, Refusal, answer, refusal};

/// Shortest token that operators may have, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
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
        .route("/bar", post(bar).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/clear", post(clear).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/held", post(held).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/key/rotate", post(rotate_key))
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

async fn authorize(State(state): State<HttpState>, request: HttpRequest, next: Next) -> Response {
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
    ask(&state, ANSWER_TIME_MAX, Request::Status).await
}

async fn snapshot(State(state): State<HttpState>) -> Response {
    if state.ready.storage_failed() {
        let error = "no snapshot: ticks cannot be stored at present";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).help("see the log for the cause").into_response();
    }
    ask(&state, WORK_TIME_MAX, Request::Snapshot).await
}

/// The body of a kick.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kick {
    player: u64,
    #[serde(default)]
    reason: String,
}

async fn kick(State(state): State<HttpState>, Json(Kick { player, reason }): Json<Kick>) -> Response {
    ask(&state, WORK_TIME_MAX, Request::Kick { player: PlayerId(player), reason }).await
}

/// The body of a request to keep a player out, or to let them in again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bar {
    player: u64,
    #[serde(default = "yes")]
    barred: bool,
}

const fn yes() -> bool {
    true
}

async fn bar(State(state): State<HttpState>, Json(Bar { player, barred }): Json<Bar>) -> Response {
    let request = Request::Bar { player: PlayerId(player), is_barred: barred };
    ask(&state, WORK_TIME_MAX, request).await
}

/// The body of a request to take a player's inputs again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clear {
    player: u64,
}

async fn clear(State(state): State<HttpState>, Json(Clear { player }): Json<Clear>) -> Response {
    ask(&state, WORK_TIME_MAX, Request::Clear { player: PlayerId(player) }).await
}

/// The body of a request to take in or drop a return that is held.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    player: u64,
    take: bool,
}

async fn held(State(state): State<HttpState>, Json(Held { player, take }): Json<Held>) -> Response {
    ask(&state, WORK_TIME_MAX, Request::Held { player: PlayerId(player), is_taken: take }).await
}

async fn rotate_key(State(state): State<HttpState>) -> Response {
    ask(&state, WORK_TIME_MAX, Request::RotateKey).await
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
    ask(&state, WORK_TIME_MAX, Request::Content { pack, force }).await
}

async fn shutdown(State(state): State<HttpState>) -> Response {
    ask(&state, ANSWER_TIME_MAX, Request::Shutdown).await
}

/// Sends a request to the region and waits for its answer, which is the response.
async fn ask(state: &HttpState, time: Duration, request: OperatorRequest) -> Response {
    match timeout(time, state.handler.handle(request)).await {
        Ok(Ok(done)) => answer::response(&state.title, &done),
        Ok(Err(error)) => Refusal::from(error).into_response(),
        Err(_) => {
            let error = format!("no answer within {} seconds: it may be done later", time.as_secs());
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error);
            refusal.help("see /readyz, and the log").into_response()
        }
    }
}
