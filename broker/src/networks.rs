//! Which addresses count as one place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// Whether an address is one of the public internet: nobody's private network, nothing on the same link
/// or this machine, no group of machines, and nothing that is set aside for something else (the registries
/// of special-purpose addresses of IANA, RFC 6890). Addresses that stand for another one, as in NAT64 and
/// 6to4, are what that is.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    const RESERVED: [([u8; 4], u32); 15] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    let ip = ip.to_bits();
    let is_in = |(network, length): ([u8; 4], u32)| {
        (ip ^ Ipv4Addr::from(network).to_bits()) >> (32 - length) == 0
    };
    !RESERVED.into_iter().any(is_in)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let embedded = |shift: u32| {
        let bits = (ip.to_bits() >> shift) & u128::from(u32::MAX);
        is_public_v4(Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default()))
    };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(0),
        [0x2002, ..] => embedded(80),
        // Assigned to protocols, Teredo among them, and set aside for documents.
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // All that is global unicast so far.
        [first, ..] => first >> 13 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let is_public = |text: &str| is_public(text.parse().unwrap());
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(is_public(public), "{public}");
        }
        for other in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::101:101",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(other), "{other}");
        }
    }
}
