//! The game that the core's tests play: small, fast, and with every kind of part in use.
//!
//! `Arena<FAULT>` plants one of the faults below; `Arena<0>` is sound.
#![allow(dead_code, reason = "each test uses its share of the helpers")]

use std::cell::Cell;

use tickworld_sim::{
    Component, State,
    column::Column,
    content::{ContentId, Library},
    derived::{Derived, Rebuild},
    entities::Entities,
    entity::{Band, Entity, Row},
    executor::{Executor, Inline, Job},
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::{Game, System},
    grid::Grid,
    join::{join, opt, without},
    list::ListColumn,
    math::{Fx, Vec2},
    resource::Resource,
    rng::Entropy,
    session::OutcomeCode,
    simulation::Simulation,
    step::Step,
};

/// State kept outside the world: a count of steps, added to the weather.
pub(crate) const COUNTS_OUTSIDE: u8 = 1;
/// The grid is not told of those who die.
pub(crate) const FORGETS_THE_DEAD: u8 = 2;
/// A component is left on a dead row.
pub(crate) const FEEDS_THE_DEAD: u8 = 3;

thread_local! {
    static OUTSIDE: Cell<u64> = const { Cell::new(0) };
}

#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Rest,
    Walk { dx: i8, dy: i8 },
    Strike,
}

#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Hit { by: Entity, who: Entity, damage: u32 },
    Died(Entity),
}

#[derive(State, Clone)]
pub(crate) struct Realm {
    pub(crate) entities: Entities,
    pub(crate) position: Column<Vec2>,
    pub(crate) health: Column<i32>,
    pub(crate) order: Column<Order>,
    pub(crate) stunned: Column<()>,
    pub(crate) scars: ListColumn<u16, 3>,
    pub(crate) weather: Resource<u64>,
    pub(crate) near: Derived<Near>,
}

#[derive(Clone, PartialEq)]
pub(crate) struct Near(pub(crate) Grid);

impl Rebuild<Realm> for Near {
    fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
        let corner = |at| Vec2::new(Fx::from_int(at), Fx::from_int(at));
        let mut grid = Grid::new(corner(-20), corner(20), Fx::from_int(2));
        grid.sync(|placing| join(&realm.position).for_each(|row, at| placing.place(row, *at)));
        Self(grid)
    }
}

pub(crate) struct Arena<const FAULT: u8 = 0>;
pub(crate) type Sim = Simulation<Arena>;

impl<const FAULT: u8> Arena<FAULT> {
    fn orders(realm: &mut Realm, step: &mut Step<'_, Self>) {
        for (index, input) in step.inputs().iter().enumerate() {
            match input.entity.and_then(|entity| realm.entities.row(entity)) {
                Some(row) => {
                    realm.order.set(row, input.body);
                    step.answer(index, OutcomeCode::APPLIED, i64::from(row.index()));
                }
                None => step.answer(index, OutcomeCode(7), 0),
            }
        }
    }

    fn walk(realm: &mut Realm, step: &mut Step<'_, Self>) {
        let terms = (&mut realm.position, &realm.order, without(&realm.stunned));
        join(terms).par_for_each::<()>(step.executor(), |_, (position, order, ()), _| {
            if let Order::Walk { dx, dy } = order {
                let way = Vec2::new(Fx::from_int((*dx).into()), Fx::from_int((*dy).into()));
                *position = position.saturating_add(way);
            }
        });
        let whole = FAULT != FORGETS_THE_DEAD;
        let (near, position, health) = (&mut realm.near, &realm.position, &realm.health);
        near.get_mut().0.sync(|placing| {
            join((position, opt(health))).for_each(|row, (at, health)| {
                if whole || health.is_none_or(|health| *health != 3) {
                    placing.place(row, *at);
                }
            });
        });
    }

