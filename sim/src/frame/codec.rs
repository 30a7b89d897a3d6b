//! The bytes of an [`InputFrame`].
//!
//! Invariant: one frame, one byte string; whatever [`encode`](InputFrame::encode) does not write is refused.

use alloc::{sync::Arc, vec::Vec};

use super::{Act, Enter, Input, InputFrame, PlayerId, Request, Sequence, Tick, old};
use crate::{
    bytes::{Reader, put_varint},
    component::{Component, DecodeCause, DecodeError},
    limits,
    rng::Entropy,
};

/// The format of a frame's bytes: whoever keeps frames knows which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFormat {
    /// That of traces of versions 1 and 2 and of journals of version 1: read, never written.
    Old,
    /// That of today's build, the only one that is written.
    Current,
}

impl<I> InputFrame<I> {
    /// Reads canonical bytes; `body` reads that of a game's input, whose length it is given.
    ///
    /// # Errors
    /// What `body` refuses, and bytes of a frame that does not pass [`check`](Self::check).
    pub(crate) fn decode_with(
        bytes: &[u8],
        format: FrameFormat,
        mut body: impl FnMut(&mut Reader<'_>, usize) -> Result<I, DecodeError>,
    ) -> Result<Self, DecodeError> {
        if format == FrameFormat::Old {
            return old::decode(bytes, body);
        }
        let mut reader = Reader::new(bytes);
        let tick = Tick(reader.value()?);
        let entropy = Entropy::from_bytes(reader.value()?);
        let count = reader.varint()?;
        if count > u64::from(limits::FRAME_INPUTS_MAX) {
            return Err(reader.fail(DecodeCause::Range));
        }
        let mut inputs = Vec::new();
        let mut player = PlayerId(0);
        for _ in 0..count {
            let more = reader.varint()?;
            let id = player.0.checked_add(more).ok_or(reader.fail(DecodeCause::Range))?;
            player = PlayerId(id);
            let sequence = reader.varint()?;
            let sequence = Sequence(u32::try_from(sequence).map_err(|_| reader.fail(DecodeCause::Range))?);
            let act = match reader.value::<u8>()? {
                1 => Act::Leave,
                2 => Act::TimeOut,
                4 => {
                    let length = reader.varint()?;
                    let length = usize::try_from(length).map_err(|_| reader.fail(DecodeCause::Range))?;
                    Act::Play(body(&mut reader, length)?)
                }
                5 => Act::Enter(Enter { generation: reader.value()?, opened_by: reader.value()? }),
                6 => Act::Return { hops: reader.value()?, is_held: reader.value()?, parcel: read_parcel(&mut reader)? },
                7 => Act::Archive,
                8 => Act::Void,
                9 => Act::Request(Request::decode(&mut reader)?),
                10 => Act::Hold,
                16 => Act::Incarnation { number: reader.value()?, lamport: reader.value()? },
                17 => Act::Border { region: reader.value()?, state: reader.value()? },
                18 => Act::Delivered {
                    region: reader.value()?,
                    incarnation: reader.value()?,
                    sequence: reader.value()?,
                    lamport: reader.value()?,
                },
                19 => Act::Accept { region: reader.value()?, incarnation: reader.value()? },
                20 => {
                    let (region, incarnation) = (reader.value()?, reader.value()?);
                    let (sequence, lamport) = (reader.value()?, reader.value()?);
                    let is_held = reader.value()?;
                    // Letters of service regions would be 1.
                    match reader.value::<u8>()? {
                        0 => {}
                        other => return Err(reader.fail(DecodeCause::Variant(other))),
                    }
                    let parcel = read_parcel(&mut reader)?;
                    Act::Mail { region, incarnation, sequence, lamport, is_held, parcel }
                }
                other => return Err(reader.fail(DecodeCause::Variant(other))),
            };
            inputs.push(Input { player, sequence, act });
        }
        reader.end()?;
        let frame = Self { tick, entropy, inputs };
        frame.check().map_err(|_| reader.fail(DecodeCause::Form("inputs out of order")))?;
        Ok(frame)
    }
}

impl<I: Component> InputFrame<I> {
    // DOC:FRAME
    // 0    8  tick
    // 8   16  entropy
    // 24   v  inputs      at most 65,536; 64 of one player, 1,024 of the region; then for each, by player and sequence (no
    //                    sequence but 0 stands twice; what stands with sequence 0 of one player stands as it came):
    //      v    player    less the player of the input before; of the first, the player
    //      v    sequence
    //      1    act       then its body, by who says it:
    //           the region (player 0), sequence 0, in this order, by region and number: 16 incarnation: number (4), Lamport
    //             number (8) | 17 border: region (4), 0 open, 1 silent, 2 full, 3 terms, 4 incarnation, 5 operator (1)
    //             | 18 delivered: region (4), incarnation (4), number (8), Lamport number (8) | 19 accept: region (4),
    //             incarnation (4) | 20 mail: region (4), incarnation (4), number (8), Lamport number (8), held (1), kind (1:
    //             0 a parcel), length (v), the parcel
    //           a player (1 to 2^63 - 1), sequence 0: 1 leave | 2 time-out | 5 enter: generation (4), opened by (8)
    //             | 6 return: hops (8), held (1), length (v: 0 for one who is born), the parcel | 7 archive | 10 hold
    //           a player or requester, sequence > 0: 4 play: length (v), then the body without the zeros at its end | 8 void
    //           a requester (2^63 and up), sequence > 0: 9 request: its kind (1) and what goes with it ("Request")
    //
    // v is a number in LEB128: seven bits a byte, least first, the high bit on all but the last, which is not 0 where there are
    // several. A parcel has at most 65,536 bytes, all of a frame together at most 1 MiB.
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Input frame").
    ///
    /// # Panics
    /// If inputs do not stand by player. Other frames that do not pass [`check`](Self::check) are refused where they are read.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.extend_from_slice(&self.entropy.to_bytes());
        put_varint(self.inputs.len() as u64, out);
        let mut before = 0;
        for input in &self.inputs {
            let more = input.player.0.checked_sub(before).expect("inputs stand by player");
            before = input.player.0;
            put_varint(more, out);
            put_varint(u64::from(input.sequence.0), out);
            match &input.act {
                Act::Leave => out.push(1),
                Act::TimeOut => out.push(2),
                Act::Play(body) => {
                    out.push(4);
                    pack(body, out);
                }
                Act::Enter(Enter { generation, opened_by }) => {
                    out.push(5);
                    out.extend_from_slice(&generation.to_le_bytes());
                    out.extend_from_slice(&opened_by.to_le_bytes());
                }
                Act::Return { hops, is_held, parcel } => {
                    out.push(6);
                    out.extend_from_slice(&hops.to_le_bytes());
                    out.push(u8::from(*is_held));
                    put_parcel(parcel, out);
                }
                Act::Archive => out.push(7),
                Act::Void => out.push(8),
                Act::Request(request) => {
                    out.push(9);
                    request.encode(out);
                }
                Act::Hold => out.push(10),
                Act::Border { region, state } => {
                    out.push(17);
                    put(region, out);
                    put(state, out);
                }
                Act::Delivered { region, incarnation, sequence, lamport } => {
                    out.push(18);
                    put(region, out);
                    put(incarnation, out);
                    put(sequence, out);
                    put(lamport, out);
                }
                Act::Accept { region, incarnation } => {
                    out.push(19);
                    put(region, out);
                    put(incarnation, out);
                }
                Act::Mail { region, incarnation, sequence, lamport, is_held, parcel } => {
                    out.push(20);
                    put(region, out);
                    put(incarnation, out);
                    put(sequence, out);
                    put(lamport, out);
                    put(is_held, out);
                    out.push(0);
                    put_parcel(parcel, out);
                }
                Act::Incarnation { number, lamport } => {
                    out.push(16);
                    out.extend_from_slice(&number.to_le_bytes());
                    out.extend_from_slice(&lamport.to_le_bytes());
                }
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On any bytes that [`encode`](Self::encode) does not write for a frame that passes [`check`](Self::check).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_as(bytes, FrameFormat::Current)
    }

    /// The same, of a frame in another format. One of an old format tells what happened then.
    ///
    /// # Errors
    /// On any bytes that no writer of that format wrote.
    pub fn decode_as(bytes: &[u8], format: FrameFormat) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, format, |reader, length| {
            let (whole, offset) = unpack(reader, length, I::SIZE)?;
            I::decode(&whole).map_err(|e| e.shift(offset))
        })
    }
}

