//! What comes into a world and leaves it with parcels of players in one tick: sources and sinks for those who count coins.
//!
//! Invariant: both are read from parcels, one by one, and from the players' numbers: what has not become of a parcel by these is not
//! counted. Nothing is judged here, and no system asks.

use alloc::{collections::BTreeSet, vec::Vec};

use tickworld_sim::{
    frame::{Act, InputFrame, PlayerId},
    parcel::Parcel,
    region::RegionId,
    world::{World, schema},
};

use crate::{command::Command, rules::Rules};

/// Who came in a tick with a character of elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Whoever came with a body, in the order of their parcels.
    pub(crate) players: Vec<PlayerId>,
    /// Coins in their purses when they left.
    pub(crate) coins: u128,
}

/// Who came, by the parcels in `frame` and those that were held before.
#[must_use]
pub(crate) fn arrived(frame: &InputFrame<Command>, before: &World<Rules>, now: &World<Rules>) -> Arrived {
    let mut arrived = Arrived::default();
    let mut take = |parcel: &Parcel, hops: u64| {
        let is_here = |known: &World<Rules>| {
            known.players().find(parcel.player).is_some_and(|it| it.departed_to.is_none() || it.hops >= hops)
        };
        let is_taken = now.players().find(parcel.player).is_some_and(|it| it.hops >= hops);
        if is_taken && !is_here(before) && !parcel.bands.is_empty() && !arrived.players.contains(&parcel.player) {
            arrived.players.push(parcel.player);
            arrived.coins = arrived.coins.saturating_add(coins(parcel));
        }
    };
    for input in &frame.inputs {
        match &input.act {
            Act::Mail { parcel, is_held: false, .. } => {
                if let Ok(parcel) = Parcel::decode(parcel) {
                    take(&parcel, parcel.hops);
                }
            }
            Act::Return { hops, is_held: false, parcel } => {
                if let Ok(parcel) = Parcel::decode(parcel) {
                    take(&parcel, *hops);
                }
            }
            _ => {}
        }
    }
    let own = before.region().state().id;
    for (entry, parcel) in before.region().outbox().filter(|(entry, _)| entry.to == own) {
        if let Ok(parcel) = Parcel::decode(&parcel) {
            take(&parcel, entry.hops);
        }
    }
    arrived
}

/// Coins in the parcels that were put into the outbox in this tick, for the archive or another region.
#[must_use]
pub(crate) fn departed(before: &World<Rules>, now: &World<Rules>) -> u128 {
    let known: BTreeSet<(RegionId, u64)> = before.region().outbox().map(|(it, _)| (it.to, it.sequence)).collect();
    sent(now, &|to, sequence| !known.contains(&(to, sequence)))
}

/// Coins in all parcels that wait for the archive or another region.
#[must_use]
pub(crate) fn under_way(world: &World<Rules>) -> u128 {
    sent(world, &|_, _| true)
}

/// Coins in the parcels that are for somewhere else and wanted, by where they go and their number.
fn sent(world: &World<Rules>, is_wanted: &dyn Fn(RegionId, u64) -> bool) -> u128 {
    let own = world.region().state().id;
    let sent = world.region().outbox().filter(|(it, _)| it.to != own && is_wanted(it.to, it.sequence));
    sent.filter_map(|(_, parcel)| Parcel::decode(&parcel).ok()).fold(0, |sum, it| sum.saturating_add(coins(&it)))
}

/// Coins of the character in a parcel.
#[must_use]
fn coins(parcel: &Parcel) -> u128 {
    let schema = schema::<Rules>();
    let purses = parcel.rows_of(&schema, "purse").unwrap_or_default();
    let own = purses.into_iter().find(|(local, _)| *local == 0);
    own.and_then(|(_, bytes)| bytes.try_into().ok()).map_or(0, |bytes| u64::from_le_bytes(bytes).into())
}
