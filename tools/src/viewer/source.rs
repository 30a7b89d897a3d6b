//! [`WorldSource`]: where the worlds of a viewer come from.
//!
//! Invariant: every root that a source gives was computed by this process from the world itself, and what the source says of it
//! is what a record, a snapshot or a server says besides. A source never shows a world that it took on trust.

use tickworld_sim::{frame::Tick, game::Game};

use super::{
    history::History,
    view::{RootDifference, SourceLine},
};
use crate::failure::Outcome;

/// See the module.
pub(crate) trait WorldSource {
    /// The game of the world.
    type Game: Game;

    /// The ticks that are at hand.
    fn history(&self) -> &History<Self::Game>;

    /// The first and the last tick that can be shown.
    fn span(&self) -> (Tick, Tick);

    /// Whether ticks come by themselves, and nothing but time makes more of them.
    fn is_live(&self) -> bool;

    /// The tick to show while time goes on by itself: the newest whose root is known to be right, and the newest of all where
    /// one was not. None before there is one.
    fn present(&self) -> Option<Tick>;

    /// Takes in what came by itself.
    ///
    /// # Errors
    /// When nothing can come any more, and nothing ever came.
    fn poll(&mut self) -> Outcome<()>;

    /// Makes a tick within the span, or a part of the way to it; gives whether it is there. A call takes a fraction of a
    /// second.
    ///
    /// # Errors
    /// When what was recorded cannot be read or made.
    fn go_to(&mut self, tick: Tick) -> Outcome<bool>;

    /// What it says of a tick.
    fn line(&self, tick: Tick) -> SourceLine;

    /// The first root that was not the one that it should be, of all that were looked at.
    fn difference(&self) -> Option<&RootDifference>;
}
