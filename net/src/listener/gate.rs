//! [`Gate`]: who may begin a handshake, and who may take their time over a first message.
//!
//! Invariant: what one address holds never keeps another one out. Of handshakes and of connections that have not said anything,
//! an address may hold as many places as it leaves free, so however many it asks for, half of them stay for others, and with
//! ten such addresses an eleventh part; of connections altogether it may hold a number of its own. All of it is judged before
//! a connection costs anything, and whoever has not proven their address cannot use up more than half of its share, so a
//! forger cannot keep out the address' owner either.
//!
//! The rule is that of dynamic thresholds in switches (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory
//! packet switches", 1998) with a factor of one.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::SessionLimits;
use crate::{
    address::{AddressKey, address_key},
    counters::Counters,
    limits::REFUSAL_LOG_INTERVAL,
};

/// See the module.
pub(super) struct Gate {
    connections: Arc<Places>,
    unheard: Arc<Places>,
    handshakes: Arc<Places>,
    counters: Arc<Counters>,
    warnings: Seldom,
}

/// What a gate says of somebody who comes.
pub(super) enum Verdict {
    /// There is room, and these are your places.
    Admitted(Pass),
    /// Come again with a proof of the address.
    ProveAddress,
    /// There is no room for you.
    Refused,
}

/// The places of a connection that is on its way in. Each is given back when it is dropped.
pub(super) struct Pass {
    /// Its place until the connection is secure.
    pub(super) handshake: Place,
    /// Its place until it has said something.
    pub(super) unheard: Place,
    /// Its place until it is no more.
    pub(super) connection: Place,
}

/// How many connections a listener has, and how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// All of them.
    pub connections: usize,
    /// Those that have not said anything yet; no region knows of them.
    pub unheard: usize,
    /// Those of them that are not secure yet.
    pub handshakes: usize,
    /// Addresses that the connections are of.
    pub addresses: usize,
}

impl Gate {
    pub(super) fn new(limits: &SessionLimits, counters: Arc<Counters>) -> Self {
        Self {
            connections: Places::new(limits.sessions_max, Quota::AtMost(limits.sessions_per_address_max)),
            unheard: Places::new(limits.hellos_max, Quota::AsManyAsFree),
            handshakes: Places::new(limits.handshakes_max, Quota::AsManyAsFree),
            counters,
            warnings: Seldom::new(REFUSAL_LOG_INTERVAL),
        }
    }

    /// Judges somebody who comes. Where all handshakes are taken by others, awaits that one of them is done.
    pub(super) async fn admit(&self, remote: SocketAddr, is_address_proven: bool) -> Verdict {
        let address = address_key(remote.ip());
        if !is_address_proven && self.handshakes.is_crowded(address) {
            return Verdict::ProveAddress;
        }
        match self.places(address).await {
            Ok(pass) => Verdict::Admitted(pass),
            Err(NoPlace::Full) => {
                self.counters.refused.add(1);
                Verdict::Refused
            }
            Err(NoPlace::OverQuota) => {
                self.counters.refused.add(1);
                self.counters.refused_by_address.add(1);
                if let Some(refused) = self.warnings.tell(Instant::now()) {
                    tracing::warn!(address = %remote.ip(), refused, "refused connections of addresses that hold their share");
                }
                Verdict::Refused
            }
        }
    }

    pub(super) fn occupancy(&self) -> Occupancy {
        let connections = self.connections.lock();
        Occupancy {
            connections: connections.sum,
            unheard: self.unheard.lock().sum,
            handshakes: self.handshakes.lock().sum,
            addresses: connections.by_address.len(),
        }
    }

    async fn places(&self, address: AddressKey) -> Result<Pass, NoPlace> {
        let connection = self.connections.take(address)?;
        let unheard = self.unheard.take(address)?;
        loop {
            // Registered before the look, so that a place that is given back in between is not missed.
            let mut freed = std::pin::pin!(self.handshakes.freed.notified());
            freed.as_mut().enable();
            match self.handshakes.take(address) {
                Ok(handshake) => return Ok(Pass { handshake, unheard, connection }),
                // None of those that are taken are this one's: it is the next.
                Err(NoPlace::Full) => freed.await,
                Err(NoPlace::OverQuota) => return Err(NoPlace::OverQuota),
            }
        }
    }
}

/// A number of places, and who holds them.
struct Places {
    max: usize,
    quota: Quota,
    taken: Mutex<Taken>,
    /// Notified when a place is given back.
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    sum: usize,
    by_address: HashMap<AddressKey, usize>,
}

/// How many places one address may hold.
#[derive(Clone, Copy)]
enum Quota {
    AtMost(usize),
    AsManyAsFree,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoPlace {
    /// All are taken, and the address has none of them or not more than it may.
    Full,
    /// The address holds its quota.
    OverQuota,
}

impl Places {
    fn new(max: usize, quota: Quota) -> Arc<Self> {
        Arc::new(Self { max, quota, taken: Mutex::default(), freed: Notify::new() })
    }

    fn take(self: &Arc<Self>, address: AddressKey) -> Result<Place, NoPlace> {
        let mut taken = self.lock();
        let held = taken.held(address);
        let free = self.max.saturating_sub(taken.sum);
        let quota = match self.quota {
            Quota::AtMost(most) => most,
            // The last place goes to somebody who has none.
            Quota::AsManyAsFree => free.max(1),
        };
        if held >= quota {
            return Err(NoPlace::OverQuota);
        }
        if free == 0 {
            return Err(NoPlace::Full);
        }
        taken.sum += 1;
        *taken.by_address.entry(address).or_default() += 1;
        Ok(Place { places: Arc::clone(self), address })
    }

