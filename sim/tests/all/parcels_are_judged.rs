//! What a parcel may say, and when it is taken: whatever does not fit changes nothing, and nobody is revived from an old copy.

use crate::caravan::{
    Order, Sim, back, busy, code, enter, mail, of, operator, own, person, play, region, step, waiting,
};
use tickworld_sim::{frame::Request, parcel::Parcel, prelude::*, region::RegionId, session::OutcomeCode};

fn held(sequence: u32, player: u64, is_taken: bool) -> Input<Order> {
    operator(sequence, Request::Held { player: PlayerId(player), is_taken })
}

fn is_known(sim: &Sim, player: u64) -> bool {
    sim.world().players().find(PlayerId(player)).is_some()
}

/// Steps with these inputs, and without: the world must be the same.
fn nothing(sim: &mut Sim, inputs: Vec<Input<Order>>) {
    let mut idle = sim.clone();
    step(&mut idle, vec![]);
    step(sim, inputs);
    assert_eq!(sim.to_bytes(), idle.to_bytes());
}

/// A parcel's bytes, changed.
fn changed(parcel: &[u8], change: impl FnOnce(&mut Parcel)) -> Vec<u8> {
    let mut parcel = Parcel::decode(parcel).expect("our own");
    change(&mut parcel);
    let mut bytes = Vec::new();
    parcel.encode(&mut bytes);
    bytes
}

#[test]
fn what_broke_a_tick_is_held_until_an_operator_takes_or_drops_it() {
    let (mut here, _) = busy();
    let mut there = region(2, &[1]);
    step(&mut here, vec![play(1, 6, Order::Go(2)), play(2, 1, Order::Go(2))]);
    for sent in waiting(&here, 2) {
        let Act::Mail { region, incarnation, sequence, lamport, parcel, .. } = mail(&here, &sent) else {
            unreachable!()
        };
        step(&mut there, vec![own(Act::Mail { region, incarnation, sequence, lamport, is_held: true, parcel })]);
    }
    assert_eq!((waiting(&there, 2).len(), there.state().entities.len()), (2, 0));
    assert_eq!(there.world().region().neighbour(RegionId(1)).expect("met").last_in, 2, "the numbers are taken");
    step(&mut there, vec![held(1, 1, true), held(2, 2, false), held(3, 2, true)]);
    let applied = Some(OutcomeCode::APPLIED);
    assert_eq!([code(&there, 1), code(&there, 2), code(&there, 3)], [applied, applied, Some(OutcomeCode::NOT_HERE)]);
    assert_eq!((waiting(&there, 2).len(), there.state().entities.len()), (0, 3));
    step(&mut there, vec![of(1, 0, Act::Hold), enter(1, 1), play(1, 9, Order::Walk(1))]);
    assert!(person(&there, 1).is_held() && there.world().players().last_sequence(PlayerId(1)) == Sequence(6));
}

/// Every byte of a parcel changed, and every cut: it is refused and changes nothing, or it is another good parcel.
#[test]
fn parcels_of_strangers_are_refused_or_good() {
    let mut here = region(1, &[2]);
    step(&mut here, vec![enter(1, 1)]);
    step(&mut here, vec![play(1, 1, Order::Hire(2)), play(1, 2, Order::Go(2))]);
    let (entry, parcel) = waiting(&here, 2).remove(0);
    let there = region(2, &[1]);
    let (mut good, mut refused) = (0, 0);
    let mut deliver = |bytes: &[u8]| {
        let mut sim = there.clone();
        step(&mut sim, vec![own(mail(&here, &(entry, bytes.to_vec())))]);
        let arrived = sim.world().region().neighbour(RegionId(1)).expect("met").last_in == 1;
        if arrived {
            good += 1;
            assert_eq!(sim.world().players().iter().count(), 1);
        } else {
            refused += 1;
            assert_eq!((sim.world().players().iter().count(), sim.state().entities.len()), (0, 0));
        }
        arrived
    };
    assert!(deliver(&parcel));
    for at in 0..parcel.len() {
        assert!(!deliver(&parcel[..at]), "cut at {at}");
        for flip in [1, 0x80] {
            let mut changed = parcel.clone();
            changed[at] ^= flip;
            deliver(&changed);
        }
    }
    deliver(&[&parcel[..], &[0]].concat());
    assert!(good > 100 && refused > 400, "{good} good, {refused} refused");
}

