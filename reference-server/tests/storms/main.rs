//! Storms: the real server under kills, full and damaged disks, bad networks, hostile peers and rivals.
//!
//! Each file is one behaviour. `cargo xtask torture` runs the long forms of some of them.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod a_full_disk_stops_answers;
mod a_good_end_needs_no_replay;
mod a_kicked_player_stays_away;
mod a_start_says_what_is_wrong;
mod a_switch_names_what_it_takes_away;
mod a_used_token_stays_used;
mod bad_networks_change_nothing;
mod damage_is_named;
mod every_end_is_bounded;
mod harness;
mod hostile_peers_end_alone;
mod kills_lose_nothing;
mod one_owner_at_a_time;
mod operators_have_a_port_of_their_own;
mod who_is_away_rests_in_the_archive;

use std::path::Path;

use harness::Launch;

/// The server as this build made it.
fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tickworld-server"))
}

/// A quick ledger in this folder, whose roots are computed within their tick. `storms_with_late_roots.rs` is the other way.
fn launch(data: &Path) -> Launch {
    Launch::new(binary(), data).with("--tick-rate=100").with("--snapshot-ticks=0")
}
