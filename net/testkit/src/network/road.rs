//! [`Road`]: the way of single messages from one machine to another, without a connection.
//!
//! Invariant: a message arrives whole or not at all, late, twice or after others; while the road is blocked nothing sets out on it and
//! nothing comes out of it.

use tickworld_proto::{channel::Channel, instant::Instant};

use super::link::{Link, LinkSettings};
use crate::dice::Dice;

/// One direction between two machines.
pub struct Road {
    link: Link,
    dice: Dice,
}

impl Road {
    /// A road like this.
    #[must_use]
    pub const fn new(settings: LinkSettings, dice: Dice) -> Self {
        Self { link: Link::new(settings), dice }
    }

    /// Changes how it is from now on, and lets everything through again.
    pub const fn tune(&mut self, settings: LinkSettings) {
        self.link.settings = settings;
        self.link.blocked_until = Instant(0);
    }

    /// Lets nothing through until then.
    pub fn block(&mut self, until: Instant) {
        self.link.blocked_until = self.link.blocked_until.max(until);
    }

    /// Whether nothing comes out of it now.
    #[must_use]
    pub fn is_blocked(&self, now: Instant) -> bool {
        now < self.link.blocked_until
    }

    /// Sends a message of so many bytes; gives when it arrives, or each copy of it does.
    pub fn send(&mut self, now: Instant, bytes: usize) -> Vec<Instant> {
        let Some(leaves) = self.link.enqueue(now, Channel::Datagram, bytes) else { return Vec::new() };
        if self.link.loses(now, &mut self.dice) {
            return Vec::new();
        }
        let copies = if self.link.duplicates(&mut self.dice) { 2 } else { 1 };
        (0..copies).map(|_| self.link.datagram_arrival(leaves, &mut self.dice)).collect()
    }
}

#[cfg(test)]
mod tests {
    use tickworld_proto::instant::Micros;

    use super::*;
    use crate::network::QueueBytes;

    const COUNT: usize = 1_000;

    /// When each of many messages arrives, sent a second apart.
    fn arrivals(settings: LinkSettings) -> Vec<Vec<Instant>> {
        let mut road = Road::new(settings, Dice::new(1, "road", 0));
        let sent = (0..COUNT as u64).map(|second| Instant(second * 1_000_000));
        sent.map(|now| road.send(now, 100).into_iter().map(|at| Instant(at.0 - now.0)).collect()).collect()
    }

    #[test]
    fn a_fair_road_brings_everything_once_in_time() {
        let fair = LinkSettings::default();
        let times = arrivals(fair);
        let is_in_time = |at: &Instant| at.0 >= fair.latency.0 && at.0 <= fair.latency.0 + fair.jitter.0 + 100;
        assert!(times.iter().all(|copies| copies.len() == 1 && copies.iter().all(is_in_time)));
    }

    #[test]
    fn a_bad_one_loses_repeats_and_delays() {
        let bad = LinkSettings {
            loss_permille: 250,
            duplicate_permille: 200,
            reorder_permille: 300,
            ..LinkSettings::default()
        };
        let times = arrivals(bad);
        let of = |count: usize| times.iter().filter(|copies| copies.len() == count).count();
        let late = times.iter().flatten().filter(|at| at.0 > 20_000).count();
        assert!((200..300).contains(&of(0)) && (100..200).contains(&of(2)) && (200..400).contains(&late), "{times:?}");
    }

    #[test]
    fn nothing_sets_out_on_a_blocked_road_or_overfills_it() {
        let queue_bytes_max = QueueBytes { control: 0, datagram: 250, bulk: 0 };
        let narrow = LinkSettings { bytes_per_second: 100, queue_bytes_max, ..LinkSettings::default() };
        let mut road = Road::new(narrow, Dice::new(1, "road", 1));
        let counts = [(); 3].map(|()| road.send(Instant(5), 100).len());
        assert_eq!(counts, [1, 1, 0], "the third finds no room");
        road.block(Instant(9_000_000));
        assert!(road.is_blocked(Instant(8_999_999)) && !road.is_blocked(Instant(9_000_000)));
        assert_eq!(road.send(Instant(8_000_000), 100), []);
        road.tune(LinkSettings { latency: Micros(7), jitter: Micros(0), ..LinkSettings::default() });
        assert!(!road.is_blocked(Instant(0)) && road.send(Instant(8_000_000), 100).len() == 1);
    }
}
