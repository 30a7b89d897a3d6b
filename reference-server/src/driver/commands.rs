//! [`Replies`]: operators' commands on their way to a region and back.
//!
//! Invariant: each is answered once; whoever asked may have gone, and then nobody needs the answer.

use std::collections::BTreeMap;

use tickworld_proto::instant::Instant;
use tickworld_region::{Answer, Region, Request, RequestError, RequestId};
use tickworld_sim::game::Game;
use tokio::sync::oneshot;

use crate::command::{Command, CommandError, Kicked, Reply, SnapshotStored, Status, Switched};

/// Who waits for which answer.
#[derive(Default)]
pub(super) struct Replies {
    next: u64,
    waiting: BTreeMap<RequestId, Waiting>,
}

enum Waiting {
    Status(Reply<Status>),
    Snapshot(Reply<SnapshotStored>),
    Kick(Reply<Kicked>),
    Content(Reply<Switched>),
    Shutdown(Reply<()>),
    Plain(oneshot::Sender<Result<Answer, RequestError>>),
}

impl Replies {
    /// Asks the region what an operator wants to know or have done.
    pub(super) fn take_command<G: Game>(&mut self, now: Instant, region: &mut Region<G>, command: Command) {
        let (request, waiting) = match command {
            Command::Status(reply) => (Request::Status, Waiting::Status(reply)),
            Command::Snapshot(reply) => (Request::Snapshot, Waiting::Snapshot(reply)),
            Command::Kick(player, reason, reply) => (Request::Kick { player, reason }, Waiting::Kick(reply)),
            Command::Content { pack, force, reply } => (Request::Content { pack, force }, Waiting::Content(reply)),
            Command::Shutdown(reply) => (Request::Shutdown, Waiting::Shutdown(reply)),
        };
        self.ask(now, region, request, waiting);
    }

    /// Asks the region what an embedder wants to know or have done.
    pub(super) fn take_request<G: Game>(
        &mut self,
        now: Instant,
        region: &mut Region<G>,
        request: Request<G::Input>,
        reply: oneshot::Sender<Result<Answer, RequestError>>,
    ) {
        self.ask(now, region, request, Waiting::Plain(reply));
    }

    fn ask<G: Game>(&mut self, now: Instant, region: &mut Region<G>, request: Request<G::Input>, waiting: Waiting) {
        self.next += 1;
        let id = RequestId(self.next);
        self.waiting.insert(id, waiting);
        region.handle_request(now, id, request);
    }

    /// Hands an answer to whoever waits for it.
    pub(super) fn answer(&mut self, request: RequestId, answer: Result<Answer, RequestError>, title: &str) {
        let waiting = match self.waiting.remove(&request) {
            None => return,
            Some(Waiting::Plain(reply)) => return drop(reply.send(answer)),
            Some(waiting) => waiting,
        };
        let answer = answer.map_err(|error| match error {
            RequestError::Absent(what) => CommandError::Absent(what),
            RequestError::Unusable(what) => CommandError::Unusable(what),
            RequestError::Unresolved(lines) => CommandError::Unresolved(lines),
            error => CommandError::Unavailable(error.to_string()),
        });
        match (waiting, answer) {
            (Waiting::Status(reply), Ok(Answer::Status(status))) => _ = reply.send(Ok(shown(title, &status))),
            (Waiting::Snapshot(reply), Ok(Answer::Snapshot(stored))) => {
                let (tick, pages, pages_new) = (stored.tick.0, stored.pages, stored.pages_new);
                _ = reply.send(Ok(SnapshotStored { tick, pages, pages_new }));
            }
            (Waiting::Kick(reply), Ok(Answer::Kicked(it))) => _ = reply.send(Ok(Kicked { sessions: it.sessions })),
            (Waiting::Content(reply), Ok(Answer::Switched(it))) => {
                _ = reply.send(Ok(Switched::to(it.content, it.tick)))
            }
            (Waiting::Shutdown(reply), Ok(_)) => _ = reply.send(Ok(())),
            (Waiting::Status(reply), Err(error)) => _ = reply.send(Err(error)),
            (Waiting::Snapshot(reply), Err(error)) => _ = reply.send(Err(error)),
            (Waiting::Kick(reply), Err(error)) => _ = reply.send(Err(error)),
            (Waiting::Content(reply), Err(error)) => _ = reply.send(Err(error)),
            (Waiting::Shutdown(reply), Err(error)) => _ = reply.send(Err(error)),
            (Waiting::Plain(_), _) => unreachable!("answered above"),
            (_, Ok(other)) => unreachable!("a region answers what it was asked, not {other:?}"),
        }
    }
}

fn shown(title: &str, status: &tickworld_region::Status) -> Status {
    Status {
        title: title.to_owned(),
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
    }
}
