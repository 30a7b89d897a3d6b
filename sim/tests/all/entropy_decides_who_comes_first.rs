//! Inputs of one tick apply in an order that nobody can arrange: the frame's entropy draws it, and each player's own keep theirs.

use tickworld_sim::{
    State,
    content::{ContentId, Library},
    entities::Entities,
    entity::Entity,
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::{Game, System},
    resource::Resource,
    rng::Entropy,
    simulation::Simulation,
    step::Step,
};

#[derive(State, Clone)]
struct Queue {
    entities: Entities,
    /// Player and sequence of each input, as they applied.
    order: Resource<[[u64; 2]; 4]>,
}

struct Contest;

fn note(queue: &mut Queue, step: &mut Step<'_, Contest>) {
    let mut order = [[0; 2]; 4];
    for (noted, input) in order.iter_mut().zip(step.inputs()) {
        *noted = [input.player.0, input.sequence.0.into()];
    }
    queue.order.modify(|old| *old = order);
}

impl Game for Contest {
    type State = Queue;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "contest";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "note", run: note }];

    fn join(_: &mut Queue, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

#[test]
fn every_order_of_players_comes_up_and_none_of_their_inputs_overtakes_another() {
    let mut sim = Simulation::<Contest>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_: &mut Queue, ()| {});
    let input = |player, sequence, act| Input { player: PlayerId(player), sequence: Sequence(sequence), act };
    let joins = [1, 2].map(|player| input(player, 0, Act::ENTER)).to_vec();
    sim.step(&InputFrame::new(Tick(1), Entropy::from_bytes([0; 16]), joins), &Inline).expect("a good frame");
    let (mut first, ticks) = ([0; 2], 200_u32);
    for turn in 1..=ticks {
        let tick = sim.world().tick().next();
        let play = |player, sequence| input(player, sequence, Act::Play(()));
        let (one, two) = (2 * turn - 1, 2 * turn);
        let inputs = vec![play(1, one), play(1, two), play(2, one), play(2, two)];
        let entropy = Entropy::from_bytes([turn as u8; 16]);
        sim.step(&InputFrame::new(tick, entropy, inputs), &Inline).expect("a good frame");
        let order = *sim.state().order;
        let leader = order[0][0];
        let (one, two) = (u64::from(one), u64::from(two));
        assert_eq!(order, [[leader, one], [leader, two], [3 - leader, one], [3 - leader, two]], "turn {turn}");
        first[leader as usize - 1] += 1;
    }
    assert!(first.iter().all(|count| *count > ticks / 4), "{first:?}: neither is preferred");
}
