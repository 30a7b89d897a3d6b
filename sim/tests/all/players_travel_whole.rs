//! A player who leaves for another region, or for the archive, comes there with all that is theirs, once, and is nowhere else.

use crate::caravan::{
    Order, Sim, back, busy, code, delivered, enter, mail, of, operator, own, person, play, region, step, waiting,
};
use tickworld_sim::{
    frame::Request,
    parcel::Parcel,
    prelude::*,
    region::{Border, RegionId},
    session::OutcomeCode,
};

#[test]
fn a_player_arrives_with_all_that_is_theirs_and_nothing_that_is_not() {
    let (mut here, _) = busy();
    let mut there = region(2, &[1]);
    step(&mut there, vec![enter(50, 1)]);
    step(&mut here, vec![play(1, 6, Order::Go(2)), play(1, 7, Order::Walk(4))]);
    let gone = person(&here, 1);
    assert_eq!((gone.departed_to, gone.hops, gone.entity, gone.connected), (Some(RegionId(2)), 1, None, false));
    assert_eq!(here.state().entities.len(), 1, "the friend stays alone");
    step(&mut here, vec![play(1, 8, Order::Walk(1)), enter(1, 9)]);
    assert_eq!(
        here.world().players().last_sequence(PlayerId(1)),
        Sequence(7),
        "nothing of theirs is taken here any more"
    );
    assert!(!person(&here, 1).connected);

    let sent = waiting(&here, 2);
    let parcel = Parcel::decode(&sent[0].1).expect("our own");
    assert_eq!((parcel.player, parcel.hops, parcel.tick, parcel.bands.len()), (PlayerId(1), 1, Tick(5), 3));
    let at = there.world().tick().next().0;
    step(
        &mut there,
        vec![own(mail(&here, &sent[0])), enter(1, 1), play(1, 7, Order::Walk(4)), play(1, 8, Order::Walk(1))],
    );
    let came = person(&there, 1);
    assert_eq!((came.departed_to, came.hops, came.connected, came.generation), (None, 1, true, 1), "the same ticket");
    let applied = there.world().players().outcome(PlayerId(1), Sequence(7)).expect("it came along");
    assert_eq!((applied.region, applied.tick), (RegionId(1), 5), "and is not applied again");
    let land = there.state();
    let row = land.entities.row(came.entity.expect("plays")).expect("lives");
    assert_eq!(land.place.get(row), Some(&0), "put at -1, walked 1");
    assert_eq!((land.coins.get(row), land.mood.get(row)), (Some(&100), None), "moods stay behind");
    assert_eq!(land.since_tick.get(row), Some(&(at - 2)), "as long ago as there");
    assert_eq!(land.friend.get(row), Some(&None), "the friend stayed");
    let debts: Vec<u16> = land.debts.iter(row).map(|debt| debt.coins).collect();
    assert_eq!(debts, [3, 700], "a debt to somebody who stayed is none");
    let mut loads = Vec::new();
    join(&land.owner).for_each(|mule, owner| {
        assert_eq!((Some(*owner), land.friend.get(mule)), (came.entity, Some(&came.entity)));
        loads.push(land.bag.iter(mule).copied().collect::<Vec<_>>());
    });
    assert_eq!(loads, [(0..3).collect::<Vec<_>>(), (0..700).collect()]);
    let owed: Vec<_> = land.debts.iter(row).map(|debt| land.entities.contains(debt.to)).collect();
    assert_eq!(owed, [true, true]);

    // The slot is free when it is sure that they arrived, and only then.
    let lamport = there.world().region().state().lamport;
    assert!(lamport > here.world().region().state().lamport - 2);
    for nothing in [delivered(2, 2, lamport), delivered(3, 1, lamport), delivered(2, 0, lamport)] {
        step(&mut here, vec![nothing]);
        assert_eq!(waiting(&here, 2).len(), 1);
    }
    step(&mut here, vec![delivered(2, 1, 10_000)]);
    assert!(waiting(&here, 2).is_empty() && here.world().players().find(PlayerId(1)).is_none());
    assert_eq!(here.world().region().state().lamport, 10_001);
    assert_eq!(here.world().region().neighbour(RegionId(2)).expect("met").waiting_bytes, 0);
}

