//! A region's answers as JSON.
//!
//! Invariant: what stands here is all that an operator reads of them; names and units are part of the interface.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tickworld_region::{Answer, RequestError, Status};

use super::Refusal;

/// How a region is.
#[derive(Serialize)]
struct StatusJson<'a> {
    title: &'a str,
    game: &'static str,
    revision: u32,
    schema: String,
    content: String,
    tick: u64,
    durable_tick: u64,
    root: String,
    root_tick: u64,
    pace_percent: u16,
    storage: &'static str,
    sessions: u32,
    held_players: Vec<u64>,
    held_returns: Vec<u64>,
}

/// A snapshot was stored.
#[derive(Serialize)]
struct SnapshotJson {
    tick: u64,
    pages: u64,
    pages_new: u64,
}

/// A player's sessions were ended.
#[derive(Serialize)]
struct KickedJson {
    sessions: u32,
}

/// It is so since this tick.
#[derive(Serialize)]
struct DoneJson {
    tick: u64,
}

/// Tickets are made with the key of this number.
#[derive(Serialize)]
struct KeyRotatedJson {
    key: u8,
}

/// The content is switched.
#[derive(Serialize)]
struct SwitchedJson {
    content: String,
    tick: u64,
}

/// The end has begun; the process ends when it is done.
#[derive(Serialize)]
struct ShutdownJson {
    shutting_down: bool,
}

/// An answer of the region of the world `title`, as a response.
pub(super) fn response(title: &str, answer: &Answer) -> Response {
    match answer {
        Answer::Status(status) => Json(status_json(title, status)).into_response(),
        Answer::Snapshot(it) => {
            Json(SnapshotJson { tick: it.tick.0, pages: it.pages, pages_new: it.pages_new }).into_response()
        }
        Answer::Kicked(it) => Json(KickedJson { sessions: it.sessions }).into_response(),
        Answer::Done(tick) => Json(DoneJson { tick: tick.0 }).into_response(),
        Answer::KeyRotated(key) => Json(KeyRotatedJson { key: *key }).into_response(),
        Answer::Switched(it) => Json(SwitchedJson { content: it.content.to_string(), tick: it.tick.0 }).into_response(),
        Answer::Ending(_) => Json(ShutdownJson { shutting_down: true }).into_response(),
        other => unreachable!("a region answers what it was asked, not {other:?}"),
    }
}

fn status_json<'a>(title: &'a str, status: &Status) -> StatusJson<'a> {
    StatusJson {
        title,
        game: status.game,
        revision: status.revision,
        schema: status.schema.0.to_string(),
        content: status.content.to_string(),
        tick: status.tick.0,
        durable_tick: status.durable_tick.0,
        root: status.root.1.to_string(),
        root_tick: status.root.0.0,
        pace_percent: status.pace_percent,
        storage: if status.storage_failed.is_some() { "failed" } else { "good" },
        sessions: status.sessions,
        held_players: status.held_players.iter().map(|player| player.0).collect(),
        held_returns: status.held_returns.iter().map(|player| player.0).collect(),
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let status = match &error {
            RequestError::Absent(_) => StatusCode::NOT_FOUND,
            RequestError::Unusable(_) | RequestError::Unresolved(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let refusal = Self::new(status, error.to_string());
        match error {
            RequestError::Unresolved(lines) => {
                let help = "say in the content what stands for them (`replaced:`), or send it again with ?force=true: whoever \
                            has one of them does nothing then";
                refusal.help(help).unresolved(lines)
            }
            _ => refusal,
        }
    }
}
