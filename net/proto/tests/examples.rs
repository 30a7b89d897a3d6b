//! The examples do what they say.

#[path = "../examples/peers.rs"]
mod peers_without_a_host;

#[test]
fn peers_without_a_host_end_with_one_root() {
    peers_without_a_host::main().unwrap();
}
