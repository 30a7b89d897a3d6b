//! Requests as they come, and snapshots and packs, which are what most of them are about.

use bytes::Bytes;
use tickworld_proto::{
    instant::{Instant, Micros},
    message::Fate,
    ticket::TicketKeys,
};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Request as WorldRequest, Sequence},
    game::Game,
    session::OutcomeCode,
};

use super::{Region, archiving::About, ending::Phase};
use crate::{
    effect::{Effect, KeysEffect, LoadPack, StoreSnapshot},
    event::{Ended, Event},
    limits::{DRAIN_MAX, PACKS_LOADING_MAX, REQUESTS_MAX},
    request::{Answer, Kicked, Request, RequestError, RequestId, SnapshotStored, Status, Switched},
};

/// A pack that is to be loaded, or is being.
pub(super) struct Loading {
    request: RequestId,
    /// `None` once it was handed out.
    pack: Option<Bytes>,
    force: bool,
}

impl<G: Game> Region<G> {
    /// Somebody asks for something; the answer is an [`Event::Answered`].
    ///
    /// # Panics
    /// If a request of the same number is still open.
    pub fn handle_request(&mut self, now: Instant, id: RequestId, request: Request<G::Input>) {
        // However many wait: a shutdown is answered at once, and ends the waiting of all others.
        let is_full = self.open_requests.len() >= REQUESTS_MAX && !matches!(request, Request::Shutdown);
        if self.has_ended() || is_full {
            let ended = "the world does not run";
            let why = if self.has_ended() { ended } else { "too many requests wait already: ask again later" };
            let answer = Err(RequestError::Unavailable(why.to_owned()));
            return self.events.push_back(Event::Answered { request: id, answer });
        }
        assert!(self.open_requests.insert(id, ()).is_none(), "each request has a number of its own");
        match request {
            Request::Status => self.answer(id, Ok(Answer::Status(Box::new(self.status())))),
            Request::Snapshot => self.want_snapshot(now, Some(id)),
            Request::Kick { player, reason } => self.do_about(now, id, player, About::Kick(reason)),
            Request::Bar { player, is_barred } => self.do_about(now, id, player, About::Bar(is_barred)),
            Request::Clear { player } => self.have_done(id, WorldRequest::Clear(player)),
            Request::Held { player, is_taken } => self.have_done(id, WorldRequest::Held { player, is_taken }),
            Request::RotateKey => self.rotate_key(id),
            Request::Content { pack, force } => self.load_pack(id, pack, force),
            Request::Input { player, input } => self.do_about(now, id, player, About::Input(input)),
            Request::Shutdown => {
                self.answer(id, Ok(Answer::Ending(self.host.open_tick())));
                if self.phase == Phase::Running {
                    self.phase = Phase::Draining { deadline: now.after(DRAIN_MAX), then: Ended::Asked };
                }
            }
        }
        self.settle(now);
    }

    /// How the region is.
    #[must_use]
    pub fn status(&self) -> Status {
        let world = &self.hashing.newest;
        Status {
            game: G::NAME,
            revision: G::REVISION,
            schema: self.schema_id,
            content: self.hashing.newest.content(),
            tick: self.stepped,
            durable_tick: self.kept,
            root: self.hashing.newest_root(),
            pace_percent: self.host.pace_percent(),
            storage_failed: self.storage_failed.clone(),
            sessions: u32::try_from(self.host.session_count()).unwrap_or(u32::MAX),
            held_players: world.players().iter().filter(|player| player.is_held()).map(|player| player.id).collect(),
            held_returns: world.region().held().map(|entry| entry.player).collect(),
        }
    }

    /// Puts an input in the name of a player who has no session.
    pub(super) fn submit(&mut self, now: Instant, id: RequestId, player: PlayerId, input: G::Input) {
        match self.host.submit(now, player, input) {
            Ok(sequence) => {
                self.submitted.push(Submitted { request: id, by: player, sequence, asked: Asked::Input });
            }
            Err(error) => self.answer(id, Err(error.into())),
        }
    }