#[test]
fn a_parcel_is_what_its_sender_says_and_of_these_rules() {
    let (mut here, _) = busy();
    step(&mut here, vec![play(1, 6, Order::Go(2))]);
    let (entry, parcel) = waiting(&here, 2).remove(0);
    let mut there = region(2, &[1]);
    let wrong: [(&str, Vec<u8>); 4] = [
        ("another region made it", changed(&parcel, |it| it.region = RegionId(3))),
        ("another schema", changed(&parcel, |it| it.schema.0.0[0] ^= 1)),
        ("another revision", changed(&parcel, |it| it.revision += 1)),
        ("bytes after the end", [&parcel[..], &[0]].concat()),
    ];
    for (what, bytes) in &wrong {
        println!("{what}");
        nothing(&mut there, vec![own(mail(&here, &(entry, bytes.clone())))]);
        let Act::Mail { region, incarnation, sequence, lamport, parcel, .. } = mail(&here, &(entry, bytes.clone()))
        else {
            unreachable!()
        };
        if *what != "bytes after the end" {
            let held = Act::Mail { region, incarnation, sequence, lamport, is_held: true, parcel };
            nothing(&mut there, vec![own(held)]);
        }
    }
    // A return is another hop, of the player in its parcel.
    nothing(&mut there, vec![back(1, 1, false, &parcel), back(2, 2, false, &parcel), back(1, 1, true, &parcel)]);
    nothing(&mut there, vec![back(1, 2, false, &wrong[1].1), back(1, 2, false, &wrong[2].1)]);
    step(&mut there, vec![back(1, 2, false, &parcel)]);
    assert_eq!(person(&there, 1).hops, 2);
}

#[test]
fn the_rows_of_a_column_are_read_without_taking_a_parcel_in() {
    let (mut here, _) = busy();
    step(&mut here, vec![play(1, 6, Order::Go(2))]);
    let mut parcel = Parcel::decode(&waiting(&here, 2)[0].1).expect("our own");
    let coins = |parcel: &Parcel| {
        let rows = parcel.rows_of(here.schema(), "coins");
        rows.map(|rows| rows.iter().map(|(local, row)| (*local, row.to_vec())).collect::<Vec<_>>())
    };
    assert_eq!(coins(&parcel), Ok(vec![(0, 100_u32.to_le_bytes().to_vec())]));
    assert_eq!(parcel.rows_of(here.schema(), "owner").map(|rows| rows.len()), Ok(2), "of both mules");
    assert_eq!(parcel.rows_of(here.schema(), "mood").map(|rows| rows.len()), Ok(0), "moods stay behind");
    parcel.rows.truncate(9);
    assert!(coins(&parcel).is_err());
    parcel.rows = [1_u16, 9_999, 1].iter().flat_map(|it| it.to_le_bytes()).collect();
    assert!(coins(&parcel).is_err(), "a column that the schema has not");
}

/// Items without bytes would be made out of nothing.
#[test]
fn a_parcel_has_no_more_items_than_it_may_have_bytes() {
    let mut here = region(1, &[2]);
    step(&mut here, vec![enter(1, 1)]);
    step(&mut here, vec![play(1, 1, Order::Go(2))]);
    let (entry, parcel) = waiting(&here, 2).remove(0);
    let knots =
        here.schema().columns.iter().position(|column| column.name.starts_with("knots")).expect("is there") as u16;
    let knotted = |counts: &[u16]| {
        changed(&parcel, |it| {
            it.bands = vec![Band(0); counts.len()];
            it.rows = [0_u16, 1, knots, counts.len() as u16].iter().flat_map(|it| it.to_le_bytes()).collect();
            for (local, count) in (0_u16..).zip(counts) {
                it.rows.extend([local.to_le_bytes(), count.to_le_bytes()].concat());
            }
        })
    };
    let mut there = region(2, &[1]);
    nothing(&mut there, vec![own(mail(&here, &(entry, knotted(&[40_000, 40_000]))))]);
    nothing(&mut there, vec![own(mail(&here, &(entry, knotted(&[0]))))]);
    step(&mut there, vec![own(mail(&here, &(entry, knotted(&[40_000, 25_536]))))]);
    let own = person(&there, 1).entity.and_then(|own| there.state().entities.row(own)).expect("came");
    assert_eq!(there.state().knots.len(own), 40_000);
    // Nor does one leave that holds more, in one list or in several; the debt to the mule is an item, too.
    for (of_own, of_mule, leaves) in [(40_000, 25_535, true), (40_000, 25_536, false), (65_536, 0, false)] {
        let mut home = region(1, &[2]);
        step(&mut home, vec![enter(1, 1)]);
        step(&mut home, vec![play(1, 1, Order::Hire(0))]);
        let own = home.state().entities.at(0).expect("plays");
        let mule = home.state().entities.at(1024).expect("lives in the second run");
        let knots = &mut home.world_mut().state_mut().knots;
        knots.assign(own, &vec![(); of_own]).expect("room");
        knots.assign(mule, &vec![(); of_mule]).expect("room");
        step(&mut home, vec![play(1, 2, Order::Go(2))]);
        assert_eq!(person(&home, 1).departed_to.is_some(), leaves, "{of_own} and {of_mule}");
    }
}

