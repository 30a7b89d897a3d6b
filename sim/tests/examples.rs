//! The examples do what they say.

#[path = "../examples/held_controls.rs"]
mod held_controls;
#[path = "../examples/recording.rs"]
mod recording;
#[path = "../examples/state_to_json.rs"]
mod state_to_json;

#[test]
fn controls_are_held() {
    held_controls::main().unwrap();
}

#[test]
fn a_run_is_recorded_read_verified_and_compared() {
    recording::main().unwrap();
}

#[test]
fn a_state_is_shown_as_json() {
    state_to_json::main().unwrap();
}
