//! The schema: names and types of everything a state holds, as data.
//!
//! Invariant: two states have the same [`SchemaId`] exactly when their columns have the same names, page sizes and types, so
//! that bytes of one can be read as the other. A [`Type`] reads encoded rows without the Rust types that wrote them: that is
//! what lets any build report the fields of any trace.
//!
//! Here are the types alone, which components describe themselves by; how they are encoded and what they read stands below.

mod codec;
mod value;

use alloc::{borrow::Cow, boxed::Box, vec::Vec};

pub use value::Value;

use crate::hash::Hash;

/// A name that is static where a program describes itself and owned where a file did.
pub type Name = Cow<'static, str>;

/// The type of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is the type of its name")]
pub enum Type {
    Unit,
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    /// [`Fx`](crate::math::Fx): 64-bit two's complement, 16 fraction bits.
    Fx,
    /// [`Angle`](crate::math::Angle): 1/65536 turns.
    Angle,
    /// [`Entity`](crate::entity::Entity): index and generation.
    Entity,
    /// [`Text`](crate::text::Text) of at most that many bytes, from 1 to 255.
    Text(u8),
    /// A mark byte, then the value or zeros.
    Option(Box<Self>),
    /// An array: that many values in a row.
    Array(Box<Self>, u16),
    /// Fields in a row.
    Struct {
        name: Name,
        fields: Vec<Field>,
    },
    /// A tag byte (position of the variant), its fields, zeros up to the longest variant.
    Enum {
        name: Name,
        variants: Vec<Variant>,
    },
}

/// A named value inside a struct or variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As in the source; "0", "1", ... for tuple fields.
    pub name: Name,
    /// The field's type.
    pub ty: Type,
}

/// One alternative of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name as it stands in the source.
    pub name: Name,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// What the rows of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RowKind {
    /// Row `i` belongs to the entity with index `i`.
    Entity = 0,
    /// One row: a resource.
    Resource = 1,
    /// Row `i` is chunk `i` of a list pool.
    Chunk = 2,
    /// Something else with numbered rows (runs of a band, player slots, ...).
    Other = 3,
}

/// One column of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// Field name, with a suffix for the inner columns of composite fields (`inventory.chunks`).
    pub name: Name,
    /// What a row stands for.
    pub rows: RowKind,
    /// Rows per page, a power of two from 64 to 1,024.
    pub page_rows: u16,
    /// The type of a row.
    pub ty: Type,
}

/// Everything a state holds, in declared order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The game's name.
    pub game: Name,
    /// The columns, in declared order.
    pub columns: Vec<ColumnType>,
    /// The type of an input's body.
    pub input: Type,
    /// The type of an event.
    pub event: Type,
}

/// BLAKE3 of the encoded [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub Hash);

impl Type {
    // DOC:VALUES
    // unit    0  nothing
    // bool    1  0 or 1
    // uN, iN  N/8  two's complement
    // Fx      8  two's complement, 16 fraction bits
    // Angle   2  1/65536 turns
    // entity  8  index (4), generation (4)
    // text    1  length in bytes, then UTF-8, then zeros up to as many bytes as there is room for
    // option  1  0 or 1, then the value, or zeros of its size
    // array   the values, one after the other
    // struct  the fields, one after the other
    // enum    1  number of the variant, then its fields, then zeros up to the longest variant
    // DOC:END
    /// Length of the encoding in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Unit => 0,
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::Angle => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 | Self::I64 | Self::Fx | Self::Entity => 8,
            Self::Text(capacity) => usize::from(*capacity).saturating_add(1),
            Self::Option(inner) => inner.size().saturating_add(1),
            Self::Array(inner, count) => inner.size().saturating_mul(usize::from(*count)),
            Self::Struct { fields, .. } => fields_size(fields),
            Self::Enum { variants, .. } => {
                variants.iter().map(|v| fields_size(&v.fields)).max().unwrap_or(0).saturating_add(1)
            }
        }
    }

    /// Number of values in one of this type, counting every variant's; what is empty counts as one, for reading it is work too.
    #[must_use]
    pub fn leaf_count(&self) -> u32 {
        let fields_leaves =
            |fields: &[Field]| fields.iter().fold(0_u32, |sum, field| sum.saturating_add(field.ty.leaf_count())).max(1);
        match self {
            Self::Option(inner) => inner.leaf_count(),
            Self::Array(inner, count) => inner.leaf_count().saturating_mul(u32::from(*count)).max(1),
            Self::Struct { fields, .. } => fields_leaves(fields),
            Self::Enum { variants, .. } => {
                variants.iter().fold(1, |sum, variant| sum.saturating_add(fields_leaves(&variant.fields)))
            }
            _ => 1,
        }
    }
}

fn fields_size(fields: &[Field]) -> usize {
    fields.iter().fold(0, |sum, field| field.ty.size().saturating_add(sum))
}
