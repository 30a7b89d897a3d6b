//! Input frames read by schema, for reports on games that this build does not know.

use alloc::{string::String, vec::Vec};

use crate::{
    component::{DecodeCause, DecodeError},
    frame::{FrameFormat, InputFrame, unpack},
    limits,
    schema::{Type, Value},
};

use super::worlds::values;

/// The fields of an input: path and value.
pub type Fields = Vec<(String, Value)>;

/// Reads the bytes of a frame whose inputs have type `input`.
///
/// # Errors
/// On bytes that [`InputFrame::encode`] does not write for such a frame, and where its values are over their limits.
pub fn read_frame(bytes: &[u8], format: FrameFormat, input: &Type) -> Result<InputFrame<Fields>, DecodeError> {
    let leaves = u64::from(input.leaf_count());
    let (mut value_count, mut byte_count) = (0_u64, 0_u64);
    InputFrame::decode_with(bytes, format, |reader, length| {
        value_count = value_count.saturating_add(leaves);
        if value_count > limits::FRAME_VALUES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let (whole, offset) = unpack(reader, length, input.size())?;
        let fields = values(input, &whole).map_err(|e| e.shift(offset))?;
        byte_count = fields.iter().map(value_bytes).fold(byte_count, u64::saturating_add);
        if byte_count > limits::FRAME_VALUE_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        Ok(fields)
    })
}

/// Memory that a value takes: a hostile schema has names of 64 bytes, sixteen deep.
fn value_bytes((path, value): &(String, Value)) -> u64 {
    let name = if let Value::Variant(name) = value { name.len() } else { 0 };
    (size_of::<(String, Value)>() as u64).saturating_add(path.len() as u64).saturating_add(name as u64)
}
