//! [`Network`]: connections between clients and a host, with latency, loss, partitions and queues that overflow.
//!
//! Invariant: the three [`Channel`]s keep their promises and no others. Control arrives whole and in order, or the connection
//! is lost; bulk arrives whole, in any order, unless its queue was full; a datagram may be lost, late, or there twice. Both
//! sides learn of a lost connection, not at the same time, and nothing arrives at a side that knows.

mod link;
mod road;

use std::collections::BTreeMap;

use bytes::Bytes;
use link::Link;
pub use link::{LinkSettings, QueueBytes, Sent};
pub use road::Road;
use tickworld_proto::{
    channel::{Channel, Transmit},
    instant::{Instant, Micros},
};

use crate::{clock::Clock, dice::Dice};

/// Number of a connection; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The end of the client.
    Client,
    /// The end of the host.
    Host,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Host,
            Self::Host => Self::Client,
        }
    }
}

/// Something that the network waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkEvent {
    connection: ConnectionId,
    to: Side,
    what: Due,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    Datagram(Bytes),
    /// The next message of the control stream.
    Control,
    Bulk(Bytes),
    Lost,
}

/// What reaches a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A message that came by a channel.
    Message(Channel, Bytes),
    /// The connection is lost.
    Lost,
}

/// What the network did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounters {
    /// Messages that arrived.
    pub delivered: u64,
    /// Bytes that arrived.
    pub delivered_bytes: u64,
    /// Datagrams lost on the way.
    pub lost: u64,
    /// Datagrams that came twice.
    pub duplicated: u64,
    /// Datagrams and bulk messages that found their queue full.
    pub dropped: u64,
    /// Connections closed because the control queue was full.
    pub overflows: u64,
    /// Connections lost to a partition.
    pub cut: u64,
}

struct Connection {
    /// From the client to the host, and from the host to the client.
    up: Link,
    down: Link,
    client_knows_lost: bool,
    host_knows_lost: bool,
}

impl Connection {
    const fn link(&mut self, to: Side) -> &mut Link {
        match to {
            Side::Host => &mut self.up,
            Side::Client => &mut self.down,
        }
    }

    const fn knows_lost(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Client => &mut self.client_knows_lost,
            Side::Host => &mut self.host_knows_lost,
        }
    }
}

/// All connections of a simulated network.
pub struct Network {
    connections: BTreeMap<ConnectionId, Connection>,
    /// After how long of silence a side gives a connection up.
    idle_timeout: Micros,
    opened: u64,
    dice: Dice,
    counters: NetworkCounters,
}

