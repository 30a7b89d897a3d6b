//! The examples do what they say.

#[path = "../examples/store.rs"]
mod store;

#[test]
fn a_world_is_kept_recovered_and_goes_on() {
    store::main().unwrap();
}