    fn strike(realm: &mut Realm, step: &mut Step<'_, Self>) {
        let dice = step.stream("strike");
        let (near, position, entities) = (&realm.near, &realm.position, &realm.entities);
        let terms = (position, &realm.order, dice.each(entities));
        let hits = join(terms).par_for_each(step.executor(), |row, (at, order, seed), hits| {
            if *order != Order::Strike {
                return;
            }
            let reach = Fx::from_int(6);
            let target = near.0.nearest(*at, reach, 1, |other| position.get(other).filter(|_| other != row).copied());
            if let Some(who) = target.first().and_then(|target| entities.entity(*target)) {
                hits.push(Told::Hit { by: seed.entity(), who, damage: seed.open().die(6) });
            }
        });
        for hit in hits {
            let Told::Hit { who, damage, .. } = hit else { continue };
            let Some(row) = realm.entities.row(who) else { continue };
            realm.health.modify(row, |health| *health -= damage as i32);
            realm.scars.push(row, damage as u16).expect("the pool is large");
            if realm.scars.len(row) > 7 {
                realm.scars.retain(row, |scar| *scar > 2);
            }
            if damage == 6 {
                step.commands.insert(who, |realm| &mut realm.stunned, ());
            } else if damage == 1 {
                step.commands.remove(who, |realm| &mut realm.stunned);
            }
            step.emit(hit);
        }
        realm.weather.modify(|weather| *weather = weather.rotate_left(1) ^ 5);
    }

    fn live_and_die(realm: &mut Realm, step: &mut Step<'_, Self>) {
        let dead = join((&realm.health, &realm.entities)).par_for_each(step.executor(), |_, (health, who), dead| {
            if *health <= 0 {
                dead.push(who);
            }
        });
        for who in dead {
            step.emit(Told::Died(who));
            step.commands.despawn(who);
            if FAULT == FEEDS_THE_DEAD {
                let row = realm.entities.row(who).expect("still here");
                step.commands.spawn(Band(9), move |realm, new, _| {
                    realm.despawn(new);
                    realm.health.set(row, 1);
                });
            }
        }
        let mut dice = step.stream("spawn").open_world();
        if realm.entities.len() < 24 || dice.die(6) == 1 {
            let band = Band((dice.below(2) + 1) as u8);
            let at = Vec2::new(Fx::from_int(dice.die(30) as i32 - 15), Fx::from_int(dice.die(30) as i32 - 15));
            let order = if dice.die(2) == 1 { Order::Strike } else { Order::Walk { dx: 1, dy: -1 } };
            step.commands.spawn(band, move |realm, _, row| fill(realm, row, at, order));
        }
        if FAULT == COUNTS_OUTSIDE && step.tick() > Tick(20) {
            let count = OUTSIDE.replace(OUTSIDE.get() + 1);
            realm.weather.modify(|weather| *weather ^= u64::from(count.is_multiple_of(50)));
        }
    }

    /// The dead leave the grid at the end of the tick in which they die.
    fn index(realm: &mut Realm, _: &mut Step<'_, Self>) {
        let (near, position) = (&mut realm.near, &realm.position);
        if FAULT != FORGETS_THE_DEAD {
            near.get_mut().0.sync(|placing| join(position).for_each(|row, at| placing.place(row, *at)));
        }
    }
}

fn fill(realm: &mut Realm, row: Row, at: Vec2, order: Order) {
    realm.position.set(row, at);
    realm.health.set(row, 20);
    realm.order.set(row, order);
}

