//! [`Link`]: one direction of a connection.
//!
//! Invariant: a queue never holds more than its bound; a message leaves its queue when the bandwidth has sent it, and then
//! takes the way's latency.

use std::collections::VecDeque;

use bytes::Bytes;
use tickworld_proto::{
    channel::Channel,
    instant::{Instant, Micros},
};

use crate::dice::Dice;

/// How a direction of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// The way takes at least so long.
    pub latency: Micros,
    /// The way takes at most so much longer.
    pub jitter: Micros,
    /// Packets lost in a thousand. On streams that is time, for they are sent again.
    pub loss_permille: u32,
    /// Datagrams that come twice, in a thousand.
    pub duplicate_permille: u32,
    /// Datagrams that others overtake by far, in a thousand.
    pub reorder_permille: u32,
    /// What the way carries, or what the reader takes.
    pub bytes_per_second: u64,
    /// Bytes that may wait on the control stream, in datagrams, and in bulk; beyond, the shell drops or closes.
    pub queue_bytes_max: QueueBytes,
}

/// Bytes for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueBytes {
    /// Bytes of [`Channel::Control`], at most.
    pub control: u64,
    /// Bytes of [`Channel::Datagram`], at most.
    pub datagram: u64,
    /// Bytes of [`Channel::Bulk`], at most.
    pub bulk: u64,
}

impl Default for LinkSettings {
    /// A good connection.
    fn default() -> Self {
        Self {
            latency: Micros::from_millis(10),
            jitter: Micros::from_millis(1),
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            bytes_per_second: 10_000_000,
            queue_bytes_max: QueueBytes { control: 1 << 20, datagram: 1 << 18, bulk: 1 << 24 },
        }
    }
}

/// What became of a message that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is under way.
    Queued,
    /// Its queue was full.
    Dropped,
    /// The control queue was full: the connection is closed.
    Overflow,
    /// The connection was closed before.
    Closed,
}

pub(super) struct Link {
    pub(super) settings: LinkSettings,
    /// Nothing arrives before.
    pub(super) blocked_until: Instant,
    /// When the last control message arrives.
    pub(super) control_last: Instant,
    /// Control messages under way.
    pub(super) control: VecDeque<(Instant, Bytes)>,
    /// When the last message will have been sent.
    busy_until: Instant,
    /// What waits to be sent, by when it will be: length and channel.
    queue: VecDeque<(Instant, u64, Channel)>,
}

impl Link {
    pub(super) const fn new(settings: LinkSettings) -> Self {
        Self {
            settings,
            blocked_until: Instant(0),
            control_last: Instant(0),
            control: VecDeque::new(),
            busy_until: Instant(0),
            queue: VecDeque::new(),
        }
    }

    pub(super) fn queued_bytes(&mut self, now: Instant) -> u64 {
        self.retire(now);
        self.queue.iter().map(|(_, bytes, _)| bytes).sum()
    }

    fn retire(&mut self, now: Instant) {
        while self.queue.front().is_some_and(|(leaves, ..)| *leaves <= now) {
            self.queue.pop_front();
        }
    }

    /// Puts a message in its queue; says when it will have been sent, or that there is no room.
    pub(super) fn enqueue(&mut self, now: Instant, channel: Channel, length: usize) -> Option<Instant> {
        self.retire(now);
        let bytes = u64::try_from(length).expect("a message fits the memory");
        let waiting: u64 = self.queue.iter().filter(|(_, _, other)| *other == channel).map(|(_, bytes, _)| bytes).sum();
        let max = match channel {
            Channel::Control => self.settings.queue_bytes_max.control,
            Channel::Datagram => self.settings.queue_bytes_max.datagram,
            Channel::Bulk => self.settings.queue_bytes_max.bulk,
        };
        if waiting + bytes > max {
            return None;
        }
        // Streams wait for a way that is blocked; datagrams go out and are lost.
        let open = if channel == Channel::Datagram { now } else { now.max(self.blocked_until) };
        let start = open.max(self.busy_until);
        let leaves = start.after(Micros(bytes.saturating_mul(1_000_000) / self.settings.bytes_per_second.max(1)));
        self.busy_until = leaves;
        self.queue.push_back((leaves, bytes, channel));
        Some(leaves)
    }

    pub(super) fn reliable_arrival(&self, leaves: Instant, dice: &mut Dice) -> Instant {
        let LinkSettings { latency, jitter, loss_permille, .. } = self.settings;
        let mut at = leaves.after(latency).after(dice.micros(Micros(0), jitter));
        // Sent again after a probe time-out, which doubles; five losses in a row are as many as are worth a thought.
        for attempt in 0..5 {
            if !dice.permille(loss_permille) {
                break;
            }
            at = at.after(Micros((latency.0 * 3 + 10_000) << attempt));
        }
        at
    }

    pub(super) fn datagram_arrival(&self, leaves: Instant, dice: &mut Dice) -> Instant {
        let LinkSettings { latency, jitter, reorder_permille, .. } = self.settings;
        let at = leaves.after(latency).after(dice.micros(Micros(0), jitter));
        if dice.permille(reorder_permille) { at.after(dice.micros(jitter, Micros(latency.0 * 4 + 50_000))) } else { at }
    }

    pub(super) fn loses(&self, now: Instant, dice: &mut Dice) -> bool {
        now < self.blocked_until || dice.permille(self.settings.loss_permille)
    }

    pub(super) const fn duplicates(&self, dice: &mut Dice) -> bool {
        dice.permille(self.settings.duplicate_permille)
    }
}
