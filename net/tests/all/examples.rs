//! The examples do what they say.

#[path = "../../examples/own_game.rs"]
mod own_game;

#[test]
fn a_game_of_ones_own_is_hosted_played_and_resumed() {
    own_game::main().unwrap();
}
