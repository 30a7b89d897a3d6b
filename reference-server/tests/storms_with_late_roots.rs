//! The storms again, on servers whose roots are computed beside the ticks and journaled four ticks later.
//!
//! What depends on when a root is known (snapshots, proofs, the end, recovery) takes another way then: a server that found no
//! snapshot to store, because the record was stored before the root was known, passed every test of the usual way.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

#[path = "storms/a_full_disk_stops_answers.rs"]
mod a_full_disk_stops_answers;
#[path = "storms/a_good_end_needs_no_replay.rs"]
mod a_good_end_needs_no_replay;
#[path = "storms/a_kicked_player_stays_away.rs"]
mod a_kicked_player_stays_away;
#[path = "storms/a_start_says_what_is_wrong.rs"]
mod a_start_says_what_is_wrong;
#[path = "storms/a_switch_names_what_it_takes_away.rs"]
mod a_switch_names_what_it_takes_away;
#[path = "storms/bad_networks_change_nothing.rs"]
mod bad_networks_change_nothing;
#[path = "storms/damage_is_named.rs"]
mod damage_is_named;
#[path = "storms/every_end_is_bounded.rs"]
mod every_end_is_bounded;
#[path = "storms/harness/mod.rs"]
mod harness;
#[path = "storms/hostile_peers_end_alone.rs"]
mod hostile_peers_end_alone;
#[path = "storms/kills_lose_nothing.rs"]
mod kills_lose_nothing;
#[path = "storms/one_owner_at_a_time.rs"]
mod one_owner_at_a_time;
#[path = "storms/operators_have_a_port_of_their_own.rs"]
mod operators_have_a_port_of_their_own;

use std::path::Path;

use harness::Launch;

/// The server as this build made it.
fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tickworld-server"))
}

/// A quick ledger in this folder.
fn launch(data: &Path) -> Launch {
    Launch::new(binary(), data).with("--tick-rate=100").with("--snapshot-ticks=0").with("--root-lag-ticks=4")
}
