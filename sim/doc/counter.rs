// The game of the documentation's examples, which include this file: each press of each player counts.

use tickworld_sim::{
    Component, State,
    content::{ContentId, Library},
    entities::Entities,
    entity::{Band, Entity},
    game::{Game, System},
    resource::Resource,
    simulation::Simulation,
    step::Step,
};

#[derive(Component, Clone, Copy)]
pub struct Press;

#[derive(State, Clone)]
pub struct Board {
    pub entities: Entities,
    pub presses: Resource<u64>,
}

pub struct Counter;

fn count(board: &mut Board, step: &mut Step<'_, Counter>) {
    board.presses.modify(|presses| *presses += step.inputs().len() as u64);
}

impl Game for Counter {
    type State = Board;
    type Input = Press;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "counter";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "count", run: count }];

    fn join(board: &mut Board, _: &mut Step<'_, Self>, _: tickworld_sim::frame::PlayerId) -> Option<Entity> {
        board.spawn(Band(0)).ok()
    }
}

pub fn simulation() -> Simulation<Counter> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {})
}
