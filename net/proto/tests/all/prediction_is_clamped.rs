//! A lockstep client runs ahead as far as it may, however far away the host is, and never stops doing so.

use crate::pair::{Pair, TICK, Weather};
use tickworld_proto::{
    host::HostSettings,
    instant::{Instant, Micros},
    message::SessionKind,
};
use tickworld_sim::executor::Inline;

/// As the client's settings have it.
const LIMIT: u64 = 8;

fn weather(loss_percent: u64, least_ms: u64, most_ms: u64) -> Weather {
    Weather { loss_percent, twice_percent: 0, way: (least_ms * 1_000, most_ms * 1_000) }
}

/// Ticks that a client is ahead of what is confirmed.
fn lead(pair: &Pair, at: usize) -> u64 {
    let client = &pair.peers[at].client;
    let (predicted, confirmed) = (client.predicted().expect("it follows"), client.confirmed().expect("it follows"));
    predicted.tick().0 - confirmed.tick().0
}

/// Mean lead over so many ticks, in hundredths.
fn mean_lead(pair: &mut Pair, at: usize, ticks: u64) -> u64 {
    let sum: u64 = (0..ticks)
        .map(|_| {
            pair.run(1);
            lead(pair, at)
        })
        .sum();
    sum * 100 / ticks
}

/// Ticks until an own input shows in the predicted world.
fn input_is_seen_after(pair: &mut Pair, at: usize) -> u64 {
    pair.submit(at);
    let peer = &pair.peers[at];
    let (player, sequence) = (peer.player, *peer.submitted.last().expect("the client takes it"));
    for waited in 1..100 {
        pair.run(1);
        let predicted = pair.peers[at].client.predicted().expect("it follows");
        if predicted.players().outcome(player, sequence).is_some() {
            return waited;
        }
    }
    panic!("the input is not seen in a hundred ticks");
}

/// A round trip over twice the limit used to end prediction: own inputs were then seen a round trip late.
#[test]
fn at_any_distance_own_inputs_are_seen_at_once() {
    for input_delay_ticks in [0, 3] {
        let mut before = 0;
        for way_ms in [1, 20, 50, 100, 150, 200, 250, 270, 300, 350, 500, 1_000] {
            let settings = HostSettings { input_delay_ticks, ..HostSettings::default() };
            let mut pair = Pair::with(1, weather(0, way_ms, way_ms), settings);
            let at = pair.add(SessionKind::Lockstep, |_| {});
            pair.run(250);
            let lead = mean_lead(&mut pair, at, 100);
            println!("{way_ms} ms: {lead} hundredths ahead");
            // Half of a round trip of frames on their way here, half of inputs on their way there, each rounded.
            let apart = way_ms * 2 / 33 + u64::from(input_delay_ticks);
            assert!(lead + 50 >= apart.min(LIMIT) * 100, "{way_ms} ms: {lead} hundredths ahead, {apart} ticks apart");
            assert!(lead >= before && lead <= LIMIT * 100, "{way_ms} ms: {lead} hundredths ahead, {before} before");
            before = lead;
            let seen = (0..10).map(|_| input_is_seen_after(&mut pair, at)).max();
            assert!(seen <= Some(2 + u64::from(input_delay_ticks)), "{way_ms} ms: seen after {seen:?} ticks");
        }
        assert_eq!(before, LIMIT * 100);
    }
}

#[test]
fn late_and_lost_frames_do_not_end_it() {
    for (seed, weather) in [(1, weather(0, 100, 400)), (2, weather(30, 150, 150)), (3, weather(20, 50, 600))] {
        let mut pair = Pair::with(seed, weather, HostSettings::default());
        let at = pair.add(SessionKind::Lockstep, |_| {});
        pair.run(300);
        let lead = mean_lead(&mut pair, at, 300);
        // Frames that come in bunches take from it what they confirm; it is there again by the next look.
        assert!(lead >= 700, "seed {seed}: {lead} hundredths ahead");
        pair.settle();
        pair.check();
    }
}

#[test]
fn a_limit_of_none_is_plain_lockstep() {
    let mut pair = Pair::with(1, weather(0, 300, 300), HostSettings::default());
    let at = pair.add(SessionKind::Lockstep, |settings| settings.rollback.prediction_ticks_max = 0);
    pair.run(150);
    assert_eq!(mean_lead(&mut pair, at, 50), 0);
}

/// A client that is looked after only when something comes, or when it says so, goes on although frames stop coming.
#[test]
fn a_client_asks_for_the_looks_that_it_needs() {
    let mut pair = Pair::new(1, Weather::FAIR);
    let at = pair.add(SessionKind::Lockstep, |_| {});
    pair.run(100);
    let (begun, start) = (lead(&pair, at), pair.now);
    assert!(begun < 3, "{begun} ticks ahead of a host next door");
    let client = &mut pair.peers[at].client;
    let (mut looks, mut now) = (0, start);
    let ahead = |now: Instant| now.since(start).0 / TICK.0;
    while ahead(now) < 2 * LIMIT {
        let due = client.poll_timeout().expect("it has timers");
        assert!(due > now, "a moment that came is named again");
        now = due;
        client.handle_timeout(now);
        client.drive(now, &Inline, 16);
        looks += 1;
        let predicted = client.predicted().expect("it follows").tick().0;
        let confirmed = client.confirmed().expect("it follows").tick().0;
        let lead = predicted - confirmed;
        let expected = (begun + ahead(now)).min(LIMIT);
        assert!(lead.abs_diff(expected) <= 1, "{lead} ahead after {} ticks, {expected} expected", ahead(now));
    }
    assert!(looks < 60, "{looks} looks for {} ticks", 2 * LIMIT);
    // At its limit it waits for nothing but frames and pings.
    let quiet = client.poll_timeout().expect("it has timers").since(now);
    assert!(quiet > Micros::from_millis(20), "{quiet:?}");
}
