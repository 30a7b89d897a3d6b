//! What the tests of the rules share: a small pack, worlds of it, frames from seeds, a pool of threads.
#![allow(dead_code, unreachable_pub, reason = "an example uses a part of it")]

pub mod journey;
pub mod pack;

use tickworld_rules::{
    Command, ContentKey, Realm, Rules, Ruleset, SetUp, bot,
    components::{Affliction, Blow, Position},
    settings::Faction,
    setup::{Group, PlayerClass, Rect},
    space::Member,
};
use tickworld_sim::{
    column::Job,
    content::{ContentId, Library},
    entity::{Entity, Row},
    executor::Executor,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    math::Vec2,
    rng::{Entropy, StreamKey},
    simulation::Simulation,
};

pub const RED: Faction = Faction(0);
pub const BLUE: Faction = Faction(1);

pub fn creature(name: &str) -> ContentKey {
    ContentKey::of("creature", name)
}

pub fn item(name: &str) -> ContentKey {
    ContentKey::of("item", name)
}

pub fn rect(x: u16, y: u16, width: u16, height: u16) -> Rect {
    Rect { x, y, width, height }
}

pub fn group(name: &str, count: u32, area: Rect, faction: Faction) -> Group {
    Group { creature: creature(name), count, area, faction, coins: 10 }
}

pub fn class(area: Rect, faction: Faction) -> PlayerClass {
    let items = [("longsword", 1), ("shield", 1), ("leather", 1), ("potion", 3), ("rope", 2)];
    let items = items.map(|(name, count)| (item(name), count)).into();
    PlayerClass { creature: creature("hero"), area, faction, coins: 500, items }
}

/// A skirmish with a bit of everything on a walled map.
pub fn skirmish(seed: u64) -> SetUp {
    let (left, right) = (rect(2, 2, 20, 44), rect(30, 2, 20, 44));
    SetUp {
        seed,
        enemies: vec![(RED, BLUE)],
        walls: vec![rect(25, 0, 1, 18), rect(25, 24, 1, 24), rect(10, 20, 8, 1), rect(36, 30, 1, 10)],
        groups: vec![
            group("goblin", 20, left, RED),
            group("archer", 10, left, RED),
            group("priest", 4, left, RED),
            group("drake", 2, left, RED),
            group("scorpion", 6, left, RED),
            group("brute", 10, right, BLUE),
            group("wolf", 16, right, BLUE),
            group("mage", 5, right, BLUE),
            group("skeleton", 12, right, BLUE),
        ],
        classes: vec![class(rect(20, 18, 10, 6), RED), class(rect(28, 18, 10, 6), BLUE)],
        ..SetUp::of_map(52, 48)
    }
}

pub fn world_of(set_up: &SetUp) -> Simulation<Rules> {
    world_with(set_up, pack::pack())
}

pub fn world_with(set_up: &SetUp, pack: tickworld_content::model::Pack) -> Simulation<Rules> {
    let library = Library::of(ContentId::NONE, Ruleset::new(pack));
    Simulation::new(library, ContentId::NONE, |realm, rules| set_up.apply(realm, rules).expect("a possible set-up"))
}

pub fn rules(sim: &Simulation<Rules>) -> &Ruleset {
    sim.library().find(ContentId::NONE).expect("the library holds it")
}

pub fn entropy(seed: u64, tick: u64) -> Entropy {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..].copy_from_slice(&tick.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    Entropy::from_bytes(bytes)
}

pub fn quiet_frame(sim: &Simulation<Rules>, seed: u64) -> InputFrame<Command> {
    let tick = sim.world().tick().next();
    InputFrame::empty(tick, entropy(seed, tick.0))
}

pub fn frame(sim: &Simulation<Rules>, seed: u64, acts: &[(u64, Act<Command>)]) -> InputFrame<Command> {
    let tick = sim.world().tick().next();
    let inputs = acts.iter().map(|(player, act)| {
        let sequence =
            Sequence(if matches!(act, Act::Play(_)) { u32::try_from(tick.0).expect("short tests") } else { 0 });
        Input { player: PlayerId(*player), sequence, act: act.clone() }
    });
    InputFrame::new(tick, entropy(seed, tick.0), inputs.collect())
}

