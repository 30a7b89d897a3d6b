//! [`Hosted`]: what a server must know of a game to host a world of it.
//!
//! Invariant: how a world begins follows from the value alone, so that a world can be proven from its first tick; content is
//! used only after every byte of it was checked.

mod d20;
mod ledger;

use tickworld_sim::{content::ContentId, game::Game, simulation::Simulation};

pub use d20::D20;
pub use ledger::Accounts;

use crate::failure::Outcome;

/// A game, and how a world of it begins.
pub trait Hosted: Send + Sync + 'static {
    /// The game.
    type Game: Game;

    /// What the world is, for people.
    fn title(&self) -> String;

    /// The world at tick 0.
    ///
    /// # Errors
    /// Where the beginning is impossible.
    fn begin(&self) -> Outcome<Simulation<Self::Game>>;

    /// The pack of the world's first content; none for games without.
    fn pack(&self) -> Option<Vec<u8>>;

    /// Reads a pack: its id, and what the game makes of it.
    ///
    /// # Errors
    /// Where the bytes are no pack of this game.
    fn read_pack(&self, bytes: &[u8]) -> Outcome<(ContentId, Content<Self>)>;

    /// What a world without any pack reads; `None` for games that need one.
    fn bare_content(&self) -> Option<Content<Self>>;
}

/// Decoded content of a hosted game.
pub type Content<H> = <<H as Hosted>::Game as Game>::Content;
