//! A game with every type of field and every kind of part, and frames that keep it busy. Shared by the tests of traces and diffs.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part of it")]

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
    math::{Angle, Fx},
    resource::Resource,
    rng::Entropy,
    session::OutcomeCode,
    simulation::Simulation,
    step::Step,
    trace::{About, Recorder, Trace},
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    pub flag: bool,
    pub a: u8,
    pub b: u16,
    pub c: u32,
    pub d: u64,
    pub e: i8,
    pub f: i16,
    pub g: i32,
    pub h: i64,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Position {
    pub x: Fx,
    pub y: Fx,
    pub facing: Angle,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    Calm,
    Angry { at: Entity, since: u32 },
    Fled(Position),
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Bond {
    pub target: Option<Entity>,
    pub last: Option<u16>,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Item {
    pub kind: u64,
    pub count: u16,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    pub rain: Fx,
    pub days: u32,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Turn(Angle),
    Walk { dx: i16, dy: i16 },
    Take(Item),
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Took {
    pub who: Entity,
    pub item: Item,
}

#[derive(State, Clone)]
pub struct Fair {
    pub entities: Entities,
    pub numbers: Column<Numbers>,
    pub position: Column<Position>,
    #[parcel(drop)]
    pub mood: Column<Mood>,
    pub bond: Column<Bond>,
    pub marks: Column<[u16; 5]>,
    pub wide: Column<[u8; 256]>,
    pub asleep: Column<()>,
    pub bag: ListColumn<Item, 3>,
    pub weather: Resource<Weather>,
}

pub struct Fairground;

fn orders(fair: &mut Fair, step: &mut Step<'_, Fairground>) {
    for (index, input) in step.inputs().iter().enumerate() {
        let Some(row) = input.entity.and_then(|e| fair.entities.row(e)) else { continue };
        match input.body {
            Order::Turn(angle) => {
                fair.position.modify(row, |position| position.facing = angle);
            }
            Order::Walk { dx, dy } => {
                fair.position.modify(row, |position| {
                    position.x = position.x.saturating_add(Fx::from_int(i32::from(dx)));
                    position.y = position.y.saturating_add(Fx::from_int(i32::from(dy)));
                });
            }
            Order::Take(item) => {
                fair.bag.push(row, item).expect("the pool is large");
                step.emit(Took { who: input.entity.expect("checked"), item });
            }
        }
        step.answer(index, OutcomeCode::APPLIED, i64::from(row.index()));
    }
}

fn count(fair: &mut Fair, _: &mut Step<'_, Fairground>) {
    join(&mut fair.numbers).for_each(|_, numbers: &mut Numbers| {
        numbers.a = numbers.a.wrapping_add(1);
        numbers.d = numbers.d.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        numbers.g = numbers.g.wrapping_sub(3);
    });
}

fn moods(fair: &mut Fair, step: &mut Step<'_, Fairground>) {
    let stream = step.stream("moods");
    let tick = step.tick().0 as u32;
    let drawn = join((&fair.mood, stream.each(&fair.entities))).par_for_each(step.executor(), |row, (_, seed), out| {
        let who = seed.entity();
        out.push((row, who, seed.open().die(60)))
    });
    for (row, who, die) in drawn {
        match die {
            1 => fair.mood.set(row, Mood::Angry { at: who, since: tick }),
            2 => fair.mood.set(row, Mood::Calm),
            3 => {
                if let Some(position) = fair.position.get(row) {
                    fair.mood.set(row, Mood::Fled(*position));
                }
            }
            4 => fair.asleep.set(row, ()),
            5 => {
                fair.asleep.remove(row);
            }
            6 => {
                fair.bond.set(row, Bond { target: Some(who), last: None });
            }
            7 => {
                fair.bag.remove(row, 0);
            }
            8 if row.index() > 20 => step.commands.despawn(who),
            9 => step.commands.spawn(Band(0), fill),
            _ => {}
        }
    }
}

fn weather(fair: &mut Fair, step: &mut Step<'_, Fairground>) {
    if step.tick().0.is_multiple_of(10) {
        fair.weather.modify(|weather| weather.days += 1);
    }
}

/// Gives a newcomer every component.
pub fn fill(fair: &mut Fair, entity: Entity, row: Row) {
    let n = row.index();
    fair.numbers.set(
        row,
        Numbers { flag: n.is_multiple_of(2), a: 1, b: 2, c: n, d: u64::from(n), e: -1, f: -2, g: -3, h: -i64::from(n) },
    );
    let x = Fx::from_int(n as i32);
    fair.position.set(row, Position { x, y: Fx::ZERO, facing: Angle::from_bits(n as u16) });
    fair.mood.set(row, if n.is_multiple_of(3) { Mood::Angry { at: entity, since: 0 } } else { Mood::Calm });
    fair.bond.set(row, Bond { target: (n % 2 == 1).then_some(entity), last: Some(7) });
    fair.marks.set(row, [1, 2, 3, 4, n as u16]);
    fair.wide.set(row, [n as u8; 256]);
    for kind in 0..u64::from(n % 6) {
        fair.bag.push(row, Item { kind, count: 1 }).expect("the pool is large");
    }
}

impl Game for Fairground {
    type State = Fair;
    type Input = Order;
    type Event = Took;
    type Content = ();
    const NAME: &'static str = "fairground";
    const REVISION: u32 = 3;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "orders", run: orders },
        System { name: "count", run: count },
        System { name: "moods", run: moods },
        System { name: "weather", run: weather },
    ];

    fn join(fair: &mut Fair, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        let entity = fair.spawn(Band(1)).ok()?;
        let row = fair.entities.row(entity)?;
        fill(fair, entity, row);
        Some(entity)
    }
}

pub const SYSTEMS: [&str; 6] = ["session", "orders", "count", "moods", "weather", "outcomes"];

/// Frame of `tick` in the run of `seed`: six players.
pub fn frame(seed: u64, tick: u64) -> InputFrame<Order> {
    let draw = |n: u64| {
        let mut x = seed ^ tick.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ n.wrapping_mul(0xD1B5_4A32_D192_ED03);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    };
    let mut entropy = [0; 16];
    entropy[..8].copy_from_slice(&draw(1000).to_le_bytes());
    let inputs = (1..=6).filter_map(|player| {
        let act = match draw(player) {
            _ if tick == 1 => Act::ENTER,
            d if d % 4 == 0 => Act::Play(Order::Walk { dx: (d >> 8) as i16 % 10, dy: (d >> 24) as i16 % 10 }),
            d if d % 4 == 1 => Act::Play(Order::Turn(Angle::from_bits((d >> 8) as u16))),
            d if d % 4 == 2 => Act::Play(Order::Take(Item { kind: d >> 32, count: (d >> 8) as u16 })),
            _ => return None,
        };
        let sequence = if matches!(act, Act::Play(_)) { tick as u32 } else { 0 };
        Some(Input { player: PlayerId(player), sequence: Sequence(sequence), act })
    });
    InputFrame::new(Tick(tick), Entropy::from_bytes(entropy), inputs.collect())
}

pub fn library() -> Library<()> {
    Library::of(ContentId::NONE, ())
}

/// A fair of `count` creatures.
pub fn start(count: u32) -> Simulation<Fairground> {
    Simulation::new(library(), ContentId::NONE, |fair: &mut Fair, ()| {
        fair.weather.set(Weather { rain: Fx::ONE, days: 0 });
        for _ in 0..count {
            let entity = fair.spawn(Band(0)).expect("room");
            let row = fair.entities.row(entity).expect("just spawned");
            fill(fair, entity, row);
        }
    })
}

pub fn about(keyframe_ticks: u32, evidence_ticks: u32) -> About {
    About { title: "a fair".into(), seed: "7".into(), keyframe_ticks, evidence_ticks, ..About::default() }
}

/// The trace of `ticks` ticks of the run of `seed`.
pub fn record(seed: u64, count: u32, ticks: u64, about: About) -> Vec<u8> {
    let mut simulation = start(count);
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about, &[]).expect("a Vec takes everything");
    for tick in 1..=ticks {
        let frame = frame(seed, tick);
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    recorder.seal().expect("a Vec takes everything").0
}

pub fn open(bytes: &[u8]) -> Trace<&[u8]> {
    Trace::open(bytes).expect("a good trace")
}