    /// Whether so many places are taken, of all or of the address' share, that a proof of the address is worth its round trip.
    fn is_crowded(&self, address: AddressKey) -> bool {
        let taken = self.lock();
        let free = self.max.saturating_sub(taken.sum);
        taken.sum >= free || taken.held(address) * 2 >= free
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Sums that are changed without a call in between: whole, whoever panicked.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn held(&self, address: AddressKey) -> usize {
        self.by_address.get(&address).copied().unwrap_or(0)
    }
}

/// A place that is taken, until this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    address: AddressKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.sum -= 1;
        if let Entry::Occupied(mut held) = taken.by_address.entry(self.address) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        drop(taken);
        self.places.freed.notify_waiters();
    }
}

/// Something that is told at most once in a while, with how often it happened since.
struct Seldom {
    interval: Duration,
    state: Mutex<(Option<Instant>, u64)>,
}

impl Seldom {
    const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new((None, 0)) }
    }

    /// It happened once more: gives how often since it was told last, if it is to be told now.
    fn tell(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        if state.0.is_some_and(|last| now.saturating_duration_since(last) < self.interval) {
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> AddressKey {
        address_key(std::net::Ipv4Addr::new(192, 0, 2, number).into())
    }

    /// Takes places for an address until there are none.
    fn fill(places: &Arc<Places>, number: u8) -> Vec<Place> {
        std::iter::from_fn(|| places.take(address(number)).ok()).collect()
    }

    #[test]
    fn an_address_holds_as_many_places_as_it_leaves_free() {
        let places = Places::new(256, Quota::AsManyAsFree);
        let first = fill(&places, 1);
        assert_eq!(first.len(), 128);
        let second = fill(&places, 2);
        assert_eq!(second.len(), 64);
        // Each further one halves what is left, and there is always one more for somebody new.
        let others: Vec<_> = (3..=9).map(|number| fill(&places, number)).collect();
        assert_eq!(others.iter().map(Vec::len).collect::<Vec<_>>(), [32, 16, 8, 4, 2, 1, 1]);
        assert_eq!(places.take(address(10)).err(), Some(NoPlace::Full));
        assert_eq!(places.take(address(1)).err(), Some(NoPlace::OverQuota));
        drop((first, others));
        // What was given back is there for all.
        assert_eq!(fill(&places, 2).len() + second.len(), 128);
    }

    #[test]
    fn an_address_holds_at_most_its_number() {
        let places = Places::new(5, Quota::AtMost(3));
        let (first, second) = (fill(&places, 1), fill(&places, 2));
        assert_eq!((first.len(), second.len()), (3, 2));
        assert_eq!(places.take(address(1)).err(), Some(NoPlace::OverQuota));
        assert_eq!(places.take(address(2)).err(), Some(NoPlace::Full));
        drop((first, second));
        assert!(places.lock().by_address.is_empty(), "addresses without a place are forgotten");
    }

    #[test]
    fn proofs_are_asked_for_from_half_of_all_places_and_from_half_of_a_share() {
        let places = Places::new(100, Quota::AsManyAsFree);
        let mut held: Vec<_> = (0..33).map(|_| places.take(address(1)).unwrap()).collect();
        assert!(!places.is_crowded(address(1)) && !places.is_crowded(address(2)));
        held.push(places.take(address(1)).unwrap());
        // 34 of the 66 that it may hold: whoever proves nothing gets no further.
        assert!(places.is_crowded(address(1)) && !places.is_crowded(address(2)));
        held.extend((0..16).map(|number| places.take(address(10 + number)).unwrap()));
        assert!(places.is_crowded(address(2)));
    }

    #[tokio::test]
    async fn who_has_no_place_yet_gets_the_next_one() {
        let limits = SessionLimits { handshakes_max: 2, ..SessionLimits::default() };
        let gate = Gate::new(&limits, Arc::default());
        let remote = |number: u8| SocketAddr::from(([192, 0, 2, number], 1));
        let Verdict::Admitted(first) = gate.admit(remote(1), true).await else { panic!("there is room") };
        let Verdict::Admitted(_second) = gate.admit(remote(2), true).await else { panic!("there is room") };
        assert!(matches!(gate.admit(remote(1), true).await, Verdict::Refused));
        assert!(matches!(gate.admit(remote(3), false).await, Verdict::ProveAddress));
        assert_eq!(gate.occupancy(), Occupancy { connections: 2, unheard: 2, handshakes: 2, addresses: 2 });
        let third = gate.admit(remote(3), true);
        let done = async move {
            tokio::task::yield_now().await;
            drop(first.handshake);
            (first.unheard, first.connection)
        };
        let (third, _kept) = tokio::join!(third, done);
        assert!(matches!(third, Verdict::Admitted(_)));
        assert_eq!(gate.occupancy(), Occupancy { connections: 3, unheard: 3, handshakes: 2, addresses: 3 });
        let traffic = gate.counters.traffic();
        assert_eq!((traffic.refused, traffic.refused_by_address), (1, 1));
    }

    #[test]
    fn warnings_are_seldom_and_say_how_often_it_happened() {
        let seldom = Seldom::new(Duration::from_secs(10));
        let start = Instant::now();
        assert_eq!(seldom.tell(start), Some(1));
        for second in 0..10 {
            assert_eq!(seldom.tell(start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.tell(start + Duration::from_secs(10)), Some(11));
    }
}
