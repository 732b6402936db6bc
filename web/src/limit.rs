//! How often one source may begin a sign-in. Each one sends a mail to somebody.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// At once. An office behind one address signs in together on a bad morning.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// And then again.
const A_MINUTE: NonZeroU32 = NonZeroU32::new(12).expect("not zero");
/// From so many sources on, those that have been quiet are forgotten.
const MANY: usize = 4096;

pub(crate) struct SignInLimit(DefaultKeyedRateLimiter<Option<IpAddr>>);

impl SignInLimit {
    /// Counts a sign-in, or says how long to wait.
    pub(crate) fn count(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        if self.0.len() > MANY {
            self.0.retain_recent();
        }
        let checked = self.0.check_key(&source.map(bucket));
        checked.map_err(|not_yet| not_yet.wait_time_from(self.0.clock().now()))
    }
}

impl Default for SignInLimit {
    fn default() -> Self {
        let quota = Quota::per_minute(A_MINUTE).allow_burst(AT_ONCE);
        Self(RateLimiter::keyed(quota))
    }
}

/// One customer of a network has a whole /64 of IPv6.
fn bucket(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_held_back_alone_and_a_whole_network_of_ipv6_counts_as_one() {
        let limit = SignInLimit::default();
        for n in 0..AT_ONCE.get() {
            assert!(
                limit.count(Some(ip(&format!("2001:db8::{n:x}")))).is_ok(),
                "{n}"
            );
        }
        let wait = limit.count(Some(ip("2001:db8::ffff:1"))).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_mins(1));
        assert!(limit.count(Some(ip("2001:db8:0:1::1"))).is_ok());
        assert!(limit.count(Some(ip("192.0.2.1"))).is_ok());
    }
}
