//! [`GameAdapter`]: what a region must know of a game to host a world of it.
//!
//! Invariant: how a world begins follows from the value alone, so that a world can be proven from its first tick; content is
//! used only after every byte of it was checked.

use std::{any::Any, error::Error};

use tickworld_sim::{content::ContentId, game::Game, simulation::Simulation, world::World};

/// Why a game cannot do what it was asked for, said for people.
pub type AdapterError = Box<dyn Error + Send + Sync>;

/// Decoded content of an adapter's game.
pub type Content<A> = <<A as GameAdapter>::Game as Game>::Content;

/// A game, and how a world of it begins.
///
/// Only [`title`](Self::title) and [`begin`](Self::begin) have to be said of a game without content:
///
/// ```
/// use tickworld_region::{AdapterError, GameAdapter};
/// use tickworld_sim::{game::Game, simulation::Simulation};
///
/// /// A world that begins as a function says.
/// struct Plain<G: Game>(fn() -> Simulation<G>);
///
/// impl<G: Game<Content = ()>> GameAdapter for Plain<G> {
///     type Game = G;
///
///     fn title(&self) -> String {
///         format!("a world of {}", G::NAME)
///     }
///
///     fn begin(&self) -> Result<Simulation<G>, AdapterError> {
///         Ok((self.0)())
///     }
/// }
/// ```
pub trait GameAdapter: Send + Sync + 'static {
    /// The game that worlds are of.
    type Game: Game;

    /// What the world is, for people.
    fn title(&self) -> String;

    /// The world at tick 0. It is asked for where there is no world yet, and where nothing of it but its journal is kept.
    ///
    /// # Errors
    /// When the beginning is impossible.
    fn begin(&self) -> Result<Simulation<Self::Game>, AdapterError>;

    /// Ticks a second that the rules of this world count with; `None` where they do not count seconds. A new world runs at this
    /// rate, and refuses to begin with another one.
    fn tick_rate(&self, _world: &World<Self::Game>) -> Option<u16> {
        None
    }

    /// The pack of the world's first content; `None` for games without.
    ///
    /// # Errors
    /// When there should be one and it cannot be read.
    fn pack(&self) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(None)
    }

    /// Reads a pack: its id, and what the game makes of it.
    ///
    /// # Errors
    /// When the bytes are no pack of this game.
    fn read_pack(&self, _bytes: &[u8]) -> Result<(ContentId, Content<Self>), AdapterError> {
        Err(format!("the game {} has no content", Self::Game::NAME).into())
    }

    /// What a world without any pack reads; `None` for games that need one. Games whose content is `()` need none.
    fn default_content(&self) -> Option<Content<Self>> {
        let nothing: Box<dyn Any> = Box::new(());
        nothing.downcast().ok().map(|content| *content)
    }

    /// What the world holds by name and `next` does not have, nor anything that stands for it: a line each, with its name in
    /// `current` where it has one. A switch of content is refused for the sake of these, unless the operator insists.
    fn unresolved(
        &self,
        _world: &World<Self::Game>,
        _current: Option<&Content<Self>>,
        _next: &Content<Self>,
    ) -> Vec<String> {
        Vec::new()
    }
}
