//! What peers ask of the latest ticks: the time, frames again, descents; and the roots that they report.
//!
//! Invariant: answers are about released ticks only, and paid for from the asker's budget. What cannot be answered is not
//! answered: the peer asks again, or joins anew when it sees how far behind it is.

use tickworld_sim::{
    diff::{
        WorldView,
        descent::{Request, Response, answer},
    },
    frame::Tick,
    game::Game,
};

use super::{
    Host,
    event::{HostEvent, SessionId},
    history::place,
    session::Session,
};
use crate::{
    channel::Channel,
    instant::{Instant, MICROS_PER_SECOND, Micros},
    limits,
    message::{DesyncReport, Follow, FrameRequest, Message, Pong, RejoinCause, RootReport},
};

impl<G: Game> Host<G> {
    pub(super) fn handle_ping(&mut self, now: Instant, session: SessionId, channel: Channel, sent: Instant) {
        let message = Message::Pong(Pong {
            sent,
            host: now,
            open_tick: self.history.open(),
            closes_in: Micros(self.closes_at().0.saturating_sub(now.0)),
        });
        self.outbox.push_over(session, channel, message.encode());
    }

    /// When the open frame is to be closed, at the rate and pace that peers are told.
    fn closes_at(&self) -> Instant {
        let tick = MICROS_PER_SECOND.checked_div(u64::from(self.settings.tick_rate)).unwrap_or_default();
        let paced = tick.saturating_mul(u64::from(self.pace_percent)).checked_div(100).unwrap_or_default();
        self.closed_at.after(Micros(paced))
    }

    /// From now on every frame from a tick on, if the client has our world of the tick before; those released already come at
    /// once, as many as may be asked for. Else the client is told to take the world over anew.
    pub(super) fn handle_follow(&mut self, now: Instant, session: SessionId, follow: Follow) {
        let Some(open) = self.sessions.get_mut(&session).and_then(Session::open_mut) else { return };
        (open.follows, open.follow) = (false, Some(follow));
        open.pages.clear();
        let joining = open.joining.take();
        self.joins.leave(joining);
        self.judge_follow(now, session);
    }

    fn judge_follow(&mut self, now: Instant, session: SessionId) {
        let Some(open) = self.sessions.get_mut(&session).and_then(Session::open_mut) else { return };
        let Some(Follow { first, root }) = open.follow else { return };
        let before = Tick(first.0.saturating_sub(1));
        let kept = self.history.find(before).map(|kept| kept.roots.as_ref().map(|roots| roots.root.short()));
        let cause = match kept {
            _ if before > self.history.released[place(open.level)] => Some(RejoinCause::Ahead),
            None => Some(RejoinCause::Behind),
            // It is being computed: as soon as it is known.
            Some(None) => return,
            Some(Some(own)) => (own != root).then_some(RejoinCause::Forked),
        };
        (open.follow, open.follows) = (None, cause.is_none());
        match cause {
            Some(cause) => self.outbox.push_over(session, Channel::Control, Message::Rejoin(cause).encode()),
            None => {
                let count = limits::FRAMES_PER_REQUEST_MAX;
                self.handle_frame_request(now, session, FrameRequest { first, count });
            }
        }
    }

    /// Looks at those who asked to follow from a tick whose root was not known.
    pub(super) fn judge_waiting_follows(&mut self, now: Instant) {
        let waits = |(id, session): (&SessionId, &Session)| session.open()?.follow.map(|_| *id);
        let waiting: alloc::vec::Vec<SessionId> = self.sessions.iter().filter_map(waits).collect();
        waiting.into_iter().for_each(|id| self.judge_follow(now, id));
    }

    pub(super) fn handle_frame_request(&mut self, now: Instant, session: SessionId, request: FrameRequest) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        // Who may be of another history is told so first.
        let Some(level) = state.open().filter(|open| open.follow.is_none()).map(|open| open.level) else { return };
        let released = self.history.released[place(level)];
        let end = request.first.0.saturating_add(u64::from(request.count));
        let mut tick = request.first;
        while tick.0 < end && tick <= released {
            let Some(bytes) = self.history.message(tick, level) else { return };
            if !state.budget.answers.take(now, bytes.len() as u64) {
                self.counters.over_budget = self.counters.over_budget.saturating_add(1);
                return;
            }
            self.outbox.push_answer(session, bytes);
            tick = tick.next();
        }
    }

    pub(super) fn handle_descent(&mut self, now: Instant, session: SessionId, bytes: &[u8]) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        let Some(level) = state.open().map(|open| open.level) else { return };
        if !state.budget.descents.take(now, 1) {
            self.counters.over_budget = self.counters.over_budget.saturating_add(1);
            return;
        }
        let request = match Request::decode(bytes) {
            Ok(request) => request,
            Err(error) => return self.violate(now, session, &alloc::format!("question of a descent: {error}")),
        };
        let released = self.history.released[place(level)];
        let kept = self.history.find(request.head.tick).filter(|kept| kept.tick <= released && kept.roots.is_some());
        let response = match kept.and_then(|kept| kept.world.as_ref()) {
            Some(world) => answer(&WorldView::new(world, &self.schema), &request),
            None => Response::Unavailable,
        };
        let fits = response.byte_count() <= u64::from(limits::DESCENT_BYTES_MAX);
        let mut bytes = alloc::vec::Vec::new();
        if fits { response } else { Response::Unavailable }.encode(&mut bytes);
        self.outbox.push_answer(session, Message::DescentResponse(bytes.into()).encode());
    }

    /// A client's root: compared at once, or when ours is known.
    pub(super) fn handle_root_report(&mut self, session: SessionId, report: RootReport) {
        self.counters.root_reports = self.counters.root_reports.saturating_add(1);
        if report.tick <= self.history.rooted {
            return self.compare(session, report);
        }
        if let Some(open) = self.sessions.get_mut(&session).and_then(Session::open_mut) {
            open.report = Some(report);
        }
    }

    /// Looks at reports that came before the root that they are about.
    pub(super) fn compare_waiting_reports(&mut self) {
        let rooted = self.history.rooted;
        let mut due = alloc::vec::Vec::new();
        for (id, session) in &mut self.sessions {
            let Some(open) = session.open_mut() else { continue };
            if open.report.is_some_and(|report| report.tick <= rooted) {
                due.extend(open.report.take().map(|report| (*id, report)));
            }
        }
        due.into_iter().for_each(|(id, report)| self.compare(id, report));
    }

    fn compare(&mut self, id: SessionId, report: RootReport) {
        let Some(open) = self.sessions.get_mut(&id).and_then(Session::open_mut) else { return };
        let released = self.history.released[place(open.level)];
        let kept = self.history.find(report.tick).filter(|kept| kept.tick <= released);
        let Some(roots) = kept.and_then(|kept| kept.roots.as_ref()) else { return };
        if roots.root.short() == report.root || open.is_desynced {
            return;
        }
        open.is_desynced = true;
        let player = open.player;
        self.counters.desyncs = self.counters.desyncs.saturating_add(1);
        self.tell(HostEvent::Desync { session: id, player, tick: report.tick });
    }

    pub(super) fn handle_desync_report(&mut self, now: Instant, session: SessionId, report: DesyncReport) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        if !state.budget.descents.take(now, 1) {
            self.counters.over_budget = self.counters.over_budget.saturating_add(1);
            return;
        }
        let player = state.open().and_then(|open| open.player);
        self.tell(HostEvent::DesyncReport { session, player, report });
    }
}
