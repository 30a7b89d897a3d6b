//! What peers say to each other, and its bytes.
//!
//! Invariant: every message fits into the shortest datagram that a path must carry, and may be lost, come twice or late: each
//! says all that is not acknowledged. No bytes make a reader panic, or allocate more than a few times their length.

use alloc::vec::Vec;

use bytes::Bytes;
use tickworld_sim::{
    bytes::{Reader, put_varint},
    component::{Component, DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, ShortHash},
};

use super::{
    body,
    event::{Farewell, PeerFault},
};
use crate::{
    instant::{Instant, Micros},
    limits::{DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, PEER_VERSION, PEERS_MAX},
};

/// A message, without the version that it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PeerMessage<I> {
    Greeting(Greeting),
    Turn(Turn<I>),
    Watch(Watch),
    Frames(Frames),
    /// With the tag of the session; 0 before there is one.
    Farewell {
        tag: u32,
        why: Farewell,
    },
}

/// What is said until everybody has everybody's part of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Of all that must be the same for both.
    pub fingerprint: Hash,
    /// Binds the sender to its part.
    pub commitment: Hash,
    /// The part, once the sender has everybody's commitment.
    pub part: Option<[u8; 16]>,
    /// The sender lacks the receiver's part.
    pub asks: bool,
}

/// What players say in every tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn<I> {
    /// Of the session's seed: messages of another session of the same peers are none of this one.
    pub tag: u32,
    /// The sender's time.
    pub sent: Instant,
    /// The receiver's time in its newest message, and how long that has been here.
    pub echo: (Instant, Micros),
    /// The sender's tick.
    pub tick: Tick,
    /// How many ticks the sender seems to be ahead of the receiver.
    pub ahead: i32,
    /// The newest tick for which the sender knows the receiver's input.
    pub have: Tick,
    /// A confirmed tick's root.
    pub root: Option<(Tick, ShortHash)>,
    /// Players whom the sender gave up, by their places, with the newest tick for which it knows their input.
    pub departing: Vec<(u8, Tick)>,
    /// The sender's inputs that the receiver has not acknowledged.
    pub inputs: Run<I>,
    /// Inputs of those whom the sender gave up, where the receiver lacks them.
    pub relayed: Vec<(u8, Run<I>)>,
}

/// A player's inputs of successive ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run<I> {
    pub first: Tick,
    pub inputs: Vec<Option<I>>,
}

/// What a spectator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub fingerprint: Hash,
    /// The newest tick whose frame it has, all before it included.
    pub have: Tick,
}

/// What a spectator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frames {
    pub tag: u32,
    /// The host's last confirmed tick.
    pub tick: Tick,
    pub root: Option<(Tick, ShortHash)>,
    /// Canonical bytes of the frames of `first` and the ticks after it.
    pub first: Tick,
    pub frames: Vec<Bytes>,
}

impl<I: Component> PeerMessage<I> {
    // DOC:PEER
    // 0    1  version     1
    // 1    1  kind        then, by kind:
    //
    // 1 greeting: fingerprint (32), commitment (32), asks (1: 0 or 1), then the part of the seed (16) or nothing
    // 2 turn:     tag (4), sent (8), echo (8), held (8), tick (v), ahead (v, zigzag), have (v), root, departing: a count (1), then
    //             for each a place (1) and a tick (v); the own inputs, then until the end: a place (1) and inputs
    // 3 watch:    fingerprint (32), have (v)
    // 4 frames:   tag (4), tick (v), root, first (v), then until the end: a length (v) and the bytes of an input frame
    // 5 farewell: tag (4), why (1)
    //
    // root:   0 (1), or 1 (1), a tick (v) and the first 8 bytes of its root
    // inputs: their first tick (v), a count (v), then for each its length and one (v), or 0 for none, and its bytes without the
    //         zeros at their end
    // v is a number in LEB128, as in input frames. Numbers are little-endian. Sent, echo and held are microseconds.
    // DOC:END
    /// The message's bytes. Of inputs and frames there are as many as fit, the earliest first.
    pub(super) fn encode(&self) -> Bytes {
        let mut out = alloc::vec![PEER_VERSION];
        match self {
            Self::Greeting(Greeting { fingerprint, commitment, part, asks }) => {
                out.push(1);
                out.extend_from_slice(&fingerprint.0);
                out.extend_from_slice(&commitment.0);
                out.push(u8::from(*asks));
                out.extend(part.iter().flatten());
            }
            Self::Turn(turn) => {
                out.push(2);
                turn.encode(&mut out);
            }
            Self::Watch(Watch { fingerprint, have }) => {
                out.push(3);
                out.extend_from_slice(&fingerprint.0);
                put_varint(have.0, &mut out);
            }
            Self::Frames(frames) => {
                out.push(4);
                frames.encode(&mut out);
            }
            Self::Farewell { tag, why } => {
                out.push(5);
                out.extend_from_slice(&tag.to_le_bytes());
                out.push(farewell_code(*why));
            }
        }
        assert!(out.len() <= usize::from(DATAGRAM_BYTES_MIN), "a message between peers is {} bytes long", out.len());
        Bytes::from(out)
    }