/// Appends a component.
fn put<T: Component>(value: &T, out: &mut Vec<u8>) {
    let at = out.len();
    out.resize(at.saturating_add(T::SIZE), 0);
    value.encode(&mut out[at..]);
}

fn put_parcel(parcel: &[u8], out: &mut Vec<u8>) {
    put_varint(parcel.len() as u64, out);
    out.extend_from_slice(parcel);
}

fn read_parcel(reader: &mut Reader<'_>) -> Result<Arc<[u8]>, DecodeError> {
    let length = reader.varint()?;
    match usize::try_from(length).ok().filter(|length| *length <= limits::PARCEL_BYTES_MAX) {
        Some(length) => Ok(reader.take(length)?.into()),
        None => Err(reader.fail(DecodeCause::Range)),
    }
}

/// Appends a component without the zeros at its end, after its length.
fn pack<T: Component>(value: &T, out: &mut Vec<u8>) {
    const { assert!(T::SIZE <= limits::ROW_BYTES_MAX, "the body of an input is at most 256 bytes long") };
    let mut whole = [0; limits::ROW_BYTES_MAX];
    let whole = &mut whole[..T::SIZE];
    value.encode(whole);
    let length = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    put_varint(length as u64, out);
    out.extend_from_slice(&whole[..length]);
}

/// Reads the `length` bytes that [`pack`] wrote for a value of `size` bytes: its whole encoding, and where it begins.
pub(crate) fn unpack(reader: &mut Reader<'_>, length: usize, size: usize) -> Result<(Vec<u8>, usize), DecodeError> {
    if length > size || size > limits::ROW_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let error = reader.fail(DecodeCause::Form("zeros at the end of an input"));
    let packed = reader.take(length)?;
    if packed.last() == Some(&0) {
        return Err(error);
    }
    let mut whole = Vec::from(packed);
    whole.resize(size, 0);
    Ok((whole, error.offset as usize))
}
