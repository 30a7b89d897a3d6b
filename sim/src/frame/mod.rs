//! [`InputFrame`]: everything from outside that one tick sees.
//!
//! Invariant: a frame is all that `step` reads besides the state and the content, so that a journal of frames is the world's
//! whole history. Frames have one byte string each: what the region says of itself stands first, then inputs in order of
//! (player, sequence); no sequence stands twice, and what the sequencer says of a player (sequence 0) keeps its order.
//! A frame is a guess that the step judges: an act that no longer fits changes nothing, so no host must know the world's future.
//! Pacing, latency and who is connected to which server never reach a frame.

mod codec;
mod ids;
mod old;
mod request;

use alloc::{sync::Arc, vec::Vec};

pub use codec::FrameFormat;
pub(crate) use codec::unpack;
pub use ids::{PlayerId, Sequence, Tick};
pub use request::Request;

use crate::{
    component::Component,
    content::ContentId,
    limits,
    region::{Border, RegionId},
    rng::Entropy,
};

/// One player's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<I> {
    /// The player who sent it.
    pub player: PlayerId,
    /// The number that the player gave it.
    pub sequence: Sequence,
    /// What they ask for.
    pub act: Act<I>,
}

/// What an input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act<I> {
    /// The player goes: sequence 0.
    Leave,
    /// The player's connection was lost for too long: sequence 0.
    TimeOut,
    /// Something that the game understands: sequence 1 and up.
    Play(I),
    /// The player enters (or comes back): sequence 0.
    Enter(Enter),
    /// An input that is not to be done, because the tick that it was in broke: its sequence is used up and it is answered
    /// [`VOID`](crate::session::OutcomeCode::VOID). Sequence 1 and up.
    Void,
    /// Something that the engine does for those who run the world (ids from 2^63 on): sequence 1 and up.
    Request(Request),
    /// The player comes back from the archive, or is born, numbered by hops: sequence 0. It applies only where they are unknown.
    Return {
        /// Their hops from now on.
        hops: u64,
        /// Whether the parcel is kept for an operator instead of taken in, because a tick that took it broke.
        is_held: bool,
        /// Their parcel; empty for one who is born.
        parcel: Arc<[u8]>,
    },
    /// The player, who is away, leaves for the archive at the end of the tick, if they may: sequence 0.
    Archive,
    /// No input of the player is taken until an operator clears them: sequence 0.
    Hold,
    /// Says whether players may cross to a neighbour. The region's own, sequence 0, as all that follow.
    Border {
        /// The neighbour whose border it is.
        region: RegionId,
        /// Whether, or why not.
        state: Border,
    },
    /// A neighbour, or the archive, has everything up to this number for sure.
    Delivered {
        /// The neighbour; 0 for the archive.
        region: RegionId,
        /// Of this region, when it sent that.
        incarnation: u32,
        /// The highest number that has arrived.
        sequence: u64,
        /// Lamport number of the tick in which it became sure.
        lamport: u64,
    },
    /// A neighbour is met in this incarnation.
    Accept {
        /// The neighbour that is met.
        region: RegionId,
        /// The neighbour's incarnation.
        incarnation: u32,
    },
    /// A neighbour sent a player. It applies if it is the next number, can be read and fits; else it changes nothing.
    Mail {
        /// The neighbour that sent it.
        region: RegionId,
        /// The neighbour's incarnation.
        incarnation: u32,
        /// Which of its mail to this region.
        sequence: u64,
        /// Lamport number of the tick that sent it.
        lamport: u64,
        /// Whether the parcel is kept for an operator instead of taken in, because a tick that took it broke.
        is_held: bool,
        /// The player's parcel.
        parcel: Arc<[u8]>,
    },
    /// The region went back behind ticks that may have been told: all its numbers rise. The region's own, sequence 0.
    Incarnation {
        /// The incarnation that begins; where it is not above the world's, nothing changes.
        number: u32,
        /// The least Lamport number from which ticks go on.
        lamport: u64,
    },
}

impl<I> Act<I> {
    /// The player enters; for games whose players come without tickets.
    pub const ENTER: Self = Self::Enter(Enter { generation: 0, opened_by: 0 });
}

