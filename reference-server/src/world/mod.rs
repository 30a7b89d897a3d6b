//! [`GameAdapter`]: what a server must know of a game to run a world of it.
//!
//! Invariant: how a world begins follows from the value alone, so that a world can be proven from its first tick; content is
//! used only after every byte of it was checked.

#[cfg(feature = "d20")]
mod d20;
#[cfg(feature = "ledger")]
mod ledger;
#[cfg(all(feature = "d20", feature = "ledger"))]
mod settings;

use std::any::Any;

use tickworld_sim::{content::ContentId, game::Game, simulation::Simulation, world::World};

#[cfg(feature = "d20")]
pub use d20::D20;
#[cfg(feature = "ledger")]
pub use ledger::Accounts;
#[cfg(all(feature = "d20", feature = "ledger"))]
pub use settings::{WorldConfig, WorldKind};

use crate::failure::{Failure, Outcome};

/// A game, and how a world of it begins.
///
/// Only [`title`](Self::title) and [`begin`](Self::begin) have to be said of a game without content:
///
/// ```
/// use tickworld_server::{failure::Outcome, world::GameAdapter};
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
///     fn begin(&self) -> Outcome<Simulation<G>> {
///         Ok((self.0)())
///     }
/// }
/// ```
pub trait GameAdapter: Send + Sync + 'static {
    /// The game.
    type Game: Game;

    /// What the world is, for people.
    fn title(&self) -> String;

    /// The world at tick 0. It is asked for where there is no world yet, and where nothing of it but its journal is kept.
    ///
    /// # Errors
    /// Where the beginning is impossible.
    fn begin(&self) -> Outcome<Simulation<Self::Game>>;

    /// Ticks a second that the rules of this world count with; `None` where they do not count seconds. A new world runs at this
    /// rate, and refuses to begin with another one.
    fn tick_rate(&self, _world: &World<Self::Game>) -> Option<u16> {
        None
    }

    /// The pack of the world's first content; `None` for games without.
    ///
    /// # Errors
    /// Where there should be one and it cannot be read.
    fn pack(&self) -> Outcome<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Reads a pack: its id, and what the game makes of it.
    ///
    /// # Errors
    /// Where the bytes are no pack of this game.
    fn read_pack(&self, _bytes: &[u8]) -> Outcome<(ContentId, Content<Self>)> {
        Err(Failure::new(format!("the game {} has no content", Self::Game::NAME)))
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

/// Decoded content of an adapter's game.
pub type Content<A> = <<A as GameAdapter>::Game as Game>::Content;

#[cfg(all(test, feature = "d20", feature = "ledger"))]
mod tests {
    use super::*;

    #[test]
    fn a_game_whose_content_is_nothing_needs_no_pack_and_another_one_does() {
        assert_eq!(Accounts { accounts: 1, coins: 1 }.default_content(), Some(()));
        assert!(D20::of("duel".into(), None).default_content().is_none());
        let refusal = Accounts { accounts: 1, coins: 1 }.read_pack(b"a pack").expect_err("a ledger has no content");
        assert_eq!(refusal.to_string(), "the game tickworld-ledger has no content");
    }
}
