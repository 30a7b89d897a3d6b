//! [`InputFrame`]: everything from outside that one tick sees.
//!
//! Invariant: a frame is all that `step` reads besides the state and the content, so that a journal of frames is the world's
//! whole history. Frames have one byte string each: inputs stand in order of (player, sequence), no sequence stands twice, and
//! what the sequencer says of a player (sequence 0) keeps its order.
//! Pacing, latency and who is connected to which server never reach a frame.

use alloc::vec::Vec;

use crate::{
    bytes::Reader,
    component::{Component, DecodeCause, DecodeError},
    content::ContentId,
    hash::Hash,
    limits,
    rng::Entropy,
};

/// A tick's number. Tick 0 is the world as set up; the first step makes tick 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl core::fmt::Display for Tick {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A player's lasting identity, given by admission. 0 is the operator, who binds no entity.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u64);

impl PlayerId {
    /// Who runs the world: switches content, plays nobody.
    pub const OPERATOR: Self = Self(0);
}

/// Number of a player's input, from 1 upwards; 0 stands on what the sequencer itself says about a player.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u32);

/// One player's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<I> {
    /// Who.
    pub player: PlayerId,
    /// Which of theirs.
    pub sequence: Sequence,
    /// What.
    pub act: Act<I>,
}

/// What an input says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<I> {
    /// The player enters (or comes back): sequence 0.
    Join,
    /// The player goes: sequence 0.
    Leave,
    /// The player's connection was lost for too long: sequence 0.
    TimeOut,
    /// From this tick on the world uses another content pack: the operator's, sequence 0.
    Content(ContentId),
    /// Something that the game understands: sequence 1 and up.
    Play(I),
}

/// All inputs of one tick, with its secret entropy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFrame<I> {
    /// The tick that these inputs make.
    pub tick: Tick,
    /// Sixteen fresh secret bytes from the sequencer, so that no client can read its future dice.
    pub entropy: Entropy,
    /// In order of (player, sequence).
    pub inputs: Vec<Input<I>>,
}

/// Why a frame is refused; the world is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not the next tick.
    #[error("the frame is for tick {found}, the world is at tick {at}: the next frame is for tick {}", at.next())]
    Tick {
        /// The world's tick.
        at: Tick,
        /// The frame's tick.
        found: Tick,
    },
    /// Inputs not in order of (player, sequence), or one twice.
    #[error(
        "input {index} of the frame is out of order: inputs are sorted by player and sequence, and no sequence stands twice"
    )]
    Order {
        /// Position in the frame.
        index: u32,
    },
    /// A sequence of 0 on a game input or another one on the sequencer's.
    #[error(
        "input {index} of the frame has the wrong kind of sequence: 0 is for join, leave, time-out and content alone"
    )]
    Sequence {
        /// Position in the frame.
        index: u32,
    },
    /// A switch of content that is not the operator's, or anything else that is.
    #[error("input {index} of the frame: switches of content are the operator's (player 0), and nothing else is")]
    Operator {
        /// Position in the frame.
        index: u32,
    },
    /// More inputs than [`limits::FRAME_INPUTS_MAX`].
    #[error("{count} inputs in a frame, at most {} are allowed", limits::FRAME_INPUTS_MAX)]
    TooMany {
        /// Number of inputs.
        count: u32,
    },
    /// More inputs of one player than outcomes are remembered.
    #[error("more than {} inputs of player {} in a frame: their outcomes would be lost", limits::OUTCOMES_PER_PLAYER, player.0)]
    TooManyOfPlayer {
        /// Whose.
        player: PlayerId,
    },
    /// The frame switches to a pack that the simulation does not hold.
    #[error("content {0} is not loaded: add it to the library before the frame that switches to it")]
    Content(ContentId),
}

impl<I> InputFrame<I> {
    /// A frame without inputs.
    #[must_use]
    pub const fn empty(tick: Tick, entropy: Entropy) -> Self {
        Self { tick, entropy, inputs: Vec::new() }
    }

    /// Sorts `inputs` into a frame. The sort is stable, so a player's acts with sequence 0 keep their order.
    #[must_use]
    pub fn new(tick: Tick, entropy: Entropy, mut inputs: Vec<Input<I>>) -> Self {
        inputs.sort_by_key(|input| (input.player, input.sequence));
        Self { tick, entropy, inputs }
    }

