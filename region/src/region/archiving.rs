//! [`Archiving`]: players who leave for the archive and come back from it.
//!
//! Invariant: the archive is told of a departure only when its tick is kept, and the world that the archive has somebody only when
//! that is so; one raise is under way at a time. What fails is tried again, and keeps nobody else from playing.

use std::collections::VecDeque;

use tickworld_persist::Voucher;
use tickworld_proto::{host::Found, instant::Instant};
use tickworld_sim::{frame::PlayerId, game::Game};

use super::Region;
use crate::{
    archive::{Seek, SeekError, archived},
    effect::Effect,
    event::Event,
    limits::ARCHIVE_RETRY_WAIT,
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Archiving {
    /// Who is to be looked for.
    sought: VecDeque<PlayerId>,
    /// Up to which number of the outbox the archive has everything.
    raised: u64,
    is_raising: bool,
    /// After a failure nothing is raised before this.
    not_before: Option<Instant>,
}

impl Archiving {
    pub(super) fn seek(&mut self, player: PlayerId) {
        self.sought.push_back(player);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.not_before
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.not_before = self.not_before.filter(|at| *at > now);
    }
}

impl<G: Game> Region<G> {
    pub(super) fn poll_archive(&mut self) -> Option<Effect<G>> {
        if let Some(player) = self.archiving.sought.pop_front() {
            let region =
                self.header.region.expect("only a journal of format 1 names no region, and none goes on with that");
            let by = Voucher { region, incarnation: self.incarnation, tick: self.host.open_tick() };
            return Some(Effect::Seek(Seek { player, by }));
        }
        if self.archiving.is_raising || self.archiving.not_before.is_some() {
            return None;
        }
        let work = archived(self.host.released_world(self.released_tick())?, self.archiving.raised)?;
        self.archiving.is_raising = true;
        Some(Effect::RaiseArchived(work))
    }

    /// What the archive has of a player, or why they do not come.
    pub fn handle_found(&mut self, now: Instant, player: PlayerId, result: Result<Found, SeekError>) {
        if self.has_ended() {
            return;
        }
        if let Err(error @ (SeekError::Storage(_) | SeekError::Damaged(_))) = &result {
            self.tell(Event::ArchiveFailed { reason: error.to_string() });
        }
        self.host.handle_found(now, player, result.map_err(|error| (error.reason(), error.to_string())));
        self.settle(now);
    }

    /// The archive has everybody up to this number of the outbox, or could not be asked.
    ///
    /// # Panics
    /// If nobody was to be raised.
    pub fn handle_archived(&mut self, now: Instant, sequence: u64, result: Result<(), SeekError>) {
        if self.has_ended() {
            return;
        }
        assert!(core::mem::take(&mut self.archiving.is_raising), "a raise is answered once");
        match result {
            Ok(()) => {
                self.archiving.raised = sequence;
                self.host.handle_archived(sequence);
            }
            Err(error) => {
                self.archiving.not_before = Some(now.after(ARCHIVE_RETRY_WAIT));
                self.tell(Event::ArchiveFailed { reason: error.to_string() });
            }
        }
        self.settle(now);
    }
}