impl<I> Input<I> {
    /// Where it stands in a frame: by player, what the region says of itself by kind, neighbour and number, the rest by sequence.
    const fn order(&self) -> (PlayerId, Sequence, [u64; 3]) {
        let detail = match &self.act {
            Act::Incarnation { .. } => [16, 0, 0],
            Act::Border { region, .. } => [17, region.0 as u64, 0],
            Act::Delivered { region, .. } => [18, region.0 as u64, 0],
            Act::Accept { region, .. } => [19, region.0 as u64, 0],
            Act::Mail { region, sequence, .. } => [20, region.0 as u64, *sequence],
            _ => [0; 3],
        };
        (self.player, self.sequence, detail)
    }
}

impl<I> Act<I> {
    /// The parcel that it carries.
    #[must_use]
    pub const fn parcel(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Return { parcel, .. } | Self::Mail { parcel, .. } => Some(parcel),
            _ => None,
        }
    }

    /// The same without the game's body.
    fn bare(&self) -> Act<()> {
        match self {
            Self::Leave => Act::Leave,
            Self::TimeOut => Act::TimeOut,
            Self::Play(_) => Act::Play(()),
            Self::Enter(enter) => Act::Enter(*enter),
            Self::Void => Act::Void,
            Self::Request(request) => Act::Request(*request),
            Self::Return { hops, is_held, parcel } => {
                Act::Return { hops: *hops, is_held: *is_held, parcel: parcel.clone() }
            }
            Self::Archive => Act::Archive,
            Self::Hold => Act::Hold,
            Self::Border { region, state } => Act::Border { region: *region, state: *state },
            Self::Delivered { region, incarnation, sequence, lamport } => {
                Act::Delivered { region: *region, incarnation: *incarnation, sequence: *sequence, lamport: *lamport }
            }
            Self::Accept { region, incarnation } => Act::Accept { region: *region, incarnation: *incarnation },
            Self::Mail { region, incarnation, sequence, lamport, is_held, parcel } => Act::Mail {
                region: *region,
                incarnation: *incarnation,
                sequence: *sequence,
                lamport: *lamport,
                is_held: *is_held,
                parcel: parcel.clone(),
            },
            Self::Incarnation { number, lamport } => Act::Incarnation { number: *number, lamport: *lamport },
        }
    }
}

/// By which right a player enters.
///
/// Generations only rise. One who enters with the world's own generation and `opened_by` comes back as the same client; anybody
/// else needs a higher generation, which is then the world's, so that what was given out before is void.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enter {
    /// The generation that this entry makes.
    pub generation: u32,
    /// What opened it: the first 8 bytes, as a little-endian number, of a hash of the ticket or token and the client's nonce.
    pub opened_by: u64,
}

/// All inputs of one tick, with its secret entropy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFrame<I> {
    /// The tick that these inputs make.
    pub tick: Tick,
    /// Sixteen fresh secret bytes from the sequencer, so that no client can read its future dice.
    pub entropy: Entropy,
    /// Inputs in order of (player, sequence).
    pub inputs: Vec<Input<I>>,
}