#[test]
fn mail_applies_once_in_order_and_in_the_incarnation_that_was_met() {
    let (mut here, _) = busy();
    let mut there = region(2, &[1]);
    step(&mut here, vec![play(1, 6, Order::Go(2)), play(2, 1, Order::Go(2))]);
    let sent = waiting(&here, 2);
    assert_eq!(sent.iter().map(|(entry, _)| (entry.sequence, entry.player.0)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    let [first, second] = [mail(&here, &sent[0]), mail(&here, &sent[1])];
    let Act::Mail { region, sequence, lamport, is_held, parcel, .. } = first.clone() else { unreachable!() };
    let other = Act::Mail { region, incarnation: 2, sequence, lamport, is_held, parcel };
    for nothing in [second.clone(), other] {
        step(&mut there, vec![own(nothing)]);
        assert_eq!((there.state().entities.len(), there.world().players().iter().count()), (0, 0));
    }
    step(&mut there, vec![own(first.clone()), own(second.clone())]);
    assert_eq!(there.state().entities.len(), 4);
    let before = there.to_bytes().len();
    for nothing in [first, second] {
        step(&mut there, vec![own(nothing)]);
        assert_eq!((there.state().entities.len(), there.to_bytes().len()), (4, before));
    }
    // Whoever went on and comes back is above what is on its way.
    step(&mut there, vec![enter(1, 1), play(1, 7, Order::Go(1))]);
    let back = mail(&there, &waiting(&there, 1)[0]);
    step(&mut here, vec![own(back), delivered(2, 2, 5)]);
    assert_eq!(
        (person(&here, 1).hops, person(&here, 1).departed_to),
        (2, None),
        "the late acknowledgement frees no slot"
    );
    assert!(here.world().players().find(PlayerId(2)).is_none());
}

#[test]
fn where_the_border_is_closed_players_stay() {
    let (mut here, _) = busy();
    let close = |state| own(Act::Border { region: RegionId(2), state });
    step(&mut here, vec![close(Border::Silent)]);
    step(&mut here, vec![play(1, 6, Order::Go(2)), play(2, 1, Order::Go(7))]);
    assert_eq!((here.departures_refused(), person(&here, 1).departed_to), (2, None));
    step(&mut here, vec![operator(1, Request::Border { region: RegionId(2), is_open: false })]);
    step(&mut here, vec![close(Border::Open), play(1, 7, Order::Go(2))]);
    assert_eq!(person(&here, 1).departed_to, None, "an operator's word holds");
    let unknown = Request::Border { region: RegionId(9), is_open: true };
    step(&mut here, vec![operator(2, Request::Border { region: RegionId(2), is_open: true }), operator(3, unknown)]);
    assert_eq!((code(&here, 2), code(&here, 3)), (Some(OutcomeCode::APPLIED), Some(OutcomeCode::REFUSED)));
    step(&mut here, vec![play(1, 8, Order::Go(2)), play(2, 2, Order::Go(1))]);
    assert_eq!(person(&here, 1).departed_to, Some(RegionId(2)));
    assert_eq!(person(&here, 2).departed_to, None, "nobody leaves for where they are");
    // What is too large stays, whole.
    let (mut here, _) = busy();
    (0..4).for_each(|at| step(&mut here, (0..20).map(|it| play(1, 10 + at * 20 + it, Order::Hire(900))).collect()));
    let before = here.state().entities.len();
    step(&mut here, vec![play(1, 200, Order::Go(2))]);
    assert_eq!((person(&here, 1).departed_to, here.state().entities.len()), (None, before));
}

#[test]
fn the_away_rest_in_the_archive_and_come_back_anywhere() {
    let (mut here, _) = busy();
    step(&mut here, vec![of(1, 0, Act::Archive)]);
    assert_eq!(person(&here, 1).departed_to, None, "who is connected does not go");
    step(&mut here, vec![of(1, 0, Act::TimeOut), of(1, 0, Act::Archive)]);
    assert_eq!((person(&here, 1).departed_to, person(&here, 1).hops), (Some(RegionId::ARCHIVE), 1));
    let (entry, parcel) = waiting(&here, 0).remove(0);
    step(&mut here, vec![delivered(0, entry.sequence, 3)]);
    assert!(here.world().players().find(PlayerId(1)).is_none());
    let mut there = region(2, &[]);
    step(&mut there, vec![back(9, 2, false, &parcel)]);
    assert!(there.world().players().find(PlayerId(9)).is_none(), "it is somebody else's parcel");
    step(&mut there, vec![back(1, 2, false, &parcel), enter(1, 2), play(1, 6, Order::Walk(3))]);
    assert_eq!((person(&there, 1).hops, there.state().entities.len()), (2, 3));
    step(&mut there, vec![back(1, 2, false, &parcel), back(1, 3, false, &parcel)]);
    assert_eq!((person(&there, 1).hops, there.state().entities.len()), (2, 3), "they are here");
    // Who is born has no parcel, and gets what an entry gives.
    step(&mut there, vec![back(70, 1, false, &[]), enter(70, 1), back(71, 1, false, &[])]);
    assert_eq!((person(&there, 70).hops, person(&there, 70).connected), (1, true));
    assert_eq!((person(&there, 71).hops, person(&there, 71).entity), (1, None));
}

/// A parcel has the generation of before ticks that were taken back: what was given out in them must not be good.
#[test]
fn who_comes_back_to_a_region_that_took_ticks_back_has_a_generation_above_them() {
    let (mut here, _) = busy();
    step(&mut here, vec![of(1, 0, Act::TimeOut), of(1, 0, Act::Archive)]);
    let (entry, parcel) = waiting(&here, 0).remove(0);
    step(&mut here, vec![delivered(0, entry.sequence, 3)]);
    let mut again = here.clone();
    step(&mut again, vec![back(1, 2, false, &parcel)]);
    let before = person(&again, 1).generation;
    assert!(before > 0 && before < 65_536);
    step(&mut here, vec![of(0, 0, Act::Incarnation { number: 2, lamport: 0 }), back(1, 2, false, &parcel)]);
    assert_eq!((person(&here, 1).generation, person(&here, 1).opened_by), (65_536, 0));
    // They may have been in any region before that took ticks back.
    let mut there = region(2, &[]);
    step(&mut there, vec![back(1, 2, false, &parcel)]);
    assert_eq!(person(&there, 1).generation, before);
    let mut there = region(2, &[]);
    step(&mut there, vec![of(0, 0, Act::Incarnation { number: 2, lamport: 0 }), back(1, 2, false, &parcel)]);
    assert_eq!((person(&there, 1).generation, person(&there, 1).opened_by), (65_536, 0));
}

/// Players wander between three regions over a network that repeats and disorders mail; a region may be made again from its bytes.
/// At every tick each player is in one place, and no coin is lost.
#[test]
fn however_mail_comes_everybody_is_in_one_place() {
    for seed in 0..12_u64 {
        let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut below = |n: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % n
        };
        let mut regions = [region(1, &[2, 3]), region(2, &[1, 3]), region(3, &[1, 2])];
        step(&mut regions[0], (1..=6).map(|player| enter(player, 1)).collect());
        let mut crossings = 0;
        for tick in 0..240_u32 {
            let at = below(3) as usize;
            let id = at as u32 + 1;
            let mut inputs = Vec::new();
            // Acknowledgements first, as a frame has them, then mail: old and new, whatever comes.
            for (from, other) in regions.iter().enumerate().filter(|(from, _)| *from != at) {
                let from = RegionId(from as u32 + 1);
                let lamport = other.world().region().state().lamport;
                let taken = other.world().region().neighbour(RegionId(id)).map_or(0, |it| it.last_in);
                if below(2) == 0 && taken > 0 {
                    inputs.push(delivered(from.0, taken.saturating_sub(below(2)), lamport));
                }
                let sent = waiting(other, id);
                if !sent.is_empty() && below(3) > 0 {
                    inputs.push(own(mail(other, &sent[below(sent.len() as u64) as usize])));
                }
            }
            for player in 1..=6 {
                let known = regions[at].world().players().find(PlayerId(player)).copied();
                if known.is_some_and(|known| known.departed_to.is_none()) {
                    inputs.push(enter(player, 1));
                    let last = regions[at].world().players().last_sequence(PlayerId(player)).0;
                    let order = if below(3) == 0 { Order::Go(1 + below(3) as u32) } else { Order::Walk(1) };
                    inputs.push(play(player, last + 1, order));
                }
            }
            step(&mut regions[at], inputs);
            for player in 1..=6 {
                let hops = |sim: &Sim| sim.world().players().find(PlayerId(player)).map(|it| (it.hops, it.departed_to));
                // Who arrived has the hops that they left with.
                let newest = regions.iter().filter_map(hops).max_by_key(|(hops, to)| (*hops, to.is_none()));
                let newest = newest.expect("somewhere");
                let here = regions.iter().filter(|sim| hops(sim).is_some_and(|(_, to)| to.is_none())).count();
                let is_under_way = newest.1.is_some();
                assert_eq!(
                    here,
                    usize::from(!is_under_way),
                    "seed {seed}, tick {tick}: player {player} is in {here} places"
                );
                crossings = crossings.max(newest.0);
            }
            let coins = |sim: &Sim| {
                let mut sum = 0;
                join(&sim.state().coins).for_each(|_, coins| sum += *coins);
                sum
            };
            let here: u32 = regions.iter().map(coins).sum();
            let mut under_way = std::collections::BTreeSet::new();
            for sim in &regions {
                for (entry, _) in sim.world().region().outbox() {
                    let newer = |sim: &Sim| {
                        let known = sim.world().players().find(entry.player);
                        known
                            .is_some_and(|it| it.departed_to.is_none() && it.hops >= entry.hops || it.hops > entry.hops)
                    };
                    if !regions.iter().any(newer) {
                        under_way.insert(entry.player);
                    }
                }
            }
            assert_eq!(here + under_way.len() as u32 * 100, 600, "seed {seed}, tick {tick}");
        }
        assert!(crossings > 3, "seed {seed}: {crossings} crossings");
    }
}
