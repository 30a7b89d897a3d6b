//! [`Component`]: a fixed-size value with one canonical byte string.
//!
//! Invariant: `decode(encode(v)) == v` for every value, and every other byte string is refused. Everything that reaches a
//! hash, a snapshot, a journal or a trace goes through this trait, rows, inputs and events alike.
//! It does not know where a value is stored: that is a [`Column`](crate::column::Column)'s business.

pub use tickworld_derive::Component;

pub use crate::decode_error::{DecodeCause, DecodeError, expect_zeros};
use crate::{
    math::{Angle, Fx},
    schema::Type,
};

/// A fixed-size value: what a row, a resource, an input or an event is made of.
///
/// Written by `#[derive(Component)]` for structs and enums whose fields are components; implemented here for integers,
/// `bool`, `Option`, arrays, [`Text`](crate::text::Text) and the types of [`math`](crate::math).
///
/// A row, an input and an event are at most 256 bytes long ([`ROW_BYTES_MAX`](crate::limits::ROW_BYTES_MAX)). A longer type is
/// still a component, to be a field's, but a column of it does not compile; split it over several columns, and keep what grows
/// in a [`ListColumn`](crate::list::ListColumn).
///
/// # Determinism
/// The encoding is little-endian and has no padding whose content is free: an enum's payload is padded with zeros up to its
/// largest variant, and [`decode`](Self::decode) refuses anything else there. [`canonical_eq`](Self::canonical_eq) compares what is encoded,
/// never a user's `PartialEq`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a component: it cannot be hashed, snapshotted and diffed",
    label = "no canonical fixed-size encoding",
    note = "derive it with `#[derive(Component, Clone, Copy)]`; floats, `usize`, references and collections never are components"
)]
pub trait Component: Copy + Send + Sync + 'static {
    /// Length of the encoding in bytes.
    const SIZE: usize;
    /// Whether a value may name an entity where nobody cannot stand: in no `Option`. A row of such values goes along with a player
    /// who leaves only where everybody that it names does.
    const NAMES_ENTITIES: bool = false;
    /// A value to fill the memory of absent rows with; it is never hashed or read.
    const FILLER: Self;
    /// Names and types of the fields, for reports and for the schema id.
    fn describe() -> Type;
    /// Writes the canonical encoding; `out` is [`SIZE`](Self::SIZE) bytes long.
    fn encode(&self, out: &mut [u8]);
    /// Reads a canonical encoding; `bytes` is [`SIZE`](Self::SIZE) bytes long.
    ///
    /// # Errors
    /// Where the bytes are not exactly what [`encode`](Self::encode) writes for some value.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
    /// Whether both have the same encoding.
    fn canonical_eq(&self, other: &Self) -> bool;
}

macro_rules! integer {
    ($($t:ident $variant:ident)+) => { $(
        impl Component for $t {
            const SIZE: usize = size_of::<Self>();
            const FILLER: Self = 0;
            fn describe() -> Type {
                Type::$variant
            }
            #[inline(always)]
            fn encode(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
            #[inline(always)]
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                match bytes.try_into() {
                    Ok(bytes) => Ok(Self::from_le_bytes(bytes)),
                    Err(_) => Err(DecodeError::length(Self::SIZE, bytes.len())),
                }
            }
            #[inline(always)]
            fn canonical_eq(&self, other: &Self) -> bool {
                self == other
            }
        }
    )+ };
}
integer!(u8 U8 u16 U16 u32 U32 u64 U64 i8 I8 i16 I16 i32 I32 i64 I64);

impl Component for () {
    const SIZE: usize = 0;
    const FILLER: Self = ();
    fn describe() -> Type {
        Type::Unit
    }
    #[inline(always)]
    fn encode(&self, _: &mut [u8]) {}
    #[inline(always)]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() { Ok(()) } else { Err(DecodeError::length(0, bytes.len())) }
    }
    #[inline(always)]
    fn canonical_eq(&self, _: &Self) -> bool {
        true
    }
}

impl Component for bool {
    const SIZE: usize = 1;
    const FILLER: Self = false;
    fn describe() -> Type {
        Type::Bool
    }
    #[inline(always)]
    fn encode(&self, out: &mut [u8]) {
        out.copy_from_slice(&[u8::from(*self)]);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(DecodeError::new(DecodeCause::Bool(*other))),
            _ => Err(DecodeError::length(1, bytes.len())),
        }
    }
    #[inline(always)]
    fn canonical_eq(&self, other: &Self) -> bool {
        self == other
    }
}

impl<T: Component> Component for Option<T> {
    const SIZE: usize = 1 + T::SIZE;
    const FILLER: Self = None;
    fn describe() -> Type {
        Type::Option(alloc::boxed::Box::new(T::describe()))
    }
    #[inline]
    fn encode(&self, out: &mut [u8]) {
        let (mark, rest) = out.split_at_mut(1);
        match self {
            None => {
                mark.fill(0);
                rest.fill(0);
            }
            Some(value) => {
                mark.fill(1);
                value.encode(rest);
            }
        }
    }
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Some((mark, rest)) = bytes.split_first() else { return Err(DecodeError::length(Self::SIZE, 0)) };
        if rest.len() != T::SIZE {
            return Err(DecodeError::length(Self::SIZE, bytes.len()));
        }
        match mark {
            0 => expect_zeros(rest).map(|()| None).map_err(|e| e.shift(1)),
            1 => T::decode(rest).map(Some).map_err(|e| e.shift(1)),
            other => Err(DecodeError::new(DecodeCause::Bool(*other))),
        }
    }
    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (None, None) => true,
            (Some(a), Some(b)) => a.canonical_eq(b),
            _ => false,
        }
    }
}

impl<T: Component, const N: usize> Component for [T; N] {
    const SIZE: usize = T::SIZE * N;
    const NAMES_ENTITIES: bool = T::NAMES_ENTITIES && N > 0;
    const FILLER: Self = [T::FILLER; N];
    fn describe() -> Type {
        Type::Array(alloc::boxed::Box::new(T::describe()), u16::try_from(N).expect("a row is at most 256 bytes long"))
    }
    #[inline]
    fn encode(&self, out: &mut [u8]) {
        if T::SIZE > 0 {
            for (value, out) in self.iter().zip(out.chunks_exact_mut(T::SIZE)) {
                value.encode(out);
            }
        }
    }
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != Self::SIZE {
            return Err(DecodeError::length(Self::SIZE, bytes.len()));
        }
        let mut all = Self::FILLER;
        if T::SIZE > 0 {
            for (i, (value, bytes)) in all.iter_mut().zip(bytes.chunks_exact(T::SIZE)).enumerate() {
                *value = T::decode(bytes).map_err(|e| e.shift(i.saturating_mul(T::SIZE)))?;
            }
        }
        Ok(all)
    }
    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        self.iter().zip(other).fold(true, |same, (a, b)| same & a.canonical_eq(b))
    }
}

macro_rules! bits {
    ($($t:ident $bits:ident)+) => { $(
        impl Component for $t {
            const SIZE: usize = $bits::SIZE;
            const FILLER: Self = Self::from_bits(0);
            fn describe() -> Type {
                Type::$t
            }
            #[inline(always)]
            fn encode(&self, out: &mut [u8]) {
                self.to_bits().encode(out);
            }
            #[inline(always)]
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                $bits::decode(bytes).map(Self::from_bits)
            }
            #[inline(always)]
            fn canonical_eq(&self, other: &Self) -> bool {
                self.to_bits() == other.to_bits()
            }
        }
    )+ };
}
bits!(Fx i64 Angle u16);
