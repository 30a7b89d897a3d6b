//! [`ArchiveWork`]: what a region asks of the archive, which stands in its server's store.
//!
//! Invariant: an answer is what the archive has when the work is done, however long ago it was asked for.

use tickworld_ledger::Ledger;
use tickworld_persist::Store;
use tickworld_proto::{host::Finding, instant::Instant};
use tickworld_region::{Moves, Region, Seek, move_players, seek};
use tickworld_sim::region::RegionId;

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
                let mut found = ready(seek(store, &work));
                if let (Some(Bug::DropsWhatTheArchiveHas), Ok(Finding::Here(found))) = (bug, &mut found) {
                    found.parcel = [].into();
                }
                watch.count(match &found {
                    Ok(Finding::Here(found)) if found.hops == 1 => "births",
                    Ok(Finding::Here(_)) => "returns from the archive",
                    Ok(Finding::Nowhere) => "players who never were",
                    Ok(Finding::Elsewhere { .. }) => "players found elsewhere",
                    Err(_) => "players not found",
                });
                region.handle_found(now, work.search, found);
            }
            Self::Move(moves) => {
                let moved = ready(move_players(store, &moves));
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
