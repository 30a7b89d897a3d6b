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
};

/// What the engine does for those who run the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The player leaves, and what lets them come back without being admitted anew is void.
    Kick(PlayerId),
    /// The player is kicked and does not enter any more; or may again.
    Bar {
        /// Who.
        player: PlayerId,
        /// Whether they are kept out from now on.
        is_barred: bool,
    },
    /// From this tick on the world uses another content pack.
    Content(ContentId),
    /// Inputs of a player who was held, because their inputs were in two ticks that broke, are taken again.
    Clear(PlayerId),
}

impl Request {
    // DOC:REQUEST
    // 0 kick: player (8) | 1 bar: player (8), barred (1: 0 or 1) | 2 content: id (32) | 7 clear: player (8)
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
            7 => Self::Clear(reader.value()?),
            unknown => return Err(begin.fail(DecodeCause::Variant(unknown))),
        })
    }
}
