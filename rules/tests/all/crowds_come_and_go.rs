//! A crowd leaves two worlds and comes back into either while fights go on: nothing is lost or made on the way, and the worlds are the
//! same by every way of making them.

use std::collections::BTreeMap;

use tickworld_pool::Pool;
use tickworld_rules::{Command, Realm, Rules, invariants, items::Stack};
use tickworld_sim::{
    component::Component as _,
    executor::{Executor, Inline, Job},
    frame::{Act, Input, InputFrame, PlayerId},
    join::join,
    parcel::Parcel,
    rng::StreamKey,
    rollback::{SyncTest, SyncTestSettings},
    simulation::Simulation,
    world::Roots,
};

use crate::common::{
    entropy, item,
    journey::{Rows, back, column, delivered, waiting},
    played, random_frame, skirmish, step, world_of,
};

const PLAYERS: u64 = 10;
const TICKS: u64 = 1_000;

/// Coins, and ropes in bags and on the ground: things that nobody uses up.
type Wealth = (u128, u64);

fn is_rope(stack: &&Stack) -> bool {
    stack.item == item("rope")
}

fn wealth(realm: &Realm) -> Wealth {
    let mut ropes = 0;
    let mut count = |stack: &Stack| ropes += u64::from(stack.count);
    join((&realm.creature,)).for_each(|row, _| realm.bag.iter(row).filter(is_rope).for_each(&mut count));
    join((&realm.ground_item,)).for_each(|_, (lying,)| lying.stack.iter().filter(is_rope).for_each(&mut count));
    (invariants::coins(realm), ropes)
}

fn wealth_in(sim: &Simulation<Rules>, parcel: &Parcel) -> Wealth {
    let rows = Rows::read(parcel);
    let purses = rows.columns.get(&column(sim.schema(), "purse")).into_iter().flat_map(BTreeMap::values);
    let coins = purses.map(|row| u128::from(u64::decode(row).expect("coins"))).sum();
    let bags = rows.lists.get(&column(sim.schema(), "bag")).into_iter().flat_map(BTreeMap::values).flatten();
    let stacks = bags.map(|item| Stack::decode(item).expect("a stack"));
    (coins, stacks.filter(|it| is_rope(&it)).map(|it| u64::from(it.count)).sum())
}

/// The archive: the newest parcel of everybody who rests, with their hops.
type Archive = BTreeMap<u64, (u64, Vec<u8>)>;

/// What the world's players and the archive do in the next tick.
fn acts(sim: &Simulation<Rules>, seed: u64, archive: &Archive, told: Option<u64>, homes: bool) -> InputFrame<Command> {
    let tick = sim.world().tick().next();
    let key = StreamKey::new(&entropy(seed, tick.0), tick.0, "journeys");
    // Who is here plays at random, enters when they have no body, and is away now and then.
    let mut inputs = random_frame(sim, seed, PLAYERS).inputs;
    let is_here = |player: u64| {
        let known = sim.world().players().find(PlayerId(player));
        known.is_some_and(|known| known.departed_to.is_none())
    };
    inputs.retain(|input| is_here(input.player.0) || tick.0 == 1 && homes);
    let mut say = |player, act| {
        inputs.push(Input { player: PlayerId(player), sequence: tickworld_sim::frame::Sequence(0), act });
    };
    for player in 1..=PLAYERS {
        let mut rng = key.rng(player);
        let connected = sim.world().players().find(PlayerId(player)).is_some_and(|it| it.connected);
        match archive.get(&player) {
            Some((hops, parcel)) if rng.chance(1, 60) => {
                say(player, back(hops + 1, parcel));
                say(player, Act::ENTER);
            }
            None if is_here(player) && connected && rng.chance(1, 60) => say(player, Act::TimeOut),
            None if is_here(player) && !connected && rng.chance(1, 3) => say(player, Act::Archive),
            None if is_here(player) && !connected && rng.chance(1, 90) => say(player, Act::ENTER),
            _ => {}
        }
    }
    if let Some(sequence) = told {
        inputs.push(delivered(sim, sequence));
    }
    InputFrame::new(tick, entropy(seed, tick.0), inputs)
}

/// Threads that share out even the smallest join: the worlds are small.
struct Workers(Pool);

impl Executor for Workers {
    fn workers(&self) -> usize {
        self.0.workers()
    }