#[test]
fn an_oath_to_somebody_who_stays_stays_too() {
    let (mut here, friend) = busy();
    let mule =
        here.state().debts.iter(here.state().entities.row(person(&here, 1).entity.expect("plays")).expect("lives"));
    let mule = mule.map(|debt| debt.to).next().expect("owes to a mule");
    for (to, goes_along) in [(friend, false), (mule, true)] {
        let mut here = here.clone();
        step(&mut here, vec![play(1, 6, Order::Swear(to)), play(1, 7, Order::Go(2))]);
        let mut there = region(2, &[1]);
        step(&mut there, vec![own(mail(&here, &waiting(&here, 2)[0]))]);
        let row = there.state().entities.row(person(&there, 1).entity.expect("plays")).expect("lives");
        assert_eq!(there.state().oath.contains(row), goes_along);
    }
    // A handle of somebody who is gone is nobody's, even where another lives in their row.
    step(&mut here, vec![play(1, 6, Order::Swear(friend))]);
    step(&mut here, vec![play(2, 9, Order::Go(2)), play(1, 7, Order::Befriend(friend))]);
    step(&mut here, vec![play(1, 8, Order::Hire(1)), enter(3, 1)]);
    assert!(here.state().entities.at(friend.index()).is_some() && !here.state().entities.contains(friend));
    step(&mut here, vec![play(1, 9, Order::Go(2))]);
    let mut there = region(2, &[1]);
    step(&mut there, waiting(&here, 2).iter().map(|sent| own(mail(&here, sent))).collect());
    let row = there.state().entities.row(person(&there, 1).entity.expect("plays")).expect("lives");
    assert!(there.state().friend.get(row) == Some(&None) && !there.state().oath.contains(row));
}

#[test]
fn the_archive_takes_who_is_away_until_the_tick_is_over() {
    let (mut here, _) = busy();
    step(&mut here, vec![of(1, 0, Act::TimeOut)]);
    step(&mut here, vec![of(1, 0, Act::Archive), enter(1, 1)]);
    assert_eq!((person(&here, 1).departed_to, person(&here, 1).connected), (None, true));
    step(&mut here, vec![play(1, 6, Order::Go(0))]);
    assert_eq!(person(&here, 1).departed_to, None, "nor does the game send who is connected there");
}

#[test]
fn so_many_leave_in_a_tick_and_the_others_in_the_next() {
    let mut here = region(1, &[2]);
    step(&mut here, (1..=70).map(|player| enter(player, 1)).collect());
    step(&mut here, (1..=70).map(|player| play(player, 1, Order::Go(2))).collect());
    let left = |sim: &Sim, to| sim.world().players().iter().filter(|it| it.departed_to == Some(to)).count();
    assert_eq!((left(&here, RegionId(2)), here.departures_refused()), (64, 6));
    assert!(person(&here, 65).departed_to.is_none() && person(&here, 64).departed_to.is_some());
    step(&mut here, (65..=70).map(|player| play(player, 2, Order::Go(2))).collect());
    assert_eq!(left(&here, RegionId(2)), 70);
    let mut here = region(1, &[2]);
    step(&mut here, (1..=12).map(|player| enter(player, 1)).collect());
    step(
        &mut here,
        (1..=10)
            .flat_map(|player| [of(player, 0, Act::Leave), of(player, 0, Act::Archive)])
            .chain([play(12, 1, Order::Go(2))])
            .collect(),
    );
    assert_eq!((left(&here, RegionId::ARCHIVE), left(&here, RegionId(2))), (8, 1));
}

