//! What is known of one other player, and of one spectator.

use alloc::collections::BTreeMap;

use tickworld_sim::{frame::Tick, hash::ShortHash};

use super::time_sync::TimeSync;
use crate::{
    instant::{Instant, Micros},
    limits::PEER_ROOTS_KEPT,
};

/// When somebody was heard, and spoken to.
#[derive(Debug)]
pub(super) struct Contact {
    pub heard: Instant,
    pub sent: Instant,
    pub is_interrupted: bool,
}

/// What a silence means.
pub(super) enum Silence {
    /// It is too short to mean anything.
    Short,
    /// It is long enough to be told, for the first time.
    Warning,
    /// It is too long.
    TooLong,
}

impl Contact {
    pub(super) const fn new(now: Instant) -> Self {
        Self { heard: now, sent: Instant(0), is_interrupted: false }
    }

    /// Something was heard; gives whether that ends an interruption.
    pub(super) const fn handle(&mut self, now: Instant) -> bool {
        self.heard = now;
        core::mem::replace(&mut self.is_interrupted, false)
    }

    pub(super) fn silence(&mut self, now: Instant, warning: Micros, most: Micros) -> Silence {
        let silence = now.since(self.heard);
        if silence >= most {
            Silence::TooLong
        } else if silence >= warning && !core::mem::replace(&mut self.is_interrupted, true) {
            Silence::Warning
        } else {
            Silence::Short
        }
    }

    /// When [`silence`](Self::silence) or a message that is sent again is due.
    pub(super) fn poll_timeout(&self, resend: Micros, warning: Micros, most: Micros) -> Instant {
        let silence = if self.is_interrupted { most } else { warning.min(most) };
        self.sent.after(resend).min(self.heard.after(silence))
    }
}

/// What is known of another player's peer.
#[derive(Debug)]
pub(super) struct Remote {
    pub contact: Contact,
    /// The newest tick for which they have this peer's input.
    pub acknowledged: Tick,
    pub sync: TimeSync,
    pub roots: ToldRoots,
}

/// What somebody told of the roots of ticks that are not made for good here.
#[derive(Debug, Default)]
pub(super) struct ToldRoots {
    by_tick: BTreeMap<Tick, ShortHash>,
    /// A different root was told of.
    is_desynced: bool,
}

impl ToldRoots {
    /// Keeps what was told of a tick to come; of the oldest only so many are kept.
    pub(super) fn keep(&mut self, tick: Tick, root: ShortHash) {
        self.by_tick.insert(tick, root);
        while self.by_tick.len() > PEER_ROOTS_KEPT {
            self.by_tick.pop_first();
        }
    }

    /// What was told of a tick.
    pub(super) fn take(&mut self, tick: Tick) -> Option<ShortHash> {
        self.by_tick.remove(&tick)
    }

    /// Forgets what was told of ticks up to this one.
    pub(super) fn forget_to(&mut self, tick: Tick) {
        self.by_tick.retain(|told, _| *told > tick);
    }

    /// Whether the roots differ, for the first time.
    pub(super) fn is_first_difference(&mut self, own: ShortHash, theirs: ShortHash) -> bool {
        own != theirs && !core::mem::replace(&mut self.is_desynced, true)
    }
}

impl Remote {
    pub(super) fn new(now: Instant, start: Tick) -> Self {
        Self { contact: Contact::new(now), acknowledged: start, sync: TimeSync::default(), roots: ToldRoots::default() }
    }
}
