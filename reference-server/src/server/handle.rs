//! [`WorldHandle`]: a running world, as whoever embeds the server reaches it.
//!
//! Invariant: what is read here is durable, as surely as the server promises: nothing of it is ever taken back. What is asked
//! for is answered once, or the world has ended.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tickworld_net::mailbox::Post;
use tickworld_proto::message::Fate;
use tickworld_region::{Answer, Opened, Request, RequestError};
use tickworld_sim::{
    frame::{PlayerId, Sequence},
    game::Game,
};
use tokio::sync::{broadcast, oneshot, watch};

use super::World;
use crate::driver::{Publisher, Work};

/// Why a world that has ended carries out nothing.
const ENDED: &str = "the world does not run any more";
/// Ticks that somebody who follows may be behind.
const TICKS_BEHIND_MAX: usize = 64;

/// A running world. Clones are handles on the same one.
pub struct WorldHandle<G: Game> {
    post: Post<Work<G>>,
    newest: watch::Receiver<World<G>>,
    ticks: broadcast::Sender<World<G>>,
    is_read: Arc<AtomicBool>,
}

/// The two ends of what a world shows: the driver's and the embedder's.
pub(super) fn publish<G: Game>(opened: &Opened<G>, post: Post<Work<G>>) -> (Publisher<G>, WorldHandle<G>) {
    let (newest_sender, newest) = watch::channel(opened.simulation.snapshot());
    let (ticks, _) = broadcast::channel(TICKS_BEHIND_MAX);
    let is_read = Arc::default();
    let publisher = Publisher::new(newest_sender, ticks.clone(), Arc::clone(&is_read));
    (publisher, WorldHandle { post, newest, ticks, is_read })
}

impl<G: Game> WorldHandle<G> {
    /// The newest durable world, as a value: rows, players, the events of its tick. Shares every page with the running one. Where
    /// nobody plays, follows or has read for a while, ticks are stored up to 1,024 at a time, and the first reading gives the last
    /// of those; from the tick after it on every reading is as fresh as for players.
    #[must_use]
    pub fn newest(&self) -> World<G> {
        self.is_read.store(true, Ordering::Relaxed);
        self.newest.borrow().clone()
    }

    /// Every durable world from the next tick on, one a tick, with its events. Where nobody was there, the first may be the last one
    /// of several ticks that were stored together.
    #[must_use]
    pub fn follow(&self) -> Ticks<G> {
        Ticks { receiver: self.ticks.subscribe() }
    }

    /// Puts an input in, in the name of a player who has no session, and gives what became of it once that is durable. The
    /// player comes into the world if they are not there, and times out like one whose connection was lost.
    ///
    /// # Errors
    /// Why it was not taken: the player plays, or too much of theirs waits, or the world ends.
    pub async fn submit(&self, player: PlayerId, input: G::Input) -> Result<(Sequence, Fate), RequestError> {
        match self.ask(Request::Input { player, input }).await? {
            Answer::Input { sequence, fate } => Ok((sequence, fate)),
            other => unreachable!("a region answers what it was asked, not {other:?}"),
        }
    }

    /// Asks the region for anything that operators and embedders may ask.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn ask(&self, request: Request<G::Input>) -> Result<Answer, RequestError> {
        let unavailable = |why: &str| RequestError::Unavailable(why.to_owned());
        let (reply, answer) = oneshot::channel();
        if self.post.offer(Work::Request { request, reply }).is_err() {
            let is_over = self.post.is_closed();
            let why = if is_over { ENDED } else { "too many requests wait already: ask again later" };
            return Err(unavailable(why));
        }
        answer.await.unwrap_or_else(|_| Err(unavailable(ENDED)))
    }

    /// Lets the world end as [`Request::Shutdown`] does, however many requests wait. A world that has ended takes no notice.
    pub(super) fn shut_down(&self) {
        let shutdown = || Work::Request { request: Request::Shutdown, reply: oneshot::channel().0 };
        self.post.reserve(shutdown()).complete(shutdown());
    }
}

impl<G: Game> Clone for WorldHandle<G> {
    fn clone(&self) -> Self {
        let is_read = Arc::clone(&self.is_read);
        Self { post: self.post.clone(), newest: self.newest.clone(), ticks: self.ticks.clone(), is_read }
    }
}

/// The durable worlds of a region, tick by tick.
pub struct Ticks<G: Game> {
    receiver: broadcast::Receiver<World<G>>,
}

/// Why there is no next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicksError {
    /// So many went by unseen, because whoever follows was too slow; the next call goes on behind them.
    #[error("{0} ticks went by unseen")]
    Missed(u64),
    /// The world has ended.
    #[error("the world does not run any more")]
    Ended,
}

impl<G: Game> Ticks<G> {
    /// The next durable world, once it is there. Loses nothing when dropped.
    ///
    /// # Errors
    /// When some were missed, or there will be none.
    pub async fn next(&mut self) -> Result<World<G>, TicksError> {
        self.receiver.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(count) => TicksError::Missed(count),
            broadcast::error::RecvError::Closed => TicksError::Ended,
        })
    }
}
