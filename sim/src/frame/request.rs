//! [`Request`]: what those who run the world ask of the engine itself.
//!
//! Invariant: a request is an input like any other: it stands in a frame, applies once by its number, and its outcome is
//! remembered. What an operator says in the game's own words is a [`Play`](super::Act::Play).

use alloc::vec::Vec;

use super::PlayerId;
use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    hash::Hash,
    region::RegionId,
};

/// What the engine does for those who run the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The player leaves, and what lets them come back without being admitted anew is void.
    Kick(PlayerId),
    /// The player is kicked and does not enter any more; or may again.
    Bar {
        /// The player who is kept out, or let in.
        player: PlayerId,
        /// Whether they are kept out from now on.
        is_barred: bool,
    },
    /// From this tick on the world uses another content pack.
    Content(ContentId),
    /// What is held of a player's parcel is taken in, or dropped.
    Held {
        /// The player whose parcel is held.
        player: PlayerId,
        /// Whether it is taken in.
        is_taken: bool,
    },
    /// The border to a neighbour is closed, or opened again.
    Border {
        /// The neighbour whose border it is.
        region: RegionId,
        /// Whether players may cross.
        is_open: bool,
    },
    /// A neighbour is met in this incarnation, as both sides were looked at.
    Accept {
        /// The neighbour that is met.
        region: RegionId,
        /// The neighbour's incarnation.
        incarnation: u32,
    },
    /// The tick's Lamport number is above this one.
    Mark(u64),
    /// Inputs of a player who was held, because their inputs were in two ticks that broke, are taken again.
    Clear(PlayerId),
}

impl Request {
    // DOC:REQUEST
    // 0 kick: player (8) | 1 bar: player (8), barred (1: 0 or 1) | 2 content: id (32) | 3 held: player (8), taken (1: 0 or 1)
    // | 4 border: region (4), open (1: 0 or 1) | 5 accept: region (4), incarnation (4) | 6 mark: Lamport number (8)
    // | 7 clear: player (8)
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Kick(player) => {
                out.push(0);
                out.extend_from_slice(&player.0.to_le_bytes());
            }
            Self::Bar { player, is_barred } => {
                out.push(1);
                out.extend_from_slice(&player.0.to_le_bytes());
                out.push(u8::from(*is_barred));
            }
            Self::Content(id) => {
                out.push(2);
                out.extend_from_slice(&id.0.0);
            }
            Self::Held { player, is_taken } => {
                out.push(3);
                out.extend_from_slice(&player.0.to_le_bytes());
                out.push(u8::from(*is_taken));
            }
            Self::Border { region, is_open } => {
                out.push(4);
                out.extend_from_slice(&region.0.to_le_bytes());
                out.push(u8::from(*is_open));
            }
            Self::Accept { region, incarnation } => {
                out.push(5);
                out.extend_from_slice(&region.0.to_le_bytes());
                out.extend_from_slice(&incarnation.to_le_bytes());
            }
            Self::Mark(lamport) => {
                out.push(6);
                out.extend_from_slice(&lamport.to_le_bytes());
            }
            Self::Clear(player) => {
                out.push(7);
                out.extend_from_slice(&player.0.to_le_bytes());
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let begin = reader.clone();
        Ok(match reader.value()? {
            0 => Self::Kick(reader.value()?),
            1 => Self::Bar { player: reader.value()?, is_barred: reader.value()? },
            2 => Self::Content(ContentId(Hash(reader.value()?))),
            3 => Self::Held { player: reader.value()?, is_taken: reader.value()? },
            4 => Self::Border { region: reader.value()?, is_open: reader.value()? },
            5 => Self::Accept { region: reader.value()?, incarnation: reader.value()? },
            6 => Self::Mark(reader.value()?),
            7 => Self::Clear(reader.value()?),
            unknown => return Err(begin.fail(DecodeCause::Variant(unknown))),
        })
    }
}
