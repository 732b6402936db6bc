//! The machine's clock and its source of randomness: the far side of two ports.

use clavis_broker::ports::{Clock, Random};
use jiff::Timestamp;

/// The machine's clock, in whole milliseconds, as the store keeps them.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// The kernel's random numbers.
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the port")]
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness there is no token that could be trusted: stopping is all that is left.
        getrandom::fill(buffer).expect("the kernel gives random numbers");
    }
}
