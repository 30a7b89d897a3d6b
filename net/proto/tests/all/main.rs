//! The tests of the protocol from outside, in one program: what they share is compiled once.

mod clients_and_host_agree;
mod examples;
mod followers_are_of_the_hosts_history;
mod hosting;
mod inputs_become_frames_and_outcomes;
mod inputs_come_without_a_session;
mod memory_is_bounded_in_bytes;
mod messages;
mod messages_survive_the_wire;
mod newcomers_wait_while_a_host_cannot_keep_up;
mod pair;
mod peers;
mod peers_play_one_game;
mod prediction_is_clamped;
mod requests_send_players_away;
mod tickets_let_one_client_back_in;
mod who_broke_a_tick_plays_alone;
mod who_left_is_told_where;
mod who_rests_comes_home;
mod who_was_sent_away_stays_away;