#[test]
fn of_who_left_nothing_is_taken_here() {
    let (mut here, _) = busy();
    step(&mut here, vec![play(1, 6, Order::Go(2))]);
    let request = |sequence, request| operator(sequence, request);
    nothing(
        &mut here,
        vec![of(1, 7, Act::Void), of(1, 0, Act::Hold), of(1, 0, Act::Archive), of(1, 0, Act::Leave), enter(1, 9)],
    );
    step(&mut here, vec![request(1, Request::Kick(PlayerId(1))), request(2, Request::Clear(PlayerId(1)))]);
    let value =
        |sequence| here.world().players().outcome(PlayerId::OPERATOR, Sequence(sequence)).map(|it| (it.code, it.value));
    assert_eq!([value(1), value(2)], [Some((OutcomeCode::NOT_HERE, 2)); 2]);
    assert_eq!(person(&here, 1).generation, 1);
}

#[test]
fn who_is_held_is_nowhere_else() {
    let (mut here, _) = busy();
    step(&mut here, vec![of(1, 0, Act::Leave), of(1, 0, Act::Archive)]);
    let (_, parcel) = waiting(&here, 0).remove(0);
    // A birth that broke a tick, and a return that did.
    let mut there = region(2, &[1]);
    step(&mut there, vec![back(1, 2, true, &parcel), back(9, 1, true, &[])]);
    assert!(!is_known(&there, 1) && !is_known(&there, 9) && waiting(&there, 2).len() == 2);
    let again =
        vec![back(1, 2, false, &parcel), back(1, 2, true, &parcel), back(9, 1, false, &[]), back(9, 1, true, &[])];
    nothing(&mut there, again.clone());
    step(&mut there, vec![held(1, 1, true), held(2, 9, true)]);
    assert_eq!((person(&there, 1).hops, person(&there, 9).hops, waiting(&there, 2).len()), (2, 1, 0));
    nothing(&mut there, again);
    // Nobody is held beside themselves.
    let mut other = region(2, &[1]);
    step(&mut other, vec![back(1, 2, true, &parcel)]);
    step(&mut other, vec![back(1, 4, false, &parcel)]);
    assert_eq!((person(&other, 1).hops, waiting(&other, 2).len()), (4, 0), "an older copy is void");
    let mut other = region(2, &[1]);
    step(&mut other, vec![back(1, 2, true, &parcel), back(8, 1, true, &[])]);
    step(&mut other, vec![back(1, 4, true, &parcel), enter(8, 1)]);
    assert_eq!(waiting(&other, 2).iter().map(|(entry, _)| entry.hops).collect::<Vec<_>>(), [4, 1]);
    step(&mut other, vec![held(1, 8, true)]);
    assert_eq!(code(&other, 1), Some(OutcomeCode::REFUSED), "they came in another way");
}

#[test]
fn an_older_parcel_brings_nobody_back() {
    let (mut here, _) = busy();
    step(&mut here, vec![of(1, 0, Act::Leave), of(1, 0, Act::Archive)]);
    let (_, parcel) = waiting(&here, 0).remove(0);
    let mut there = region(2, &[]);
    step(&mut there, vec![back(1, 2, false, &parcel)]);
    step(&mut there, vec![of(1, 0, Act::Archive)]);
    assert_eq!((person(&there, 1).hops, person(&there, 1).departed_to), (3, Some(RegionId::ARCHIVE)));
    nothing(&mut there, vec![back(1, 2, false, &parcel), back(1, 3, false, &parcel), back(1, 9, false, &[])]);
    nothing(&mut there, vec![back(1, 2, true, &parcel), back(1, 3, true, &parcel), back(1, 9, true, &[])]);
    let (_, newer) = waiting(&there, 0).remove(0);
    step(&mut there, vec![back(1, 4, false, &newer)]);
    assert_eq!((person(&there, 1).hops, person(&there, 1).departed_to), (4, None));
}
