//! The schema: names and types of everything a state holds, as data.
//!
//! Invariant: two states have the same [`SchemaId`] exactly when their columns have the same names, page sizes and types, so
//! that bytes of one can be read as the other. A [`Type`] reads encoded rows without the Rust types that wrote them: that is
//! what lets any build report the fields of any trace.

use alloc::{borrow::Cow, boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

use crate::{
    bytes::Reader,
    component::{Component, DecodeCause, DecodeError},
    entity::Entity,
    hash::{Hash, Hasher},
    limits,
    math::{Angle, Fx},
    text::{decode_text, quote},
};

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
    /// [`Fx`]: 64-bit two's complement, 16 fraction bits.
    Fx,
    /// [`Angle`]: 1/65536 turns.
    Angle,
    /// [`Entity`]: index and generation.
    Entity,
    /// [`Text`](crate::text::Text) of at most that many bytes, from 1 to 255.
    Text(u8),
    /// A mark byte, then the value or zeros.
    Option(Box<Self>),
    /// That many values in a row.
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
    /// Its type.
    pub ty: Type,
}

/// One alternative of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// As in the source.
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
                    crate::component::expect_zeros(rest).map_err(|e| e.shift(1))?;
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
                return crate::component::expect_zeros(&rest[used..]).map_err(|e| e.shift(used.saturating_add(1)));
            }
        };
        visit(path, value);
        Ok(())
    }
}

fn fields_size(fields: &[Field]) -> usize {
    fields.iter().fold(0, |sum, field| field.ty.size().saturating_add(sum))
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

impl Schema {
    /// The id: what header, root and handshake carry.
    #[must_use]
    pub fn id(&self) -> SchemaId {
        let mut hasher = Hasher::new(b"tickworld.schema.1");
        hasher.update(&self.encode());
        SchemaId(hasher.finish())
    }

    // DOC:SCHEMA
    // The schema id is BLAKE3 over 18 "tickworld.schema.1" and these bytes:
    //
    // name   game's
    //     2  columns          at most 1,024, each with a name of its own; then for each:
    //   name   column's
    //     1    rows           0 entity | 1 resource | 2 chunk of a list | 3 other
    //     2    rows per page  the largest power of two, 64 to 1,024, with at most 16 KiB of rows
    //   type   row
    // type   input
    // type   event
    //
    // name: length (1, from 1 to 64), UTF-8
    // type: tag (1): 0 unit | 1 bool | 2 u8 | 3 u16 | 4 u32 | 5 u64 | 6 i8 | 7 i16 | 8 i32 | 9 i64 | 10 Fx | 11 Angle
    //       | 12 entity | 13 option: type | 14 array: count (2), type
    //       | 15 struct: name, fields | 16 enum: name, variants (1), then for each: name, fields
    //       | 17 text: room in bytes (1), at least 1
    // fields: number (1), then for each: name, type
    // A row, an input and an event have at most 256 bytes. At most 16 types stand around one. A whole type holds at most 65,536
    // values, those of all variants; a variant counts as one besides, and so does what is empty.
    // DOC:END
    /// The canonical bytes (docs/FORMATS.md, "Pages, columns, root").
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_name(&mut out, &self.game);
        out.extend_from_slice(&u16::try_from(self.columns.len()).expect("at most COLUMNS_MAX columns").to_le_bytes());
        for column in &self.columns {
            put_name(&mut out, &column.name);
            out.push(column.rows as u8);
            out.extend_from_slice(&column.page_rows.to_le_bytes());
            put_row_type(&mut out, &column.ty);
        }
        put_row_type(&mut out, &self.input);
        put_row_type(&mut out, &self.event);
        out
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// On any other bytes; nesting, names and counts are limited by [`limits`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let game = read_name(&mut reader)?;
        let count: u16 = reader.value()?;
        if count > limits::COLUMNS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = read_name(&mut reader)?;
            let rows = match reader.value::<u8>()? {
                0 => RowKind::Entity,
                1 => RowKind::Resource,
                2 => RowKind::Chunk,
                3 => RowKind::Other,
                other => return Err(reader.fail(DecodeCause::Variant(other))),
            };
            let page_rows = reader.value()?;
            let ty = read_row_type(&mut reader)?;
            if ty.size() > limits::ROW_BYTES_MAX || page_rows != crate::column::page_rows(ty.size()) {
                return Err(reader.fail(DecodeCause::Range));
            }
            if columns.iter().any(|other: &ColumnType| other.name == name) {
                return Err(reader.fail(DecodeCause::Form("two columns of one name")));
            }
            columns.push(ColumnType { name, rows, page_rows, ty });
        }
        let schema = Self { game, columns, input: read_row_type(&mut reader)?, event: read_row_type(&mut reader)? };
        if schema.input.size() > limits::ROW_BYTES_MAX || schema.event.size() > limits::ROW_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        reader.end()?;
        Ok(schema)
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    assert!(!name.is_empty() && name.len() <= limits::NAME_BYTES_MAX, "`{name}` is too long (or empty) for a name");
    out.push(u8::try_from(name.len()).expect("at most NAME_BYTES_MAX"));
    out.extend_from_slice(name.as_bytes());
}

