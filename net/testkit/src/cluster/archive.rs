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
                if let (Some(Bug::DropsWhatTheArchiveHas), Ok(Some(found))) = (bug, &mut found) {
                    found.parcel = [].into();
                }
                watch.count(match &found {
                    Ok(Some(found)) if found.hops == 1 => "births",
                    Ok(Some(_)) => "returns from the archive",
                    Ok(None) => "players who never were",
                    Err(_) => "players not found",
                });
                region.handle_found(now, work.search, found);
            }
            Self::Raise(work) => {
                let archived = ready(raise_archived(store, &work));
                watch.count(if archived.error.is_none() { "departures archived" } else { "departures not archived" });
                region.handle_archived(now, archived);
            }
        }
    }
}
