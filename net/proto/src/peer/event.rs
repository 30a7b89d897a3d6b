//! What a session between peers tells, and why it refuses something.

use alloc::{string::String, vec::Vec};

use tickworld_sim::{
    component::DecodeError,
    frame::{FrameError, PlayerId, Tick},
    hash::ShortHash,
};

use crate::limits;

/// Whoever is at the other end of a link. The embedder knows the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerId {
    /// A player, who has a session like this one.
    Player(PlayerId),
    /// Somebody who watches, by the number that the embedder gave.
    Spectator(u32),
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The peers find out whether they play the same game, and agree on the seed.
    Greeting,
    /// Ticks are made.
    Running,
    /// It is over by choice, or because the others refused this peer.
    Over,
}

/// Why a peer ended its session with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Farewell {
    /// It left of its own will.
    #[error("it left")]
    Left,
    /// It had not heard of the other one for too long, or heard from a third one who had not.
    #[error("nothing was heard for too long")]
    GivenUp,
    /// The other one plays another game: its version, schema, world, players or content differ.
    #[error("it plays another game, or begins with another world or other players")]
    OtherGame,
    /// The secret that the other one showed is not the one that it had promised.
    #[error("the part of the seed is not the one that was promised")]
    BrokenPromise,
    /// A spectator came too late for the ticks that it needs.
    #[error("the ticks that come next are not kept any more")]
    Behind,
    /// A spectator that nobody expects.
    #[error("nobody of that number is expected")]
    Unexpected,
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// All peers are there and agreed on the seed: ticks can be made.
    Running,
    /// Nothing was heard of a peer for a while.
    Interrupted(PeerId),
    /// It is there again.
    Resumed(PeerId),
    /// This peer is ahead of the others: if it lets so many ticks' time go by, each waits as long for the others as they do.
    Wait {
        /// How many ticks to let go by.
        ticks: u32,
    },
    /// A player plays on nowhere any more. Which is their last tick is still to be agreed on.
    Departing(PlayerId, Farewell),
    /// All who are left agreed: in the tick after this one the player leaves the world.
    Departed {
        /// The player who leaves.
        player: PlayerId,
        /// The last tick with their input.
        last: Tick,
    },
    /// A confirmed tick has different roots: the worlds are not the same any more. Told once of each player.
    Desync {
        /// The player whose root differs.
        player: PlayerId,
        /// The tick; its world may still be [kept](super::PeerSession::evidence).
        tick: Tick,
        /// The root here.
        own: ShortHash,
        /// The root there.
        theirs: ShortHash,
    },
    /// A spectator is not served any more.
    SpectatorGone(u32, Farewell),
    /// The session is over, because of this peer or because that one refused it.
    Over(PeerId, Farewell),
    /// Bytes of a peer that are no message. They changed nothing.
    Fault(PeerId, PeerFault),
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// Bytes that no peer of this version writes.
    #[error("malformed message: {0}")]
    Malformed(#[from] DecodeError),
    /// Another version of these messages.
    #[error("the peer speaks version {found}, this build speaks version {}", limits::PEER_VERSION)]
    Version {
        /// The version that the peer speaks.
        found: u8,
    },
    /// Something that this peer has no right to say.
    #[error("the message is not for this peer to send")]
    Sender,
    /// A frame that the world refuses.
    #[error("{0}")]
    Frame(FrameError),
}

/// Why no session can be made of this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerSetupError {
    /// Too few, too many, one twice, or ids that are none of a player.
    #[error("a session has 2 to {most} distinct players with ids from 1 to 2^63 - 1, not {0:?}", most = limits::PEERS_MAX)]
    Players(Vec<PlayerId>),
    /// The own player is none of them.
    #[error("player {} is not among the session's players", .0.0)]
    NotAmongThem(PlayerId),
    /// The inputs of a tick do not fit into one datagram.
    #[error("{players} players with inputs of {input_bytes} bytes do not fit into a datagram of {most} bytes", most = limits::DATAGRAM_BYTES_MIN)]
    InputTooLong {
        /// The number of players that there are.
        players: usize,
        /// Longest encoding of an input.
        input_bytes: usize,
    },
    /// A setting that is out of its range; says which, and what it may be.
    #[error("{0}")]
    Setting(String),
}

/// Why no tick is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The peers have not found each other yet.
    #[error("the peers have not agreed on the seed yet")]
    Greeting,
    /// The session is over.
    #[error("the session is over")]
    Over,
    /// Inputs of others are missing for as many ticks as may be guessed. The own input is taken; what is given with the next
    /// call for this tick is not.
    #[error("tick {tick} is {ahead} ticks ahead of the last one whose inputs are all known, as far as settings allow")]
    Stall {
        /// The tick of the world.
        tick: Tick,
        /// How far ahead it is.
        ahead: u32,
    },
    /// The world refuses the frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
