//! [`Rules`]: the type that stands for the d20 game.
//!
//! It has a file of its own so that systems can name the game they belong to without the list of all systems, which stands in
//! `game.rs`.

/// The d20 game.
#[derive(Clone, Copy, Debug)]
pub struct Rules;
