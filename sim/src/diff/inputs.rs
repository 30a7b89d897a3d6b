//! Input frames read by schema, for reports on games that this build does not know.

use alloc::{string::String, vec::Vec};

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    hash::Hash,
    limits,
    rng::Entropy,
    schema::{Type, Value},
};

use super::worlds::values;

/// The fields of an input: path and value.
pub type Fields = Vec<(String, Value)>;

/// Reads the canonical bytes of a frame whose inputs have type `input`.
///
/// # Errors
/// On bytes that are no such frame.
pub fn read_frame(bytes: &[u8], input: &Type) -> Result<InputFrame<Fields>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let tick = Tick(reader.value()?);
    let entropy = Entropy::from_bytes(reader.value()?);
    let count: u32 = reader.value()?;
    let value_count = u64::from(count).saturating_mul(u64::from(input.leaf_count()));
    if count > limits::FRAME_INPUTS_MAX || value_count > limits::FRAME_VALUES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let mut inputs = Vec::new();
    for _ in 0..count {
        let player = PlayerId(reader.value()?);
        let sequence = Sequence(reader.value()?);
        let act = match reader.value::<u8>()? {
            0 => Act::Join,
            1 => Act::Leave,
            2 => Act::TimeOut,
            3 => Act::Content(ContentId(Hash(reader.value()?))),
            4 => Act::Play(read_body(&mut reader, input)?),
            other => return Err(reader.fail(DecodeCause::Variant(other))),
        };
        inputs.push(Input { player, sequence, act });
    }
    reader.end()?;
    Ok(InputFrame { tick, entropy, inputs })
}

/// A body stands without the zeros at its end.
fn read_body(reader: &mut Reader<'_>, input: &Type) -> Result<Fields, DecodeError> {
    let length = usize::from(reader.value::<u16>()?);
    if length > input.size() || input.size() > usize::from(u16::MAX) {
        return Err(reader.fail(DecodeCause::Range));
    }
    let at = reader.fail(DecodeCause::Range).offset as usize;
    let mut whole = Vec::from(reader.take(length)?);
    whole.resize(input.size(), 0);
    values(input, &whole).map_err(|e| e.shift(at))
}
