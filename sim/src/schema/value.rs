//! [`Value`]: what a [`Type`] reads in an encoded component, field by field.
//!
//! Invariant: it reads just the bytes that a component of that type writes, and refuses all others.

use alloc::{collections::BTreeMap, string::String};
use core::fmt;

use super::{Field, Type};
use crate::{
    component::{Component, DecodeCause, DecodeError, expect_zeros},
    entity::Entity,
    math::{Angle, Fx},
    text::{decode_text, quote},
};

/// A plain value found in an encoded component.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A fixed-point number.
    Fx(Fx),
    /// A binary angle.
    Angle(Angle),
    /// A reference to an entity.
    Entity(Entity),
    /// The variant of an enum.
    Variant(String),
    /// A text, without the room behind it.
    Text(String),
    /// Nothing: an empty `Option`, a value of no size.
    None,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(v) => v.fmt(f),
            Self::Signed(v) => v.fmt(f),
            Self::Bool(v) => v.fmt(f),
            Self::Fx(v) => v.fmt(f),
            Self::Angle(v) => write!(f, "{}/65536 turn", v.to_bits()),
            Self::Entity(v) => v.fmt(f),
            Self::Variant(v) => f.write_str(v),
            Self::Text(v) => {
                let mut quoted = String::new();
                quote(v, &mut quoted);
                f.write_str(&quoted)
            }
            Self::None => f.write_str("none"),
        }
    }
}

impl Type {
    /// Reads encoded bytes field by field: `visit(path, value)` in encoding order, paths as `position.x`, `items[2].count`.
    ///
    /// # Errors
    /// Where the bytes are not the canonical encoding of a value of this type.
    pub fn read(&self, bytes: &[u8], visit: &mut dyn FnMut(&str, Value)) -> Result<(), DecodeError> {
        if bytes.len() != self.size() {
            return Err(DecodeError::length(self.size(), bytes.len()));
        }
        self.read_at(bytes, &mut String::new(), visit)
    }

    /// The values of encoded bytes as texts by path. What shares a path (a variant and its only value) shares a text. `show`
    /// writes a value: its [`Display`](fmt::Display), or a name that only the caller knows.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn fields(
        &self,
        bytes: &[u8],
        show: &mut dyn FnMut(&Value) -> String,
    ) -> Result<BTreeMap<String, String>, DecodeError> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        self.read(bytes, &mut |path, value| {
            let text = fields.entry(path.into()).or_default();
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&show(&value));
        })?;
        Ok(fields)
    }

    fn read_at(&self, bytes: &[u8], path: &mut String, visit: &mut dyn FnMut(&str, Value)) -> Result<(), DecodeError> {
        let value = match self {
            Self::Unit => Value::None,
            Self::Bool => Value::Bool(bool::decode(bytes)?),
            Self::U8 => Value::Unsigned(u8::decode(bytes)?.into()),
            Self::U16 => Value::Unsigned(u16::decode(bytes)?.into()),
            Self::U32 => Value::Unsigned(u32::decode(bytes)?.into()),
            Self::U64 => Value::Unsigned(u64::decode(bytes)?),
            Self::I8 => Value::Signed(i8::decode(bytes)?.into()),
            Self::I16 => Value::Signed(i16::decode(bytes)?.into()),
            Self::I32 => Value::Signed(i32::decode(bytes)?.into()),
            Self::I64 => Value::Signed(i64::decode(bytes)?),
            Self::Fx => Value::Fx(Fx::decode(bytes)?),
            Self::Angle => Value::Angle(Angle::decode(bytes)?),
            Self::Entity => Value::Entity(Entity::decode(bytes)?),
            Self::Text(_) => Value::Text(decode_text(bytes)?.into()),
            Self::Option(inner) => match bytes.split_first() {
                Some((1, rest)) => return inner.read_at(rest, path, visit).map_err(|e| e.shift(1)),
                Some((0, rest)) => {
                    expect_zeros(rest).map_err(|e| e.shift(1))?;
                    Value::None
                }
                other => return Err(DecodeError::new(DecodeCause::Bool(other.map_or(0, |(mark, _)| *mark)))),
            },
            Self::Array(inner, count) => return read_array(inner, *count, bytes, path, visit),
            Self::Struct { fields, .. } => {
                return read_fields(fields, bytes, path, visit).map(|_| ());
            }
            Self::Enum { variants, .. } => {
                let (tag, rest) = bytes.split_first().ok_or(DecodeError::length(1, 0))?;
                let variant = variants.get(usize::from(*tag)).ok_or(DecodeError::new(DecodeCause::Variant(*tag)))?;
                visit(path, Value::Variant(variant.name.clone().into_owned()));
                let used = read_fields(&variant.fields, rest, path, visit).map_err(|e| e.shift(1))?;
                return expect_zeros(&rest[used..]).map_err(|e| e.shift(used.saturating_add(1)));
            }
        };
        visit(path, value);
        Ok(())
    }
}

fn read_array(
    inner: &Type,
    count: u16,
    bytes: &[u8],
    path: &mut String,
    visit: &mut dyn FnMut(&str, Value),
) -> Result<(), DecodeError> {
    let size = inner.size();
    for i in 0..usize::from(count) {
        let start = i.saturating_mul(size);
        let length = path.len();
        path.push_str(&alloc::format!("[{i}]"));
        inner.read_at(&bytes[start..start.saturating_add(size)], path, visit).map_err(|e| e.shift(start))?;
        path.truncate(length);
    }
    Ok(())
}

/// Reads fields in a row; gives the bytes used.
fn read_fields(
    fields: &[Field],
    bytes: &[u8],
    path: &mut String,
    visit: &mut dyn FnMut(&str, Value),
) -> Result<usize, DecodeError> {
    let mut at = 0_usize;
    let transparent = matches!(fields, [field] if field.name == "0");
    for field in fields {
        let end = at.saturating_add(field.ty.size());
        let length = path.len();
        if !transparent {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&field.name);
        }
        let bytes = bytes.get(at..end).ok_or(DecodeError::length(end, bytes.len()))?;
        field.ty.read_at(bytes, path, visit).map_err(|e| e.shift(at))?;
        path.truncate(length);
        at = end;
    }
    Ok(at)
}
