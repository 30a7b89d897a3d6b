//! [`Marks`]: which ticks a build cannot make, and how often somebody tried.
//!
//! Invariant: a mark and an attempt are durable before anybody acts on them. They stand beside the journal and change nothing of
//! its history: a mark binds the build that panicked, and not the region, so another build may make the tick.

use std::{fmt, future::Future};

use tickworld_sim::hash::{Hash, Hasher};

use crate::{error::Fault, limits, position::Epoch, record::Record};

/// Which program makes ticks: 16 bytes of a hash of it, as the embedder says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId(pub [u8; 16]);

impl BuildId {
    /// Of what tells one program from another, the bytes of its file for instance: the first 16 bytes of BLAKE3 over 17
    /// "tickworld.build.1" and them.
    #[must_use]
    pub fn of(program: &[u8]) -> Self {
        let hash = Hasher::new(b"tickworld.build.1").update(program).finish();
        Self(*hash.0.first_chunk().expect("a hash has 32 bytes"))
    }
}

impl fmt::Display for BuildId {
    /// All 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tick that a build panicked in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Hash of the record of that tick.
    pub record_hash: Hash,
    /// Which program panicked.
    pub build: BuildId,
    /// The epoch of the owner who closed the frame and panicked in its first step: nobody was told of the tick. `None` where a
    /// replay panicked, since somebody may have been told before.
    pub epoch: Option<Epoch>,
    /// What the panic said: at most [`MARK_MESSAGE_BYTES_MAX`](limits::MARK_MESSAGE_BYTES_MAX) bytes.
    pub message: String,
}

impl Mark {
    /// With as much of the message as a mark holds.
    #[must_use]
    pub fn new(record_hash: Hash, build: BuildId, epoch: Option<Epoch>, message: &str) -> Self {
        let mut end = message.len().min(limits::MARK_MESSAGE_BYTES_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        Self { record_hash, build, epoch, message: message[..end].to_owned() }
    }

    /// Whether it says of a record that its own writer panicked in it, so that nobody was told of the tick.
    #[must_use]
    pub fn is_of_writer(&self, record: &Record) -> bool {
        self.record_hash == record.hash() && self.epoch == Some(record.epoch())
    }
}

/// How often a build began to make ticks again after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The build that began.
    pub build: BuildId,
    /// Hash of the last record of a tick.
    pub record_hash: Hash,
    /// How often it began.
    pub count: u32,
}

/// Keeps marks and attempts of the journal's world.
pub trait Marks: Send + Sync {
    /// Notes a mark, durably; it replaces one of the same record and build. Beyond
    /// [`MARKS_MAX`](limits::MARKS_MAX) the ones of other records go.
    ///
    /// # Errors
    /// When the storage fails; noting it again does no harm.
    fn mark(&self, mark: &Mark) -> impl Future<Output = Result<(), Fault>> + Send;

    /// All of them, by record and build.
    ///
    /// # Errors
    /// When the storage fails.
    fn marks(&self) -> impl Future<Output = Result<Vec<Mark>, Fault>> + Send;

    /// Counts an attempt of a build at what follows the last record of a tick, durably; gives how many there were with this one.
    /// Attempts after another record are forgotten.
    ///
    /// # Errors
    /// When the storage fails; it may have been counted then.
    fn attempt(&self, build: BuildId, record_hash: Hash) -> impl Future<Output = Result<u32, Fault>> + Send;

    /// The attempts that are counted, by build.
    ///
    /// # Errors
    /// When the storage fails.
    fn attempts(&self) -> impl Future<Output = Result<Vec<Attempts>, Fault>> + Send;

    /// Forgets all attempts: an operator says that it is tried again.
    ///
    /// # Errors
    /// When the storage fails.
    fn forget_attempts(&self) -> impl Future<Output = Result<(), Fault>> + Send;
}
