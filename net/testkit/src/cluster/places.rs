//! Where everybody is at the end, and what they have with them, of all that worlds, outboxes and the archive say.
//!
//! Invariant: of all that is said of a player the one with most hops is so, and nothing of fewer hops has them in a world; where
//! several say the same, their coins are counted once.

use std::sync::Arc;

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{Archive, Whereabouts};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence},
    region::RegionId,
    rng::Entropy,
    session::HOPS_AN_INCARNATION,
    world::World,
};

use super::{plan::Plan, storage::now};
use crate::check::Violation;

/// What is said of a player.
#[derive(Clone, Debug)]
enum Mention {
    /// They are in a region.
    Present(RegionId),
    /// They left a region for another one or the archive, which may not have them yet.
    Left { to: RegionId, parcel: Vec<u8> },
    /// A region keeps them for an operator.
    Held { parcel: Vec<u8> },
    /// The archive says where they are.
    Row(Whereabouts),
}

/// Where a player is said to be, with the hops that go with it.
type Mentions = Vec<(u64, Mention)>;

/// All coins that players have with them who are in no world.
///
/// # Errors
/// When somebody is in two places, or in none.
pub(super) fn coins_under_way(
    archive: &impl Archive,
    worlds: &[&World<Ledger>],
    players: &[PlayerId],
) -> Result<u64, Violation> {
    let rows = now(archive.whereabouts(players)).map_err(|error| Violation::Recovery(error.to_string()))?;
    let mut coins = 0_u64;
    for (player, row) in players.iter().copied().zip(rows) {
        let row = row.map_err(|cause| Violation::Recovery(format!("the row of player {}: {cause}", player.0)))?;
        let mut mentions = mentions(player, worlds);
        mentions.extend(row.map(|row| (row.hops, Mention::Row(row))));
        mentions.sort_by_key(|(hops, mention)| (*hops, matches!(mention, Mention::Present(_))));
        if let Some(what) = contradiction(&mentions) {
            let what = format!("{what}: {mentions:?}");
            return Err(Violation::NoPlace { player, what });
        }
        coins = coins.wrapping_add(parcel_of(&mentions).map_or(0, |parcel| coins_in(player, parcel)));
    }
    Ok(coins)
}

/// All coins of a world's regions, with what is under way, are what they began with.
///
/// # Errors
/// When there are more or fewer.
pub(super) fn check_coins(plan: &Plan, worlds: &[&World<Ledger>], under_way: u64) -> Result<(), Violation> {
    let expected = u64::from(plan.region_count) * u64::from(plan.accounts) * plan.coins;
    let found = worlds.iter().fold(under_way, |sum, world| sum.wrapping_add(world.state().total()));
    if found == expected { Ok(()) } else { Err(Violation::AllCoins { expected, found }) }
}

fn mentions(player: PlayerId, worlds: &[&World<Ledger>]) -> Mentions {
    let mut mentions = Mentions::new();
    for world in worlds {
        let here = world.region().state().id;
        let known = world.players().find(player).filter(|known| known.departed_to.is_none());
        mentions.extend(known.map(|known| (known.hops, Mention::Present(here))));
        for (entry, parcel) in world.region().outbox().filter(|(entry, _)| entry.player == player) {
            let to = entry.to;
            mentions
                .push((entry.hops, if to == here { Mention::Held { parcel } } else { Mention::Left { to, parcel } }));
        }
    }
    mentions
}

