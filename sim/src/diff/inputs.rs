//! Input frames read by schema, for reports on games that this build does not know.

use alloc::{string::String, vec::Vec};

use crate::{
    component::{DecodeCause, DecodeError},
    frame::{InputFrame, unpack},
    limits,
    schema::{Type, Value},
};

use super::worlds::values;

/// The fields of an input: path and value.
pub type Fields = Vec<(String, Value)>;

/// Reads the canonical bytes of a frame whose inputs have type `input`.
///
/// # Errors
/// On bytes that [`InputFrame::encode`] does not write for such a frame, and where its values are over their limits.
pub fn read_frame(bytes: &[u8], input: &Type) -> Result<InputFrame<Fields>, DecodeError> {
    let leaves = u64::from(input.leaf_count());
    let mut value_count = 0_u64;
    InputFrame::decode_with(bytes, |reader| {
        value_count = value_count.saturating_add(leaves);
        if value_count > limits::FRAME_VALUES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let (whole, offset) = unpack(reader, input.size())?;
        values(input, &whole).map_err(|e| e.shift(offset))
    })
}
