//! The HTTP port: health, metrics, administration.
//!
//! Invariant: nothing here touches the world; operators' commands go to the region and come back with its answer. Whoever has
//! no operator's token is told nothing but whether the server lives, is ready, and what it counts.

mod admin;

use std::{
    future::Future,
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
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

use crate::{command::Commands, meters::Meters};

pub use admin::AdminToken;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct Site {
    /// What `/metrics` shows.
    pub meters: Arc<Meters>,
    /// What `/readyz` shows.
    pub ready: Arc<Ready>,
    /// Where operators' commands go.
    pub commands: Commands,
    /// What operators show; without one nobody administers.
    pub admin: Option<AdminToken>,
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

    /// What is missing, as a word; nothing if all is well.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        if !self.running.load(Ordering::Relaxed) {
            Some("the world does not run")
        } else if self.storage_failed.load(Ordering::Relaxed) {
            Some("ticks cannot be stored")
        } else {
            None
        }
    }
}

/// The routes.
pub fn router(site: Site) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .nest("/admin", admin::router(&site))
        .with_state(site)
}

/// Serves the routes until `stop` is done, then lets requests that are under way finish.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(site)).with_graceful_shutdown(stop).await
}

/// Takes the port.
///
/// # Errors
/// When it is taken or not ours to take.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn ready(State(site): State<Site>) -> impl IntoResponse {
    match site.ready.missing() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")),
    }
}

async fn metrics(State(site): State<Site>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], site.meters.text())
}
