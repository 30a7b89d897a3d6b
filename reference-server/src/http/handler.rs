//! [`RequestHandler`]: the region behind the HTTP ports, whatever game it runs.
//!
//! Invariant: operators ask by the same [`Request`](tickworld_region::Request)s as an embedder, by the same way, within the
//! same limits; a port has no way of its own into the world.

use std::{future::Future, pin::Pin};

use tickworld_region::{Answer, OperatorRequest, RequestError};
use tickworld_sim::game::Game;

use crate::server::WorldHandle;

/// What a [`RequestHandler`] gives: the answer, later.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<Answer, RequestError>> + Send + 'a>>;

/// Carries out what operators ask for.
pub trait RequestHandler: Send + Sync {
    /// Carries out one request. Whoever gives up waiting drops what this gives; the request may be carried out all the same.
    fn handle(&self, request: OperatorRequest) -> Handling<'_>;
}

impl<G: Game> RequestHandler for WorldHandle<G> {
    fn handle(&self, request: OperatorRequest) -> Handling<'_> {
        Box::pin(self.ask(request.for_game()))
    }
}