    /// Reads a message.
    ///
    /// # Errors
    /// On bytes that [`encode`](Self::encode) does not write.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PeerFault> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > usize::from(DATAGRAM_BYTES_MAX) {
            return Err(reader.fail(DecodeCause::Range).into());
        }
        let found: u8 = reader.value()?;
        if found != PEER_VERSION {
            return Err(PeerFault::Version { found });
        }
        let message = match reader.value::<u8>()? {
            1 => Self::Greeting(Greeting {
                fingerprint: Hash(reader.value()?),
                commitment: Hash(reader.value()?),
                asks: reader.value()?,
                part: if reader.left() > 0 { Some(reader.value()?) } else { None },
            }),
            2 => Self::Turn(Turn::decode(&mut reader)?),
            3 => Self::Watch(Watch { fingerprint: Hash(reader.value()?), have: Tick(reader.varint()?) }),
            4 => Self::Frames(Frames::decode(&mut reader)?),
            5 => Self::Farewell { tag: reader.value()?, why: farewell(&mut reader)? },
            other => return Err(reader.fail(DecodeCause::Variant(other)).into()),
        };
        reader.end()?;
        Ok(message)
    }
}

impl<I: Component> Turn<I> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag.to_le_bytes());
        for moment in [self.sent.0, self.echo.0.0, self.echo.1.0] {
            out.extend_from_slice(&moment.to_le_bytes());
        }
        put_varint(self.tick.0, out);
        put_varint(zigzag(self.ahead), out);
        put_varint(self.have.0, out);
        encode_root(self.root, out);
        out.push(u8::try_from(self.departing.len()).expect("there are at most eight players"));
        for (place, have) in &self.departing {
            out.push(*place);
            put_varint(have.0, out);
        }
        self.inputs.encode(out);
        for (place, run) in &self.relayed {
            // A place, a tick, a count, and one input at least.
            if room(out) < body::bytes_max::<I>().saturating_add(14) {
                break;
            }
            out.push(*place);
            run.encode(out);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.value()?;
        let sent = Instant(reader.value()?);
        let echo = (Instant(reader.value()?), Micros(reader.value()?));
        let (tick, ahead, have) = (Tick(reader.varint()?), reader.varint()?, Tick(reader.varint()?));
        let ahead = unzigzag(ahead).ok_or(reader.fail(DecodeCause::Range))?;
        let root = decode_root(reader)?;
        let mut departing = Vec::new();
        for _ in 0..reader.value::<u8>()? {
            departing.push((place(reader)?, Tick(reader.varint()?)));
        }
        let inputs = Run::decode(reader)?;
        let mut relayed = Vec::new();
        while reader.left() > 0 {
            relayed.push((place(reader)?, Run::decode(reader)?));
        }
        Ok(Self { tag, sent, echo, tick, ahead, have, root, departing, inputs, relayed })
    }
}

impl<I: Component> Run<I> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(self.first.0, out);
        // The count takes at most two bytes.
        let room = room(out).saturating_sub(2);
        let (mut bodies, mut count) = (Vec::new(), 0_u64);
        for input in &self.inputs {
            let before = bodies.len();
            body::encode(input.as_ref(), &mut bodies);
            if bodies.len() > room {
                bodies.truncate(before);
                break;
            }
            count = count.saturating_add(1);
        }
        put_varint(count, out);
        out.extend_from_slice(&bodies);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (first, count) = (Tick(reader.varint()?), reader.varint()?);
        let mut inputs = Vec::new();
        for _ in 0..count {
            inputs.push(body::decode(reader)?);
        }
        Ok(Self { first, inputs })
    }
}

impl Frames {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag.to_le_bytes());
        put_varint(self.tick.0, out);
        encode_root(self.root, out);
        put_varint(self.first.0, out);
        for frame in &self.frames {
            if frame.len().saturating_add(2) > room(out) {
                break;
            }
            put_varint(frame.len() as u64, out);
            out.extend_from_slice(frame);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.value()?;
        let tick = Tick(reader.varint()?);
        let root = decode_root(reader)?;
        let first = Tick(reader.varint()?);
        let mut frames = Vec::new();
        while reader.left() > 0 {
            let length = usize::try_from(reader.varint()?).map_err(|_| reader.fail(DecodeCause::Range))?;
            frames.push(Bytes::copy_from_slice(reader.take(length)?));
        }
        Ok(Self { tag, tick, root, first, frames })
    }
}

fn room(out: &[u8]) -> usize {
    usize::from(DATAGRAM_BYTES_MIN).saturating_sub(out.len())
}

fn place(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let error = reader.fail(DecodeCause::Range);
    let place = reader.value::<u8>()?;
    if usize::from(place) < PEERS_MAX { Ok(place) } else { Err(error) }
}

