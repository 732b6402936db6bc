//! Which addresses count as one place.

use std::net::{IpAddr, Ipv6Addr};

/// The network that an address belongs to, as far as people at it are told apart: one customer has a
/// whole /64 of IPv6 (RFC 6177, section 2).
pub fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}
