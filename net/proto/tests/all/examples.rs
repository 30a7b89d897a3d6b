//! The examples do what they say.

#[path = "../../examples/host.rs"]
mod host_without_sockets;
#[path = "../../examples/peers.rs"]
mod peers_without_a_host;

#[test]
fn peers_without_a_host_end_with_one_root() {
    peers_without_a_host::main().unwrap();
}

#[test]
fn a_host_without_sockets_answers_every_input() {
    host_without_sockets::main().unwrap();
}
