//! An input in a message: `v` its length and one, or 0 where the player does nothing in that tick; then the canonical bytes
//! without the zeros at their end.

use alloc::vec::Vec;

use tickworld_sim::{
    bytes::{Reader, put_varint},
    component::{Component, DecodeCause, DecodeError},
    limits::ROW_BYTES_MAX,
};

/// Most bytes that an input takes here.
pub(super) const fn bytes_max<I: Component>() -> usize {
    I::SIZE.saturating_add(2)
}

pub(super) fn encode<I: Component>(input: Option<&I>, out: &mut Vec<u8>) {
    const { assert!(I::SIZE <= ROW_BYTES_MAX, "the body of an input is at most 256 bytes long") };
    let Some(input) = input else { return out.push(0) };
    let mut whole = [0; ROW_BYTES_MAX];
    let whole = &mut whole[..I::SIZE];
    input.encode(whole);
    let length = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    put_varint((length as u64).saturating_add(1), out);
    out.extend_from_slice(&whole[..length]);
}

pub(super) fn decode<I: Component>(reader: &mut Reader<'_>) -> Result<Option<I>, DecodeError> {
    let Some(length) = reader.varint()?.checked_sub(1) else { return Ok(None) };
    let length = usize::try_from(length).ok().filter(|length| *length <= I::SIZE);
    let length = length.ok_or(reader.fail(DecodeCause::Range))?;
    let error = reader.fail(DecodeCause::Form("zeros at the end of an input"));
    let bytes = reader.take(length)?;
    if bytes.last() == Some(&0) {
        return Err(error);
    }
    let mut whole = [0; ROW_BYTES_MAX];
    whole[..length].copy_from_slice(bytes);
    I::decode(&whole[..I::SIZE]).map(Some).map_err(|cause| cause.shift(error.offset as usize))
}
