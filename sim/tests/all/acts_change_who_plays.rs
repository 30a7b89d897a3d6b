//! Entries, requests, voided inputs and incarnations do what they say, once, and what does not fit changes nothing.

use crate::arena::{Order, Sim, start};
use tickworld_sim::{
    content::ContentId,
    executor::Inline,
    frame::{Act, Enter, Input, InputFrame, PlayerId, Request, Sequence},
    hash::Hash,
    region::RegionId,
    rng::Entropy,
    session::{OutcomeCode, Player},
    simulation::Simulation,
    world::{Roots, World},
};

const OPERATOR: u64 = PlayerId::OPERATOR.0;

fn step(sim: &mut Sim, inputs: Vec<Input<Order>>) -> Roots {
    let tick = sim.world().tick().next();
    let frame = InputFrame::new(tick, Entropy::from_bytes([tick.0 as u8; 16]), inputs);
    sim.step(&frame, &Inline).expect("a good frame")
}

fn input(player: u64, sequence: u32, act: Act<Order>) -> Input<Order> {
    Input { player: PlayerId(player), sequence: Sequence(sequence), act }
}

fn play(player: u64, sequence: u32) -> Input<Order> {
    input(player, sequence, Act::Play(Order::Walk { dx: 1, dy: 0 }))
}

fn enter(player: u64, generation: u32, opened_by: u64) -> Input<Order> {
    input(player, 0, Act::Enter(Enter { generation, opened_by }))
}

fn request(sequence: u32, request: Request) -> Input<Order> {
    input(OPERATOR, sequence, Act::Request(request))
}

fn player(sim: &Sim, id: u64) -> Player {
    *sim.world().players().find(PlayerId(id)).expect("known")
}

fn outcome(sim: &Sim, id: u64, sequence: u32) -> Option<(OutcomeCode, i64)> {
    sim.world().players().outcome(PlayerId(id), Sequence(sequence)).map(|it| (it.code, it.value))
}

#[test]
fn who_enters_anew_needs_a_higher_generation_and_who_comes_back_raises_nothing() {
    let mut sim = start();
    step(&mut sim, vec![enter(1, 5, 77)]);
    let first = player(&sim, 1);
    assert_eq!((first.generation, first.opened_by, first.connected), (5, 77, true));
    step(&mut sim, vec![input(1, 0, Act::Leave), enter(1, 5, 77)]);
    let again = player(&sim, 1);
    assert_eq!((again.generation, again.connected, again.entity), (5, true, first.entity), "the same client");
    step(&mut sim, vec![input(1, 0, Act::Leave)]);
    for stale in [enter(1, 5, 78), enter(1, 4, 77), enter(1, 0, 0)] {
        step(&mut sim, vec![stale.clone()]);
        assert!(!player(&sim, 1).connected, "{stale:?}");
    }
    step(&mut sim, vec![enter(1, 6, 78)]);
    assert_eq!((player(&sim, 1).generation, player(&sim, 1).connected), (6, true));
}

#[test]
fn the_kicked_are_gone_with_their_tickets_and_come_back_with_new_ones() {
    let mut sim = start();
    step(&mut sim, vec![enter(1, 1, 7), enter(2, 1, 7)]);
    step(&mut sim, vec![play(1, 1), request(1, Request::Kick(PlayerId(1)))]);
    assert_eq!(outcome(&sim, OPERATOR, 1), Some((OutcomeCode::APPLIED, 0)));
    let kicked = player(&sim, 1);
    assert_eq!((kicked.connected, kicked.generation, kicked.away_since_tick), (false, 257, 2));
    assert_eq!(outcome(&sim, 1, 1).map(|(code, _)| code), Some(OutcomeCode::APPLIED), "the kick came after the input");
    assert!(player(&sim, 2).connected);
    step(&mut sim, vec![enter(1, 1, 7), play(1, 2)]);
    assert!(!player(&sim, 1).connected && outcome(&sim, 1, 2).is_none());
    step(&mut sim, vec![enter(1, 258, 8), play(1, 2)]);
    assert!(player(&sim, 1).connected && outcome(&sim, 1, 2).is_some());
}

