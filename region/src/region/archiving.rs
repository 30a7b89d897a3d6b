//! [`Archiving`]: players who leave for the archive and come back from it.
//!
//! Invariant: the archive is told of a departure only when its tick is kept, and the world that the archive has somebody only when
//! that is so; one raise is under way at a time, and one look for players, so that all who are wanted meanwhile are looked for together.
//! What fails is tried again, and keeps nobody else from playing. What an operator asks
//! about somebody who rests is done when they are home.

use std::collections::VecDeque;

use tickworld_persist::{Voucher, limits::RAISES_MAX};
use tickworld_proto::{host::Search, instant::Instant, message::Reason};
use tickworld_sim::{
    frame::{PlayerId, Request as WorldRequest},
    game::Game,
    region::RegionId,
};

use super::Region;
use crate::{
    archive::{Findings, Moved, Seek, SeekError, archived},
    effect::Effect,
    event::Event,
    limits::ARCHIVE_RETRY_WAIT,
    request::{RequestError, RequestId},
};

/// See the module.
pub(super) struct Archiving<I> {
    /// Who is to be looked for.
    sought: VecDeque<Search>,
    is_seeking: bool,
    /// Up to which number of the outbox the archive has everything.
    pub(super) raised: u64,
    is_raising: bool,
    /// After a failure nothing is raised before this.
    not_before: Option<Instant>,
    /// What is done about players once they are home; each is a request that is open.
    postponed: Vec<Postponed<I>>,
    /// Who is home, or does not come.
    home: VecDeque<(PlayerId, Homecoming)>,
}

type Homecoming = Result<(), (Reason, String)>;

/// A request about somebody who rests.
struct Postponed<I> {
    request: RequestId,
    player: PlayerId,
    what: About<I>,
}

/// What is to be done about a player.
pub(super) enum About<I> {
    /// They are kicked, and told this.
    Kick(String),
    /// They are kept out, or let in again.
    Bar(bool),
    /// This is applied in their name.
    Input(I),
}

impl<I> Default for Archiving<I> {
    fn default() -> Self {
        Self {
            sought: VecDeque::new(),
            is_seeking: false,
            raised: 0,
            is_raising: false,
            not_before: None,
            postponed: Vec::new(),
            home: VecDeque::new(),
        }
    }
}

impl<I> Archiving<I> {
    pub(super) fn seek(&mut self, search: Search) {
        self.sought.push_back(search);
    }

    pub(super) fn take_homecoming(&mut self, player: PlayerId, homecoming: Homecoming) {
        self.home.push_back((player, homecoming));
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.not_before
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.not_before = self.not_before.filter(|at| *at > now);
    }
}

impl<G: Game> Region<G> {
    /// Does what is asked about a player: at once, or when they are home who rest.
    pub(super) fn do_about(&mut self, now: Instant, request: RequestId, player: PlayerId, what: About<G::Input>) {
        if !self.host.is_away(player) {
            return match what {
                About::Kick(reason) => self.kick(now, request, player, &reason),
                // Their sessions end when the tick was made, for only then does the world know whom it is about.
                About::Bar(is_barred) => self.have_done(request, WorldRequest::Bar { player, is_barred }),
                About::Input(input) => self.submit(now, request, player, input),
            };
        }
        // Who never was anywhere is born for what they do, and not for what is done to them.
        if self.host.seek(now, player, matches!(what, About::Input(_))) {
            self.archiving.postponed.push(Postponed { request, player, what });
        } else {
            let busy = "too many players come home at present: ask again later";
            self.answer(request, Err(RequestError::Unavailable(busy.to_owned())));
        }
    }

    /// Goes on with what waited for those who are home, or do not come.
    pub(super) fn go_on_with_postponed(&mut self, now: Instant) {
        while let Some((player, homecoming)) = self.archiving.home.pop_front() {
            let (due, waiting) =
                core::mem::take(&mut self.archiving.postponed).into_iter().partition(|it| it.player == player);
            self.archiving.postponed = waiting;
            let due: Vec<Postponed<G::Input>> = due;
            for Postponed { request, what, .. } in due {
                match &homecoming {
                    Ok(()) => self.do_about(now, request, player, what),
                    Err((Reason::Elsewhere, detail)) => {
                        let help = "issue no token to somebody who never was here";
                        self.answer(request, Err(RequestError::Absent(format!("{detail}: {help}"))));
                    }
                    Err((_, detail)) => self.answer(request, Err(RequestError::Unavailable(detail.clone()))),
                }
            }
        }
    }

    pub(super) fn poll_archive(&mut self) -> Option<Effect<G>> {
        if !self.archiving.is_seeking && !self.archiving.sought.is_empty() {
            let count = self.archiving.sought.len().min(RAISES_MAX);
            let searches = self.archiving.sought.drain(..count).collect();
            let region =
                self.header.region.expect("only a journal of format 1 names no region, and none goes on with that");
            let by = Voucher { region, incarnation: self.incarnation, tick: self.host.open_tick() };
            self.archiving.is_seeking = true;
            return Some(Effect::Seek(Seek { searches, by }));
        }
        if self.archiving.is_raising || self.archiving.not_before.is_some() {
            return None;
        }
        let work = archived(self.host.released_world(self.released_tick())?, self.archiving.raised)?;
        self.archiving.is_raising = true;
        Some(Effect::Move(work))
    }

    /// What the archive has of players who were [sought](Effect::Seek), or why they do not come.
    ///
    /// # Panics
    /// If nobody is sought.
    pub fn handle_found(&mut self, now: Instant, findings: Findings) {
        if self.has_ended() {
            return;
        }
        assert!(core::mem::take(&mut self.archiving.is_seeking), "a search is answered once");
        let mut last_reason = String::new();
        for (search, result) in findings {
            if let Err(error @ (SeekError::Storage(_) | SeekError::Damaged { .. })) = &result {
                // What keeps all of them away is told once.
                let reason = error.to_string();
                if reason != last_reason {
                    last_reason.clone_from(&reason);
                    self.tell(Event::ArchiveFailed { reason });
                }
            }
            self.host.handle_found(now, search, result.map_err(|error| (Reason::Storage, error.told())));
        }
        self.settle(now);
    }

    /// The archive was told where players are now.
    ///
    /// # Panics
    /// If it was not to be told of any.
    pub fn handle_moved(&mut self, now: Instant, moved: Moved) {
        if self.has_ended() {
            return;
        }
        let Moved { of, sequence, error, .. } = moved;
        let not_before = error.is_some().then(|| now.after(ARCHIVE_RETRY_WAIT));
        if of == RegionId::ARCHIVE {
            assert!(core::mem::take(&mut self.archiving.is_raising), "a move is answered once");
            self.archiving.raised = sequence.unwrap_or(self.archiving.raised);
            self.archiving.not_before = not_before;
        } else {
            self.posting.handle_moved(now, of, sequence, not_before);
        }
        if let Some(error) = error {
            self.tell(Event::ArchiveFailed { reason: error.to_string() });
        }
        self.settle(now);
    }
}
