//! The game that tests of travel play: people with mules, friends, debts and oaths, in regions with borders.
#![allow(dead_code, reason = "each test uses its share of the helpers")]

use std::{collections::BTreeMap, sync::Arc};

use tickworld_sim::{
    frame::{Enter, Request},
    prelude::*,
    region::{Border, OutboxEntry, RegionId},
    session::{OutcomeCode, Player},
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Walk(i32),
    /// Gets a mule that carries so much.
    Hire(u16),
    Befriend(Entity),
    /// Swears an oath to somebody.
    Swear(Entity),
    /// To another region.
    Go(u32),
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Debt {
    pub(crate) to: Entity,
    pub(crate) coins: u16,
}

/// An oath to nobody is none.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(check = Self::is_sworn, filler = Self::TO_ONESELF)]
pub(crate) struct Oath(Option<Entity>);

impl Oath {
    const TO_ONESELF: Self = Self(Some(Entity::FILLER));

    fn is_sworn(&self) -> bool {
        self.0.is_some()
    }
}

#[derive(State, Clone)]
pub(crate) struct Land {
    pub(crate) entities: Entities,
    pub(crate) coins: Column<u32>,
    pub(crate) place: Column<i32>,
    pub(crate) since_tick: Column<u64>,
    #[parcel(drop)]
    pub(crate) owner: Column<Entity>,
    pub(crate) friend: Column<Option<Entity>>,
    #[parcel(skip)]
    pub(crate) mood: Column<u8>,
    pub(crate) bag: ListColumn<u16, 4>,
    #[parcel(drop)]
    pub(crate) debts: ListColumn<Debt, 2>,
    pub(crate) oath: Column<Oath>,
    /// Items without bytes.
    pub(crate) knots: ListColumn<(), 3>,
    pub(crate) census: Derived<Census>,
}

/// Who is where: kept up by hand, as an index is.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Census(BTreeMap<u32, i32>);

impl Rebuild<Land> for Census {
    fn rebuild(_: Option<&Self>, land: &Land) -> Self {
        let mut census = BTreeMap::new();
        join(&land.place).for_each(|row, place| _ = census.insert(row.index(), *place));
        Self(census)
    }
}

pub(crate) struct Caravan;

fn orders(land: &mut Land, step: &mut Step<'_, Caravan>) {
    for (index, input) in step.inputs().iter().enumerate() {
        let Some(row) = input.entity.and_then(|own| land.entities.row(own)) else { continue };
        let own = input.entity.expect("has a row");
        match input.body {
            Order::Walk(by) => {
                land.place.modify(row, |place| *place += by);
                land.census.get_mut().0.insert(row.index(), land.place.get(row).copied().unwrap_or(0));
            }
            Order::Hire(load) => {
                let mule = land.spawn(Band(1)).expect("room");
                let mule_row = land.entities.row(mule).expect("lives");
                land.owner.set(mule_row, own);
                land.friend.set(mule_row, Some(own));
                (0..load).for_each(|item| land.bag.push(mule_row, item).expect("room"));
                land.debts.push(row, Debt { to: mule, coins: load }).expect("room");
            }
            Order::Befriend(other) => {
                land.friend.set(row, Some(other));
                land.debts.push(row, Debt { to: other, coins: 1 }).expect("room");
            }
            Order::Swear(to) => land.oath.set(row, Oath(Some(to))),
            Order::Go(region) => step.depart(input.player, RegionId(region)),
        }
        step.answer(index, OutcomeCode::APPLIED, i64::from(row.index()));
    }
}

impl Game for Caravan {
    type State = Land;
    type Input = Order;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "caravan";
    const REVISION: u32 = 3;
    const TRAVELS: bool = true;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "orders", run: orders }];

    fn join(land: &mut Land, step: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        let own = land.spawn(Band(0)).ok()?;
        let row = land.entities.row(own)?;
        land.coins.set(row, 100);
        land.place.set(row, 0);
        land.mood.set(row, 9);
        land.since_tick.set(row, step.tick().0);
        land.census.get_mut().0.insert(row.index(), 0);
        Some(own)
    }

    fn belongings(land: &Land, own: Entity) -> Vec<Entity> {
        let mut mules = Vec::new();
        join(&land.owner).for_each(|row, owner| mules.extend(land.entities.entity(row).filter(|_| *owner == own)));
        mules
    }

    fn depart(land: &mut Land, entity: Entity) {
        land.census.get_mut().0.remove(&entity.index());
    }

    fn arrive(land: &mut Land, step: &mut Step<'_, Self>, _: PlayerId, entities: &[Entity], from: Tick) {
        let to = step.tick();
        for entity in entities {
            let row = land.entities.row(*entity).expect("it just came");
            land.since_tick.modify(row, |since| *since = to.0.saturating_sub(from.0.saturating_sub(*since)));
            if land.place.contains(row) {
                land.place.set(row, -1);
                land.census.get_mut().0.insert(row.index(), -1);
            }
        }
    }
}

