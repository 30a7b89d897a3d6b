//! The worlds of this server's binary: [`D20`] and [`Accounts`], as a region hosts them.

mod d20;
mod ledger;

pub use d20::D20;
pub use ledger::Accounts;
pub use tickworld_region::{AdapterError, Content, GameAdapter};
