//! The worlds of this server's own binary, and [`GameAdapter`], by which it hosts any other.

#[cfg(feature = "d20")]
mod d20;
#[cfg(feature = "ledger")]
mod ledger;
#[cfg(all(feature = "d20", feature = "ledger"))]
mod settings;

#[cfg(feature = "d20")]
pub use d20::D20;
#[cfg(feature = "ledger")]
pub use ledger::Accounts;
#[cfg(all(feature = "d20", feature = "ledger"))]
pub use settings::{WorldConfig, WorldKind};
pub use tickworld_region::{AdapterError, Content, GameAdapter};

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
