//! [`Work`]: what comes into a region's mailbox besides what peers send, and the tasks that it comes from.
//!
//! Invariant: every task has reserved the place of its answer before it begins; one that dies is answered for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tickworld_net::mailbox::Post;
use tickworld_persist::{
    LogState, Store,
    error::{Fault, RaiseError},
};
use tickworld_proto::{
    host::{Kinds, SessionId},
    instant::Micros,
    message::{Goodbye, Reason},
    ticket::TicketKeys,
};
use tickworld_region::{
    AppendOutcome, Authenticate, Effect, Findings, GameAdapter, Hashed, Identity, KeysEffect, LoadPack, Moved, Moves,
    Request, RequestError, RequestId, Seek, SeekError, SnapshotStored, SnapshotWrite, StoreSnapshot, read_keys,
    rotate_keys,
};
use tickworld_sim::{content::ContentId, executor::Inline, game::Game};
use tokio::{runtime::Handle, time::timeout};

use super::{clock::micros, replies::Reply, seconds_now, steps::CatchingStepper};
use crate::admission::{AuthenticationRequest, Authenticator, Granted, Refused};

/// How long an authenticator may take; a session waits no longer than that either.
const AUTHENTICATION_MAX: Duration = Duration::from_secs(10);

/// Something for the region's thread.
pub(crate) enum Work<G: Game> {
    /// An append is over.
    Appended(AppendOutcome),
    /// The journal's state was read.
    LogState(Result<LogState, String>),
    /// A world is hashed.
    Hashed {
        /// How long that took.
        took: Micros,
        /// The world with its roots.
        hashed: Box<Hashed<G>>,
    },
    /// Somebody was judged.
    Authenticated {
        /// The session that they asked for.
        session: SessionId,
        /// What was found.
        result: Result<Identity, Goodbye>,
    },
    /// The world's keys were read or rotated, or why not.
    Keys {
        /// Who asked for another key.
        request: Option<RequestId>,
        /// What was found.
        result: Result<TicketKeys, String>,
    },
    /// Players were looked for in the archive.
    Found(Findings),
    /// The archive was told where players are now.
    Moved(Moved),
    /// Another region of the world says something.
    Said(tickworld_region::Post),
    /// A pack was read, tried and stored, or why not.
    PackLoaded {
        /// The request that brought the pack.
        request: RequestId,
        /// What was found.
        result: Result<(ContentId, G::Content), RequestError>,
    },
    /// A snapshot was stored, or why not.
    SnapshotStored {
        /// How long that took.
        took: Micros,
        /// What was found.
        result: Result<SnapshotStored, String>,
    },
    /// The panic of the rules was noted, or why not.
    Marked(Result<(), String>),
    /// The claim was ended, or why not.
    ClaimEnded(Result<(), String>),
    /// Something that the region cannot do without is gone.
    Lost(&'static str),
    /// An operator or an embedder asks for something.
    Request {
        /// What is asked for.
        request: Request<G::Input>,
        /// Where the answer goes.
        reply: Reply,
    },
}

/// What tasks work with.
pub(super) struct Workshop<A: GameAdapter, S> {
    pub(super) adapter: Arc<A>,
    pub(super) store: Arc<S>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) runtime: Handle,
    pub(super) post: Post<Work<A::Game>>,
}

