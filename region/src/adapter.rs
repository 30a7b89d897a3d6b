//! [`GameAdapter`]: what a region must know of a game to host a world of it.
//!
//! Invariant: how a world begins follows from the value alone, so that a world can be proven from its first tick; content is
//! used only after every byte of it was checked.

use std::error::Error;

use tickworld_sim::{content::ContentId, game::Game, simulation::Simulation, world::World};

/// Why a game cannot do what it was asked for, said for people.
pub type AdapterError = Box<dyn Error + Send + Sync>;

/// Decoded content of an adapter's game.
pub type Content<A> = <<A as GameAdapter>::Game as Game>::Content;

/// A game, and how a world of it begins.
///
/// A game without content implements [`title`](Self::title) and [`begin`](Self::begin), and gives its empty content as
/// [`default_content`](Self::default_content).
pub trait GameAdapter: Send + Sync + 'static {
    /// The game.
    type Game: Game;

    /// What the world is, for people.
    fn title(&self) -> String;

    /// The world at tick 0.
    ///
    /// # Errors
    /// When the beginning is impossible.
    fn begin(&self) -> Result<Simulation<Self::Game>, AdapterError>;

    /// The bytes of the pack that the world begins with; `None` for games without content.
    fn pack(&self) -> Option<Vec<u8>> {
        None
    }

    /// Reads a pack: its id, and what the game makes of it.
    ///
    /// # Errors
    /// When the bytes are no pack of this game.
    fn read_pack(&self, bytes: &[u8]) -> Result<(ContentId, Content<Self>), AdapterError> {
        _ = bytes;
        Err("this game has no content".into())
    }

    /// What a world without any pack reads; `None` for games that need one.
    fn default_content(&self) -> Option<Content<Self>> {
        None
    }

    /// Names what the world holds and `content` lacks, so that nothing falls silent when the world switches to it.
    fn unresolved(&self, world: &World<Self::Game>, content: &Content<Self>) -> Vec<String> {
        _ = (world, content);
        Vec::new()
    }
}
