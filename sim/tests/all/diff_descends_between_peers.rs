//! Two peers that hold only their own state find the field that differs, in at most 4 KiB and six round trips.

use crate::trace_support::{Fairground, Item, fill};
use proptest::prelude::*;
use tickworld_sim::{
    State,
    column::Column,
    content::{ContentId, Library},
    diff::{
        Difference, StateView, WorldView,
        descent::{Answer, DescentError, DescentReport, Request, Requester, Response, answer},
        worlds,
    },
    entities::Entities,
    entity::{Band, Entity, Row},
    executor::Inline,
    frame::PlayerId,
    game::{Game, System},
    hash::ShortHash,
    resource::Resource,
    simulation::Simulation,
    step::Step,
};

#[derive(State, Clone)]
struct Sizes {
    entities: Entities,
    tag: Column<()>,
    b1: Column<[u8; 1]>,
    b2: Column<u16>,
    b8: Column<u64>,
    b16: Column<[u8; 16]>,
    b17: Column<[u8; 17]>,
    b33: Column<[u8; 33]>,
    b64: Column<[u8; 64]>,
    b100: Column<[u8; 100]>,
    b256: Column<[u8; 256]>,
    sky: Resource<u64>,
}

struct Ruler;

impl Game for Ruler {
    type State = Sizes;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "ruler";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Sizes, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// Changes one row.
type Change = fn(&mut Sizes, Row);

fn rulers(count: u32) -> Simulation<Ruler> {
    let mut simulation = Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |state: &mut Sizes, ()| {
        for n in 0..count {
            let entity = state.spawn(Band(0)).expect("room");
            let row = state.entities.row(entity).expect("just spawned");
            let byte = n as u8;
            state.tag.set(row, ());
            state.b1.set(row, [byte]);
            state.b2.set(row, n as u16);
            state.b8.set(row, u64::from(n));
            state.b16.set(row, [byte; 16]);
            state.b17.set(row, [byte; 17]);
            state.b33.set(row, [byte; 33]);
            state.b64.set(row, [byte; 64]);
            state.b100.set(row, [byte; 100]);
            state.b256.set(row, [byte; 256]);
        }
    });
    simulation.seal(&Inline);
    simulation
}

/// Runs a descent over the wire's bytes.
fn descend(own: &dyn StateView, peer: &dyn StateView, branches: u8) -> Result<DescentReport, DescentError> {
    let mut requester = Requester::new(own, branches);
    while let Some(request) = requester.poll_request() {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        let request = Request::decode(&bytes).expect("our own bytes");
        let mut bytes = Vec::new();
        let response = answer(peer, &request);
        response.encode(&mut bytes);
        assert_eq!(response.byte_count(), bytes.len() as u64);
        requester.handle_response(&Response::decode(&bytes).expect("our own bytes"))?;
    }
    requester.into_report()
}

#[test]
fn a_field_among_a_hundred_thousand_entities_is_found_in_four_kib_and_six_round_trips() {
    let own = rulers(100_000);
    let row_of = |n: u32| own.state().entities.row(Entity::decode_index(n)).expect("alive");
    let changes: [(&str, Change); 11] = [
        ("tag", |s, row| {
            s.tag.remove(row);
        }),
        ("b1", |s, row| {
            s.b1.modify(row, |v| v[0] ^= 8);
        }),
        ("b2", |s, row| {
            s.b2.modify(row, |v| *v ^= 0x8000);
        }),
        ("b8", |s, row| {
            s.b8.modify(row, |v| *v ^= 1 << 60);
        }),
        ("b16", |s, row| {
            s.b16.modify(row, |v| v[15] ^= 1);
        }),
        ("b17", |s, row| {
            s.b17.modify(row, |v| v[16] ^= 1);
        }),
        ("b33", |s, row| {
            s.b33.modify(row, |v| v[32] ^= 1);
        }),
        ("b64", |s, row| {
            s.b64.modify(row, |v| v[1] ^= 1);
        }),
        ("b100", |s, row| {
            s.b100.modify(row, |v| v[99] ^= 1);
        }),
        ("b256", |s, row| {
            s.b256.modify(row, |v| v[255] ^= 1);
        }),
        ("sky", |s, _| s.sky.modify(|v| *v += 1)),
    ];
    for (column, change) in changes {
        for n in [0, 1023, 54_321, 99_999] {
            let mut peer = own.clone();
            change(peer.world_mut().state_mut(), row_of(n));
            peer.seal(&Inline);
            let mine = WorldView::new(own.world(), own.schema());
            let theirs = WorldView::new(peer.world(), peer.schema());
            let report = descend(&mine, &theirs, 1).expect("an honest peer");
            let [difference] = &report.differences[..] else { panic!("{column} {n}: {report:?}") };
            assert_eq!((difference.column.as_str(), report.is_complete), (column, true));
            assert!(column == "sky" || difference.row == n);
            let traffic = report.traffic;
            let bytes = traffic.sent_bytes + traffic.received_bytes;
            assert!(bytes <= 4096 && traffic.round_trips <= 6, "{column}: {traffic:?}");
            if n == 54_321 {
                println!("{column}: {bytes} bytes, {} round trips", traffic.round_trips);
            }
        }
    }
}

