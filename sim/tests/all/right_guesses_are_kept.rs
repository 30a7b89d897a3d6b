//! What a session guessed right is not made again: the counters say so, and so does how often the game's system ran.

use std::cell::Cell;

use tickworld_sim::{
    Component, State,
    content::{ContentId, Library},
    entities::Entities,
    entity::Entity,
    executor::Inline,
    frame::{Act, FrameError, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    game::{Game, System},
    hash::hash,
    resource::Resource,
    rng::Entropy,
    rollback::{AdvanceError, InputPredictor, PredictNothing, Rollback, RollbackSettings},
    simulation::Simulation,
    step::Step,
    world::World,
};

thread_local! {
    /// How often the system of this thread's test ran.
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

#[derive(Component, Clone, Copy)]
enum Move {
    Count,
    Roll,
}

#[derive(State, Clone)]
struct Board {
    entities: Entities,
    sum: Resource<u64>,
}

struct Rolls;

fn play(board: &mut Board, step: &mut Step<'_, Rolls>) {
    RUNS.set(RUNS.get() + 1);
    for input in step.inputs() {
        let added = match input.body {
            Move::Count => *step.content(),
            Move::Roll => step.stream("roll").open_world().die(1_000_000).into(),
        };
        board.sum.modify(|sum| *sum += added);
    }
}

impl Game for Rolls {
    type State = Board;
    type Input = Move;
    type Event = ();
    type Content = u64;
    const NAME: &'static str = "rolls";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "play", run: play }];

    fn join(_: &mut Board, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

const ME: PlayerId = PlayerId(1);
const TICKS: u64 = 20;

fn session() -> Rollback<Rolls, PredictNothing> {
    RUNS.set(0);
    let simulation = Simulation::new(Library::of(ContentId::NONE, 1), ContentId::NONE, |_, _| {});
    Rollback::new(simulation, PredictNothing, RollbackSettings::default(), &Inline)
}

/// What I do in `tick`: I come in the first one.
fn own(tick: u64, body: Move) -> Vec<Input<Move>> {
    let act = if tick == 1 { Act::ENTER } else { Act::Play(body) };
    vec![Input { player: ME, sequence: Sequence(tick as u32 - 1), act }]
}

/// Guesses one tick ahead of each confirmation, with the inputs of the confirmed frame; gives what the session counted.
fn guessed(body: Move, entropy: impl Fn(u64) -> Entropy) -> (u64, u64, u64) {
    let mut session = session();
    session.advance_predicted(own(1, body), &Inline).expect("not full");
    for tick in 1..=TICKS {
        session.advance_predicted(own(tick + 1, body), &Inline).expect("not full");
        let frame = InputFrame::new(Tick(tick), entropy(tick), own(tick, body));
        let roots = session.confirm(&frame, &Inline).expect("a good frame");
        let mut confirmed = session.confirmed().clone();
        assert_eq!(confirmed.seal(&Inline), roots);
        assert_eq!(session.tick(), Tick(tick + 1));
    }
    let counters = session.counters();
    (counters.predictions_kept, counters.rollbacks, counters.resimulated_ticks)
}

fn secret(tick: u64) -> Entropy {
    Entropy::from_bytes([tick as u8; 16])
}

#[test]
fn a_guess_that_made_the_very_world_is_kept_though_its_entropy_was_wrong() {
    assert_eq!(guessed(Move::Count, secret), (TICKS, 0, 0));
    assert_eq!(RUNS.get(), 2 * TICKS + 1, "each tick is guessed once and confirmed once");
}

/// All but the first, in which nobody rolls.
#[test]
fn a_guess_whose_dice_were_wrong_is_made_again_though_its_inputs_were_right() {
    assert_eq!(guessed(Move::Roll, secret), (1, TICKS - 1, TICKS - 1));
}

#[test]
fn a_guess_that_was_the_very_frame_is_not_stepped_again() {
    assert_eq!(guessed(Move::Roll, |_| Entropy::PREDICTED), (TICKS, 0, 0));
    assert_eq!(RUNS.get(), TICKS + 1, "each tick is made once");
}

#[test]
fn a_library_that_is_replaced_serves_both_lines() {
    let other = ContentId(hash(b"other"));
    let switch = || {
        vec![Input { player: PlayerId::OPERATOR, sequence: Sequence(1), act: Act::Request(Request::Content(other)) }]
    };
    let mut session = session();
    session.confirm(&InputFrame::new(Tick(1), secret(1), own(1, Move::Count)), &Inline).expect("a good frame");
    let frame = InputFrame::new(Tick(2), secret(2), switch());
    assert_eq!(session.confirm(&frame, &Inline), Err(FrameError::Content(other)));
    let refused = session.advance_predicted(switch(), &Inline);
    assert_eq!(refused, Err(AdvanceError::Frame(FrameError::Content(other))));

    let mut library = session.confirmed().library().clone();
    library.add(other, 100);
    session.set_library(&library);
    session.advance_predicted(switch(), &Inline).expect("the pack is there");
    session.advance_predicted(own(3, Move::Count), &Inline).expect("not full");
    assert_eq!(*session.predicted().state().sum, 100);
    session.confirm(&frame, &Inline).expect("the pack is there");
    assert_eq!(session.confirmed().world().content(), other);
}

/// Knows the entropy of ticks to come, as peers do who agreed on a seed; and an input of another player, once it is told.
struct Knowing(Option<(Tick, Input<Move>)>);

impl InputPredictor<Rolls> for Knowing {
    fn predict(&mut self, tick: Tick, _: &World<Rolls>, _: &[Input<Move>]) -> Vec<Input<Move>> {
        self.0.iter().filter(|(of, _)| *of == tick).map(|(_, input)| input.clone()).collect()
    }

    fn entropy(&self, tick: Tick) -> Entropy {
        secret(tick.0)
    }
}

fn knowing() -> Rollback<Rolls, Knowing> {
    RUNS.set(0);
    let simulation = Simulation::new(Library::of(ContentId::NONE, 1), ContentId::NONE, |_, _| {});
    Rollback::new(simulation, Knowing(None), RollbackSettings::default(), &Inline)
}

#[test]
fn who_knows_the_entropy_guesses_dice_too() {
    let mut session = knowing();
    for tick in 1..=TICKS {
        session.advance_predicted(own(tick, Move::Roll), &Inline).expect("not full");
        session
            .confirm(&InputFrame::new(Tick(tick), secret(tick), own(tick, Move::Roll)), &Inline)
            .expect("a good frame");
    }
    assert_eq!((session.counters().predictions_kept, session.counters().rollbacks), (TICKS, 0));
    assert_eq!(RUNS.get(), TICKS, "each tick is made once");
}

#[test]
fn what_becomes_known_of_a_guessed_tick_can_be_shown_before_it_is_confirmed() {
    let mut session = knowing();
    session.predict_anew(&Inline);
    assert_eq!(session.counters().rollbacks, 0, "there is nothing to make anew");
    for tick in 1..=4 {
        session.advance_predicted(own(tick, Move::Count), &Inline).expect("not full");
    }
    assert_eq!(*session.predicted().state().sum, 3);
    // An operator is always there; their input counts as anybody's.
    let other = Input { player: PlayerId::OPERATOR, sequence: Sequence(1), act: Act::Play(Move::Count) };
    session.predictor_mut().0 = Some((Tick(4), other));
    assert_eq!(*session.predicted().state().sum, 3);
    session.predict_anew(&Inline);
    assert_eq!(*session.predicted().state().sum, 4);
    assert_eq!((session.counters().rollbacks, session.counters().resimulated_ticks), (1, 4));
    assert!(session.predictor().0.is_some());
    assert_eq!((session.tick(), session.confirmed_tick()), (Tick(4), Tick(0)));
}
