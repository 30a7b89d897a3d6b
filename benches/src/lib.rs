//! The worlds that the benches measure.
//!
//! Here: 100,000 entities with ten columns of sixteen bytes, two of which change for every entity each tick. In [`battle`]:
//! the d20 game.

pub mod battle;

use tickworld_sim::{
    Component, State,
    column::Column,
    content::{ContentId, Library},
    entities::Entities,
    entity::{Band, Entity},
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    join::join,
    rng::Entropy,
    simulation::Simulation,
    step::Step,
};

/// Entities in the world.
pub const ENTITIES: u32 = 100_000;

/// A row of sixteen bytes.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// The first eight bytes.
    pub x: i64,
    /// The last eight bytes.
    pub y: i64,
}

/// Ten columns of sixteen bytes.
#[derive(State, Clone)]
pub struct Wide {
    /// Who is there.
    pub entities: Entities,
    /// This one changes in every tick.
    pub a: Column<Pair>,
    /// This one changes in every tick.
    pub b: Column<Pair>,
    /// This one never changes.
    pub c: Column<Pair>,
    /// This one never changes.
    pub d: Column<Pair>,
    /// This one never changes.
    pub e: Column<Pair>,
    /// This one never changes.
    pub f: Column<Pair>,
    /// This one never changes.
    pub g: Column<Pair>,
    /// This one never changes.
    pub h: Column<Pair>,
    /// This one never changes.
    pub i: Column<Pair>,
    /// This one never changes.
    pub j: Column<Pair>,
}

/// One tick of one row: what every contestant computes.
#[inline(always)]
pub fn update(value: &mut Pair, by: &Pair) {
    value.x = value.x.wrapping_add(by.x);
    value.y = value.y.wrapping_add(by.y);
}

/// A game whose tick changes two columns for all.
pub struct WideGame;

fn drift(wide: &mut Wide, _: &mut Step<'_, WideGame>) {
    join((&mut wide.a, &wide.c)).for_each(|_, (a, c)| update(a, c));
    join((&mut wide.b, &wide.d)).for_each(|_, (b, d)| update(b, d));
}

impl Game for WideGame {
    type State = Wide;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "wide";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "drift", run: drift }];

    fn join(_: &mut Wide, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// The value that row `i` begins with.
#[must_use]
pub fn value(i: u32) -> Pair {
    Pair { x: i64::from(i) * 7 + 1, y: i64::from(i % 13) + 1 }
}

/// The world at tick 0.
#[must_use]
pub fn wide() -> Simulation<WideGame> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |wide: &mut Wide, ()| {
        for i in 0..ENTITIES {
            let entity = wide.entities.spawn(Band(0)).expect("there is room");
            let row = wide.entities.row(entity).expect("just spawned");
            for column in [&mut wide.a, &mut wide.b, &mut wide.c, &mut wide.d, &mut wide.e] {
                column.set(row, value(i));
            }
            for column in [&mut wide.f, &mut wide.g, &mut wide.h, &mut wide.i, &mut wide.j] {
                column.set(row, value(i));
            }
        }
    })
}

/// The frame after the simulation's tick.
#[must_use]
pub fn next_frame<G: Game>(simulation: &Simulation<G>) -> InputFrame<G::Input> {
    InputFrame::empty(Tick(simulation.world().tick().0 + 1), Entropy::from_bytes([7; 16]))
}