    /// Checks order, sequences and count.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(&self) -> Result<(), FrameError> {
        let count = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        if count > limits::FRAME_INPUTS_MAX {
            return Err(FrameError::TooMany { count });
        }
        for (index, input) in (0_u32..).zip(&self.inputs) {
            if matches!(input.act, Act::Play(_)) == (input.sequence.0 == 0) {
                return Err(FrameError::Sequence { index });
            }
            if matches!(input.act, Act::Content(_)) != (input.player == PlayerId::OPERATOR) {
                return Err(FrameError::Operator { index });
            }
        }
        for (index, pair) in (1_u32..).zip(self.inputs.windows(2)) {
            let key = |i: usize| pair.get(i).map(|input| (input.player, input.sequence));
            let repeated = key(0) == key(1) && pair[1].sequence.0 != 0;
            if key(0) > key(1) || repeated {
                return Err(FrameError::Order { index });
            }
        }
        let mut of_one_player = self.inputs.chunk_by(|a, b| a.player == b.player);
        match of_one_player.find(|inputs| inputs.len() > limits::OUTCOMES_PER_PLAYER as usize) {
            Some(inputs) => Err(FrameError::TooManyOfPlayer { player: inputs[0].player }),
            None => Ok(()),
        }
    }

    /// Reads canonical bytes; `body` reads that of a game's input, its length first.
    ///
    /// # Errors
    /// What `body` refuses, and bytes of a frame that does not pass [`check`](Self::check).
    pub(crate) fn decode_with(
        bytes: &[u8],
        mut body: impl FnMut(&mut Reader<'_>) -> Result<I, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let tick = Tick(reader.value()?);
        let entropy = Entropy::from_bytes(reader.value()?);
        let count: u32 = reader.value()?;
        if count > limits::FRAME_INPUTS_MAX {
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
                4 => Act::Play(body(&mut reader)?),
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
    /// Whether both have the same encoding.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.tick == other.tick && self.entropy == other.entropy && self.same_inputs(other)
    }

    /// The same, whatever tick and entropy are.
    pub(crate) fn same_inputs(&self, other: &Self) -> bool {
        let same_act = |a: &Act<I>, b: &Act<I>| match (a, b) {
            (Act::Play(a), Act::Play(b)) => a.same(b),
            (Act::Content(a), Act::Content(b)) => a == b,
            (Act::Join, Act::Join) | (Act::Leave, Act::Leave) | (Act::TimeOut, Act::TimeOut) => true,
            _ => false,
        };
        let same = |(a, b): (&Input<I>, &Input<I>)| {
            a.player == b.player && a.sequence == b.sequence && same_act(&a.act, &b.act)
        };
        self.inputs.len() == other.inputs.len() && self.inputs.iter().zip(&other.inputs).all(same)
    }

    // DOC:FRAME
    // 0    8  tick
    // 8   16  entropy
    // 24   4  inputs      at most 65,536, and 64 of one player; then for each, by player and sequence (no sequence but 0
    //                    stands twice; a player's acts with sequence 0 stand as they came):
    //      8    player    0, the operator's, where the act is 3, and only there
    //      4    sequence  0 unless the act is 4
    //      1    act       0 join | 1 leave | 2 time-out | 3 content: id (32), in force from this tick on | 4 play: length
    //                     (2), then the body without the zeros at its end
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Input frame").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.extend_from_slice(&self.entropy.to_bytes());
        let count = u32::try_from(self.inputs.len()).expect("at most FRAME_INPUTS_MAX");
        out.extend_from_slice(&count.to_le_bytes());
        for input in &self.inputs {
            out.extend_from_slice(&input.player.0.to_le_bytes());
            out.extend_from_slice(&input.sequence.0.to_le_bytes());
            match &input.act {
                Act::Join => out.push(0),
                Act::Leave => out.push(1),
                Act::TimeOut => out.push(2),
                Act::Content(id) => {
                    out.push(3);
                    out.extend_from_slice(&id.0.0);
                }
                Act::Play(body) => {
                    out.push(4);
                    pack(body, out);
                }
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On any bytes that [`encode`](Self::encode) does not write for a frame that passes [`check`](Self::check).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, |reader| {
            let (whole, offset) = unpack(reader, I::SIZE)?;
            I::decode(&whole).map_err(|e| e.shift(offset))
        })
    }
}

/// Appends a component without the zeros at its end: length (u16), then the bytes.
fn pack<T: Component>(value: &T, out: &mut Vec<u8>) {
    const { assert!(T::SIZE <= limits::ROW_BYTES_MAX, "the body of an input is at most 256 bytes long") };
    let mut whole = alloc::vec![0; T::SIZE];
    value.encode(&mut whole);
    let length = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    out.extend_from_slice(&u16::try_from(length).expect("asserted above").to_le_bytes());
    out.extend_from_slice(&whole[..length]);
}

/// Reads what [`pack`] wrote for a value of `size` bytes: its whole encoding, and where it begins.
pub(crate) fn unpack(reader: &mut Reader<'_>, size: usize) -> Result<(Vec<u8>, usize), DecodeError> {
    let length = usize::from(reader.value::<u16>()?);
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