/// Why a frame is refused; the world is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is not the next tick's.
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
    /// A sequence of 0 on what a player or requester says, or another one on what the sequencer says.
    #[error(
        "input {index} of the frame has the wrong kind of sequence: 0 is for what the sequencer says (enter, leave, time-out, incarnation)"
    )]
    Sequence {
        /// Position in the frame.
        index: u32,
    },
    /// An act of somebody who has no such act.
    #[error(
        "input {index} of the frame is not for {player:?} to say: the region (0) says its incarnation, borders and mail, players enter, leave and play, ids from 2^63 on make requests"
    )]
    Sender {
        /// Position in the frame.
        index: u32,
        /// Whose it is said to be.
        player: PlayerId,
    },
    /// More inputs than [`limits::FRAME_INPUTS_MAX`].
    #[error("{count} inputs in a frame, at most {} are allowed", limits::FRAME_INPUTS_MAX)]
    TooMany {
        /// Number of inputs.
        count: u32,
    },
    /// A parcel of more bytes than [`limits::PARCEL_BYTES_MAX`].
    #[error("the parcel of input {index} of the frame has more than {} bytes", limits::PARCEL_BYTES_MAX)]
    Parcel {
        /// Position of the input in the frame, from 0.
        index: u32,
    },
    /// More bytes of parcels than [`limits::FRAME_PARCEL_BYTES_MAX`].
    #[error("{bytes} bytes of parcels in a frame, at most {} are allowed", limits::FRAME_PARCEL_BYTES_MAX)]
    Parcels {
        /// Bytes of all parcels of the frame together.
        bytes: usize,
    },
    /// More inputs of one player than outcomes are remembered, or more of the region than it has to say.
    #[error("more than {} inputs of player {} in a frame", player.frame_inputs_max(), player.0)]
    TooManyOfPlayer {
        /// The player of whom there are too many.
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
        inputs.sort_by_key(Input::order);
        Self { tick, entropy, inputs }
    }

    /// The packs that requests in this frame switch to, in order, with whose request it is. Which of them are in force is the
    /// step's to say: a request that was made before changes nothing.
    pub fn switches(&self) -> impl Iterator<Item = (PlayerId, Sequence, ContentId)> {
        self.inputs.iter().filter_map(|input| match input.act {
            Act::Request(Request::Content(id)) => Some((input.player, input.sequence, id)),
            _ => None,
        })
    }

    /// Checks order, sequences, senders and counts.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(&self) -> Result<(), FrameError> {
        let count = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        if count > limits::FRAME_INPUTS_MAX {
            return Err(FrameError::TooMany { count });
        }
        for (index, input) in (0_u32..).zip(&self.inputs) {
            let Input { player, sequence, act } = input;
            let is_numbered = matches!(act, Act::Play(_) | Act::Void | Act::Request(_));
            if is_numbered == (sequence.0 == 0) {
                return Err(FrameError::Sequence { index });
            }
            let may_say = match act {
                Act::Enter(_) | Act::Leave | Act::TimeOut | Act::Return { .. } | Act::Archive | Act::Hold => {
                    player.is_player()
                }
                Act::Play(_) | Act::Void => *player != PlayerId::REGION,
                Act::Request(_) => player.is_requester(),
                Act::Incarnation { .. }
                | Act::Border { .. }
                | Act::Delivered { .. }
                | Act::Accept { .. }
                | Act::Mail { .. } => *player == PlayerId::REGION,
            };
            if !may_say {
                return Err(FrameError::Sender { index, player: *player });
            }
        }
        for (index, pair) in (1_u32..).zip(self.inputs.windows(2)) {
            let key = |i: usize| pair.get(i).map(Input::order);
            let is_once = pair[1].sequence.0 != 0 || pair[1].player == PlayerId::REGION;
            if key(0) > key(1) || is_once && key(0) == key(1) {
                return Err(FrameError::Order { index });
            }
        }
        let mut parcel_bytes = 0_usize;
        for (index, input) in (0_u32..).zip(&self.inputs) {
            let bytes = input.act.parcel().map_or(0, |parcel| parcel.len());
            if bytes > limits::PARCEL_BYTES_MAX {
                return Err(FrameError::Parcel { index });
            }
            parcel_bytes = parcel_bytes.saturating_add(bytes);
        }
        if parcel_bytes > limits::FRAME_PARCEL_BYTES_MAX {
            return Err(FrameError::Parcels { bytes: parcel_bytes });
        }
        let mut of_one_player = self.inputs.chunk_by(|a, b| a.player == b.player);
        match of_one_player.find(|inputs| inputs.len() > inputs[0].player.frame_inputs_max() as usize) {
            Some(inputs) => Err(FrameError::TooManyOfPlayer { player: inputs[0].player }),
            None => Ok(()),
        }
    }
}

impl<I: Component> InputFrame<I> {
    /// Whether both have the same encoding.
    #[must_use]
    pub fn canonical_eq(&self, other: &Self) -> bool {
        self.tick == other.tick && self.entropy == other.entropy && self.same_inputs(other)
    }

    /// The same, whatever tick and entropy are.
    pub(crate) fn same_inputs(&self, other: &Self) -> bool {
        let same = |(a, b): (&Input<I>, &Input<I>)| {
            a.player == b.player && a.sequence == b.sequence && a.act.canonical_eq(&b.act)
        };
        self.inputs.len() == other.inputs.len() && self.inputs.iter().zip(&other.inputs).all(same)
    }
}

impl<I: Component> Act<I> {
    fn canonical_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Play(a), Self::Play(b)) => a.canonical_eq(b),
            (Self::Play(_), _) | (_, Self::Play(_)) => false,
            // Nothing that follows has a body of the game's.
            (a, b) => a.bare() == b.bare(),
        }
    }
}