    /// Ends a player's sessions at once, and has them taken out of the world: answered when that is durable.
    pub(super) fn kick(&mut self, now: Instant, id: RequestId, player: PlayerId, reason: &str) {
        let reason = if reason.is_empty() { "the operator ended the session" } else { reason };
        match self.host.kick(now, PlayerId::OPERATOR, player, reason) {
            Ok((sequence, sessions)) => {
                let asked = Asked::Kick { player, sessions };
                self.submitted.push(Submitted { request: id, by: PlayerId::OPERATOR, sequence, asked });
            }
            Err(error) => self.answer(id, Err(error.into())),
        }
    }

    /// Has the engine do something: answered when it is durable.
    pub(super) fn have_done(&mut self, id: RequestId, request: WorldRequest) {
        match self.ask_world(request) {
            Ok(sequence) => {
                let asked = Asked::Done { is_of_return: matches!(request, WorldRequest::Held { .. }) };
                self.submitted.push(Submitted { request: id, by: PlayerId::OPERATOR, sequence, asked });
            }
            Err(error) => self.answer(id, Err(error)),
        }
    }

    /// Puts a request of the operator's into the next frame; gives its number.
    fn ask_world(&mut self, request: WorldRequest) -> Result<Sequence, RequestError> {
        Ok(self.host.submit_request(PlayerId::OPERATOR, request)?)
    }

    /// Keeps the newest hashed world until its record is kept. In a run it has none: the run ends, and the world at its end is the
    /// one that is stored.
    pub(super) fn want_snapshot(&mut self, now: Instant, request: Option<RequestId>) {
        self.end_run(now);
        let world = &self.hashing.newest;
        match self.records.front().filter(|record| record.tick == world.tick()) {
            Some(record) => self.snapshots.want(world, *record, request),
            None => self.snapshots.owe_one(request),
        }
    }

    pub(super) fn poll_snapshot(&mut self) -> Option<Effect<G>> {
        let (world, position) = self.snapshots.poll(self.kept)?;
        let (schema, retention) = (self.schema_id, self.settings.retention);
        Some(Effect::StoreSnapshot(Box::new(StoreSnapshot { world, position, schema, retention })))
    }

    /// A snapshot was stored, or was not; it took so long.
    ///
    /// # Panics
    /// If none was under way.
    pub fn handle_snapshot_stored(&mut self, now: Instant, took: Micros, result: Result<SnapshotStored, String>) {
        if self.has_ended() {
            return;
        }
        for request in self.snapshots.handle_stored(now, result.is_ok()) {
            let answer = match &result {
                Ok(stored) => Ok(Answer::Snapshot(*stored)),
                Err(reason) => Err(RequestError::Unavailable(format!("the snapshot is not stored: {reason}"))),
            };
            self.answer(request, answer);
        }
        self.tell(Event::Snapshot { result: result.clone(), took });
        if let (Err(reason), Phase::Storing { .. }) = (result, &self.phase) {
            return self.end(Ended::Failed(format!("the last snapshot is not stored: {reason}")));
        }
        self.settle(now);
    }

    fn rotate_key(&mut self, request: RequestId) {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(&self.secrets.secret());
        secret[16..].copy_from_slice(&self.secrets.secret());
        self.keys.push_back(KeysEffect { request: Some(request), secret: Some(secret) });
    }

    /// The world's keys, as they were read or rotated, or why not.
    pub fn handle_keys(&mut self, now: Instant, request: Option<RequestId>, result: Result<TicketKeys, String>) {
        if self.has_ended() {
            return;
        }
        let keys = result.as_ref().ok().cloned();
        if let Some(request) = request {
            let answer = result.map(|keys| Answer::KeyRotated(keys.number()));
            self.answer(
                request,
                answer.map_err(|reason| RequestError::Unavailable(format!("the key stays: {reason}"))),
            );
        }
        self.host.handle_keys(now, keys);
        self.settle(now);
    }

    fn load_pack(&mut self, request: RequestId, pack: Bytes, force: bool) {
        if self.loading.len() >= PACKS_LOADING_MAX {
            let busy = "another pack is being tried: ask again";
            return self.answer(request, Err(RequestError::Unavailable(busy.to_owned())));
        }
        self.loading.push_back(Loading { request, pack: Some(pack), force });
    }

