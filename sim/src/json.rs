//! A state as JSON, for programs that do not know its types: inspectors, logs, tests, other languages.
//!
//! Invariant: it is read by the schema from canonical bytes, so any state has one JSON text, and equal texts of one schema mean
//! equal columns. Numbers are written exactly: integers with all their digits, [`Fx`](crate::math::Fx) as its decimal. A reader
//! that makes floats of them loses what lies beyond 2^53; it is told to read them as texts.
//! It is for looking, not for keeping: nothing here reads JSON, and a snapshot is a tenth of the size.

use alloc::string::{String, ToString as _};
use core::fmt::Write as _;

use crate::{
    component::DecodeError,
    diff::StateView,
    schema::{Field, RowKind, Type, Value},
    text::quote,
};

/// Appends a state: tick, content, and every column with its rows by number. `{"tick":7,"content":"..","columns":{"health":
/// {"rows":"entity","values":{"0":12,"3":{"base":4,"bonus":null}}}}}`, without spaces. Cost: every row is read.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
/// use tickworld_sim::{diff::WorldView, json};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut simulation = simulation();
/// # simulation.world_mut().state_mut().presses.set(3);
/// let mut text = String::new();
/// json::state(&WorldView::new(simulation.world(), simulation.schema()), &mut text)?;
/// assert!(text.contains(r#""presses":{"rows":"resource","values":{"0":3}}"#), "{text}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Where a page or a row is not what the schema says: that can only be in states that were read from outside.
pub fn state(view: &dyn StateView, out: &mut String) -> Result<(), DecodeError> {
    let head = view.head();
    write(out, format_args!("{{\"tick\":{},\"content\":\"{}\",\"columns\":{{", head.tick, head.content));
    for (at, column) in view.schema().columns.iter().enumerate() {
        comma(out, at);
        quote(&column.name, out);
        write(out, format_args!(":{{\"rows\":\"{}\",\"values\":{{", kind_name(column.rows)));
        let (mut count, mut fault) = (0, None);
        view.rows(at, &mut |number, bytes| {
            comma(out, count);
            count = count.saturating_add(1);
            write(out, format_args!("\"{number}\":"));
            let read = value(&column.ty, bytes, out);
            fault = fault.or(read.err());
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        out.push_str("}}");
    }
    out.push_str("}}");
    Ok(())
}

/// Appends one value of `ty`, whose canonical bytes these are.
///
/// Integers and numbers are numbers, a [`Text`](crate::text::Text) is a string, an entity is the string of its handle (`"3v1"`),
/// nothing is `null`; a struct is an object, an array an array, a variant the string of its name, or an object with it as the
/// only key where the variant has fields. A lone field without a name of its own is its owner's value.
///
/// ```
/// use tickworld_sim::{Component, json, math::Fx};
///
/// #[derive(Component, Clone, Copy)]
/// enum Order {
///     Wait,
///     Walk { speed: Fx, via: [u8; 2] },
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let order = Order::Walk { speed: Fx::from_ratio(3, 2), via: [4, 9] };
/// let mut bytes = vec![0; Order::SIZE];
/// order.encode(&mut bytes);
/// let mut text = String::new();
/// json::value(&Order::describe(), &bytes, &mut text)?;
/// assert_eq!(text, r#"{"Walk":{"speed":1.5,"via":[4,9]}}"#);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Where the bytes are not the canonical encoding of a value of this type.
pub fn value(ty: &Type, bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    if bytes.len() != ty.size() {
        return Err(DecodeError::length(ty.size(), bytes.len()));
    }
    match ty {
        Type::Option(inner) if bytes.first() == Some(&1) => {
            value(inner, &bytes[1..], out).map_err(|error| error.shift(1))
        }
        Type::Array(inner, count) => {
            out.push('[');
            let size = inner.size();
            for place in 0..usize::from(*count) {
                comma(out, place);
                let start = place.saturating_mul(size);
                let end = start.saturating_add(size);
                value(inner, &bytes[start..end], out).map_err(|error| error.shift(start))?;
            }
            out.push(']');
            Ok(())
        }
        Type::Struct { fields, .. } => object(fields, bytes, out).map(|_| ()),
        Type::Enum { variants, .. } => {
            // Refuses a number of no variant, and padding that is not zero.
            ty.read(bytes, &mut |_, _| ())?;
            let variant = bytes.split_first().and_then(|(tag, rest)| Some((variants.get(usize::from(*tag))?, rest)));
            let (variant, rest) = variant.expect("it was read before");
            if variant.fields.is_empty() {
                quote(&variant.name, out);
                return Ok(());
            }
            out.push('{');
            quote(&variant.name, out);
            out.push(':');
            object(&variant.fields, rest, out).map_err(|error| error.shift(1))?;
            out.push('}');
            Ok(())
        }
        plain => {
            let mut found = Value::None;
            plain.read(bytes, &mut |_, value| found = value)?;
            leaf(&found, out);
            Ok(())
        }
    }
}

/// Appends fields that stand in a row of bytes.
fn object(fields: &[Field], bytes: &[u8], out: &mut String) -> Result<(), DecodeError> {
    let is_transparent = matches!(fields, [field] if field.name == "0");
    if !is_transparent {
        out.push('{');
    }
    let mut at = 0_usize;
    for (place, field) in fields.iter().enumerate() {
        if !is_transparent {
            comma(out, place);
            quote(&field.name, out);
            out.push(':');
        }
        let end = at.saturating_add(field.ty.size());
        let bytes = bytes.get(at..end).ok_or(DecodeError::length(end, bytes.len()))?;
        value(&field.ty, bytes, out).map_err(|error| error.shift(at))?;
        at = end;
    }
    if !is_transparent {
        out.push('}');
    }
    Ok(())
}

fn leaf(value: &Value, out: &mut String) {
    match value {
        Value::Unsigned(_) | Value::Signed(_) | Value::Bool(_) | Value::Fx(_) => out.push_str(&value.to_string()),
        Value::Angle(angle) => write(out, format_args!("{}", angle.to_bits())),
        Value::Entity(entity) => write(out, format_args!("\"{entity}\"")),
        Value::Variant(name) => quote(name, out),
        Value::Text(letters) => quote(letters, out),
        Value::None => out.push_str("null"),
    }
}

const fn kind_name(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Entity => "entity",
        RowKind::Resource => "resource",
        RowKind::Chunk => "chunk",
        RowKind::Other => "other",
    }
}

fn comma(out: &mut String, before: usize) {
    if before > 0 {
        out.push(',');
    }
}

fn write(out: &mut String, what: core::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a string takes everything");
}
