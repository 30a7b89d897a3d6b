//! [`Entity`], [`Row`] and [`Band`]: how things in the world are named.
//!
//! An [`Entity`] may be kept anywhere in the state; a [`Row`] is where a living entity's components are right now, and is never
//! stored. Turning one into the other goes through [`Entities`](crate::entities::Entities), which is where a stale handle is
//! noticed: a column cannot be read with one.

use core::fmt;

use crate::{
    component::{Component, DecodeError},
    schema::Type,
};

/// A handle to an entity: index and generation. Two entities never share a handle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    index: u32,
    generation: u32,
}

impl Entity {
    pub(crate) const fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// Which row its components are in while it lives.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many entities had this index before, plus one.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// Index in the low half, generation in the high half: a key for random streams and total orders.
    #[must_use]
    #[inline]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index, self.generation)
    }
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Component for Entity {
    const SIZE: usize = 8;
    const NAMES_ENTITIES: bool = true;
    const FILLER: Self = Self::new(0, 0);
    fn describe() -> Type {
        Type::Entity
    }
    #[inline]
    fn encode(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_bits().to_le_bytes());
    }
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Some((index, generation)) = bytes.split_at_checked(4) else {
            return Err(DecodeError::length(Self::SIZE, bytes.len()));
        };
        Ok(Self::new(u32::decode(index)?, u32::decode(generation).map_err(|e| e.shift(4))?))
    }
    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        self == other
    }
}

/// A row number of a column: where an entity's components are during this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The row's number, which is the entity's index.
    #[must_use]
    #[inline]
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// A class of entities (players, creatures, items, and so on) that shares whole runs of 1,024 indices, so that pages are dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band(pub u8);
