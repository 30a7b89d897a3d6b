//! [`Audience`]: the spectators of a session, and the frames that they lack.
//!
//! Invariant: a spectator gets confirmed frames only, from the first one on, and never makes a player wait: who falls further
//! behind than frames are kept is not served any more.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use bytes::Bytes;
use tickworld_sim::frame::Tick;

use super::remote::Contact;
use crate::{instant::Instant, limits::PEER_FRAMES_KEPT};

/// What is known of one spectator.
#[derive(Debug)]
pub(super) struct Spectating {
    pub contact: Contact,
    /// It was heard at all: nobody speaks to it before.
    pub is_there: bool,
    /// The newest tick whose frame it has.
    pub have: Tick,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Audience {
    pub spectators: BTreeMap<u32, Spectating>,
    /// The tick of the first frame that is kept.
    first: Tick,
    frames: VecDeque<Bytes>,
}

impl Audience {
    pub(super) const fn new(start: Tick) -> Self {
        Self { spectators: BTreeMap::new(), first: start.next(), frames: VecDeque::new() }
    }

    /// Expects a spectator, who begins with the session's first world.
    pub(super) fn expect(&mut self, number: u32, now: Instant, start: Tick) {
        let spectating = Spectating { contact: Contact::new(now), is_there: false, have: start };
        self.spectators.insert(number, spectating);
    }

    /// Keeps a confirmed frame, and gives whom it does not reach any more.
    pub(super) fn push(&mut self, tick: Tick, frame: impl FnOnce() -> Bytes) -> Vec<u32> {
        if self.spectators.is_empty() {
            self.frames.clear();
            self.first = tick.next();
            return Vec::new();
        }
        self.frames.push_back(frame());
        let least = self.spectators.values().map(|spectating| spectating.have.next()).min().unwrap_or(tick);
        while self.first < least || self.frames.len() > PEER_FRAMES_KEPT {
            if self.frames.pop_front().is_none() {
                break;
            }
            self.first = self.first.next();
        }
        let first = self.first;
        let late = self.spectators.iter().filter(|(_, spectating)| spectating.have.next() < first);
        late.map(|(number, _)| *number).collect()
    }

    /// The frames after `have`.
    pub(super) fn after(&self, have: Tick) -> Vec<Bytes> {
        let skipped = have.next().0.saturating_sub(self.first.0);
        self.frames.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)).cloned().collect()
    }
}
