//! How a player leaves a world as a parcel, and comes into one.
//!
//! Invariant: a player is in exactly one place. Who departs has no entity here from then on, and their slot says where they
//! went until it is known that they arrived; who arrives has the numbers that they left with. Either happens whole or not at all.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Packer, Parcel, Unpacker};
use crate::{
    bytes::Reader,
    component::DecodeError,
    entity::{Entity, Row},
    frame::PlayerId,
    game::Game,
    limits,
    region::{RegionId, RegionState},
    schema::{RowKind, Schema},
    session::{Place, Player, Players},
    state::State,
    step::Step,
    world::World,
};

/// Why a parcel is not taken in; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Its bytes are no parcel of this world's schema.
    #[error("the parcel cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    /// It was made by other rules, or players of this game do not travel.
    #[error("the parcel is of another schema or revision of the rules")]
    Terms,
    /// It is not what its sender says of it.
    #[error("the parcel is of another player, region or journey than its sender says")]
    Sender,
    /// The player is here, or was here after they left with this parcel.
    #[error("the player is here, or has been since")]
    Known,
    /// There is no slot, entity or chunk left for it.
    #[error("there is no room for the player")]
    Full,
}

/// A parcel that arrives.
pub(crate) struct Arrival<'a> {
    pub(crate) parcel: &'a Parcel,
    /// The player's hops from now on.
    pub(crate) hops: u64,
    /// The region that they come to.
    pub(crate) own: RegionState,
}

/// Takes the player `id` out of the world and puts them into the outbox; gives whether that could be done. They stay where the
/// border is closed, there is no room, or their parcel would be too large.
pub(crate) fn depart<G: Game>(world: &mut World<G>, schema: &Schema, id: PlayerId, to: RegionId) -> bool {
    let Some((entities, hops, parcel)) = parcel_of(world, schema, id) else { return false };
    if !world.region.post(to, id, hops, &parcel) {
        return false;
    }
    for entity in entities {
        G::depart(&mut world.state, entity);
        world.state.despawn(entity);
    }
    world.players.depart(id, to, hops, world.tick);
    true
}

/// The entities of a player, their hops once they left, and their parcel's bytes; `None` where it would be too large.
fn parcel_of<G: Game>(world: &World<G>, schema: &Schema, id: PlayerId) -> Option<(Vec<Entity>, u64, Vec<u8>)> {
    let player = *world.players.find(id)?;
    let hops = player.hops.checked_add(1)?;
    let own = player.entity.filter(|entity| world.state.entities().contains(*entity));
    let mut entities: Vec<Entity> = Vec::new();
    if let Some(own) = own {
        let mut known = BTreeSet::new();
        let all = core::iter::once(own).chain(G::belongings(&world.state, own));
        entities.extend(all.filter(|entity| world.state.entities().contains(*entity) && known.insert(*entity)));
    }
    // Each takes a byte, for its band.
    if entities.len() >= limits::PARCEL_BYTES_MAX {
        return None;
    }
    let parcel = pack(world, schema, &player, hops, &entities)?;
    let mut bytes = Vec::new();
    parcel.encode(&mut bytes);
    (bytes.len() <= limits::PARCEL_BYTES_MAX).then_some((entities, hops, bytes))
}

fn pack<G: Game>(world: &World<G>, schema: &Schema, player: &Player, hops: u64, entities: &[Entity]) -> Option<Parcel> {
    let state = &world.state;
    let rows: Vec<Row> = entities.iter().map(|entity| Row::new(entity.index())).collect();
    let locals: BTreeMap<Entity, u16> = entities.iter().copied().zip(0..=u16::MAX).collect();
    let bands = rows.iter().map(|row| state.entities().band(*row)).collect::<Option<_>>()?;
    let mut packer = Packer::new(&rows, &locals, first_column(schema, state));
    state.pack(&mut packer);
    let mut bytes = Vec::new();
    packer.finish(&mut bytes)?;
    let region = world.region.state();
    Some(Parcel {
        schema: schema.id(),
        revision: G::REVISION,
        content: world.content,
        region: region.id,
        incarnation: region.incarnation,
        tick: world.tick,
        player: player.id,
        hops,
        generation: player.generation,
        opened_by: player.opened_by,
        last_sequence: world.players.last_sequence(player.id),
        is_barred: player.is_barred,
        voids: player.voids,
        outcomes: world.players.outcomes_of(player.id),
        bands,
        rows: bytes,
    })
}

/// Whether a parcel is one of this world's rules.
///
/// # Errors
/// Where it is of others.
pub(crate) fn judge<G: Game>(schema: &Schema, parcel: &Parcel) -> Result<(), Refusal> {
    let is_ours = G::TRAVELS && parcel.schema == schema.id() && parcel.revision == G::REVISION;
    if is_ours { Ok(()) } else { Err(Refusal::Terms) }
}

/// Takes a player in who may arrive ([`judge`], [`Players::may_arrive`]).
///
/// # Errors
/// Why not; nothing has changed then.
pub(crate) fn arrive<G: Game>(
    state: &mut G::State,
    players: &mut Players,
    schema: &Schema,
    step: &mut Step<'_, G>,
    arrival: &Arrival<'_>,
) -> Result<(), Refusal> {
    let Arrival { parcel, hops, own } = *arrival;
    // What was given out to them since, in ticks that were taken back, must not be good.
    let is_of_earlier_life = parcel.region == own.id && parcel.incarnation < own.incarnation;
    // Into a clone, which shares all pages: what turns out not to fit leaves nothing behind.
    let mut arrived = state.clone();
    let mut entities = Vec::with_capacity(parcel.bands.len());
    for band in &parcel.bands {
        entities.push(arrived.spawn(*band).map_err(|_| Refusal::Full)?);
    }
    let sizes = |number: u16| {
        let column = schema.columns.get(usize::from(number))?;
        (column.rows == RowKind::Entity).then(|| column.ty.size())
    };
    let mut unpacker = Unpacker::new(Reader::new(&parcel.rows), &entities, first_column(schema, state), &sizes)?;
    arrived.unpack(&mut unpacker)?;
    unpacker.finish()?;
    // Who comes from a neighbour keeps their ticket; only the archive has who may have been here before in a tick that is void.
    let is_return = hops > parcel.hops;
    let first_generation = if is_return { own.first_generation() } else { 0 };
    let entity = entities.first().copied();
    let place = Place { entity, hops, now: step.tick(), is_of_earlier_life, first_generation };
    if !players.arrive(parcel, &place) {
        return Err(Refusal::Full);
    }
    // Last: what it tells the outside, and the numbers that it draws, are not taken back.
    G::arrive(&mut arrived, step, parcel.player, &entities, parcel.tick);
    *state = arrived;
    Ok(())
}

/// The number of a state's first column: those of the region, the players and the events stand before it.
fn first_column<S: State>(schema: &Schema, state: &S) -> u16 {
    let mut own = 0_usize;
    state.columns(&mut |_, _| own = own.saturating_add(1));
    u16::try_from(schema.columns.len().saturating_sub(own)).expect("a schema has at most 1,024 columns")
}
