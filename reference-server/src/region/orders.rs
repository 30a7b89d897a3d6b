//! What operators and helpers tell a region.
//!
//! Invariant: an operator's command that changes the world becomes an input; whoever asked gets an answer.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use tickworld_persist::Store;
use tickworld_sim::{
    content::ContentId,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    rng::Entropy,
};

use super::{Ended, Region, note::Note, storing, storing::Storable};
use crate::{
    command::{Command, CommandError, Kicked, Reply, SnapshotStored, Status, Switched},
    world::{Content, GameAdapter},
};

impl<H: GameAdapter, S: Store + 'static> Region<H, S> {
    pub(super) fn take_commands(&mut self) {
        while let Ok(command) = self.parts.commands.try_recv() {
            // Who asked may have gone: then nobody needs the answer.
            match command {
                Command::Status(reply) => _ = reply.send(Ok(self.status())),
                Command::Snapshot(reply) => self.want_snapshot(Some(reply)),
                Command::Kick(player, reason, reply) => _ = reply.send(self.kick(player, &reason)),
                Command::Content { pack, force, reply } => self.read_pack(pack, force, reply),
                Command::Shutdown(reply) => {
                    self.is_stopping = true;
                    _ = reply.send(Ok(()));
                }
            }
        }
    }

    pub(super) fn take_notes(&mut self) -> Option<Ended> {
        while let Ok(note) = self.notes.try_recv() {
            if let Some(ended) = self.take_note(note) {
                return Some(ended);
            }
        }
        self.store_snapshot();
        None
    }

    pub(super) fn take_note(&mut self, note: Note<Content<H>>) -> Option<Ended> {
        let now = self.clock.now();
        match note {
            Note::Stored { tick, waited } => {
                while self.links.front().is_some_and(|place| place.tick < tick) {
                    self.links.pop_front();
                }
                self.links.pop_front();
                self.durable = tick;
                self.parts.meters.durable_tick.set(tick.0 as f64);
                self.parts.meters.durable_lag.record(waited.as_secs_f64());
                self.host.handle_durable(now, tick, super::durability(&self.parts.config));
                if std::mem::take(&mut self.storage_failed) {
                    self.parts.ready.set_storage_failed(false);
                    self.parts.meters.storage_failed.set(0.0);
                    tracing::info!(tick = tick.0, "ticks are stored again");
                    self.host.handle_storage_recovered(now);
                }
                None
            }
            Note::StorageFailed(reason) => {
                self.storage_failed = true;
                self.parts.ready.set_storage_failed(true);
                self.parts.meters.storage_failed.set(1.0);
                self.host.handle_storage_failed(now, &reason);
                None
            }
            Note::Fenced(by) => {
                tracing::error!(epoch = by.0, "another server has taken this world over");
                Some(Ended::Fenced)
            }
            Note::JournalLost(reason) => Some(Ended::Failed(reason)),
            Note::Snapshot { result, reply, took } => {
                self.is_storing = false;
                if let Err(error) = &result {
                    tracing::warn!(%error, milliseconds = took.as_millis() as u64, "no snapshot");
                }
                if let Some(reply) = reply {
                    _ = reply.send(result);
                }
                None
            }
            Note::Authenticated { session, result } => {
                self.take_verdict(session, result);
                None
            }
            Note::Pack { id, content, bytes, force, reply } => {
                self.try_pack(id, content, bytes, force, reply);
                None
            }
            Note::PackStored { id, reply } => {
                _ = reply.send(self.switch(id));
                None
            }
        }
    }

    fn status(&self) -> Status {
        let world = self.simulation.world();
        let (root_tick, root) = self.recent.back().copied().unwrap_or((Tick(0), tickworld_sim::hash::Hash::ZERO));
        Status {
            title: self.hosted.title(),
            game: <H::Game as tickworld_sim::game::Game>::NAME,
            revision: <H::Game as tickworld_sim::game::Game>::REVISION,
            schema: self.simulation.schema_id().0.to_string(),
            content: world.content().to_string(),
            tick: world.tick().0,
            durable_tick: self.durable.0,
            root: root.to_string(),
            root_tick: root_tick.0,
            pace_percent: self.host.pace_percent(),
            storage: if self.storage_failed { "failed" } else { "good" },
            sessions: u32::try_from(self.host.session_count()).unwrap_or(u32::MAX),
        }
    }

    fn kick(&mut self, player: PlayerId, reason: &str) -> Result<Kicked, CommandError> {
        let reason = if reason.is_empty() { "the operator ended the session" } else { reason };
        let sessions = self.host.kick(self.clock.now(), player, reason);
        let absent = || CommandError::Absent(format!("player {} is not here and has no session", player.0));
        Ok(Kicked { sessions: sessions.ok_or_else(absent)? })
    }

    /// Keeps the newest hashed world until its record is stored.
    pub(super) fn want_snapshot(&mut self, reply: Option<Reply<SnapshotStored>>) {
        let tick = self.sealed.tick();
        let link = if tick == self.last.tick {
            Some(self.last.link)
        } else {
            self.links.iter().find(|place| place.tick == tick).map(|place| place.link)
        };
        let (Some(link), None, false) = (link, &self.snapshot, self.is_storing) else {
            if let Some(reply) = reply {
                let busy = "another snapshot is being stored, or this one is not hashed yet: ask again";
                _ = reply.send(Err(CommandError::Unavailable(busy.to_owned())));
            }
            return;
        };
        self.snapshot = Some((Storable { world: self.sealed.clone(), link }, reply));
    }

    /// Begins to store the snapshot that waits, once its record is stored.
    fn store_snapshot(&mut self) {
        let is_stored = self.snapshot.as_ref().is_some_and(|(storable, _)| storable.world.tick() <= self.durable);
        let Some((storable, reply)) = (if is_stored { self.snapshot.take() } else { None }) else { return };
        self.is_storing = true;
        let (store, meters, note) = (self.parts.store.clone(), self.parts.meters.clone(), self.note.clone());
        let (schema, kept) = (self.simulation.schema_id(), self.parts.config.snapshots_kept);
        self.parts.runtime.spawn(async move {
            let begun = Instant::now();
            let result = storing::store(&*store, schema, storable, kept, &meters).await;
            // The region waits for it even when it ends.
            _ = note.send(Note::Snapshot { result, reply, took: begun.elapsed() });
        });
    }

    /// Reads a pack, beside the ticks.
    fn read_pack(&mut self, bytes: Bytes, force: bool, reply: Reply<Switched>) {
        let (hosted, note) = (Arc::clone(&self.hosted), self.note.clone());
        self.parts.runtime.spawn_blocking(move || match hosted.read_pack(&bytes) {
            Ok((id, content)) => _ = note.send(Note::Pack { id, content, bytes, force, reply }),
            Err(failure) => _ = reply.send(Err(CommandError::Unusable(failure.to_string()))),
        });
    }

    /// Tries a pack, and has it stored, beside the ticks, only if the world can go on with it.
    fn try_pack(&mut self, id: ContentId, content: Content<H>, bytes: Bytes, force: bool, reply: Reply<Switched>) {
        if let Err(error) = self.dry_run(id, content, force) {
            _ = reply.send(Err(error));
            return;
        }
        let (store, note) = (self.parts.store.clone(), self.note.clone());
        self.parts.runtime.spawn(async move {
            match store.put_pack(id, bytes).await {
                Ok(()) => _ = note.send(Note::PackStored { id, reply }),
                Err(error) => _ = reply.send(Err(CommandError::Unavailable(error.to_string()))),
            }
        });
    }

    /// Whether the world can go on with new content, and has in it what it holds; the content is known from then on.
    fn dry_run(&mut self, id: ContentId, content: Content<H>, force: bool) -> Result<(), CommandError> {
        let world = self.simulation.world();
        let current = self.simulation.library().find(world.content());
        let unresolved = self.hosted.unresolved(world, current.map(|content| &**content), &content);
        if !unresolved.is_empty() && !force {
            return Err(CommandError::Unresolved(unresolved));
        }
        let mut fork = self.simulation.clone();
        fork.library_mut().add(id, content);
        let library = fork.library().clone();
        let tick = fork.world().tick().next();
        let act = Input { player: PlayerId::OPERATOR, sequence: Sequence(0), act: Act::Content(id) };
        let frame = InputFrame::new(tick, Entropy::PREDICTED, vec![act]);
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            fork.advance(&frame, &*self.parts.executor).map_err(|error| error.to_string())
        }));
        match tried {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(CommandError::Unusable(error)),
            Err(_) => return Err(CommandError::Unusable("the world cannot go on with this content".to_owned())),
        }
        *self.simulation.library_mut() = library;
        Ok(())
    }

    /// Makes the switch to a stored pack an input.
    fn switch(&mut self, id: ContentId) -> Result<Switched, CommandError> {
        if !self.host.submit_operator(Act::Content(id)) {
            return Err(CommandError::Unavailable("too many acts wait already".to_owned()));
        }
        Ok(Switched::to(id, self.host.open_tick()))
    }
}
