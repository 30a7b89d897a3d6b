//! Why a pack was refused.
//!
//! Invariant: every message says where in the pack and what was found there; bad bytes are never a panic.

use alloc::string::String;

use tickworld_sim::content::ContentId;

/// Why bytes are not a pack, or why a pack cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Shorter than a header.
    #[error("truncated: {bytes} bytes, a pack has at least {bytes_min}")]
    Truncated {
        /// Bytes that there are.
        bytes: usize,
        /// Bytes that a header takes.
        bytes_min: usize,
    },
    /// Some other kind of file.
    #[error("not a content pack: the first eight bytes are not its magic")]
    Magic,
    /// A pack of another format version.
    #[error("content pack of format version {found}; this build reads version {known}")]
    Version {
        /// The version that the header names.
        found: u16,
        /// The version that this build reads.
        known: u16,
    },
    /// Bytes that this version leaves zero are not.
    #[error("reserved header bytes are not zero")]
    Reserved,
    /// The file was cut or something was appended.
    #[error("the header promises a body of {header} bytes, the file holds {actual}")]
    Length {
        /// Length of the body in bytes, as the header has it.
        header: u32,
        /// Bytes that follow the header in the file.
        actual: usize,
    },
    /// The pack is longer than [`limits::PACK_BYTES_MAX`](crate::limits::PACK_BYTES_MAX).
    #[error("pack of {bytes} bytes; at most {bytes_max} are read")]
    TooLarge {
        /// Length of the file or body in bytes.
        bytes: usize,
        /// The most that is read, in bytes.
        bytes_max: usize,
    },
    /// The body is not the one that the id was made from.
    #[error("the body is damaged: its BLAKE3 is {actual:.16}, the header says {header:.16}")]
    Id {
        /// The id that the header names.
        header: ContentId,
        /// The id that the body hashes to.
        actual: ContentId,
    },
    /// The FlatBuffers verifier refused the body.
    #[error("malformed body: {0}")]
    Malformed(String),
    /// A value is impossible.
    #[error("{table}[{row}].{field}: {problem}")]
    Invalid {
        /// Vector of the pack.
        table: &'static str,
        /// The position in that vector, from 0.
        row: usize,
        /// Field of the entry.
        field: &'static str,
        /// What is wrong with the value.
        problem: Problem,
    },
    /// Readable, but not the bytes that this build writes for the same content.
    #[error("the body is not in canonical form")]
    NotCanonical,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not one of the known values of an enumeration.
    #[error("unknown value {0}")]
    Unknown(u8),
    /// A number is outside its range.
    #[error("{value} is not within {min} to {max}")]
    Range {
        /// The number that stands there.
        value: i64,
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// Points behind the end of the table it points into.
    #[error("position {index} in a table of {count}")]
    Index {
        /// The position that stands there.
        index: u64,
        /// Entries of the table.
        count: usize,
    },
    /// A list is too long.
    #[error("{count} entries, at most {max} are allowed")]
    Count {
        /// The number of entries that stand there.
        count: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// A list that always has the same length has another one.
    #[error("{count} entries, must be {exactly}")]
    Length {
        /// The number of entries that stand there.
        count: usize,
        /// The number that must stand there.
        exactly: usize,
    },
    /// Not in ascending order, or twice the same.
    #[error("out of order or repeated")]
    Order,
    /// No entry of the pack has this key.
    #[error("key {0:016x} names nothing in this pack")]
    Dangling(u64),
    /// What is said to be gone is in the pack.
    #[error("key {0:016x} is still in this pack: nothing else can stand for it")]
    StillThere(u64),
    /// Dice that cannot be rolled, such as 2d0.
    #[error("impossible dice {count}d{sides}")]
    Dice {
        /// Number of dice.
        count: u8,
        /// Sides of each die.
        sides: u8,
    },
    /// A field that must be zero for this kind of entry is not.
    #[error("has a meaningless value")]
    Meaningless,
}
