//! [`ClientSettings`]: what an embedder decides once.
//!
//! Invariant: nothing here reaches a simulation's roots.

use alloc::{string::String, vec::Vec};

use tickworld_sim::{content::ContentId, region::RegionId, rollback::RollbackSettings};

use crate::message::{Durability, Nonce, SessionKind, Ticket, WorldId};

/// What a client is for, and how much it keeps.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// What its sessions are for.
    pub kind: SessionKind,
    /// What an answer must promise; a host that cannot refuses the session.
    pub durability: Durability,
    /// Program and version, for the host's log; at most [`TEXT_BYTES_MAX`](crate::limits::TEXT_BYTES_MAX).
    pub build: String,
    /// The content that the client begins with. A lockstep client that has followed a world names that world's instead.
    pub content: ContentId,
    /// The world that it wants; `None` for whichever is there.
    pub world: Option<WorldId>,
    /// The region that it wants; 0 for any.
    pub region: RegionId,
    /// The program's own number: random, and drawn once each time that it runs. By it a host tells this client, where it comes again
    /// because it never heard its welcome, from another one that shows the same token or ticket.
    pub nonce: Nonce,
    /// Proof of who it is, for a session without a ticket; at most
    /// [`TOKEN_BYTES_MAX`](crate::limits::TOKEN_BYTES_MAX).
    pub token: Vec<u8>,
    /// From an earlier run of the program; later ones the client keeps itself.
    pub ticket: Option<Ticket>,
    /// How far a lockstep client runs ahead of what is confirmed, and for how long it can say what it had.
    pub rollback: RollbackSettings,
    /// Every how many ticks a lockstep client tells the host its root; 0 for never. It checks its own every tick anyway.
    pub root_report_ticks: u32,
    /// Most bytes of pages that a snapshot may have.
    pub snapshot_bytes_max: u64,
}

impl ClientSettings {
    /// What suits most: evidence for 128 ticks, 256 MiB of it at most, a root reported every 8, snapshots of up to a GiB.
    #[must_use]
    pub const fn new(kind: SessionKind, content: ContentId, token: Vec<u8>, nonce: Nonce) -> Self {
        Self {
            kind,
            durability: Durability::Disk,
            build: String::new(),
            content,
            world: None,
            region: RegionId(0),
            nonce,
            token,
            ticket: None,
            rollback: RollbackSettings {
                prediction_ticks_max: 8,
                evidence_ticks: 128,
                evidence_bytes_max: tickworld_sim::limits::EVIDENCE_BYTES,
            },
            root_report_ticks: 8,
            snapshot_bytes_max: 1 << 30,
        }
    }
}
