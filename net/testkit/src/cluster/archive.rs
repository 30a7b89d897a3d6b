//! [`ArchiveWork`]: what a region asks of the archive, which all regions of a world share.
//!
//! Invariant: an answer is what the archive has when the work is done, however long ago it was asked for.

use std::sync::Arc;

use tickworld_ledger::Ledger;
use tickworld_persist::Store;
use tickworld_proto::{host::Finding, instant::Instant};
use tickworld_region::{Moved, Moves, Region, Seek, move_players, seek};
use tickworld_sim::{parcel::Parcel, region::RegionId};

use super::{bug::Bug, storage::now as ready, watch::Watch};

/// Something to ask.
pub(super) enum ArchiveWork {
    Seek(Seek),
    Move(Moves),
}

impl ArchiveWork {
    /// Asks, and tells the region.
    pub(super) fn carry_out<S: Store>(
        self,
        now: Instant,
        store: &S,
        region: &mut Region<Ledger>,
        bug: Option<Bug>,
        watch: &mut Watch,
    ) {
        match self {
            Self::Seek(work) => {
                let mut findings = ready(seek(store, &work));
                for (_, found) in &mut findings {
                    if let (Some(Bug::DropsWhatTheArchiveHas), Ok(Finding::Here(found))) = (bug, &mut *found) {
                        found.parcel = [].into();
                    }
                    if let (Some(Bug::MintsACoin), Ok(Finding::Here(found))) = (bug, &mut *found) {
                        found.parcel = richer(&found.parcel);
                    }
                    watch.count(match found {
                        Ok(Finding::Here(found)) if found.hops == 1 => "births",
                        Ok(Finding::Here(_)) => "returns from the archive",
                        Ok(Finding::Nowhere) => "players who never were",
                        Ok(Finding::Elsewhere { .. }) => "players found elsewhere",
                        Err(_) => "players not found",
                    });
                }
                if findings.len() > 1 {
                    watch.count("players looked for together");
                }
                region.handle_found(now, findings);
            }
            Self::Move(moves) => {
                let moved = if bug == Some(Bug::SkipsTheArchive) && moves.of != RegionId::ARCHIVE {
                    unmoved(&moves)
                } else {
                    ready(move_players(store, &moves))
                };
                let (done, failed) = match moves.of {
                    RegionId::ARCHIVE => ("departures archived", "departures not archived"),
                    _ => ("arrivals noted", "arrivals not noted"),
                };
                watch.count(if moved.error.is_none() { done } else { failed });
                region.handle_moved(now, moved);
            }
        }
    }
}

/// For [`Bug::SkipsTheArchive`]: as if all had been noted.
fn unmoved(moves: &Moves) -> Moved {
    let sequence = moves.raises.last().map(|(sequence, _)| *sequence);
    Moved { of: moves.of, sequence, count: moves.raises.len() as u64, error: None }
}

/// For [`Bug::MintsACoin`]: the parcel of somebody who has a purse, with another number of coins in it.
fn richer(parcel: &Arc<[u8]>) -> Arc<[u8]> {
    let Ok(mut of) = Parcel::decode(parcel) else { return Arc::clone(parcel) };
    // Number of columns, of the column, of its rows, of the entity: two bytes each (docs/FORMATS.md, "Parcel").
    if let Some(coins) = of.rows.get_mut(PURSE_AT) {
        *coins ^= 1;
    }
    let mut bytes = Vec::new();
    of.encode(&mut bytes);
    bytes.into()
}

/// Where the coins of a purse stand in the rows of a ledger's parcel.
const PURSE_AT: usize = 8;
