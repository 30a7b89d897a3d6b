//! Parcels of players: one that a region takes in gives the same bytes where its player leaves again; any other changes nothing.

use std::sync::Arc;

use tickworld_sim::{
    limits,
    parcel::Parcel,
    prelude::*,
    region::{Border, RegionId},
    world::Roots,
};

use crate::fix_checksums;

const HERE: RegionId = RegionId(1);
const NEIGHBOUR: RegionId = RegionId(2);

/// A tie to somebody, of each form that a handle can have.
#[derive(Component, Clone, Copy)]
enum Tie {
    Loose,
    To(Entity),
    Between { one: Option<Entity>, others: [Option<Entity>; 2], strength: u16 },
}

/// Has a part of every kind, and keeps parcels as they came.
#[derive(State, Clone)]
struct Hold {
    entities: Entities,
    arrivals: Resource<u32>,
    weight: Column<u32>,
    #[parcel(skip)]
    arrived: Column<u32>,
    friend: Column<Option<Entity>>,
    #[parcel(drop)]
    tie: Column<Tie>,
    bag: ListColumn<u16, 4>,
    #[parcel(drop)]
    ties: ListColumn<Tie, 2>,
    flag: Column<bool>,
}

/// Where parcels come to: it knows one player, to whom everything belongs.
struct Harbour;

impl Game for Harbour {
    type State = Hold;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "harbour";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];
    const TRAVELS: bool = true;

    /// Somebody with two things, which are tied to each other and to a stranger.
    fn join(hold: &mut Hold, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        let [own, first, second] = [hold.spawn(Band(0)).ok()?, hold.spawn(Band(3)).ok()?, hold.spawn(Band(0)).ok()?];
        let stranger = Some(Entity::FILLER);
        for (number, entity) in (0_u32..).zip([own, first, second]) {
            let row = hold.entities.row(entity)?;
            number_arrival(hold, entity);
            hold.weight.set(row, 7 + number);
            hold.friend.set(row, if number == 1 { stranger } else { Some(first) });
            hold.bag.push(row, 5).ok()?;
            hold.bag.push(row, 6).ok()?;
            hold.ties.push(row, Tie::To(own)).ok()?;
            hold.ties.push(row, Tie::Loose).ok()?;
        }
        let row = hold.entities.row(second)?;
        hold.tie.set(row, Tie::Between { one: Some(own), others: [stranger, Some(second)], strength: 3 });
        hold.flag.set(row, true);
        Some(own)
    }

    fn belongings(hold: &Hold, _: Entity) -> Vec<Entity> {
        let mut all = Vec::new();
        join(&hold.arrived).for_each(|row, number| all.extend(hold.entities.entity(row).map(|it| (*number, it))));
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, entity)| entity).collect()
    }

    fn arrive(hold: &mut Hold, _: &mut Step<'_, Self>, _: PlayerId, entities: &[Entity], _: Tick) {
        entities.iter().for_each(|entity| number_arrival(hold, *entity));
    }
}

/// Notes in which order entities came.
fn number_arrival(hold: &mut Hold, entity: Entity) {
    let number = *hold.arrivals;
    hold.arrivals.set(number.wrapping_add(1));
    if let Some(row) = hold.entities.row(entity) {
        hold.arrived.set(row, number);
    }
}

/// See the module.
pub fn run(data: &[u8]) {
    if data.len() > limits::PARCEL_BYTES_MAX {
        return;
    }
    let here = harbour(HERE);
    for bytes in [data.to_vec(), fix_checksums::parcel(data, here.schema_id(), Harbour::REVISION, NEIGHBOUR)] {
        let parcel = Parcel::decode(&bytes);
        if let Ok(parcel) = &parcel {
            let mut again = Vec::new();
            parcel.encode(&mut again);
            assert!(again == bytes, "a parcel that was read has other bytes");
        }
        arrives_whole(&here, &bytes, parcel.ok());
    }
}

/// A parcel of this build: of the player of [`Harbour`].
///
/// # Panics
/// If the player cannot leave.
#[must_use]
pub(crate) fn sample() -> Vec<u8> {
    let mut there = harbour(NEIGHBOUR);
    let player = PlayerId(5);
    let input = |act| Input { player, sequence: Sequence(0), act };
    step(&mut there, vec![input(Act::ENTER)]);
    step(&mut there, vec![input(Act::Leave), input(Act::Archive)]);
    there.world().region().outbox().next().expect("the player left").1
}

/// Delivers a parcel and sends its player away again in the same tick.
fn arrives_whole(before: &Simulation<Harbour>, bytes: &[u8], parcel: Option<Parcel>) {
    let (mut here, mut idle) = (before.clone(), before.clone());
    let player = parcel.as_ref().map_or(PlayerId(1), |parcel| parcel.player);
    let mail = Act::Mail {
        region: NEIGHBOUR,
        incarnation: 1,
        sequence: 1,
        lamport: 0,
        is_held: false,
        parcel: Arc::from(bytes),
    };
    let mail = Input { player: PlayerId::REGION, sequence: Sequence(0), act: mail };
    let archive = Input { player, sequence: Sequence(0), act: Act::Archive };
    let roots = step(&mut here, vec![mail, archive]);
    let untouched = step(&mut idle, vec![]);
    let world = World::<Harbour>::from_bytes(&here.to_bytes()).expect("whatever comes leaves a world that can be");
    assert_eq!(Simulation::resume(here.library().clone(), world).seal(&Inline), roots);
    let has_arrived = here.world().region().neighbour(NEIGHBOUR).is_some_and(|it| it.last_in == 1);
    if !has_arrived {
        assert_eq!(roots, untouched, "a parcel that is refused changes nothing");
        return;
    }
    let came = parcel.expect("what cannot be read does not arrive");
    let known = here.world().players().find(player).expect("who arrived is known");
    if came.hops == u64::MAX {
        assert_eq!(known.departed_to, None, "nobody hops further than numbers go");
        return;
    }
    assert_eq!((known.departed_to, known.hops), (Some(RegionId::ARCHIVE), came.hops + 1));
    assert!(here.state().entities.is_empty() && here.state().weight.is_empty());
    let sent = here.world().region().outbox().next().expect("who left waits in the outbox").1;
    let state = here.world().region().state();
    let expected = Parcel {
        content: here.world().content(),
        region: state.id,
        incarnation: state.incarnation,
        tick: here.world().tick(),
        hops: came.hops + 1,
        ..came
    };
    assert_eq!(Parcel::decode(&sent), Ok(expected), "a player leaves otherwise than they came");
}

/// A region that has met its neighbour.
fn harbour(id: RegionId) -> Simulation<Harbour> {
    let mut here = Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    here.world_mut().set_region(id);
    let region = if id == HERE { NEIGHBOUR } else { HERE };
    for act in [Act::Accept { region, incarnation: 1 }, Act::Border { region, state: Border::Open }] {
        step(&mut here, vec![Input { player: PlayerId::REGION, sequence: Sequence(0), act }]);
    }
    here
}

fn step(sim: &mut Simulation<Harbour>, inputs: Vec<Input<()>>) -> Roots {
    let tick = sim.world().tick().next();
    sim.step(&InputFrame::new(tick, Entropy::PREDICTED, inputs), &Inline).expect("a frame of the next tick")
}
