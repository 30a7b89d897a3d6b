//! Messages of the protocol. The first byte says which channel they came by.

use tickworld_proto::{channel::Channel, message::Message};

/// See the module.
pub fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let channel = [Channel::Control, Channel::Datagram, Channel::Bulk][usize::from(first % 3)];
    let Ok(message) = Message::decode(channel, bytes) else { return };
    let again = message.encode();
    assert_eq!(Message::decode(channel, &again), Ok(message), "a message reads back as another one");
}
