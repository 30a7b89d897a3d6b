//! However often, late, jumbled or across a restore an input is sent, it applies once, and its first answer stays.

use std::collections::BTreeMap;

use crate::arena::{Arena, Dice, Order, Sim, start};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    limits,
    region::RegionId,
    rng::Entropy,
    session::{Outcome, OutcomeCode},
    simulation::Simulation,
    world::World,
};

const OPERATOR: u64 = PlayerId::OPERATOR.0;

fn step(sim: &mut Sim, inputs: Vec<Input<Order>>) {
    let tick = sim.world().tick().next();
    let frame = InputFrame::new(tick, Entropy::from_bytes([tick.0 as u8; 16]), inputs);
    sim.step(&frame, &Inline).expect("a good frame");
}

fn input(player: u64, sequence: u32, act: Act<Order>) -> Input<Order> {
    Input { player: PlayerId(player), sequence: Sequence(sequence), act }
}

fn play(player: u64, sequence: u32) -> Input<Order> {
    input(player, sequence, Act::Play(Order::Walk { dx: 0, dy: 0 }))
}

/// A careless network between players and world: resends, gaps, reordering, reconnects; the world itself is rolled back and
/// restored now and then.
#[test]
fn over_a_careless_network() {
    for seed in 0..40 {
        let (mut dice, mut sim) = (Dice(seed), start());
        let mut first_answers: BTreeMap<(u64, u32), Outcome> = BTreeMap::new();
        let mut applied: BTreeMap<u64, u32> = BTreeMap::new();
        let mut connected: BTreeMap<u64, bool> = BTreeMap::new();
        for _ in 0..120 {
            let mut inputs = BTreeMap::new();
            for player in 1..4 {
                for _ in 0..dice.below(4) {
                    let sequence = (sim.world().tick().0 as u32 + 1).saturating_sub(dice.below(6) as u32).max(1);
                    inputs.insert((player, sequence), play(player, sequence));
                }
                if dice.below(6) == 0 {
                    let act = [Act::ENTER, Act::ENTER, Act::Leave, Act::TimeOut][dice.below(4) as usize].clone();
                    inputs.insert((player, 0), input(player, 0, act));
                }
            }
            // The model: sequence 0 first, then whatever is newer than all before.
            for ((player, sequence), input) in &inputs {
                let is_connected = connected.entry(*player).or_default();
                match input.act {
                    Act::Enter(_) => *is_connected = true,
                    Act::Leave | Act::TimeOut => *is_connected = false,
                    _ if *is_connected && *sequence > applied.get(player).copied().unwrap_or(0) => {
                        applied.insert(*player, *sequence);
                        let tick = sim.world().tick().next().0;
                        let code = OutcomeCode::APPLIED;
                        let outcome =
                            Outcome { sequence: Sequence(*sequence), region: RegionId::FIRST, tick, code, value: 0 };
                        first_answers.insert((*player, *sequence), outcome);
                    }
                    _ => {}
                }
            }
            let before = sim.snapshot();
            step(&mut sim, inputs.values().cloned().collect());
            match dice.below(6) {
                0 => {
                    sim.restore(&before);
                    step(&mut sim, inputs.values().cloned().collect());
                }
                1 => {
                    let world = World::<Arena>::from_bytes(&sim.to_bytes()).expect("our own bytes");
                    sim = Simulation::resume(sim.library().clone(), world);
                }
                _ => {}
            }
            for ((player, sequence), outcome) in &first_answers {
                let found = sim.world().players().outcome(PlayerId(*player), Sequence(*sequence));
                let newest = applied[player];
                if newest - sequence < limits::OUTCOMES_PER_PLAYER {
                    let found = found.unwrap_or_else(|| panic!("seed {seed}: no outcome of {player}/{sequence}"));
                    // Whether the entity lived is the game's to say; that it said so once, and when, is ours.
                    assert_eq!((found.sequence, found.tick), (outcome.sequence, outcome.tick), "seed {seed}");
                }
            }
            for (player, newest) in &applied {
                let last = sim.world().players().last_sequence(PlayerId(*player));
                assert_eq!(last, Sequence(*newest), "seed {seed}, player {player}");
            }
        }
        assert!(first_answers.len() > 50, "seed {seed}: something was played");
    }
}

#[test]
fn a_resend_changes_nothing() {
    let (mut once, mut twice) = (start(), start());
    for sim in [&mut once, &mut twice] {
        step(sim, vec![input(1, 0, Act::ENTER)]);
        step(sim, vec![play(1, 1)]);
    }
    let first = *once.world().players().outcome(PlayerId(1), Sequence(1)).expect("applied");
    step(&mut once, vec![]);
    step(&mut twice, vec![play(1, 1)]);
    assert_eq!(once.seal(&Inline), twice.seal(&Inline));
    assert_eq!(twice.world().players().outcome(PlayerId(1), Sequence(1)), Some(&first));
    assert_eq!(first.tick, 2);
}

#[test]
fn strangers_and_those_who_left_do_nothing() {
    let mut sim = start();
    step(&mut sim, vec![play(5, 1)]);
    assert!(sim.world().players().find(PlayerId(5)).is_none());
    step(&mut sim, vec![input(5, 0, Act::ENTER), play(5, 1)]);
    step(&mut sim, vec![input(5, 0, Act::TimeOut), play(5, 2)]);
    let player = *sim.world().players().find(PlayerId(5)).expect("remembered");
    let last = |sim: &Sim| sim.world().players().last_sequence(PlayerId(5));
    assert_eq!((player.connected, player.away_since_tick, last(&sim)), (false, 3, Sequence(1)));
    // Coming back: the same entity, and sequences go on.
    step(&mut sim, vec![input(5, 0, Act::ENTER), play(5, 2)]);
    let again = sim.world().players().find(PlayerId(5)).expect("remembered");
    assert_eq!((again.connected, again.entity, last(&sim)), (true, player.entity, Sequence(2)));
}