pub(crate) type Sim = Simulation<Caravan>;

/// A region of the world that the tests play in, open to its neighbours.
pub(crate) fn region(id: u32, neighbours: &[u32]) -> Sim {
    let sim = Sim::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    let mut world = sim.snapshot();
    world.set_region(RegionId(id));
    let mut sim = Sim::resume(sim.library().clone(), world);
    let met = |it: &u32| Act::Accept { region: RegionId(*it), incarnation: 1 };
    let open = |it: &u32| Act::Border { region: RegionId(*it), state: Border::Open };
    step(&mut sim, neighbours.iter().map(met).map(own).collect());
    step(&mut sim, neighbours.iter().map(open).map(own).collect());
    sim
}

pub(crate) fn own(act: Act<Order>) -> Input<Order> {
    Input { player: PlayerId::REGION, sequence: Sequence(0), act }
}

pub(crate) fn of(player: u64, sequence: u32, act: Act<Order>) -> Input<Order> {
    Input { player: PlayerId(player), sequence: Sequence(sequence), act }
}

pub(crate) fn play(player: u64, sequence: u32, order: Order) -> Input<Order> {
    of(player, sequence, Act::Play(order))
}

pub(crate) fn enter(player: u64, generation: u32) -> Input<Order> {
    of(player, 0, Act::Enter(Enter { generation, opened_by: 5 }))
}

/// Makes a tick, also from a world that was made of bytes, which must come out the same: so nothing hangs on an index or on how
/// the world came about.
pub(crate) fn step(sim: &mut Sim, inputs: Vec<Input<Order>>) {
    let tick = sim.world().tick().next();
    let frame = InputFrame::new(tick, Entropy::from_bytes([tick.0 as u8; 16]), inputs);
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    assert_eq!(InputFrame::decode(&bytes).as_ref(), Ok(&frame));
    let restored = World::from_bytes(&sim.to_bytes()).expect("a world that acts leave");
    let mut again = Sim::resume(sim.library().clone(), restored);
    let roots = sim.step(&frame, &Inline).expect("a good frame");
    assert_eq!(again.step(&frame, &Inline).as_ref(), Ok(&roots));
    assert_eq!(sim.check_derived(), Ok(()));
}

pub(crate) fn waiting(sim: &Sim, to: u32) -> Vec<(OutboxEntry, Vec<u8>)> {
    let waiting = sim.world().region().outbox();
    waiting.filter(|(entry, _)| entry.to == RegionId(to)).map(|(entry, parcel)| (*entry, parcel)).collect()
}

pub(crate) fn mail(from: &Sim, (entry, parcel): &(OutboxEntry, Vec<u8>)) -> Act<Order> {
    let state = from.world().region().state();
    Act::Mail {
        region: state.id,
        incarnation: state.incarnation,
        sequence: entry.sequence,
        lamport: entry.lamport,
        is_held: false,
        parcel: Arc::from(&parcel[..]),
    }
}

pub(crate) fn delivered(by: u32, sequence: u64, lamport: u64) -> Input<Order> {
    own(Act::Delivered { region: RegionId(by), incarnation: 1, sequence, lamport })
}

pub(crate) fn person(sim: &Sim, id: u64) -> Player {
    *sim.world().players().find(PlayerId(id)).expect("known")
}

/// A region where player 1 has two mules, a friend who stays, and debts to all of them.
pub(crate) fn busy() -> (Sim, Entity) {
    let mut sim = region(1, &[2]);
    step(&mut sim, vec![enter(1, 1), enter(2, 1)]);
    let friend = person(&sim, 2).entity.expect("plays somebody");
    step(&mut sim, vec![play(1, 1, Order::Hire(3)), play(1, 2, Order::Befriend(friend)), play(1, 5, Order::Hire(700))]);
    (sim, friend)
}

pub(crate) fn operator(sequence: u32, request: Request) -> Input<Order> {
    of(PlayerId::OPERATOR.0, sequence, Act::Request(request))
}

/// What became of a request.
pub(crate) fn code(sim: &Sim, sequence: u32) -> Option<OutcomeCode> {
    sim.world().players().outcome(PlayerId::OPERATOR, Sequence(sequence)).map(|it| it.code)
}

/// A player comes back from the archive, or is born.
pub(crate) fn back(player: u64, hops: u64, is_held: bool, parcel: &[u8]) -> Input<Order> {
    of(player, 0, Act::Return { hops, is_held, parcel: Arc::from(parcel) })
}
