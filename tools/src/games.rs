//! Which games this build simulates, by the names that traces and journals have for them.

use tickworld_ledger::Ledger;
use tickworld_rules::Rules;
use tickworld_sim::game::Game as _;

/// Whether this build simulates a game.
pub(crate) fn is_known(game: &str) -> bool {
    is_rules(game) || is_ledger(game)
}

/// Whether it is the d20 game.
pub(crate) fn is_rules(game: &str) -> bool {
    game == Rules::NAME
}

/// Whether it is the game of accounts and purses.
pub(crate) fn is_ledger(game: &str) -> bool {
    game == Ledger::NAME
}
