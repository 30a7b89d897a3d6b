//! [`Refusal`]: what a request is told that is not carried out, as JSON: `{"error": ...}`.
//!
//! Invariant: under the routes that pass through [`as_json`] every answer from 400 on is a JSON object with `error`, whoever
//! made it: a handler, an extractor that cannot read a body, or a router that has no such route.

use axum::{
    Json,
    body::to_bytes,
    extract::{OriginalUri, Request},
    http::{HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Longest text of a refusal that is taken over, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    #[serde(skip)]
    status: u16,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<String>,
}

impl Refusal {
    /// What is wrong, in lower case without a full stop.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status: status.as_u16(), error: error.into(), help: None, unresolved: Vec::new() }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What the world holds and a pack lacks.
    #[must_use]
    pub fn unresolved(mut self, lines: Vec<String>) -> Self {
        self.unresolved = lines;
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}

/// Makes JSON of refusals that are something else.
pub(super) async fn as_json(request: Request, next: Next) -> Response {
    // Nested routes see their own part of the path alone.
    let whole = request.extensions().get::<OriginalUri>().map_or(request.uri(), |OriginalUri(whole)| whole);
    let asked = format!("{} {}", request.method(), whole.path());
    let response = next.run(request).await;
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !is_refusal || is_json {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = to_bytes(body, TEXT_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let error = match status {
        _ if !text.is_empty() => text,
        StatusCode::NOT_FOUND => format!("there is no route {asked}"),
        // The router adds that header to what comes out of here.
        StatusCode::METHOD_NOT_ALLOWED => {
            format!("there is no route {asked}, but others of this path: see the header Allow")
        }
        _ => status.canonical_reason().unwrap_or("refused").to_lowercase(),
    };
    let mut response = Refusal::new(status, error).into_response();
    for (name, value) in &head.headers {
        if !is_of_body(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// Whether a header describes the body that is replaced.
fn is_of_body(name: &HeaderName) -> bool {
    [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name)
}