impl<A: GameAdapter, S: Store + 'static> Workshop<A, S> {
    /// Begins what is done beside the region's thread; gives back what is not.
    pub(super) fn begin(&self, effect: Effect<A::Game>) -> Option<Effect<A::Game>> {
        match effect {
            Effect::Append(append) => {
                let ticket = self.post.reserve(Work::Lost("the task that appends to the journal"));
                let store = Arc::clone(&self.store);
                self.runtime.spawn(async move {
                    let result = store.append(&append.records, append.durability).await;
                    ticket.complete(Work::Appended(AppendOutcome::of(result)));
                });
            }
            Effect::ReadLogState => {
                let ticket = self.post.reserve(Work::LogState(Err("the task that reads the journal died".to_owned())));
                let store = Arc::clone(&self.store);
                self.runtime.spawn(async move {
                    let state = store.log_state().await.map_err(|error| error.to_string());
                    ticket.complete(Work::LogState(state));
                });
            }
            Effect::Authenticate(authenticate) => self.authenticate(authenticate),
            Effect::Keys(effect) => self.keys(effect),
            Effect::Seek(seek) => self.seek(seek),
            Effect::Move(moves) => self.move_players(moves),
            Effect::LoadPack(load) => self.load_pack(*load),
            Effect::StoreSnapshot(snapshot) => self.store_snapshot(*snapshot),
            Effect::Mark(mark) => {
                let ticket = self.post.reserve(Work::Marked(Err("the task that notes the panic died".to_owned())));
                let store = Arc::clone(&self.store);
                self.runtime.spawn(async move {
                    let result = store.mark(&mark).await.map_err(|error| error.to_string());
                    ticket.complete(Work::Marked(result));
                });
            }
            Effect::EndClaim(record) => {
                let ticket = self.post.reserve(Work::ClaimEnded(Err("the task that ends the claim died".to_owned())));
                let store = Arc::clone(&self.store);
                self.runtime.spawn(async move {
                    let result = store.claim(&record).await.map(drop).map_err(|error| error.to_string());
                    ticket.complete(Work::ClaimEnded(result));
                });
            }
            here @ (Effect::Step(_) | Effect::Hash(_)) => return Some(here),
        }
        None
    }

    fn keys(&self, KeysEffect { request, secret }: KeysEffect) {
        let result = Err("the task that reads the world's keys died".to_owned());
        let (ticket, store) = (self.post.reserve(Work::Keys { request, result }), Arc::clone(&self.store));
        self.runtime.spawn(async move {
            let keys = match secret {
                Some(secret) => rotate_keys(&*store, secret, seconds_now()).await,
                None => read_keys(&*store).await,
            };
            ticket.complete(Work::Keys { request, result: keys.map_err(|error| error.to_string()) });
        });
    }

    fn seek(&self, seek: Seek) {
        let ticket = self.post.reserve(Work::Found(seek.failed(&lost())));
        let store = Arc::clone(&self.store);
        self.runtime.spawn(async move {
            ticket.complete(Work::Found(tickworld_region::seek(&*store, &seek).await));
        });
    }

    fn move_players(&self, moves: Moves) {
        let nobody = Moved { of: moves.of, sequence: None, count: 0, error: Some(lost()) };
        let ticket = self.post.reserve(Work::Moved(nobody));
        let store = Arc::clone(&self.store);
        self.runtime.spawn(async move {
            let moved = tickworld_region::move_players(&*store, &moves).await;
            ticket.complete(Work::Moved(moved));
        });
    }

    fn authenticate(&self, Authenticate { session, token, nonce, kind, generations }: Authenticate) {
        let refused = |reason, detail: &str| Err(Goodbye { reason, detail: detail.to_owned() });
        let lost = refused(Reason::Full, "nobody could say who is let in; come back later");
        let ticket = self.post.reserve(Work::Authenticated { session, result: lost });
        let authenticator = Arc::clone(&self.authenticator);
        self.runtime.spawn(async move {
            let request = AuthenticationRequest::new(token.into(), nonce, kind).with_generations(generations);
            let result = match timeout(AUTHENTICATION_MAX, authenticator.authenticate(request)).await {
                Ok(Ok(Granted { player, kinds, until_seconds, noted })) => {
                    Ok(Identity { player, kinds: Kinds::of(&kinds), until_seconds, noted })
                }
                Ok(Err(Refused::Denied(detail))) => refused(Reason::Unauthorized, &detail),
                Ok(Err(refusal)) => refused(Reason::Storage, &refusal.to_string()),
                Err(_) => refused(Reason::Full, "nobody answered in time who is let in; come back later"),
            };
            ticket.complete(Work::Authenticated { session, result });
        });
    }

    fn store_snapshot(&self, snapshot: StoreSnapshot<A::Game>) {
        let lost = Work::SnapshotStored { took: Micros(0), result: Err("the task that stores it died".to_owned()) };
        let (ticket, store) = (self.post.reserve(lost), Arc::clone(&self.store));
        self.runtime.spawn(async move {
            let begun = Instant::now();
            let mut warn = |error| tracing::warn!(error, "old snapshots stay");
            let result = SnapshotWrite::new(snapshot).run(&*store, &mut warn).await;
            ticket.complete(Work::SnapshotStored { took: micros(begun.elapsed()), result });
        });
    }

    /// In this order: read, look for what the world would lack, try on a fork, store; so a pack that does not pass leaves
    /// nothing behind.
    fn load_pack(&self, load: LoadPack<A::Game>) {
        let request = load.request;
        let lost = Err(RequestError::Unusable("the game panicked while it read the pack".to_owned()));
        let ticket = self.post.reserve(Work::PackLoaded { request, result: lost });
        let (adapter, store) = (Arc::clone(&self.adapter), Arc::clone(&self.store));
        self.runtime.spawn(async move {
            let pack = load.pack.clone();
            let tried = tokio::task::spawn_blocking(move || try_pack(&*adapter, &load)).await;
            let Ok(tried) = tried else { return };
            let result = match tried {
                Ok((id, content)) => match store.put_pack(id, pack).await {
                    Ok(()) => Ok((id, content)),
                    Err(error) => Err(RequestError::Unavailable(error.to_string())),
                },
                Err(error) => Err(error),
            };
            ticket.complete(Work::PackLoaded { request, result });
        });
    }
}

fn try_pack<A: GameAdapter>(
    adapter: &A,
    load: &LoadPack<A::Game>,
) -> Result<(ContentId, <A::Game as Game>::Content), RequestError> {
    let unusable = |error: &dyn std::fmt::Display| RequestError::Unusable(error.to_string());
    let read = || adapter.read_pack(&load.pack).map_err(|error| unusable(&*error));
    let (id, content) = read()?;
    let unresolved = adapter.unresolved(load.world(), load.content(), &content);
    if !unresolved.is_empty() && !load.force {
        return Err(RequestError::Unresolved(unresolved));
    }
    load.try_switch(id, content, &mut CatchingStepper(Arc::new(Inline)))
        .map_err(|error| RequestError::Unusable(format!("the world cannot go on with this content: {error}")))?;
    // The fork has the first one; a second reading costs less than every game's content being cloneable.
    read()
}

/// What the archive is taken to say where the task that asked it died.
fn lost() -> SeekError {
    RaiseError::from(Fault::Closed).into()
}