#[test]
fn the_barred_stay_out_until_they_are_let_in() {
    let mut sim = start();
    let bar = |is_barred| Request::Bar { player: PlayerId(1), is_barred };
    step(&mut sim, vec![enter(1, 1, 7)]);
    step(&mut sim, vec![request(1, bar(true)), request(2, bar(true))]);
    assert_eq!((player(&sim, 1).connected, player(&sim, 1).is_barred, player(&sim, 1).generation), (false, true, 513));
    step(&mut sim, vec![enter(1, 600, 9)]);
    assert_eq!((player(&sim, 1).connected, player(&sim, 1).generation), (false, 513));
    step(&mut sim, vec![request(3, bar(false))]);
    step(&mut sim, vec![enter(1, 600, 9)]);
    assert_eq!((player(&sim, 1).connected, player(&sim, 1).generation), (true, 600));
}

#[test]
fn a_request_applies_once_and_says_where_there_is_nobody() {
    let (mut once, mut twice) = (start(), start());
    for sim in [&mut once, &mut twice] {
        step(sim, vec![enter(1, 1, 7)]);
        step(sim, vec![request(4, Request::Kick(PlayerId(1)))]);
        step(sim, vec![enter(1, 300, 8)]);
    }
    assert_eq!(step(&mut once, vec![]), step(&mut twice, vec![request(4, Request::Kick(PlayerId(1)))]));
    assert!(player(&twice, 1).connected);
    for nobody in [9, 0, OPERATOR] {
        let last = once.world().players().last_sequence(PlayerId::OPERATOR).0 + 1;
        step(&mut once, vec![request(last, Request::Kick(PlayerId(nobody)))]);
        assert_eq!(outcome(&once, OPERATOR, last), Some((OutcomeCode::NOT_HERE, 0)), "{nobody}");
    }
    let operator = player(&once, OPERATOR);
    assert_eq!((operator.connected, operator.entity), (false, None), "who makes requests plays nobody");
}

#[test]
fn what_is_void_is_used_up_and_two_broken_ticks_hold_the_player() {
    let mut sim = start();
    let void = |sequence| input(1, sequence, Act::Void);
    step(&mut sim, vec![void(1)]);
    assert!(sim.world().players().find(PlayerId(1)).is_none(), "nobody is known by what is void");
    step(&mut sim, vec![enter(1, 1, 7), play(1, 3)]);
    step(&mut sim, vec![void(3), void(4), void(5)]);
    assert_eq!(outcome(&sim, 1, 3).map(|(code, _)| code), Some(OutcomeCode::APPLIED), "that one was applied");
    assert_eq!((outcome(&sim, 1, 4), player(&sim, 1).voids), (Some((OutcomeCode::VOID, 0)), 1), "one tick");
    step(&mut sim, vec![play(1, 5), play(1, 6)]);
    assert_eq!(outcome(&sim, 1, 5), Some((OutcomeCode::VOID, 0)), "its resend changes nothing");
    assert_eq!((outcome(&sim, 1, 6).is_some(), player(&sim, 1).voids), (true, 0), "a tick of theirs passed");
    step(&mut sim, vec![void(7)]);
    step(&mut sim, vec![input(1, 0, Act::TimeOut), void(8)]);
    assert!(player(&sim, 1).is_held() && outcome(&sim, 1, 8) == Some((OutcomeCode::VOID, 0)));
    step(&mut sim, vec![enter(1, 1, 7), play(1, 9)]);
    assert!(outcome(&sim, 1, 9).is_none(), "nothing of theirs is taken");
    step(&mut sim, vec![request(1, Request::Clear(PlayerId(1))), play(1, 9)]);
    assert!(outcome(&sim, 1, 9).is_none(), "requests stand last in a frame");
    step(&mut sim, vec![play(1, 9)]);
    assert!(outcome(&sim, 1, 9).is_some());
}

