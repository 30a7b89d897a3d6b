//! The HTTP ports: health, metrics, administration.
//!
//! Invariant: nothing here touches the world; operators' requests go to the region and come back with its answer. Whoever has
//! no operator's token is told nothing but whether the server lives, is ready, and what it counts. A slow or silent client
//! costs a bounded place and keeps nobody else out: see [`port`].

mod admin;
mod answer;
mod handler;
pub mod port;
mod refusal;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware::from_fn,
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

pub use admin::AdminToken;
pub use handler::{Handling, RequestHandler};
pub use refusal::Refusal;

use crate::{log_limit::LogLimit, meters::Meters};

/// What the routes share.
#[derive(Clone)]
pub struct HttpState {
    /// What `/metrics` shows.
    pub meters: Arc<Meters>,
    /// What `/readyz` shows.
    pub ready: Arc<Ready>,
    /// What the world is, for people.
    pub title: Arc<str>,
    /// Who carries out operators' requests.
    pub handler: Arc<dyn RequestHandler>,
    /// What operators show; without one nobody administers.
    pub admin: Option<AdminToken>,
    /// Requests without the operators' token that are logged.
    pub strangers: Arc<LogLimit>,
}

/// Whether players should be sent here: the world runs and its ticks are stored.
#[derive(Debug, Default)]
pub struct Ready {
    running: AtomicBool,
    storage_failed: AtomicBool,
}

impl Ready {
    /// The world runs, or does not any more.
    pub fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    /// Ticks cannot be stored, or can again.
    pub fn set_storage_failed(&self, failed: bool) {
        self.storage_failed.store(failed, Ordering::Relaxed);
    }

    /// Whether ticks cannot be stored at present.
    #[must_use]
    pub fn storage_failed(&self) -> bool {
        self.storage_failed.load(Ordering::Relaxed)
    }

    /// What is missing, as a word; nothing if all is well.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        if !self.running.load(Ordering::Relaxed) {
            Some("the world does not run")
        } else if self.storage_failed() {
            Some("ticks cannot be stored")
        } else {
            None
        }
    }
}

/// What anybody may ask, and what operators may: to be served where only this machine comes, or over TLS.
pub fn router(state: HttpState) -> Router {
    let admin = Router::new().nest("/admin", admin::router(&state)).with_state(state.clone());
    public_routes(state).merge(admin)
}

/// What anybody may ask. Operators' routes are refused with a word on where to find them.
pub fn public_router(state: HttpState) -> Router {
    let elsewhere = Router::new().fallback(admin::elsewhere);
    public_routes(state).nest("/admin", elsewhere)
}

/// What operators may ask.
pub fn admin_router(state: HttpState) -> Router {
    let admin = Router::new().nest("/admin", admin::router(&state)).route("/healthz", get(alive));
    admin.fallback(no_route).layer(from_fn(refusal::as_json)).with_state(state)
}

fn public_routes(state: HttpState) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(no_method)
        .fallback(no_route)
        .with_state(state)
}

/// Takes a port.
///
/// # Errors
/// When it is taken or not ours to take.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn no_route() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here").help("ask for /healthz, /readyz or /metrics")
}

async fn no_method() -> Refusal {
    let error = "this path is asked in another way";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error).help("see the header Allow")
}

async fn ready(State(state): State<HttpState>) -> impl IntoResponse {
    match state.ready.missing() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")),
    }
}

async fn metrics(State(state): State<HttpState>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.meters.text())
}