/// What is wrong with all that is said of a player, which ascends by hops.
fn contradiction(mentions: &Mentions) -> Option<&'static str> {
    let (most, newest) = mentions.last()?;
    let present = mentions.iter().filter(|(_, mention)| matches!(mention, Mention::Present(_)));
    let present: Vec<u64> = present.map(|(hops, _)| *hops).collect();
    if present.len() > 1 {
        return Some("in two regions");
    }
    if present.first().is_some_and(|hops| hops < most) {
        return Some("in a region, though something newer is said");
    }
    let Mention::Present(region) = newest else { return None };
    let row = mentions.iter().find_map(|(_, mention)| match mention {
        Mention::Row(row) => Some(row),
        _ => None,
    });
    match row {
        // Worlds without an archive: nobody ever left, and only ticks that were taken back added something.
        None if *most % HOPS_AN_INCARNATION == 0 => None,
        None => Some("in a region, and the archive never heard of it"),
        Some(row) if row.hops == *most && row.at == Some(*region) => None,
        // The row comes after the tick that has them; whoever sent them says them again until then.
        Some(_) => {
            let waits = |(hops, mention): &(u64, Mention)| {
                hops == most && matches!(mention, Mention::Left { to, .. } if to == region)
            };
            let is_said_again = mentions.iter().any(waits);
            (!is_said_again).then_some("in a region, the archive says something else, and nobody will tell it")
        }
    }
}

/// What a player has with them who is in no world.
fn parcel_of(mentions: &Mentions) -> Option<&[u8]> {
    match &mentions.last()?.1 {
        Mention::Present(_) => None,
        Mention::Left { parcel, .. } | Mention::Held { parcel } => Some(parcel),
        Mention::Row(row) => Some(&row.parcel),
    }
}

/// The coins in a parcel, as a world finds them that takes it in.
fn coins_in(player: PlayerId, parcel: &[u8]) -> u64 {
    let mut scratch = Ledger::open(1, 0);
    let act = Act::Return { hops: u64::MAX, is_held: false, parcel: Arc::from(parcel) };
    let tick = scratch.world().tick().next();
    let frame = InputFrame::<Order>::new(tick, Entropy::PREDICTED, vec![Input { player, sequence: Sequence(0), act }]);
    scratch.step(&frame, &Inline).expect("the next tick of a new world");
    scratch.state().total()
}

#[cfg(test)]
mod tests {
    use tickworld_persist::Voucher;
    use tickworld_sim::frame::Tick;

    use super::*;

    const A: RegionId = RegionId(1);
    const B: RegionId = RegionId(2);

    fn row(hops: u64, at: Option<RegionId>) -> (u64, Mention) {
        let by = Voucher { region: A, incarnation: 1, tick: Tick(5) };
        (hops, Mention::Row(Whereabouts { hops, at, by, parcel: vec![].into() }))
    }

    fn left(hops: u64, to: RegionId) -> (u64, Mention) {
        (hops, Mention::Left { to, parcel: Vec::new() })
    }

    fn present(hops: u64, region: RegionId) -> (u64, Mention) {
        (hops, Mention::Present(region))
    }

    #[test]
    fn a_player_is_where_the_most_hops_are() {
        let good: [Mentions; 8] = [
            vec![],
            vec![present(0, A)],
            vec![row(1, Some(A)), present(1, A)],
            vec![row(1, Some(A)), left(2, B)],
            vec![row(1, Some(A)), left(2, B), present(2, B)],
            vec![left(2, B), row(2, Some(B)), present(2, B)],
            vec![row(3, None)],
            vec![left(3, RegionId::ARCHIVE), row(4, Some(B))],
        ];
        good.iter().for_each(|mentions| assert_eq!(contradiction(mentions), None, "{mentions:?}"));
        let bad: [(&str, Mentions); 5] = [
            ("in two regions", vec![present(1, A), row(2, Some(B)), present(2, B)]),
            ("something newer", vec![present(1, A), row(2, None)]),
            ("something newer", vec![row(1, Some(A)), present(1, A), left(2, B)]),
            ("never heard", vec![present(1, A)]),
            ("nobody will tell", vec![row(1, Some(A)), present(2, B)]),
        ];
        for (what, mentions) in bad {
            assert!(contradiction(&mentions).is_some_and(|found| found.contains(what)), "{what}: {mentions:?}");
        }
    }
}