/// Handles are opaque; an entity of the first generation has its index as its bits.
trait DecodeIndex {
    fn decode_index(index: u32) -> Entity;
}

impl DecodeIndex for Entity {
    fn decode_index(index: u32) -> Entity {
        let bits = 1_u64 << 32 | u64::from(index);
        tickworld_sim::Component::decode(&bits.to_le_bytes()).expect("every eight bytes are an entity")
    }
}

/// A small change at `row`, number `kind`.
fn change(simulation: &mut Simulation<Fairground>, kind: u8, row: u32) {
    let fair = simulation.world_mut().state_mut();
    let entity = Entity::decode_index(row);
    let Some(row) = fair.entities.row(entity) else { return };
    match kind {
        0 => {
            fair.numbers.modify(row, |numbers| numbers.h ^= 4);
        }
        1 => {
            fair.position.modify(row, |position| position.facing = tickworld_sim::math::Angle::from_bits(9));
        }
        2 => {
            fair.wide.modify(row, |wide| wide[77] ^= 1);
        }
        3 => {
            fair.marks.remove(row);
        }
        4 => fair.asleep.set(row, ()),
        5 => fair.bag.push(row, Item { kind: 9, count: 9 }).expect("room"),
        6 => fair.weather.modify(|weather| weather.days += 1),
        7 => {
            fair.despawn(entity);
        }
        8 => {
            fair.mood.set(row, crate::trace_support::Mood::Angry { at: entity, since: 77 });
        }
        _ => {
            if let Ok(entity) = fair.spawn(Band(2)) {
                let row = fair.entities.row(entity).expect("just spawned");
                fill(fair, entity, row);
            }
        }
    }
}

/// By place and field: names may differ where a peer cannot know both sides'.
fn keys(differences: &[Difference]) -> Vec<(String, u32, String)> {
    let mut keys: Vec<_> = differences.iter().map(|d| (d.column.clone(), d.row, d.field.clone())).collect();
    keys.sort();
    keys
}

fn pair(count: u32, changes: &[(u8, u32)]) -> (Simulation<Fairground>, Simulation<Fairground>) {
    let mut own = crate::trace_support::start(count);
    let mut peer = own.clone();
    for (at, (kind, row)) in changes.iter().enumerate() {
        change(if at % 4 == 3 { &mut own } else { &mut peer }, *kind, *row % (count + 1));
    }
    own.seal(&Inline);
    peer.seal(&Inline);
    (own, peer)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 48 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn descent_and_direct_diff_agree(
        count in 1_u32..3000,
        changes in proptest::collection::vec((0_u8..10, 0_u32..3000), 0..12),
        branches in 1_u8..16,
    ) {
        let (own, peer) = pair(count, &changes);
        let mine = WorldView::new(own.world(), own.schema());
        let theirs = WorldView::new(peer.world(), peer.schema());
        let direct = worlds(&mine, &theirs, usize::MAX);
        let report = descend(&mine, &theirs, branches).expect("an honest peer");
        let columns: Vec<String> = direct.columns.iter().map(|(name, _)| name.clone()).collect();
        prop_assert_eq!(&report.columns, &columns);
        prop_assert_eq!(report.differences.is_empty(), direct.list.is_empty());
        let (found, all) = (keys(&report.differences), keys(&direct.list));
        if report.is_complete {
            prop_assert_eq!(found, all);
        } else {
            prop_assert!(found.iter().all(|key| all.contains(key)), "{:?} not in {:?}", found, all);
        }
        prop_assert!(report.traffic.round_trips <= 6);
    }

    #[test]
    fn a_lying_peer_gets_an_error_or_a_report_never_a_panic(
        changes in proptest::collection::vec((0_u8..10, 0_u32..200), 1..5),
        flips in proptest::collection::vec((0_u32..6, any::<u32>(), 1_u8..), 1..6),
        cut in 0_usize..4000,
    ) {
        let (own, peer) = pair(200, &changes);
        let mine = WorldView::new(own.world(), own.schema());
        let theirs = WorldView::new(peer.world(), peer.schema());
        let mut requester = Requester::new(&mine, 3);
        let mut trip = 0;
        while let Some(request) = requester.poll_request() {
            let mut bytes = Vec::new();
            answer(&theirs, &request).encode(&mut bytes);
            for (_, at, flip) in flips.iter().filter(|(at, ..)| *at == trip) {
                let at = *at as usize % bytes.len();
                bytes[at] ^= flip;
            }
            bytes.truncate(cut.max(trip as usize * 1000));
            trip += 1;
            prop_assert!(trip <= 8, "a descent ends");
            let Ok(response) = Response::decode(&bytes) else { break };
            if requester.handle_response(&response).is_err() {
                break;
            }
        }
        // Whatever it is, it is a report or an error.
        let _ = requester.into_report();
    }

    #[test]
    fn messages_have_one_byte_string(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(request) = Request::decode(&bytes) {
            let mut again = Vec::new();
            request.encode(&mut again);
            prop_assert_eq!(&again, &bytes);
        }
        if let Ok(response) = Response::decode(&bytes) {
            let mut again = Vec::new();
            response.encode(&mut again);
            prop_assert_eq!(&again, &bytes);
        }
    }
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let (own, peer) = pair(50, &[(0, 3)]);
    let mine = WorldView::new(own.world(), own.schema());
    let theirs = WorldView::new(peer.world(), peer.schema());
    let reply = |response: Response| {
        let mut requester = Requester::new(&mine, 1);
        requester.poll_request().expect("it begins with a question");
        requester.handle_response(&response).expect_err("refused").to_string()
    };
    assert_eq!(reply(Response::Unavailable), "the peer cannot answer for this tick");
    assert_eq!(reply(Response::Answers(vec![])), "answer 0 does not fit its question");
    let short = Answer::Digests(vec![ShortHash::default(); 3]);
    assert_eq!(reply(Response::Answers(vec![short])), "answer 0 does not fit its question");
    let rows = Answer::Rows(vec![None; 40]);
    assert_eq!(reply(Response::Answers(vec![rows])), "answer 0 does not fit its question");
    let mut requester = Requester::new(&mine, 1);
    assert_eq!(requester.handle_response(&Response::Unavailable), Err(DescentError::Unasked));
    // One who shows a difference above and none below contradicts itself.
    let mut requester = Requester::new(&mine, 1);
    let request = requester.poll_request().expect("it begins with a question");
    requester.handle_response(&answer(&theirs, &request)).expect("honest so far");
    let request = requester.poll_request().expect("a column differs");
    let error = requester.handle_response(&answer(&mine, &request)).expect_err("no difference is left");
    assert!(matches!(error, DescentError::Contradiction { .. }), "{error}");
}

