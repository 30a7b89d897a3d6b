//! [`Witness`]: what can be checked of a world without simulating it.
//!
//! Invariant: for every tick at most one root is believed, and a head that is older than the newest is never taken for news.
//! A witness cannot tell whether a root is right; only that the host does not tell two stories.

use alloc::collections::BTreeMap;

use tickworld_sim::{frame::Tick, hash::Hash, region::RegionId};

use super::event::Fault;
use crate::{limits, message::Head};

/// What a witness saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WitnessCounters {
    /// Heads that were newer than all before.
    pub heads: u64,
    /// Ticks whose head did not come before a newer one.
    pub gap_ticks: u64,
    /// Heads that came late or twice.
    pub late_heads: u64,
}

/// The latest heads.
#[derive(Debug, Default)]
pub(super) struct Witness {
    newest: Option<Tick>,
    /// Region and incarnation that it was of.
    of: (RegionId, u32),
    roots: BTreeMap<Tick, Hash>,
    counters: WitnessCounters,
}

impl Witness {
    /// Takes a head; gives whether it is news.
    pub(super) fn handle_head(&mut self, head: &Head) -> Result<bool, Fault> {
        if head.root_tick > head.tick {
            return Err(Fault::Foretold { tick: head.tick, root_tick: head.root_tick });
        }
        if self.roots.get(&head.root_tick).is_some_and(|root| *root != head.root) {
            return Err(Fault::Contradiction(head.root_tick));
        }
        self.roots.insert(head.root_tick, head.root);
        while self.roots.len() > limits::CLIENT_ROOTS_KEPT {
            self.roots.pop_first();
        }
        let is_news = self.newest.is_none_or(|newest| head.tick > newest);
        if is_news {
            let between = self.newest.map_or(0, |newest| head.tick.0.saturating_sub(newest.next().0));
            self.counters.gap_ticks = self.counters.gap_ticks.saturating_add(between);
            self.counters.heads = self.counters.heads.saturating_add(1);
            self.newest = Some(head.tick);
        } else {
            self.counters.late_heads = self.counters.late_heads.saturating_add(1);
        }
        Ok(is_news)
    }

    /// A new session may be of another region, or of a world that went back: what was believed of the other one is no news of this.
    pub(super) fn open(&mut self, released: Tick, of: (RegionId, u32)) {
        if self.of != of || self.newest.is_some_and(|newest| newest > released) {
            *self = Self { counters: self.counters, ..Self::default() };
        }
        self.of = of;
    }

    pub(super) const fn counters(&self) -> WitnessCounters {
        self.counters
    }
}
