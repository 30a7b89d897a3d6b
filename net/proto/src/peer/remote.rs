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
    /// Nothing.
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

/// Another player.
#[derive(Debug)]
pub(super) struct Remote {
    pub contact: Contact,
    /// The newest tick for which they have this peer's input.
    pub acknowledged: Tick,
    pub sync: TimeSync,
    /// Roots that they told of ticks that are not confirmed here.
    pub roots: BTreeMap<Tick, ShortHash>,
    /// A different root was told of.
    pub is_desynced: bool,
}

impl Remote {
    pub(super) fn new(now: Instant, start: Tick) -> Self {
        Self {
            contact: Contact::new(now),
            acknowledged: start,
            sync: TimeSync::default(),
            roots: BTreeMap::new(),
            is_desynced: false,
        }
    }

    pub(super) fn keep_root(&mut self, tick: Tick, root: ShortHash) {
        self.roots.insert(tick, root);
        while self.roots.len() > PEER_ROOTS_KEPT {
            self.roots.pop_first();
        }
    }
}
