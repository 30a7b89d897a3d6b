//! [`TimeSync`]: how far a peer is ahead of another one.
//!
//! Invariant: the way between both falls out. Each sees the other as far behind as the way is long; half of the difference of
//! what both see is how far apart their ticks are. It says when to make ticks, never what is in them.

use alloc::collections::VecDeque;

use tickworld_sim::frame::Tick;

use crate::{
    instant::{Instant, Micros},
    limits::PEER_READINGS_KEPT,
};

/// What was heard of one peer's time.
#[derive(Debug, Default)]
pub(super) struct TimeSync {
    /// How far this peer seemed to be ahead, here and there.
    readings: VecDeque<(i32, i32)>,
    /// The way there and back, smoothed.
    way: Option<Micros>,
    /// The peer's time in its newest message, and when that came.
    newest: Option<(Instant, Instant)>,
}

impl TimeSync {
    /// What to send back: the newest moment heard, and how long ago that was.
    pub(super) fn echo(&self, now: Instant) -> (Instant, Micros) {
        self.newest.map_or((Instant(0), Micros(0)), |(sent, came)| (sent, now.since(came)))
    }

    /// The way there and back.
    pub(super) const fn way(&self) -> Option<Micros> {
        self.way
    }

    /// Reads a message that came at `now`, sent when the peer was at `tick` and seemed to be `ahead`.
    pub(super) fn handle(&mut self, now: Instant, own: Tick, heard: &Heard, tick_length: Micros) {
        if self.newest.is_some_and(|(sent, _)| heard.sent <= sent) {
            return;
        }
        self.newest = Some((heard.sent, now));
        let (of, held) = heard.echo;
        if of != Instant(0) && of <= now {
            let way = Micros(now.since(of).0.saturating_sub(held.0));
            let smooth = self.way.map_or(way.0, |old| old.0.saturating_mul(7).saturating_add(way.0) / 8);
            self.way = Some(Micros(smooth));
        }
        let ahead = self.ahead(own, heard.tick, tick_length);
        if self.readings.len() >= PEER_READINGS_KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back((ahead, heard.ahead));
    }

    /// How far `own` seems to be ahead of a peer that said `theirs` a way ago.
    fn ahead(&self, own: Tick, theirs: Tick, tick_length: Micros) -> i32 {
        let under_way = self.way.map_or(0, |way| (way.0 / 2).checked_div(tick_length.0).unwrap_or(0));
        let theirs = theirs.0.saturating_add(under_way);
        match own.0.checked_sub(theirs) {
            Some(more) => i32::try_from(more).unwrap_or(i32::MAX),
            None => i32::try_from(theirs.abs_diff(own.0)).map_or(i32::MIN, i32::saturating_neg),
        }
    }

    /// The newest reading: what to tell the peer.
    pub(super) fn last_ahead(&self) -> i32 {
        self.readings.back().map_or(0, |(own, _)| *own)
    }

    /// By how many ticks this peer is ahead of the other one; below 0 if behind.
    pub(super) fn ticks_ahead(&self) -> i32 {
        let count = i64::try_from(self.readings.len()).unwrap_or(i64::MAX).saturating_mul(2);
        let difference = |(own, theirs): &(i32, i32)| i64::from(*own).saturating_sub(i64::from(*theirs));
        let sum: i64 = self.readings.iter().map(difference).fold(0, i64::saturating_add);
        i32::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(0)
    }
}

/// What a message says of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The sender's time.
    pub sent: Instant,
    /// The receiver's time that it last heard, and how long ago that was.
    pub echo: (Instant, Micros),
    /// The tick that the sender plays.
    pub tick: Tick,
    /// How far it seemed to be ahead.
    pub ahead: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Micros = Micros(10_000);

    /// Two peers of whom the first is `lead` ticks ahead, over ways of these lengths; gives what each of them thinks.
    fn apart(lead: u64, there: u64, back: u64) -> (i32, i32) {
        let (mut a, mut b) = (TimeSync::default(), TimeSync::default());
        for tick in 100_u64..200 {
            let now = Instant(tick * TICK.0);
            let own = Tick(tick + lead);
            let said =
                |sync: &TimeSync, tick| Heard { sent: now, echo: sync.echo(now), tick, ahead: sync.last_ahead() };
            let (from_a, from_b) = (said(&a, own), said(&b, Tick(tick)));
            b.handle(now.after(Micros(there)), Tick(tick + there / TICK.0), &from_a, TICK);
            a.handle(now.after(Micros(back)), Tick(tick + lead + back / TICK.0), &from_b, TICK);
        }
        (a.ticks_ahead(), b.ticks_ahead())
    }

    #[test]
    fn the_way_falls_out() {
        assert_eq!(apart(0, 0, 0), (0, 0));
        assert_eq!(apart(6, 0, 0), (6, -6));
        assert_eq!(apart(6, 50_000, 50_000), (6, -6));
        assert_eq!(apart(0, 80_000, 80_000), (0, 0));
    }

    #[test]
    fn a_message_that_comes_late_is_not_read() {
        let mut sync = TimeSync::default();
        let heard = |sent| Heard { sent: Instant(sent), echo: (Instant(0), Micros(0)), tick: Tick(9), ahead: 3 };
        sync.handle(Instant(100), Tick(9), &heard(50), TICK);
        sync.handle(Instant(101), Tick(99), &heard(49), TICK);
        assert_eq!((sync.ticks_ahead(), sync.last_ahead()), (-1, 0));
        assert_eq!(sync.echo(Instant(110)), (Instant(50), Micros(10)));
    }
}