fn put_fields(out: &mut Vec<u8>, fields: &[Field]) {
    out.push(u8::try_from(fields.len()).expect("a row of 256 bytes has no more fields"));
    for field in fields {
        put_name(out, &field.name);
        put_type(out, &field.ty);
    }
}

/// Tags of [`Type`] in the encoded schema, in order of declaration.
const PLAIN: [Type; 13] = [
    Type::Unit,
    Type::Bool,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::Fx,
    Type::Angle,
    Type::Entity,
];
const OPTION: u8 = 13;
const ARRAY: u8 = 14;
const STRUCT: u8 = 15;
const ENUM: u8 = 16;
const TEXT: u8 = 17;

fn put_row_type(out: &mut Vec<u8>, ty: &Type) {
    assert!(ty.leaf_count() <= limits::TYPE_LEAVES_MAX, "a type holds too many values: {ty:?}");
    put_type(out, ty);
}

fn put_type(out: &mut Vec<u8>, ty: &Type) {
    match ty {
        Type::Option(inner) => {
            out.push(OPTION);
            put_type(out, inner);
        }
        Type::Array(inner, count) => {
            out.push(ARRAY);
            out.extend_from_slice(&count.to_le_bytes());
            put_type(out, inner);
        }
        Type::Struct { name, fields } => {
            out.push(STRUCT);
            put_name(out, name);
            put_fields(out, fields);
        }
        Type::Enum { name, variants } => {
            out.push(ENUM);
            put_name(out, name);
            out.push(u8::try_from(variants.len()).expect("the derive refuses more than 255 variants"));
            for variant in variants {
                put_name(out, &variant.name);
                put_fields(out, &variant.fields);
            }
        }
        Type::Text(capacity) => out.extend([TEXT, *capacity]),
        plain => {
            let tag = PLAIN.iter().position(|p| p == plain).expect("every other type is plain");
            out.push(u8::try_from(tag).expect("a dozen tags"));
        }
    }
}

fn read_name(reader: &mut Reader<'_>) -> Result<Name, DecodeError> {
    let length = usize::from(reader.value::<u8>()?);
    let error = reader.fail(DecodeCause::Form("a name is 1 to 64 bytes of UTF-8"));
    if length == 0 || length > limits::NAME_BYTES_MAX {
        return Err(error);
    }
    let text = core::str::from_utf8(reader.take(length)?).map_err(|_| error)?;
    Ok(Cow::Owned(text.into()))
}

fn read_field_list(reader: &mut Reader<'_>, depth: u8) -> Result<Vec<Field>, DecodeError> {
    let count: u8 = reader.value()?;
    (0..count).map(|_| Ok(Field { name: read_name(reader)?, ty: read_type(reader, depth)? })).collect()
}

/// A whole type. Its values are counted: an array of arrays of nothing takes no bytes, but would take hours to read.
fn read_row_type(reader: &mut Reader<'_>) -> Result<Type, DecodeError> {
    let ty = read_type(reader, 0)?;
    if ty.leaf_count() > limits::TYPE_LEAVES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    Ok(ty)
}

fn read_type(reader: &mut Reader<'_>, depth: u8) -> Result<Type, DecodeError> {
    if depth > limits::TYPE_DEPTH_MAX {
        return Err(reader.fail(DecodeCause::Form("types nest too deeply")));
    }
    let depth = depth.saturating_add(1);
    Ok(match reader.value::<u8>()? {
        OPTION => Type::Option(Box::new(read_type(reader, depth)?)),
        ARRAY => {
            let count = reader.value()?;
            Type::Array(Box::new(read_type(reader, depth)?), count)
        }
        STRUCT => Type::Struct { name: read_name(reader)?, fields: read_field_list(reader, depth)? },
        ENUM => {
            let name = read_name(reader)?;
            let count: u8 = reader.value()?;
            let variant = |_| Ok(Variant { name: read_name(reader)?, fields: read_field_list(reader, depth)? });
            Type::Enum { name, variants: (0..count).map(variant).collect::<Result<_, DecodeError>>()? }
        }
        TEXT => match reader.value()? {
            0 => return Err(reader.fail(DecodeCause::Range)),
            capacity => Type::Text(capacity),
        },
        tag => match PLAIN.get(usize::from(tag)) {
            Some(plain) => plain.clone(),
            None => return Err(reader.fail(DecodeCause::Variant(tag))),
        },
    })
}
