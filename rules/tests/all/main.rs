//! The tests of the rules from outside, in one program: what they share is compiled once.

mod a_battle_is_deterministic;
mod a_switch_names_what_it_takes_away;
mod arithmetic_follows_the_srd;
mod blows_land_together;
mod choices_make_sense;
mod common;
mod conditions_end;
mod crowds_come_and_go;
mod effects_follow_content;
mod exits_lead_to_other_regions;
mod inputs_are_answered;
mod invariants_hold_whatever_players_do;
mod items_are_never_lost;
mod parcels_of_strangers_do_no_harm;
mod players_travel_whole;
mod uses_come_back;
mod walks_end_somewhere;