/// The entity that a player plays.
pub fn played(sim: &Simulation<Rules>, player: u64) -> Option<Entity> {
    sim.world().players().find(PlayerId(player))?.entity
}

/// A frame in which `players` play at random: they join on tick 1 and whenever they find themselves gone.
pub fn random_frame(sim: &Simulation<Rules>, seed: u64, players: u64) -> InputFrame<Command> {
    let tick = sim.world().tick().next();
    let key = StreamKey::new(&entropy(seed, tick.0), tick.0, "players");
    let acts: Vec<(u64, Act<Command>)> = (1..=players)
        .filter_map(|player| {
            let mut rng = key.rng(player);
            let entity = played(sim, player).filter(|it| sim.state().entities.contains(*it));
            match entity {
                None => (tick.0 == 1 || rng.chance(1, 50)).then_some((player, Act::ENTER)),
                Some(entity) if rng.chance(1, 4) => {
                    let command = bot::random_command(&mut rng, sim.state(), rules(sim), entity);
                    Some((player, Act::Play(command)))
                }
                Some(_) => None,
            }
        })
        .collect();
    frame(sim, seed, &acts)
}

pub fn step(sim: &mut Simulation<Rules>, frame: &InputFrame<Command>) -> tickworld_sim::world::Roots {
    sim.step_inline(frame).expect("the frame is the next one")
}

/// Steps without inputs.
pub fn pass(sim: &mut Simulation<Rules>, seed: u64, ticks: u64) {
    for _ in 0..ticks {
        let frame = quiet_frame(sim, seed);
        step(sim, &frame);
    }
}

/// A condition from `source` without any end.
pub fn affliction(condition: &str, source: Entity) -> Affliction {
    let condition = ContentKey::of("condition", condition);
    Affliction { condition, source, expiry_tick: None, save: None, escape: None, hold: None }
}

/// Brings blows to a creature, as a strike of this tick would, and makes the tick.
pub fn deal(sim: &mut Simulation<Rules>, seed: u64, row: Row, blows: &[Blow]) {
    let state = sim.world_mut().state_mut();
    for blow in blows {
        state.blow.push(row, *blow).expect("room");
    }
    state.struck.set(row, ());
    pass(sim, seed, 1);
}

/// Puts a creature somewhere else.
pub fn put(sim: &mut Simulation<Rules>, row: Row, faction: Faction, to: Vec2) {
    let state = sim.world_mut().state_mut();
    let from = state.position.get(row).expect("stands somewhere").0;
    state.position.set(row, Position(to));
    state.grid.get_mut().shift(from, to, Member { row, faction });
}

/// The only living creature of a kind.
pub fn find(realm: &Realm, name: &str) -> (Entity, Row) {
    let all = living(realm);
    let one = all.iter().find(|it| it.creature.key == creature(name)).expect("it lives");
    (one.entity, one.row)
}

/// What became of a player's input of this tick.
pub fn outcome(sim: &Simulation<Rules>, player: u64) -> (&'static str, i64) {
    let Tick(tick) = sim.world().tick();
    let sequence = Sequence(u32::try_from(tick).expect("short tests"));
    let outcome = sim.world().players().outcome(PlayerId(player), sequence).expect("the input was applied");
    (<Rules as tickworld_sim::game::Game>::outcome_name(outcome.code), outcome.value)
}

/// All living creatures.
pub fn living(realm: &Realm) -> Vec<tickworld_rules::realm::LivingCreature> {
    let mut all = Vec::new();
    tickworld_sim::join::join((&realm.creature,)).for_each(|row, _| all.extend(realm.living_in(row)));
    all
}

/// Threads that are made anew for every call: slow and simple.
pub struct Threads(pub usize);

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
                    while let Some(job) = { queue.lock().expect("no job panics").pop() } {
                        job();
                    }
                });
            }
        });
    }
}