    pub(super) fn poll_pack(&mut self) -> Option<Effect<G>> {
        let simulation = self.simulation.as_ref()?;
        let Loading { request, pack, force } = self.loading.iter_mut().find(|loading| loading.pack.is_some())?;
        let load = LoadPack { request: *request, pack: pack.take()?, force: *force, fork: simulation.clone() };
        Some(Effect::LoadPack(Box::new(load)))
    }

    /// A pack was read, tried and stored, or why not. It becomes an act in the next frame.
    pub fn handle_pack_loaded(
        &mut self,
        now: Instant,
        request: RequestId,
        result: Result<(ContentId, G::Content), RequestError>,
    ) {
        if self.has_ended() {
            return;
        }
        self.loading.retain(|loading| loading.request != request);
        let switched = result.and_then(|(id, content)| self.switch(id, content));
        self.answer(request, switched.map(Answer::Switched));
        self.settle(now);
    }

    fn switch(&mut self, id: ContentId, content: G::Content) -> Result<Switched, RequestError> {
        if self.phase != Phase::Running {
            return Err(RequestError::Unavailable("the world ends".to_owned()));
        }
        self.ask_world(WorldRequest::Content(id))?;
        self.contents.push((id, content));
        Ok(Switched { content: id, tick: self.host.open_tick() })
    }
}

/// A request that is answered when its tick is as durable as the region promises.
pub(super) struct Submitted {
    pub(super) request: RequestId,
    pub(super) by: PlayerId,
    pub(super) sequence: Sequence,
    pub(super) asked: Asked,
}

/// What was asked for.
pub(super) enum Asked {
    Input,
    Kick {
        player: PlayerId,
        /// What the host ended at once; `None` where it knew nothing of the player.
        sessions: Option<u32>,
    },
    Done {
        /// Whether it is about a return that is held.
        is_of_return: bool,
    },
}

impl Submitted {
    /// The answer that follows from what became of it.
    pub(super) fn answer(&self, fate: Fate) -> Result<Answer, RequestError> {
        let code = match fate {
            _ if matches!(self.asked, Asked::Input) => return Ok(Answer::Input { sequence: self.sequence, fate }),
            Fate::Applied { code, .. } => code,
            Fate::Refused(_) => OutcomeCode::UNANSWERED,
        };
        match (&self.asked, fate) {
            (_, Fate::Applied { value, .. }) if code == OutcomeCode::NOT_HERE && value > 0 => {
                Err(RequestError::Absent(format!("the player is in region {value}")))
            }
            (Asked::Kick { player, sessions: Some(sessions) }, _) => {
                Ok(Answer::Kicked(Kicked { player: *player, sessions: *sessions }))
            }
            (Asked::Kick { player, .. }, _) if code == OutcomeCode::APPLIED => {
                Ok(Answer::Kicked(Kicked { player: *player, sessions: 0 }))
            }
            (Asked::Done { .. }, Fate::Applied { tick, .. }) if code == OutcomeCode::APPLIED => Ok(Answer::Done(tick)),
            (Asked::Done { is_of_return: true }, _) if code == OutcomeCode::NOT_HERE => {
                Err(RequestError::Absent("nobody of that number waits to be taken in or dropped".to_owned()))
            }
            (Asked::Done { is_of_return: true }, _) if code == OutcomeCode::REFUSED => {
                let why =
                    "the player cannot be taken in: they are here, or there is no room, or their parcel cannot be read";
                Err(RequestError::Unusable(why.to_owned()))
            }
            (Asked::Kick { player, .. }, _) if code == OutcomeCode::NOT_HERE => {
                Err(RequestError::Absent(format!("player {} is not here and has no session", player.0)))
            }
            (_, _) if code == OutcomeCode::NOT_HERE => {
                Err(RequestError::Absent("the player never was in this world: issue no token to them".to_owned()))
            }
            _ => Err(RequestError::Unavailable("what became of it is not known any more: ask again".to_owned())),
        }
    }
}
