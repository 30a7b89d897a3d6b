//! [`HostClock`]: what time it is at the host, and which tick is open there.
//!
//! Invariant: only an answer to a ping of this session is read. The reading with the shortest way there and back is the one
//! believed, since its error is at most half of that way; so a queue on the way delays an estimate and does not bend it. All
//! of it is integers, and none of it reaches a simulation: it says when to step, never what.

use alloc::collections::VecDeque;

use tickworld_sim::frame::Tick;

use crate::{
    instant::{Instant, Micros},
    limits,
    message::Pong,
};

/// The tick that takes inputs, as far as a client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTick {
    /// The tick that is open.
    pub tick: Tick,
    /// How long until it closes.
    pub closes_in: Micros,
}

/// An answered ping.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Own time, in the middle of the way there and back.
    own: Instant,
    /// The host's time less the own.
    offset: i64,
    /// There and back.
    way: Micros,
    pong: Pong,
}

/// The clock and the pace of the host.
#[derive(Debug)]
pub(super) struct HostClock {
    /// When pings were sent that have no answer, oldest first.
    asked: VecDeque<Instant>,
    /// The latest readings, oldest first.
    readings: VecDeque<Reading>,
    /// The reading that drift is told from.
    anchor: Option<Reading>,
    skew_ppm: i64,
    smooth_way: Option<Micros>,
    next_ping: Option<Instant>,
    pings: usize,
    tick_length: Micros,
    pace_percent: u16,
}

impl Default for HostClock {
    fn default() -> Self {
        Self {
            asked: VecDeque::new(),
            readings: VecDeque::new(),
            anchor: None,
            skew_ppm: 0,
            smooth_way: None,
            next_ping: None,
            pings: 0,
            tick_length: Micros::from_millis(50),
            pace_percent: 100,
        }
    }
}

impl HostClock {
    /// Begins with a session.
    pub(super) fn open(now: Instant, tick_rate: u16) -> Self {
        let length = 1_000_000_u64.checked_div(u64::from(tick_rate)).unwrap_or(1_000_000);
        Self { tick_length: Micros(length.max(1)), next_ping: Some(now), ..Self::default() }
    }

    /// Takes the pace that a tick's header says.
    pub(super) fn handle_pace(&mut self, percent: u16) {
        self.pace_percent = percent.max(1);
    }

    /// How long a tick takes now.
    pub(super) fn tick_length(&self) -> Micros {
        let length = self.tick_length.0.saturating_mul(u64::from(self.pace_percent));
        Micros(length.checked_div(100).unwrap_or(length).max(1))
    }

    /// A ping, if one is due.
    pub(super) fn poll_ping(&mut self, now: Instant) -> Option<Instant> {
        if self.next_ping? > now {
            return None;
        }
        let is_first = self.pings < limits::CLIENT_PINGS_KEPT;
        let wait = if is_first { limits::CLIENT_PING_WAIT_FIRST } else { limits::CLIENT_PING_WAIT };
        self.pings = self.pings.saturating_add(1);
        self.next_ping = Some(now.after(wait));
        if self.asked.len() >= limits::CLIENT_PINGS_KEPT {
            self.asked.pop_front();
        }
        self.asked.push_back(now);
        Some(now)
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next_ping
    }

    /// Reads an answer; gives whether it may be one. A second answer to one ping is a datagram that came twice.
    pub(super) fn handle_pong(&mut self, now: Instant, pong: Pong) -> bool {
        let Some(at) = self.asked.iter().position(|sent| *sent == pong.sent) else {
            return self.pings > 0 && pong.sent <= now;
        };
        self.asked.remove(at);
        let way = now.since(pong.sent);
        let own = pong.sent.after(Micros(way.0 / 2));
        let reading = Reading { own, offset: difference(pong.host, own), way, pong };
        let smooth = self.smooth_way.map_or(way, |old| Micros(old.0.saturating_mul(7).saturating_add(way.0) / 8));
        self.smooth_way = Some(smooth);
        if self.readings.len() >= limits::CLIENT_PINGS_KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
        self.tell_skew();
        true
    }

    /// The way there and back, smoothed; a guess before the first answer.
    pub(super) fn way(&self) -> Micros {
        self.smooth_way.unwrap_or(Micros::from_millis(100))
    }

    /// The shortest way there and back of late.
    pub(super) fn way_min(&self) -> Option<Micros> {
        self.best().map(|best| best.way)
    }

    /// How much faster the host's clock runs, in millionths; 0 until it is sure.
    pub(super) const fn skew_ppm(&self) -> i64 {
        self.skew_ppm
    }

    /// The host's time.
    pub(super) fn host_time(&self, now: Instant) -> Option<Instant> {
        let best = self.best()?;
        let since = difference(now, best.own);
        let drift = since.saturating_mul(self.skew_ppm) / 1_000_000;
        Some(Instant(now.0.saturating_add_signed(best.offset.saturating_add(drift))))
    }

    /// The tick that is open at the host at `now`.
    pub(super) fn open_tick(&self, now: Instant) -> Option<OpenTick> {
        let last = self.readings.back()?.pong;
        let host = self.host_time(now)?;
        let closes = last.host.after(last.closes_in);
        if host < closes {
            return Some(OpenTick { tick: last.open_tick, closes_in: closes.since(host) });
        }
        let (late, length) = (host.since(closes).0, self.tick_length().0);
        let ticks = late.checked_div(length).unwrap_or(0).saturating_add(1);
        let closes_in = Micros(length.saturating_sub(late.checked_rem(length).unwrap_or(0)));
        Some(OpenTick { tick: Tick(last.open_tick.0.saturating_add(ticks)), closes_in })
    }

    fn best(&self) -> Option<&Reading> {
        self.readings.iter().min_by_key(|reading| reading.way)
    }

    /// Tells drift from the first good reading and the best one, once they are far enough apart that the error of both is
    /// small beside the time between.
    fn tell_skew(&mut self) {
        let Some(best) = self.best().copied() else { return };
        let Some(anchor) = self.anchor else {
            if self.readings.len() >= limits::CLIENT_PINGS_KEPT {
                self.anchor = Some(best);
            }
            return;
        };
        let between = difference(best.own, anchor.own);
        if between < i64::try_from(limits::CLIENT_SKEW_BASE.0).unwrap_or(i64::MAX) {
            return;
        }
        let gained = best.offset.saturating_sub(anchor.offset);
        let error = best.way.0.saturating_add(anchor.way.0) / 2;
        let is_sure = i64::try_from(error).unwrap_or(i64::MAX) <= between / 10_000;
        if is_sure {
            let ppm = gained.saturating_mul(1_000_000).checked_div(between).unwrap_or(0);
            self.skew_ppm = ppm.clamp(-limits::CLIENT_SKEW_PPM_MAX, limits::CLIENT_SKEW_PPM_MAX);
        }
    }
}

/// `later` less `earlier`, on whichever side of it.
fn difference(later: Instant, earlier: Instant) -> i64 {
    match later.0.checked_sub(earlier.0) {
        Some(more) => i64::try_from(more).unwrap_or(i64::MAX),
        None => i64::try_from(earlier.0.abs_diff(later.0)).map_or(i64::MIN, i64::saturating_neg),
    }
}