#[test]
fn an_incarnation_is_above_all_that_was_before_and_comes_once() {
    let mut sim = start();
    step(&mut sim, vec![enter(1, 70_000, 7), enter(2, 0, 0), request(1, Request::Clear(PlayerId(2)))]);
    let begin = |number, lamport| input(0, 0, Act::Incarnation { number, lamport });
    step(&mut sim, vec![begin(4, 900)]);
    let region = *sim.world().region().state();
    assert_eq!((region.id, region.incarnation, region.lamport), (RegionId::FIRST, 4, 900));
    // Two lives between were taken back whole: what they gave out stands nowhere, and was not above this.
    assert_eq!((player(&sim, 1).generation, player(&sim, 2).generation), (196_608, 196_608));
    assert_eq!((player(&sim, 1).hops, player(&sim, OPERATOR).hops), (3 << 32, 0));
    assert!(player(&sim, 1).connected, "who is here stays");
    for (again, lamport) in [(4, 901), (3, 902)] {
        step(&mut sim, vec![begin(again, 5_000)]);
        assert_eq!((sim.world().region().state().lamport, player(&sim, 1).hops), (lamport, 3 << 32));
    }
    step(&mut sim, vec![begin(5, 3), enter(1, 196_608, 7), enter(3, 1, 7)]);
    assert_eq!((sim.world().region().state().lamport, player(&sim, 1).generation), (903, 262_144));
    assert_eq!(player(&sim, 3).generation, 262_144, "who is new may have been here before in a tick that is void");
}

#[test]
fn a_repeated_switch_of_content_switches_nothing() {
    let mut sim = start();
    let other = ContentId(Hash([9; 32]));
    let first = sim.world().content();
    sim.library_mut().add(other, ());
    step(&mut sim, vec![request(1, Request::Content(other))]);
    assert_eq!(sim.world().content(), other);
    step(&mut sim, vec![request(2, Request::Content(first))]);
    // A pack that is gone is no reason to refuse what changes nothing.
    sim.library_mut().retain(|id| id == first);
    step(&mut sim, vec![request(1, Request::Content(other))]);
    assert_eq!(sim.world().content(), first);
}

/// Slots of players who went elsewhere are free: a world with gaps is taken, and who comes next gets the lowest one.
#[test]
fn gaps_between_slots_are_filled_lowest_first() {
    let mut sim = start();
    step(&mut sim, (1..=6).map(|player| enter(player, 1, 7)).collect());
    let mut world = sim.snapshot();
    world.columns_mut(&mut |name, column| {
        if name == "players.slots" || name == "players.sequences" {
            // Rows 1 and 3 go, as bytes of a page without them.
            let kept: Vec<u8> = (0..6)
                .filter(|row| *row != 1 && *row != 3)
                .flat_map(|row| {
                    let mut bytes = Vec::new();
                    column.row_bytes(row, &mut bytes);
                    bytes
                })
                .collect();
            let sparse = [&[1][..], &0b11_0101_u64.to_le_bytes(), &kept].concat();
            column.clear();
            column.load_page(0, 4, &sparse).expect("rows as they were");
        }
    });
    let mut sim = Simulation::resume(sim.library().clone(), world);
    assert!(sim.world().players().find(PlayerId(2)).is_none() && player(&sim, 3).connected);
    step(&mut sim, vec![enter(20, 1, 1), enter(21, 1, 1), enter(22, 1, 1)]);
    let order: Vec<u64> = sim.world().players().iter().map(|player| player.id.0).collect();
    assert_eq!(order, [1, 20, 3, 21, 5, 6, 22]);
    let restored = World::from_bytes(&sim.to_bytes()).expect("our own bytes");
    let mut again = Simulation::resume(sim.library().clone(), restored);
    assert_eq!(step(&mut again, vec![enter(23, 1, 1)]), step(&mut sim, vec![enter(23, 1, 1)]));
}

#[test]
fn a_region_says_which_it_is() {
    let mut world = start().snapshot();
    world.set_region(RegionId(7));
    let mut sim = Simulation::resume(start().library().clone(), world);
    step(&mut sim, vec![enter(1, 1, 1), play(1, 1)]);
    let applied = *sim.world().players().outcome(PlayerId(1), Sequence(1)).expect("applied");
    assert_eq!((applied.region, applied.tick), (RegionId(7), 1));
    assert_eq!(sim.world().region().state().lamport, 1);
}