fn encode_root(root: Option<(Tick, ShortHash)>, out: &mut Vec<u8>) {
    out.push(u8::from(root.is_some()));
    if let Some((tick, root)) = root {
        put_varint(tick.0, out);
        out.extend_from_slice(&root.0);
    }
}

fn decode_root(reader: &mut Reader<'_>) -> Result<Option<(Tick, ShortHash)>, DecodeError> {
    if !reader.value::<bool>()? {
        return Ok(None);
    }
    Ok(Some((Tick(reader.varint()?), ShortHash(reader.value()?))))
}

/// 0, -1, 1, -2 and so on as 0, 1, 2, 3.
fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1_u32) ^ (value >> 31_u32)).cast_unsigned())
}

fn unzigzag(value: u64) -> Option<i32> {
    let value = u32::try_from(value).ok()?;
    Some((value >> 1_u32).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
}

const fn farewell_code(why: Farewell) -> u8 {
    match why {
        Farewell::Left => 1,
        Farewell::GivenUp => 2,
        Farewell::OtherGame => 3,
        Farewell::BrokenPromise => 4,
        Farewell::Behind => 5,
        Farewell::Unexpected => 6,
    }
}

fn farewell(reader: &mut Reader<'_>) -> Result<Farewell, DecodeError> {
    let at = reader.clone();
    Ok(match reader.value::<u8>()? {
        1 => Farewell::Left,
        2 => Farewell::GivenUp,
        3 => Farewell::OtherGame,
        4 => Farewell::BrokenPromise,
        5 => Farewell::Behind,
        6 => Farewell::Unexpected,
        other => return Err(at.fail(DecodeCause::Variant(other))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(inputs: usize) -> PeerMessage<[u8; 40]> {
        let run = |first, count| Run { first: Tick(first), inputs: alloc::vec![Some([7; 40]); count] };
        PeerMessage::Turn(Turn {
            tag: 9,
            sent: Instant(1 << 40),
            echo: (Instant(5), Micros(6)),
            tick: Tick(300),
            ahead: -3,
            have: Tick(290),
            root: Some((Tick(280), ShortHash([3; 8]))),
            departing: alloc::vec![(2, Tick(270)), (7, Tick(271))],
            inputs: run(295, inputs),
            relayed: alloc::vec![(2, run(260, inputs)), (7, run(261, 1))],
        })
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let greeting = |part| Greeting { fingerprint: Hash([1; 32]), commitment: Hash([2; 32]), part, asks: true };
        let frames = Frames {
            tag: 1,
            tick: Tick(9),
            root: None,
            first: Tick(8),
            frames: alloc::vec![Bytes::from_static(b"frame")],
        };
        let messages = [
            PeerMessage::Greeting(greeting(None)),
            PeerMessage::Greeting(greeting(Some([4; 16]))),
            turn(0),
            turn(4),
            PeerMessage::Watch(Watch { fingerprint: Hash([3; 32]), have: Tick(u64::MAX) }),
            PeerMessage::Frames(frames),
            PeerMessage::Farewell { tag: 3, why: Farewell::Behind },
        ];
        for message in messages {
            let bytes = message.encode();
            assert_eq!(PeerMessage::decode(&bytes), Ok(message.clone()), "{message:?}");
            for length in 0..bytes.len() {
                // A greeting without its part is one too, and so is a list that ends earlier.
                if let Ok(shorter) = PeerMessage::<[u8; 40]>::decode(&bytes[..length]) {
                    assert_eq!(&*shorter.encode(), &bytes[..length]);
                }
            }
        }
    }

    #[test]
    fn of_inputs_there_are_as_many_as_fit() {
        let PeerMessage::Turn(said) = turn(60) else { panic!("it is a turn") };
        let bytes = PeerMessage::Turn(said.clone()).encode();
        assert!(bytes.len() <= usize::from(DATAGRAM_BYTES_MIN));
        let Ok(PeerMessage::Turn(heard)) = PeerMessage::<[u8; 40]>::decode(&bytes) else { panic!("it is a turn") };
        assert!((20..60).contains(&heard.inputs.inputs.len()));
        assert_eq!(heard.inputs.inputs[..], said.inputs.inputs[..heard.inputs.inputs.len()]);
        assert_eq!((heard.departing, heard.have), (said.departing, said.have));
    }

    #[test]
    fn what_nobody_writes_is_refused() {
        let refused = |bytes: &[u8]| PeerMessage::<[u8; 40]>::decode(bytes).is_err();
        assert!(refused(&[]) && refused(&[1]) && refused(&[2, 5, 0, 0, 0, 0, 1]));
        assert!(refused(&[1, 6]) && refused(&[1, 5, 0, 0, 0, 0, 9]) && refused(&[1, 5, 0, 0, 0, 0, 1, 1]));
        assert!(refused(&[1; 1_500]), "longer than any datagram");
        for ahead in [0, 1, -1, 77, i32::MAX, i32::MIN] {
            assert_eq!(unzigzag(zigzag(ahead)), Some(ahead));
        }
    }
}
