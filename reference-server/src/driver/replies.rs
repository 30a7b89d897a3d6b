//! [`Replies`]: requests on their way to a region, and their answers on the way back.
//!
//! Invariant: each is answered once; whoever asked may have gone, and then nobody needs the answer.

use std::collections::BTreeMap;

use tickworld_proto::instant::Instant;
use tickworld_region::{Answer, Region, Request, RequestError, RequestId};
use tickworld_sim::game::Game;
use tokio::sync::oneshot;

/// Where an answer goes.
pub(crate) type Reply = oneshot::Sender<Result<Answer, RequestError>>;

/// Who waits for which answer.
#[derive(Default)]
pub(super) struct Replies {
    next: u64,
    waiting: BTreeMap<RequestId, Reply>,
}

impl Replies {
    /// Asks the region.
    pub(super) fn ask<G: Game>(
        &mut self,
        now: Instant,
        region: &mut Region<G>,
        request: Request<G::Input>,
        reply: Reply,
    ) {
        self.next += 1;
        let id = RequestId(self.next);
        self.waiting.insert(id, reply);
        region.handle_request(now, id, request);
    }

    /// Hands an answer to whoever waits for it.
    pub(super) fn answer(&mut self, request: RequestId, answer: Result<Answer, RequestError>) {
        if let Some(reply) = self.waiting.remove(&request) {
            // Whoever asked may have gone.
            _ = reply.send(answer);
        }
    }
}
