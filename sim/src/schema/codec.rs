//! The canonical bytes of a [`Schema`], and its id.
//!
//! Invariant: a schema has one byte string, and whatever is read is within [`limits`]: a stranger's schema cannot make whoever
//! reads rows by it run for hours.

use alloc::{borrow::Cow, boxed::Box, vec::Vec};

use super::{ColumnType, Field, Name, RowKind, Schema, SchemaId, Type, Variant};
use crate::{
    bytes::Reader,
    column::page_rows,
    component::{DecodeCause, DecodeError},
    hash::Hasher,
    limits,
};

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
            let page_rows_said: u16 = reader.value()?;
            let ty = read_row_type(&mut reader)?;
            if ty.size() > limits::ROW_BYTES_MAX || page_rows_said != page_rows(ty.size()) {
                return Err(reader.fail(DecodeCause::Range));
            }
            if columns.iter().any(|other: &ColumnType| other.name == name) {
                return Err(reader.fail(DecodeCause::Form("two columns of one name")));
            }
            columns.push(ColumnType { name, rows, page_rows: page_rows_said, ty });
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
