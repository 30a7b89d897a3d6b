//! What was made and stored, and who may know it.
//!
//! Invariant: a tick is released to a level once, in order, when it is stepped and that durable; outcomes come from the world
//! that the tick made, and from no later one.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    session::Players,
    world::{Roots, World},
};

use super::{
    Host,
    event::SessionId,
    history::{LEVELS, place},
    intake::applied,
    session::{Open, Session},
};
use crate::{
    codec::clip,
    instant::Instant,
    message::{Durability, Head, InputOutcome, Message, Notice, SessionKind},
};

impl<G: Game> Host<G> {
    /// A tick was stepped; `world` is what it made, and `world_bytes` of it are not shared with the world before
    /// ([`World::dirty_bytes`], taken before it is hashed).
    ///
    /// # Panics
    /// If it is not the tick after the last one stepped, or its frame was not closed here.
    pub fn handle_stepped(&mut self, now: Instant, world: World<G>, world_bytes: u64) {
        let tick = world.tick();
        assert_eq!(tick, self.history.stepped.next(), "ticks are stepped one after another");
        self.history.keep_world(world, world_bytes);
        self.history.stepped = tick;
        self.history.durable[place(Durability::Memory)] = tick;
        self.end_judged(now, tick);
        self.judge_homecomings(now);
        self.advance(now);
        self.serve_pages(now, true);
    }

    /// The newest stepped tick is one of a run of ticks without inputs, since `first`, that is stored as one because nobody waits for
    /// them: it is durable with the last of them. It does not count as ticks that wait for storage, and of the run only the newest
    /// world is kept.
    ///
    /// # Panics
    /// If the run would begin later.
    pub fn join_run(&mut self, first: Tick) {
        assert!(first <= self.history.stepped, "a run begins with a tick that was stepped");
        if self.history.stepped > self.released_tick() {
            self.history.join_run(first);
        }
    }

    /// The roots of a stepped tick; `sealed` is its world, hashed.
    ///
    /// # Panics
    /// If it is not the tick after the last one that got its roots, or was not stepped.
    pub fn handle_root(&mut self, now: Instant, roots: Roots, sealed: World<G>) {
        let tick = sealed.tick();
        assert_eq!(tick, self.history.rooted.next(), "roots come one after another");
        assert!(tick <= self.history.stepped, "a root is of a tick that was stepped");
        if let Some(kept) = self.history.find_mut(tick) {
            // One whose world was dropped stays without it.
            match &mut kept.world {
                Some(world) => {
                    *world = sealed;
                    kept.roots = Some(roots);
                }
                None => kept.roots = Some(Roots { columns: Vec::new(), ..roots }),
            }
        }
        self.history.rooted = tick;
        self.compare_waiting_reports();
        self.judge_waiting_follows(now);
    }

    /// Every tick up to this one is kept as surely as `level` says.
    ///
    /// # Panics
    /// If the tick is still open.
    pub fn handle_durable(&mut self, now: Instant, tick: Tick, level: Durability) {
        assert!(tick <= self.history.closed, "what is durable was closed before");
        for lower in LEVELS.iter().filter(|lower| **lower > Durability::Memory && **lower <= level) {
            let durable = &mut self.history.durable[place(*lower)];
            *durable = tick.max(*durable);
        }
        self.advance(now);
    }

    /// Ticks cannot be stored: nothing durable is released until [`handle_storage_recovered`](Self::handle_storage_recovered).
    pub fn handle_storage_failed(&mut self, _now: Instant, reason: &str) {
        let is_news = self.storage_failed.is_none();
        self.storage_failed = Some(clip(reason));
        if is_news {
            self.notify_all();
        }
    }

    /// Ticks are stored again; what was released meanwhile by nobody is released now.
    pub fn handle_storage_recovered(&mut self, now: Instant) {
        if self.storage_failed.take().is_some() {
            self.notify_all();
            self.advance(now);
        }
    }

    /// Tells a new session if storage has failed.
    pub(super) fn tell_storage(&mut self, session: SessionId) {
        if let (Some(reason), Some(state)) = (&self.storage_failed, self.sessions.get(&session)) {
            let notice = Message::Notice(Notice::StorageFailed { reason: reason.clone() });
            self.outbox.push(session, state.datagram_bytes_max, notice.encode());
        }
    }

    fn notify_all(&mut self) {
        let notice = match &self.storage_failed {
            Some(reason) => Notice::StorageFailed { reason: String::from(reason.as_str()) },
            None => Notice::StorageRecovered,
        };
        let bytes = Message::Notice(notice).encode();
        for (id, session) in self.sessions.iter().filter(|(_, session)| session.open().is_some()) {
            self.outbox.push(*id, session.datagram_bytes_max, bytes.clone());
        }
    }