#[test]
fn the_ring_forgets_the_oldest() {
    let mut sim = start();
    step(&mut sim, vec![input(1, 0, Act::ENTER)]);
    (1..=70).for_each(|sequence| step(&mut sim, vec![play(1, sequence)]));
    let outcome = |sequence| sim.world().players().outcome(PlayerId(1), Sequence(sequence));
    assert!(outcome(6).is_none() && outcome(7).is_some() && outcome(70).is_some() && outcome(71).is_none());
}

fn encoded(frame: &InputFrame<Order>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

/// Malformed frames: every cut, every flipped byte, random bytes; what decodes encodes to the same bytes and passes its check.
#[test]
fn frames_are_canonical_or_refused() {
    for tick in 1..40 {
        let bytes = encoded(&crate::arena::frame(3, tick));
        for at in 0..bytes.len() {
            assert!(InputFrame::<Order>::decode(&bytes[..at]).is_err(), "tick {tick} cut at {at}");
            for flip in [1, 2, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                if let Ok(frame) = InputFrame::<Order>::decode(&changed) {
                    assert_eq!(encoded(&frame), changed, "tick {tick}, byte {at} ^ {flip:#x}");
                    assert_eq!(frame.check(), Ok(()));
                }
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(InputFrame::<Order>::decode(&longer).is_err());
    }
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        let random: Vec<u8> = (0..dice.below(90)).map(|_| dice.draw() as u8 & 3).collect();
        if let Ok(frame) = InputFrame::<Order>::decode(&random) {
            assert_eq!(encoded(&frame), random);
        }
    }
    let mut huge = encoded(&InputFrame::<Order>::empty(Tick(1), Entropy::PREDICTED));
    huge.truncate(24);
    huge.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    assert!(InputFrame::<Order>::decode(&huge).is_err(), "a count is checked before it is believed");
}

#[test]
fn refused_frames_change_nothing() {
    let mut sim = start();
    step(&mut sim, vec![input(1, 0, Act::ENTER)]);
    let before = sim.to_bytes();
    let unknown = tickworld_sim::content::ContentId(tickworld_sim::hash::Hash([9; 32]));
    let switch = Act::Request(Request::Content(unknown));
    let incarnation = Act::Incarnation { number: 2, lamport: 9 };
    let unsorted = vec![play(2, 1), play(1, 1)];
    let met = |region| input(0, 0, Act::Accept { region: RegionId(region), incarnation: 1 });
    let returns = |bytes: usize| Act::Return { hops: 1, is_held: false, parcel: vec![0; bytes].into() };
    let cases = [
        (Tick(1), vec![], "the frame is for tick 1, the world is at tick 1: the next frame is for tick 2"),
        (Tick(2), unsorted, "input 1 of the frame is out of order"),
        (Tick(2), vec![play(1, 1), play(1, 1)], "input 1 of the frame is out of order"),
        (Tick(2), vec![play(1, 0)], "input 0 of the frame has the wrong kind of sequence"),
        (Tick(2), vec![input(1, 3, Act::ENTER)], "input 0 of the frame has the wrong kind of sequence"),
        (Tick(2), vec![input(OPERATOR, 1, switch.clone())], "is not loaded: add it to the library"),
        (Tick(2), vec![input(OPERATOR, 0, switch.clone())], "input 0 of the frame has the wrong kind of sequence"),
        (Tick(2), vec![input(1, 1, switch.clone())], "input 0 of the frame is not for PlayerId(1) to say"),
        (Tick(2), vec![input(0, 0, Act::ENTER)], "input 0 of the frame is not for PlayerId(0) to say"),
        (
            Tick(2),
            vec![input(OPERATOR, 0, Act::ENTER)],
            "to say: the region (0) says its incarnation, borders and mail, players enter",
        ),
        (Tick(2), vec![input(1, 0, incarnation.clone())], "input 0 of the frame is not for PlayerId(1) to say"),
        (Tick(2), vec![input(0, 0, incarnation); 2], "input 1 of the frame is out of order"),
        (Tick(2), (0..1025).map(met).collect(), "more than 1024 inputs of player 0 in a frame"),
        (Tick(2), vec![input(0, 0, returns(0))], "input 0 of the frame is not for PlayerId(0) to say"),
        (Tick(2), vec![input(OPERATOR, 0, Act::Archive)], "is not for PlayerId(9223372036854775808) to say"),
        (Tick(2), vec![input(1, 0, met(2).act)], "input 0 of the frame is not for PlayerId(1) to say"),
        (Tick(2), vec![input(1, 0, returns(65_537))], "the parcel of input 0 of the frame has more than 65536 bytes"),
        (Tick(2), vec![input(1, 0, returns(65_536)); 17], "1114112 bytes of parcels in a frame, at most 1048576 are"),
        (Tick(2), (1..=65).map(|at| play(1, at)).collect(), "more than 64 inputs of player 1 in a frame"),
    ];
    for (tick, inputs, message) in cases {
        let frame = InputFrame { tick, entropy: Entropy::PREDICTED, inputs };
        let error = sim.step(&frame, &Inline).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
        assert_eq!(sim.to_bytes(), before, "{message}");
    }
}