#[test]
fn answers_of_another_length_are_refused_at_every_level() {
    let (own, peer) = pair(3000, &[(2, 1500)]);
    let mine = WorldView::new(own.world(), own.schema());
    let theirs = WorldView::new(peer.world(), peer.schema());
    let mut levels = 0;
    for level in 0..6 {
        let mut requester = Requester::new(&mine, 1);
        for trip in 0..=level {
            let Some(request) = requester.poll_request() else { break };
            let mut response = answer(&theirs, &request);
            if trip < level {
                requester.handle_response(&response).expect("honest so far");
                continue;
            }
            let Response::Answers(answers) = &mut response else { panic!("available") };
            // A column may have fewer groups at the peer's; every other length is fixed.
            let is_groups = level == 1;
            match &mut answers[0] {
                Answer::Digests(digests) | Answer::Pages(digests) => drop(digests.pop()),
                Answer::Rows(rows) => rows.clear(),
            }
            levels += 1;
            let error = requester.handle_response(&response);
            assert!(is_groups || error == Err(DescentError::Form { index: 0 }), "level {level}: {error:?}");
        }
    }
    assert!(levels >= 5, "only {levels} levels");
}

#[test]
fn worlds_of_other_content_or_revision_are_told_apart() {
    let start = |content: ContentId| {
        let mut simulation = Simulation::<Ruler>::new(Library::of(content, ()), content, |state: &mut Sizes, ()| {
            state.sky.set(1);
        });
        simulation.seal(&Inline);
        simulation
    };
    let (own, peer) = (start(ContentId::NONE), start(ContentId(tickworld_sim::hash::Hash([3; 32]))));
    let mine = WorldView::new(own.world(), own.schema());
    let theirs = WorldView::new(peer.world(), peer.schema());
    let error = descend(&mine, &theirs, 1).expect_err("their columns are the same, their worlds are not");
    assert_eq!(error.to_string(), "the peer's world of tick 0 has another content");
    assert_eq!(error, DescentError::Other { own: mine.head().into(), peer: theirs.head().into() });
    let mut requester = Requester::new(&mine, 1);
    let mut request = requester.poll_request().expect("it begins with a question");
    request.head.revision += 1;
    assert_eq!(answer(&mine, &request), Response::Other(mine.head()));
    // One who calls the same world another is not believed.
    assert_eq!(requester.handle_response(&Response::Other(mine.head())), Err(DescentError::Unavailable));
    request.head = mine.head();
    request.head.tick = tickworld_sim::frame::Tick(1);
    assert_eq!(answer(&mine, &request), Response::Unavailable);
}