    /// Releases what may be known now.
    fn advance(&mut self, now: Instant) {
        for level in LEVELS {
            let is_stuck = level > Durability::Memory && self.storage_failed.is_some();
            if is_stuck || level > self.settings.durability {
                continue;
            }
            let until = self.history.stepped.min(self.history.durable[place(level)]);
            while self.history.released[place(level)] < until {
                let tick = self.history.next_to_release(self.history.released[place(level)], until);
                self.release(now, tick, level);
            }
        }
    }

    fn release(&mut self, now: Instant, tick: Tick, level: Durability) {
        let before = core::mem::replace(&mut self.history.released[place(level)], tick);
        // Those before it are of a run: nothing but their frames is to be told.
        for made in before.0..tick.0 {
            self.push_frames(Tick(made).next(), level);
        }
        self.push_outcomes(tick, level);
        if level != self.settings.durability {
            return;
        }
        let plays = self.history.find_mut(tick).map(|kept| core::mem::take(&mut kept.plays)).unwrap_or_default();
        for player in plays.chunk_by(|a, b| a.0 == b.0).filter_map(<[_]>::first) {
            if let Some(player) = self.roster.find_mut(player.0) {
                player.inbox.release(tick);
            }
        }
        self.history.release(before, tick);
        self.see_off(now, tick);
        self.history.forget(tick, self.settings.history_ticks, self.settings.history_bytes_max);
        if tick.0 / FORGET_EVERY_TICKS > before.0 / FORGET_EVERY_TICKS {
            self.roster.forget_gone();
        }
    }

    /// Frames for those who simulate, heads for those who witness.
    fn push_frames(&mut self, tick: Tick, level: Durability) {
        let (mut frame, mut head): (Option<Bytes>, Option<Bytes>) = (None, None);
        for (id, session) in &self.sessions {
            let Some(open) = session.open().filter(|open| open.level == level) else { continue };
            let bytes = match open {
                Open { kind: SessionKind::Lockstep, follows: true, .. } => {
                    frame = frame.or_else(|| self.history.message(tick, level));
                    &frame
                }
                Open { kind: SessionKind::Witness, .. } => {
                    head = head.or_else(|| Self::head(&self.history, tick, level));
                    &head
                }
                _ => continue,
            };
            if let Some(bytes) = bytes {
                self.outbox.push(*id, session.datagram_bytes_max, bytes.clone());
            }
        }
    }

    fn head(history: &super::History<G>, tick: Tick, durability: Durability) -> Option<Bytes> {
        let (kept, rooted) = (history.find(tick)?, history.find(history.rooted.min(tick))?);
        let head = Head {
            tick,
            root_tick: rooted.tick,
            root: rooted.roots.as_ref()?.root,
            inputs: kept.input_count,
            durability,
            pace_percent: kept.pace_percent,
        };
        Some(Message::Head(head).encode())
    }

    /// What became of the inputs of those who do not simulate.
    fn push_outcomes(&mut self, tick: Tick, level: Durability) {
        let Some(kept) = self.history.find_mut(tick) else { return };
        // Taken out, so that answering does not copy them.
        let plays = core::mem::take(&mut kept.plays);
        let Some(world) = kept.world.clone() else { return };
        let mut answers = Vec::new();
        for plays in plays.chunk_by(|a, b| a.0 == b.0) {
            let Some(id) = plays.first().and_then(|(player, _)| self.listener(*player, level)) else { continue };
            answers.clear();
            answers.extend(plays.iter().map(|play| outcome(world.players(), *play)));
            self.answer_inputs(id, level, &answers);
        }
        if let Some(kept) = self.history.find_mut(tick) {
            kept.plays = plays;
        }
    }

    /// The session of a player that waits for outcomes of this level.
    fn listener(&self, player: PlayerId, level: Durability) -> Option<SessionId> {
        let id = self.roster.find(player)?.session?;
        let open = self.sessions.get(&id).and_then(Session::open)?;
        (open.kind == SessionKind::Command && open.level == level).then_some(id)
    }
}

/// Who is gone need not be forgotten at once.
const FORGET_EVERY_TICKS: u64 = 32;

fn outcome(players: &Players, (player, sequence): (PlayerId, Sequence)) -> InputOutcome {
    InputOutcome { sequence, fate: applied(players, player, sequence) }
}
