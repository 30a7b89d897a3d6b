//! Laws of the simulated network.

use super::*;

struct Run {
    clock: Clock<NetworkEvent>,
    network: Network,
    id: ConnectionId,
}

impl Run {
    fn new(seed: u64, settings: LinkSettings) -> Self {
        let mut network = Network::new(Micros::from_millis(5_000), Dice::new(seed, "network law", 0));
        let id = network.connect(settings, settings);
        Self { clock: Clock::default(), network, id }
    }

    fn send(&mut self, channel: Channel, number: u16, length: usize) -> Sent {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.resize(length.max(2), 0);
        self.network.send(&mut self.clock, self.id, Side::Host, Transmit { channel, bytes: bytes.into() })
    }

    /// Everything that arrives at the host until nothing is due, as numbers; `u16::MAX` is the loss.
    fn arrivals(&mut self) -> Vec<(Instant, u16)> {
        let mut seen = Vec::new();
        while let Some(event) = self.clock.poll() {
            match self.network.handle(&mut self.clock, event) {
                Some((_, Side::Host, Arrival::Message(_, bytes))) => {
                    seen.push((self.clock.now(), u16::from_le_bytes([bytes[0], bytes[1]])));
                }
                Some((_, Side::Host, Arrival::Lost)) => seen.push((self.clock.now(), u16::MAX)),
                _ => {}
            }
        }
        seen
    }
}

fn wild() -> LinkSettings {
    LinkSettings {
        jitter: Micros::from_millis(40),
        loss_permille: 200,
        duplicate_permille: 100,
        reorder_permille: 200,
        ..LinkSettings::default()
    }
}

#[test]
fn control_arrives_surely_and_in_order() {
    for seed in 0..20 {
        let mut run = Run::new(seed, wild());
        (0..100).for_each(|number| assert_eq!(run.send(Channel::Control, number, 40), Sent::Queued));
        let seen: Vec<u16> = run.arrivals().into_iter().map(|(_, number)| number).collect();
        assert_eq!(seen, (0..100).collect::<Vec<u16>>(), "seed {seed}");
    }
}

#[test]
fn bulk_arrives_surely_in_any_order() {
    let mut run = Run::new(1, wild());
    (0..100).for_each(|number| assert_eq!(run.send(Channel::Bulk, number, 4_000), Sent::Queued));
    let mut seen: Vec<u16> = run.arrivals().into_iter().map(|(_, number)| number).collect();
    assert!(!seen.is_sorted());
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<u16>>());
}

#[test]
fn datagrams_are_lost_doubled_and_disordered() {
    let mut run = Run::new(2, wild());
    (0..1_000).for_each(|number| assert_eq!(run.send(Channel::Datagram, number, 40), Sent::Queued));
    let mut seen: Vec<u16> = run.arrivals().into_iter().map(|(_, number)| number).collect();
    let counters = run.network.counters();
    assert!((100..300).contains(&counters.lost) && (40..200).contains(&counters.duplicated), "{counters:?}");
    assert_eq!(seen.len() as u64, 1_000 - counters.lost + counters.duplicated);
    assert!(!seen.is_sorted());
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u64, 1_000 - counters.lost);
}

#[test]
fn bandwidth_takes_its_time_and_queues_are_bounded() {
    let queue_bytes_max = QueueBytes { control: 3_000, datagram: 3_000, bulk: 3_000 };
    let slow = LinkSettings { bytes_per_second: 1_000, queue_bytes_max, jitter: Micros(0), ..LinkSettings::default() };
    let mut run = Run::new(3, slow);
    assert_eq!(
        [(); 4].map(|()| run.send(Channel::Bulk, 1, 1_000)),
        [Sent::Queued, Sent::Queued, Sent::Queued, Sent::Dropped]
    );
    assert_eq!(run.network.queued_bytes(run.id, Side::Host, Instant(0)), 3_000);
    assert_eq!(run.arrivals().last().unwrap().0, Instant(3_010_000));
    assert_eq!(run.send(Channel::Datagram, 1, 1_400), Sent::Queued);
    assert_eq!(run.send(Channel::Datagram, 1, 1_400), Sent::Queued);
    assert_eq!(run.send(Channel::Datagram, 1, 1_400), Sent::Dropped);
    assert_eq!(run.send(Channel::Control, 1, 3_001), Sent::Overflow);
    assert_eq!(run.send(Channel::Control, 1, 1), Sent::Closed);
}

#[test]
fn a_short_partition_delays_and_a_long_one_cuts() {
    let mut run = Run::new(4, LinkSettings::default());
    let id = run.id;
    run.send(Channel::Control, 7, 10);
    run.network.block(&mut run.clock, id, Side::Host, Micros::from_millis(1_000));
    run.send(Channel::Control, 8, 10);
    assert_eq!(run.send(Channel::Datagram, 9, 10), Sent::Queued);
    let seen = run.arrivals();
    assert!(seen.iter().all(|(at, _)| *at >= Instant(1_000_000)), "{seen:?}");
    assert_eq!(seen.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [7, 8]);

    run.network.block(&mut run.clock, id, Side::Host, Micros::from_millis(60_000));
    run.send(Channel::Control, 10, 10);
    assert_eq!(run.arrivals().iter().map(|(_, number)| *number).collect::<Vec<_>>(), [u16::MAX]);
    assert_eq!(run.network.connection_count(), 0);
}

#[test]
fn both_sides_learn_that_a_connection_is_over() {
    for seed in 0..20 {
        let mut run = Run::new(seed, LinkSettings::default());
        let id = run.id;
        run.send(Channel::Control, 1, 10);
        run.network.close(&mut run.clock, id, Side::Client);
        assert_eq!(run.send(Channel::Control, 2, 10), Sent::Closed);
        let seen: Vec<u16> = run.arrivals().into_iter().map(|(_, number)| number).collect();
        assert!(seen == [1, u16::MAX] || seen == [u16::MAX], "seed {seed}: {seen:?}");

        let mut run = Run::new(seed, LinkSettings::default());
        let id = run.id;
        run.network.vanish(&mut run.clock, id, Side::Client);
        assert_eq!(run.arrivals().len(), 1, "seed {seed}");
        assert_eq!(run.network.connection_count(), 0);
    }
}
