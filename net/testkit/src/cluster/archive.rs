//! [`ArchiveWork`]: what a region asks of the archive, which stands in its server's store.
//!
//! Invariant: an answer is what the archive has when the work is done, however long ago it was asked for.

use tickworld_ledger::Ledger;
use tickworld_persist::Store;
use tickworld_proto::instant::Instant;
use tickworld_region::{RaiseArchived, Region, Seek, raise_archived, seek};

use super::{bug::Bug, storage::now as ready, watch::Watch};

/// Something to ask.
pub(super) enum ArchiveWork {
    Seek(Seek),
    Raise(RaiseArchived),
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
                if let (Some(Bug::DropsWhatTheArchiveHas), Ok(found)) = (bug, &mut found) {
                    found.parcel = [].into();
                }
                watch.count(match &found {
                    Ok(found) if found.hops == 1 => "births",
                    Ok(_) => "returns from the archive",
                    Err(_) => "players not found",
                });
                region.handle_found(now, work.player, found);
            }
            Self::Raise(work) => {
                let result = ready(raise_archived(store, &work));
                watch.count(if result.is_ok() { "departures archived" } else { "departures not archived" });
                region.handle_archived(now, work.sequence, result);
            }
        }
    }
}
