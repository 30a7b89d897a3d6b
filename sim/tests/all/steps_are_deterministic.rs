//! A small game stepped twice gives the same roots, and a restored world continues equally.

use tickworld_sim::{
    Component, State,
    column::Column,
    content::{ContentId, Library},
    entities::Entities,
    entity::{Band, Entity, Row},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::{Game, System},
    join::join,
    list::ListColumn,
    math::Fx,
    resource::Resource,
    rng::Entropy,
    session::OutcomeCode,
    simulation::Simulation,
    step::Step,
    world::World,
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Position {
    x: Fx,
    y: Fx,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
enum Order {
    Rest,
    Walk { dx: i8, dy: i8 },
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Rolled {
    who: Entity,
    die: u32,
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    position: Column<Position>,
    order: Column<Order>,
    log: ListColumn<u32, 4>,
    rolls: Resource<u64>,
}

struct Walkers;

fn orders(realm: &mut Realm, step: &mut Step<'_, Walkers>) {
    for (index, input) in step.inputs().iter().enumerate() {
        let Some(row) = input.entity.and_then(|e| realm.entities.row(e)) else { continue };
        realm.order.set(row, input.body);
        step.answer(index, OutcomeCode::APPLIED, 0);
    }
}

fn walk(realm: &mut Realm, step: &mut Step<'_, Walkers>) {
    join((&mut realm.position, &realm.order)).par_for_each::<()>(step.executor(), |_, (position, order), _| {
        if let Order::Walk { dx, dy } = order {
            position.x = position.x.saturating_add(Fx::from_int(i32::from(*dx)));
            position.y = position.y.saturating_add(Fx::from_int(i32::from(*dy)));
        }
    });
}

fn roll(realm: &mut Realm, step: &mut Step<'_, Walkers>) {
    let stream = step.stream("roll");
    let rolls =
        join((&realm.order, stream.each(&realm.entities))).par_for_each(step.executor(), |row, (_, seed), out| {
            let who = seed.entity();
            out.push((row, Rolled { who, die: seed.open().die(20) }));
        });
    for (row, rolled) in rolls {
        realm.log.push(row, rolled.die).expect("the pool is large");
        if realm.log.len(row) > 9 {
            realm.log.remove(row, 0);
        }
        realm.rolls.modify(|n| *n += 1);
        if rolled.die == 1 {
            step.commands.despawn(rolled.who);
        }
        step.emit(rolled);
    }
}

impl Game for Walkers {
    type State = Realm;
    type Input = Order;
    type Event = Rolled;
    type Content = ();
    const NAME: &'static str = "walkers";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "orders", run: orders },
        System { name: "walk", run: walk },
        System { name: "roll", run: roll },
    ];

    fn join(realm: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        let entity = realm.spawn(Band(1)).ok()?;
        let row = realm.entities.row(entity)?;
        realm.position.set(row, Position { x: Fx::ZERO, y: Fx::ZERO });
        realm.order.set(row, Order::Rest);
        Some(entity)
    }
}

fn frame(tick: u64) -> InputFrame<Order> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&tick.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    let inputs = (1..20).filter_map(|player| {
        let act = match tick {
            t if t % 17 == 1 => Act::ENTER,
            t if (t + player) % 5 == 0 => Act::Play(Order::Walk { dx: (player % 3) as i8 - 1, dy: 1 }),
            _ => return None,
        };
        let sequence = if matches!(act, Act::Enter(_)) { 0 } else { tick as u32 };
        Some(Input { player: PlayerId(player), sequence: Sequence(sequence), act })
    });
    InputFrame::new(Tick(tick), Entropy::from_bytes(bytes), inputs.collect())
}

fn start() -> Simulation<Walkers> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |realm: &mut Realm, ()| {
        for _ in 0..50 {
            let row = realm.spawn(Band(0)).map(|e| realm.entities.row(e).expect("just spawned")).expect("room");
            realm.position.set(row, Position { x: Fx::ONE, y: Fx::ZERO });
            realm.order.set(row, Order::Walk { dx: 1, dy: -1 });
        }
    })
}

#[test]
fn twice_gives_the_same_roots() {
    let (mut a, mut b) = (start(), start());
    for tick in 1..200 {
        let a = a.step(&frame(tick), &Inline).expect("the frame is good");
        let b = b.step(&frame(tick), &Inline).expect("the frame is good");
        assert_eq!(a, b, "tick {tick}");
    }
}

#[test]
fn a_world_restored_from_bytes_continues_equally() {
    let mut a = start();
    for tick in 1..200 {
        let bytes = a.to_bytes();
        let mut b =
            Simulation::resume(a.library().clone(), World::<Walkers>::from_bytes(&bytes).expect("our own bytes"));
        assert_eq!(a.seal(&Inline), b.seal(&Inline));
        assert_eq!(b.to_bytes(), bytes);
        let left = a.step(&frame(tick), &Inline).expect("the frame is good");
        let right = b.step(&frame(tick), &Inline).expect("the frame is good");
        assert_eq!(left, right, "tick {tick}");
    }
}

#[test]
fn frames_survive_their_bytes() {
    for tick in 1..60 {
        let mut bytes = Vec::new();
        frame(tick).encode(&mut bytes);
        assert_eq!(InputFrame::decode(&bytes), Ok(frame(tick)));
    }
}

#[test]
fn players_who_join_in_one_tick_draw_their_own_numbers() {
    #[derive(State, Clone)]
    struct Table {
        entities: Entities,
        rolled: ListColumn<u32, 8>,
    }
    struct Rollers;
    impl Game for Rollers {
        type State = Table;
        type Input = ();
        type Event = ();
        type Content = ();
        const NAME: &'static str = "rollers";
        const REVISION: u32 = 1;
        const SYSTEMS: &'static [System<Self>] = &[];

        fn join(table: &mut Table, step: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
            let row = match table.entities.is_empty() {
                true => table.spawn(Band(0)).ok().and_then(|entity| table.entities.row(entity))?,
                false => first(&table.entities)?,
            };
            table.rolled.push(row, step.player_rng("join::roll", player).die(1_000_000)).expect("the pool is large");
            None
        }
    }
    fn first(entities: &Entities) -> Option<Row> {
        let mut first = None;
        join(entities).for_each(|row, _| first = first.or(Some(row)));
        first
    }
    let mut sim = Simulation::<Rollers>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    let act = |player, act| Input { player: PlayerId(player), sequence: Sequence(0), act };
    let inputs = vec![act(1, Act::ENTER), act(1, Act::Leave), act(1, Act::ENTER), act(2, Act::ENTER)];
    sim.step(&InputFrame::new(Tick(1), Entropy::from_bytes([3; 16]), inputs), &Inline).expect("the frame is good");
    let table = sim.state();
    let rolled: Vec<u32> = table.rolled.iter(first(&table.entities).expect("one entity")).copied().collect();
    let distinct: std::collections::BTreeSet<u32> = rolled.iter().copied().collect();
    assert_eq!((rolled.len(), distinct.len()), (3, 3), "{rolled:?}");
}
