//! [`address_key`]: what budgets per address count by.
//!
//! Invariant: two addresses share a key only where one subscriber has both.

use std::net::IpAddr;

pub use tickworld_proto::host::{AddressKey, SessionId};

/// The key of an address: a whole IPv4 address, or the first 64 bits of an IPv6 address, since any host can have as many of
/// the rest as it likes. An IPv4 address written as IPv6 counts as the IPv4 address.
#[must_use]
pub fn address_key(address: IpAddr) -> AddressKey {
    match address.to_canonical() {
        IpAddr::V4(address) => AddressKey(address.to_ipv6_mapped().octets()),
        IpAddr::V6(address) => AddressKey((address.to_bits() >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_share_a_key() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::3"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::3"), key("2001:db8:1:3::3"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    }
}