impl<const FAULT: u8> Game for Arena<FAULT> {
    type State = Realm;
    type Input = Order;
    type Event = Told;
    type Content = ();
    const NAME: &'static str = "arena";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "orders", run: Self::orders },
        System { name: "walk", run: Self::walk },
        System { name: "strike", run: Self::strike },
        System { name: "live_and_die", run: Self::live_and_die },
        System { name: "index", run: Self::index },
    ];

    fn join(realm: &mut Realm, _: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
        let entity = realm.spawn(Band(0)).ok()?;
        let row = realm.entities.row(entity)?;
        fill(realm, row, Vec2::new(Fx::from_int((player.0 % 7) as i32), Fx::ZERO), Order::Rest);
        Some(entity)
    }

    fn leave(realm: &mut Realm, step: &mut Step<'_, Self>, player: PlayerId, entity: Option<Entity>) {
        if let Some(entity) = entity.filter(|_| player.0.is_multiple_of(2)) {
            step.commands.despawn(entity);
        } else if let Some(row) = entity.and_then(|entity| realm.entities.row(entity)) {
            realm.order.set(row, Order::Rest);
        }
    }
}

pub(crate) fn start_faulty<const FAULT: u8>() -> Simulation<Arena<FAULT>> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |realm: &mut Realm, ()| {
        for i in 0..12 {
            let entity = realm.spawn(Band(1 + (i % 2) as u8)).expect("room");
            let row = realm.entities.row(entity).expect("lives");
            let order = if i % 3 == 0 { Order::Walk { dx: 1, dy: 0 } } else { Order::Strike };
            fill(realm, row, Vec2::new(Fx::from_int(i - 6), Fx::from_int(i % 4)), order);
            (0..i % 5).for_each(|scar| realm.scars.push(row, scar as u16).expect("room"));
        }
    })
}

pub(crate) fn start() -> Sim {
    start_faulty()
}

/// SplitMix64: the tests' own randomness, from a printed seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.draw() % n
    }
}

/// The frame of `tick` in the run of `seed`: a few players who come, go, play and send things again.
pub(crate) fn frame(seed: u64, tick: u64) -> InputFrame<Order> {
    let mut dice = Dice(seed ^ tick.wrapping_mul(0xA24B_AED4_963E_E407));
    let mut entropy = [0; 16];
    entropy[..8].copy_from_slice(&dice.draw().to_le_bytes());
    let mut inputs = Vec::new();
    for player in 1..5 {
        let player = PlayerId(player);
        match dice.below(8) {
            0 if tick < 12 || dice.below(4) == 0 => {
                inputs.push(Input { player, sequence: Sequence(0), act: Act::ENTER });
            }
            1 if dice.below(12) == 0 => {
                let act = if dice.below(2) == 0 { Act::Leave } else { Act::TimeOut };
                inputs.push(Input { player, sequence: Sequence(0), act });
            }
            2..=5 => {
                let order = match dice.below(4) {
                    0 => Order::Rest,
                    1 => Order::Strike,
                    _ => Order::Walk { dx: dice.below(3) as i8 - 1, dy: dice.below(3) as i8 - 1 },
                };
                // Some come late or twice.
                let sequence = Sequence((tick * 2 - dice.below(2 * tick.min(4))) as u32 + 1);
                inputs.push(Input { player, sequence, act: Act::Play(order) });
            }
            _ => {}
        }
    }
    InputFrame::new(Tick(tick), Entropy::from_bytes(entropy), inputs)
}

/// Runs jobs on that many threads of its own; the last job first, so that order would show.
pub(crate) struct Threads(pub(crate) usize);

impl Executor for Threads {
    fn workers(&self) -> usize {
        self.0
    }

    /// Shares out even the smallest join: the tests' worlds are small.
    fn rows_per_job_min(&self) -> u32 {
        1
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        let queue = std::sync::Mutex::new(jobs);
        std::thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let Some(job) = queue.lock().expect("no job panics").pop() else { break };
                        job();
                    }
                });
            }
        });
    }
}

/// Steps inline; the frames of these tests are good.
pub(crate) fn step<const FAULT: u8>(sim: &mut Simulation<Arena<FAULT>>, seed: u64) -> tickworld_sim::world::Roots {
    let tick = sim.world().tick().next();
    sim.step(&frame(seed, tick.0), &Inline).unwrap_or_else(|error| panic!("seed {seed}: {error}"))
}
