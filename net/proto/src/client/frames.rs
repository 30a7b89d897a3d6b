//! [`FrameBuffer`]: confirmed frames that came, and those that did not.
//!
//! Invariant: frames leave in order, each once. What is kept is bounded in ticks and in bytes as they came: a frame is only
//! decoded when its turn comes, since its inputs may take many times as much memory.

use alloc::collections::BTreeMap;

use tickworld_sim::frame::Tick;

use crate::{
    instant::{Instant, Micros},
    limits,
    message::{Frame, FrameRequest},
};

/// Frames above the confirmed tick.
#[derive(Debug, Default)]
pub(super) struct FrameBuffer {
    frames: BTreeMap<Tick, Frame>,
    bytes: u64,
    /// The newest tick that the host is known to have released.
    newest: Tick,
    /// Since when the next frame is missing, and how often it was asked for.
    gap: Option<Gap>,
    /// Frames below this tick were asked for, and are not asked for again before that moment.
    asked: Option<(Tick, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    first: Tick,
    asks: u32,
    ask_at: Instant,
}

/// The tick that a frame says it makes.
pub(super) fn tick_of(frame: &Frame) -> Option<Tick> {
    frame.frame.first_chunk().map(|bytes| Tick(u64::from_le_bytes(*bytes)))
}

impl FrameBuffer {
    /// Notes that the host has this tick.
    pub(super) fn handle_known(&mut self, tick: Tick) {
        self.newest = self.newest.max(tick);
    }

    pub(super) const fn newest(&self) -> Tick {
        self.newest
    }

    /// Keeps a frame; gives whether it was new and there was room.
    pub(super) fn insert(&mut self, confirmed: Tick, tick: Tick, frame: Frame) -> bool {
        self.handle_known(tick);
        let ahead = tick.0.saturating_sub(confirmed.0);
        if tick <= confirmed || ahead > limits::CLIENT_FRAMES_AHEAD_MAX || self.frames.contains_key(&tick) {
            return false;
        }
        let bytes = self.bytes.saturating_add(frame.frame.len() as u64);
        // The frame that all others wait for always has room.
        if bytes > limits::CLIENT_FRAMES_BYTES_MAX && tick != confirmed.next() {
            return false;
        }
        self.bytes = bytes;
        self.frames.insert(tick, frame);
        true
    }

    pub(super) fn is_next_here(&self, confirmed: Tick) -> bool {
        self.frames.contains_key(&confirmed.next())
    }

    /// The frame after `confirmed`, to look at.
    pub(super) fn peek(&self, confirmed: Tick) -> Option<&Frame> {
        self.frames.get(&confirmed.next())
    }

    /// Takes out the frame of a tick.
    pub(super) fn remove(&mut self, tick: Tick) {
        if let Some(frame) = self.frames.remove(&tick) {
            self.bytes = self.bytes.saturating_sub(frame.frame.len() as u64);
        }
    }

    /// Forgets frames up to a tick: the world begins there.
    pub(super) fn begin_at(&mut self, confirmed: Tick) {
        self.frames = self.frames.split_off(&confirmed.next());
        self.bytes = self.frames.values().map(|frame| frame.frame.len() as u64).fold(0, u64::saturating_add);
        self.gap = None;
    }

    /// Forgets all frames: what the next session has may be of another history.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets what belongs to a session: how far the host is, and what it was asked.
    pub(super) fn close(&mut self) {
        (self.newest, self.gap, self.asked) = (Tick(0), None, None);
    }

    /// Notes that the host was asked for everything it has: what is missing may be on its way.
    pub(super) fn expect_all(&mut self, now: Instant, way: Micros) {
        self.asked = Some((self.newest.next(), now.after(wait(way))));
    }

    /// Notes a gap, or that there is none any more.
    pub(super) fn look(&mut self, now: Instant, confirmed: Tick) {
        let first = confirmed.next();
        if self.newest <= confirmed || self.frames.contains_key(&first) {
            self.gap = None;
        } else if self.gap.is_none_or(|gap| gap.first != first) {
            let late = now.after(limits::CLIENT_GAP_WAIT);
            let asked = self.asked.filter(|(end, _)| first < *end);
            self.gap = Some(Gap { first, asks: 0, ask_at: asked.map_or(late, |(_, again)| again.max(late)) });
        }
    }

    /// The frames to ask for now. `Err` once they were asked for in vain often enough.
    pub(super) fn poll_request(&mut self, now: Instant, way: Micros) -> Result<Option<FrameRequest>, RetriesExhausted> {
        let Some(gap) = self.gap.as_mut().filter(|gap| gap.ask_at <= now) else { return Ok(None) };
        if gap.asks >= limits::CLIENT_FRAME_ASKS_MAX {
            return Err(RetriesExhausted);
        }
        gap.asks = gap.asks.saturating_add(1);
        gap.ask_at = now.after(wait(way));
        let end = self.frames.keys().next().copied().unwrap_or(self.newest.next());
        let missing = end.0.saturating_sub(gap.first.0).clamp(1, u64::from(limits::CLIENT_FRAMES_PER_ASK));
        self.asked = Some((Tick(gap.first.0.saturating_add(missing)), gap.ask_at));
        Ok(Some(FrameRequest { first: gap.first, count: u16::try_from(missing).unwrap_or(1) }))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.gap.map(|gap| gap.ask_at)
    }
}

fn wait(way: Micros) -> Micros {
    Micros(way.0.saturating_mul(2)).max(limits::CLIENT_FRAME_WAIT_MIN)
}

/// Frames were asked for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RetriesExhausted;
