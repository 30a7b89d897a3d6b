//! [`Note`]: what a region's helpers tell it.

use std::time::Duration;

use bytes::Bytes;
use tickworld_persist::Epoch;
use tickworld_proto::host::SessionId;
use tickworld_sim::{content::ContentId, frame::Tick};

use crate::{
    admission::{Granted, Refused},
    command::{CommandError, Reply, SnapshotStored, Switched},
};

/// News for the region's thread.
pub(super) enum Note<C> {
    /// Every tick up to this one is stored.
    Stored {
        /// The tick.
        tick: Tick,
        /// How long the last of them waited.
        waited: Duration,
    },
    /// Ticks cannot be stored; the journal tries again.
    StorageFailed(String),
    /// Somebody else owns the world now: stop.
    Fenced(Epoch),
    /// The journal cannot go on at all.
    JournalLost(String),
    /// A snapshot was stored, or was not.
    Snapshot {
        /// What became of it.
        result: Result<SnapshotStored, CommandError>,
        /// Who asked for it, if anybody.
        reply: Option<Reply<SnapshotStored>>,
        /// How long it took.
        took: Duration,
    },
    /// Somebody who wants to come in was judged.
    Authenticated {
        /// Whose session.
        session: SessionId,
        /// What was found.
        result: Result<Granted, Refused>,
    },
    /// A pack is read: the world may try it.
    Pack {
        /// Its id.
        id: ContentId,
        /// What the game makes of it.
        content: C,
        /// The pack.
        bytes: Bytes,
        /// Whether what the world holds may be missing in it.
        force: bool,
        /// Who asked.
        reply: Reply<Switched>,
    },
    /// A pack that the world can go on with is stored: the world switches to it.
    PackStored {
        /// Its id.
        id: ContentId,
        /// Who asked.
        reply: Reply<Switched>,
    },
}
