//! Which addresses count as one place.

use std::net::{IpAddr, Ipv6Addr};

/// The network that an address belongs to, as far as people at it are told apart. Of IPv6 it is the /64:
/// one machine there takes any address that it likes (RFC 4862, section 5.3; RFC 8981). It is not all that
/// one customer has, which may be thousands of them (RFC 6177, section 2): where those are to be held back
/// as well, there has to be a limit for everybody together.
pub fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}