impl Network {
    /// No connections yet.
    #[must_use]
    pub const fn new(idle_timeout: Micros, dice: Dice) -> Self {
        let counters = NetworkCounters {
            delivered: 0,
            delivered_bytes: 0,
            lost: 0,
            duplicated: 0,
            dropped: 0,
            overflows: 0,
            cut: 0,
        };
        Self { connections: BTreeMap::new(), idle_timeout, opened: 0, dice, counters }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> NetworkCounters {
        self.counters
    }

    /// How many connections at least one side believes in.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Opens a connection with these properties towards the host and towards the client.
    pub fn connect(&mut self, up: LinkSettings, down: LinkSettings) -> ConnectionId {
        let id = ConnectionId(self.opened);
        self.opened += 1;
        let connection =
            Connection { up: Link::new(up), down: Link::new(down), client_knows_lost: false, host_knows_lost: false };
        self.connections.insert(id, connection);
        id
    }

    /// Changes how a direction is from now on.
    pub fn tune(&mut self, id: ConnectionId, to: Side, settings: LinkSettings) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.link(to).settings = settings;
        }
    }

    /// Bytes that wait in a direction's queues.
    #[must_use]
    pub fn queued_bytes(&mut self, id: ConnectionId, to: Side, now: Instant) -> u64 {
        self.connections.get_mut(&id).map_or(0, |connection| connection.link(to).queued_bytes(now))
    }

    /// Sends a message to `to`. Where the control queue overflows, the connection is closed from the sender's side, who is
    /// told by [`Sent::Overflow`] alone.
    pub fn send<E: From<NetworkEvent>>(
        &mut self,
        clock: &mut Clock<E>,
        id: ConnectionId,
        to: Side,
        transmit: Transmit,
    ) -> Sent {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Sent::Closed;
        };
        if *connection.knows_lost(to.other()) {
            return Sent::Closed;
        }
        let link = connection.link(to);
        let now = clock.now();
        let Some(leaves) = link.enqueue(now, transmit.channel, transmit.bytes.len()) else {
            if transmit.channel == Channel::Control {
                self.counters.overflows += 1;
                self.close(clock, id, to.other());
                return Sent::Overflow;
            }
            self.counters.dropped += 1;
            return Sent::Dropped;
        };
        let event = |what| NetworkEvent { connection: id, to, what };
        match transmit.channel {
            Channel::Control => {
                let at = link.reliable_arrival(leaves, &mut self.dice).max(link.control_last);
                link.control_last = at;
                link.control.push_back((at, transmit.bytes));
                clock.at(at, event(Due::Control).into());
            }
            Channel::Bulk => {
                let at = link.reliable_arrival(leaves, &mut self.dice);
                clock.at(at, event(Due::Bulk(transmit.bytes)).into());
            }
            Channel::Datagram => {
                if link.loses(now, &mut self.dice) {
                    self.counters.lost += 1;
                    return Sent::Queued;
                }
                if link.duplicates(&mut self.dice) {
                    self.counters.duplicated += 1;
                    let at = link.datagram_arrival(leaves, &mut self.dice);
                    clock.at(at, event(Due::Datagram(transmit.bytes.clone())).into());
                }
                let at = link.datagram_arrival(leaves, &mut self.dice);
                clock.at(at, event(Due::Datagram(transmit.bytes)).into());
            }
        }
        Sent::Queued
    }

    /// Lets nothing through towards `to` for so long; longer than the idle time-out, the connection is lost.
    pub fn block<E: From<NetworkEvent>>(&mut self, clock: &mut Clock<E>, id: ConnectionId, to: Side, wait: Micros) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let link = connection.link(to);
        link.blocked_until = link.blocked_until.max(clock.now().after(wait));
        if wait > self.idle_timeout {
            self.counters.cut += 1;
            self.lose(clock, id);
        }
    }

    /// Lets both sides find out, each in its time, that the other is not there any more.
    fn lose<E: From<NetworkEvent>>(&mut self, clock: &mut Clock<E>, id: ConnectionId) {
        for to in [Side::Client, Side::Host] {
            let wait = self.dice.micros(Micros(self.idle_timeout.0 / 2), self.idle_timeout);
            clock.after(wait, NetworkEvent { connection: id, to, what: Due::Lost }.into());
        }
    }

    /// One side is gone without a word (its process died): nothing reaches it, and the other finds out in time.
    pub fn vanish<E: From<NetworkEvent>>(&mut self, clock: &mut Clock<E>, id: ConnectionId, side: Side) {
        self.end(id, side);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.link(side).blocked_until = Instant(u64::MAX);
        let wait = self.dice.micros(Micros(1_000), self.idle_timeout);
        clock.after(wait, NetworkEvent { connection: id, to: side.other(), what: Due::Lost }.into());
    }

    /// One side closes: what it sent before on the control stream mostly arrives first.
    pub fn close<E: From<NetworkEvent>>(&mut self, clock: &mut Clock<E>, id: ConnectionId, side: Side) {
        self.end(id, side);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let link = connection.link(side.other());
        let first = link.reliable_arrival(clock.now(), &mut self.dice);
        let hurried = self.dice.permille(100);
        let at = if hurried { first } else { first.max(link.control_last) };
        clock.at(at, NetworkEvent { connection: id, to: side.other(), what: Due::Lost }.into());
    }

    fn end(&mut self, id: ConnectionId, side: Side) {
        if let Some(connection) = self.connections.get_mut(&id) {
            *connection.knows_lost(side) = true;
            if connection.client_knows_lost && connection.host_knows_lost {
                self.connections.remove(&id);
            }
        }
    }

    /// What an event that came due brings to whom; `None` if it is not to arrive, or not yet.
    pub fn handle<E: From<NetworkEvent>>(
        &mut self,
        clock: &mut Clock<E>,
        event: NetworkEvent,
    ) -> Option<(ConnectionId, Side, Arrival)> {
        let NetworkEvent { connection: id, to, .. } = event;
        let connection = self.connections.get_mut(&id)?;
        if *connection.knows_lost(to) {
            return None;
        }
        let link = connection.link(to);
        let is_blocked = clock.now() < link.blocked_until;
        let arrival = match event.what {
            Due::Lost => {
                self.end(id, to);
                return Some((id, to, Arrival::Lost));
            }
            Due::Datagram(_) if is_blocked => {
                self.counters.lost += 1;
                return None;
            }
            Due::Control | Due::Bulk(_) if is_blocked => {
                if link.blocked_until < Instant(u64::MAX) {
                    let wait = link.settings.latency;
                    let at = link.blocked_until.after(wait);
                    clock.at(at, event.into());
                }
                return None;
            }
            Due::Datagram(bytes) => (Channel::Datagram, bytes),
            Due::Bulk(bytes) => (Channel::Bulk, bytes),
            Due::Control => {
                let (_, bytes) = link.control.pop_front()?;
                (Channel::Control, bytes)
            }
        };
        self.counters.delivered += 1;
        self.counters.delivered_bytes += u64::try_from(arrival.1.len()).expect("a message fits the memory");
        Some((id, to, Arrival::Message(arrival.0, arrival.1)))
    }
}

#[cfg(test)]
mod tests;