    fn rows_per_job_min(&self) -> u32 {
        1
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        self.0.run(jobs);
    }
}

/// A world with the frames that made it, and their roots.
struct Line {
    sim: Simulation<Rules>,
    begun: Simulation<Rules>,
    made: Vec<(InputFrame<Command>, Roots)>,
    told: Option<u64>,
}

impl Line {
    fn begin(seed: u64) -> Self {
        let sim = world_of(&skirmish(seed));
        Self { begun: sim.clone(), sim, made: Vec::new(), told: None }
    }

    /// Makes a tick; gives what players brought who have not been anywhere before.
    fn step(&mut self, seed: u64, archive: &mut Archive, homes: bool) -> Wealth {
        let frame = acts(&self.sim, seed, archive, self.told.take(), homes);
        let before = self.sim.snapshot();
        let roots = step(&mut self.sim, &frame);
        let tick = frame.tick;
        let coins = invariants::coins_are_only_moved(&frame, &before, self.sim.world(), false);
        assert_eq!(coins, None, "seed {seed}, tick {tick}");
        assert_eq!(invariants::first_violation(before.state(), self.sim.state()), None, "seed {seed}, tick {tick}");
        assert_eq!(self.sim.check_derived(), Ok(()), "seed {seed}, tick {tick}");
        let mut arrived = Vec::new();
        for input in &frame.inputs {
            if let Act::Return { parcel, .. } = &input.act {
                archive.remove(&input.player.0).expect("it rested");
                if !Parcel::decode(parcel).expect("our own").bands.is_empty() {
                    arrived.push(input.player);
                }
                assert!(played(&self.sim, input.player.0).is_some(), "seed {seed}, tick {tick}: nobody is refused");
            }
        }
        for (entry, parcel) in waiting(&self.sim) {
            self.told = Some(entry.sequence);
            archive.insert(entry.player.0, (entry.hops, parcel));
        }
        let brought = invariants::coins_brought(before.state(), self.sim.state(), &arrived);
        self.made.push((frame, roots));
        (brought, u64::try_from(brought / 500).expect("few") * 2)
    }

    /// Makes the run again with other workers, twice at every tick and now and then from bytes.
    fn again(&self, executor: &dyn Executor) {
        let mut test = SyncTest::new(self.begun.clone(), SyncTestSettings { distance_ticks: 3, restore_ticks: 11 });
        for (frame, roots) in &self.made {
            let again = test.step(frame, executor).unwrap_or_else(|error| panic!("tick {}: {error}", frame.tick));
            assert_eq!(&again, roots, "tick {}", frame.tick);
        }
    }
}

fn sum(all: impl IntoIterator<Item = Wealth>) -> Wealth {
    all.into_iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
}

#[test]
fn what_two_worlds_and_the_archive_have_is_moved_and_never_made() {
    let seed = 4;
    let (mut here, mut there) = (Line::begin(seed), Line::begin(seed + 1));
    let mut archive = Archive::new();
    let mut expected = sum([wealth(here.sim.state()), wealth(there.sim.state())]);
    let mut deaths = 0;
    for tick in 1..=TICKS {
        let brought = here.step(seed, &mut archive, true);
        expected = sum([expected, brought]);
        // One world counts its ticks from another beginning.
        if tick > 77 {
            let brought = there.step(seed + 1, &mut archive, false);
            expected = sum([expected, brought]);
        }
        let rest = archive.values().map(|(_, parcel)| wealth_in(&here.sim, &Parcel::decode(parcel).expect("our own")));
        let found = sum(rest.chain([wealth(here.sim.state()), wealth(there.sim.state())]));
        assert_eq!(found, expected, "seed {seed}, tick {tick}");
        deaths = here.sim.state().tally.deaths + there.sim.state().tally.deaths;
    }
    let crossings: Vec<usize> = [&here, &there]
        .map(|line| {
            let returns = line.made.iter().flat_map(|(frame, _)| &frame.inputs);
            returns.filter(|input| matches!(input.act, Act::Return { .. })).count()
        })
        .into();
    assert!(crossings.iter().all(|count| *count > 15) && deaths > 30, "{crossings:?} crossings, {deaths} deaths");
    let workers = Workers(Pool::new(4).expect("threads can be made"));
    for line in [&here, &there] {
        line.again(&Inline);
        line.again(&workers);
    }
}
