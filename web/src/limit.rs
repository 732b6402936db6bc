//! How often one source may begin a sign-in or open a link that is none, and one person may ask for a
//! key or name a stand-in, and one program may call. These keep one from burdening others, and are counted in each process by
//! itself; what keeps codes from being guessed is counted in the store, by the broker.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use clavis_broker::networks::network;
use clavis_broker::people::PersonId;
use clavis_broker::programs::ProgramName;
use clavis_broker::tokens::TokenHash;
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// At once. An office behind one address signs in together on a bad morning.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// And then again.
const A_MINUTE: NonZeroU32 = NonZeroU32::new(12).expect("not zero");
/// From so many sources on, those that have been quiet are forgotten.
const MANY: usize = 4096;

/// For one address at once, from one source: somebody whose mail is slow in coming.
const FOR_ONE_AT_ONCE: NonZeroU32 = NonZeroU32::new(6).expect("not zero");
/// And then again.
const FOR_ONE_AN_HOUR: NonZeroU32 = NonZeroU32::new(12).expect("not zero");

/// So many keys may one person ask for at once. Somebody at a desk, on the morning after an update that
/// locked everything, is faster than anybody with a laptop of their own.
const ASKED_AT_ONCE: NonZeroU32 = NonZeroU32::new(40).expect("not zero");
/// And then again.
const ASKED_A_MINUTE: NonZeroU32 = NonZeroU32::new(4).expect("not zero");

/// So many links that nobody was sent may one source open at once: somebody whose mail program breaks
/// addresses.
const UNKNOWN_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// And then again.
const UNKNOWN_A_MINUTE: NonZeroU32 = NonZeroU32::new(6).expect("not zero");

/// So often at once may one source open one link, or send its form: each leaves a row in the log.
const OPENED_AT_ONCE: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// And then again.
const OPENED_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// So many calls may be made with one token at once: a service desk that comes back after a night.
const CALLS_AT_ONCE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");
/// And then again.
const CALLS_A_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("not zero");
/// So many may come from one source at once, with whatever token.
const CALLS_FROM_AT_ONCE: NonZeroU32 = NonZeroU32::new(1200).expect("not zero");
/// And then again.
const CALLS_FROM_A_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");
/// So many keys may one program ask for at once: it does so for many people.
const ASKED_BY_PROGRAM_AT_ONCE: NonZeroU32 = NonZeroU32::new(120).expect("not zero");
/// And then again.
const ASKED_BY_PROGRAM_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// So many messages that are longer than a form may one source send at once, whoever they say they are of.
const LONG_AT_ONCE: NonZeroU32 = NonZeroU32::new(120).expect("not zero");
/// And then again.
const LONG_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

pub(crate) struct Limits {
    of_source: DefaultKeyedRateLimiter<Option<IpAddr>>,
    for_address: DefaultKeyedRateLimiter<(Option<IpAddr>, String)>,
    unknown_links_of: DefaultKeyedRateLimiter<Option<IpAddr>>,
    openings_of: DefaultKeyedRateLimiter<(Option<IpAddr>, TokenHash)>,
    stand_ins_of: DefaultKeyedRateLimiter<PersonId>,
    asked_by: DefaultKeyedRateLimiter<PersonId>,
    calls_by: DefaultKeyedRateLimiter<TokenHash>,
    calls_from: DefaultKeyedRateLimiter<Option<IpAddr>>,
    wrong_tokens_of: DefaultKeyedRateLimiter<Option<IpAddr>>,
    asked_by_program: DefaultKeyedRateLimiter<ProgramName>,
}

impl Limits {
    /// Counts a sign-in for an address, or says how long to wait. A source is held back for one
    /// address long before that address has had all the codes that it is sent in an hour, so that
    /// a stranger cannot keep somebody out by asking in their name.
    pub(crate) fn count(&self, source: Option<IpAddr>, mail: &str) -> Result<(), Duration> {
        self.count_source(source)?;
        let source = source.map(network);
        check(&self.for_address, &(source, mail.to_lowercase()))
    }

    /// Counts a sign-in at a provider, or says how long to wait. Nobody is written to, but each
    /// leaves a row in the log and one in the store.
    pub(crate) fn count_source(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.of_source, &source.map(network))
    }

    /// Counts that a link was opened which nobody was sent, or says how long to wait.
    pub(crate) fn count_unknown_link(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.unknown_links_of, &source.map(network))
    }

    /// Counts that a link is opened or its form is sent, or says how long to wait. Others who hold the
    /// link are not held back.
    pub(crate) fn count_link(
        &self,
        source: Option<IpAddr>,
        link: TokenHash,
    ) -> Result<(), Duration> {
        check(&self.openings_of, &(source.map(network), link))
    }

    /// Counts that somebody names a stand-in, or says how long to wait. Whether the directory knows
    /// whom they name shows in the answer, and whom it knows gets a mail.
    pub(crate) fn count_stand_in(&self, of: &PersonId) -> Result<(), Duration> {
        check(&self.stand_ins_of, of)
    }

    /// Counts that somebody asks for a key, or says how long to wait. Each asks all backends, and
    /// those who approve.
    pub(crate) fn count_ask(&self, by: &PersonId) -> Result<(), Duration> {
        check(&self.asked_by, by)
    }

    /// Counts a call to the API from a source, or says how long to wait.
    pub(crate) fn count_call_from(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.calls_from, &source.map(network))
    }

    /// Counts a call with a token, known or not, or says how long to wait.
    pub(crate) fn count_call_by(&self, token: TokenHash) -> Result<(), Duration> {
        check(&self.calls_by, &token)
    }

    /// Counts that a token was shown that does not hold, or says how long to wait.
    pub(crate) fn count_wrong_token(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.wrong_tokens_of, &source.map(network))
    }

    /// Counts that a program asks for a key, or says how long to wait.
    pub(crate) fn count_ask_by(&self, program: &ProgramName) -> Result<(), Duration> {
        check(&self.asked_by_program, program)
    }
}

impl Default for Limits {
    fn default() -> Self {
        let of_source = Quota::per_minute(A_MINUTE).allow_burst(AT_ONCE);
        let for_address = Quota::per_hour(FOR_ONE_AN_HOUR).allow_burst(FOR_ONE_AT_ONCE);
        let asked = Quota::per_minute(ASKED_A_MINUTE).allow_burst(ASKED_AT_ONCE);
        Self {
            of_source: RateLimiter::keyed(of_source),
            for_address: RateLimiter::keyed(for_address),
            unknown_links_of: RateLimiter::keyed(
                Quota::per_minute(UNKNOWN_A_MINUTE).allow_burst(UNKNOWN_AT_ONCE),
            ),
            openings_of: RateLimiter::keyed(
                Quota::per_minute(OPENED_A_MINUTE).allow_burst(OPENED_AT_ONCE),
            ),
            stand_ins_of: RateLimiter::keyed(for_address),
            asked_by: RateLimiter::keyed(asked),
            calls_by: RateLimiter::keyed(
                Quota::per_minute(CALLS_A_MINUTE).allow_burst(CALLS_AT_ONCE),
            ),
            calls_from: RateLimiter::keyed(
                Quota::per_minute(CALLS_FROM_A_MINUTE).allow_burst(CALLS_FROM_AT_ONCE),
            ),
            wrong_tokens_of: RateLimiter::keyed(
                Quota::per_minute(UNKNOWN_A_MINUTE).allow_burst(UNKNOWN_AT_ONCE),
            ),
            asked_by_program: RateLimiter::keyed(
                Quota::per_minute(ASKED_BY_PROGRAM_A_MINUTE).allow_burst(ASKED_BY_PROGRAM_AT_ONCE),
            ),
        }
    }
}

/// How often one source may show what lets it send a long message.
pub(crate) struct LongMessages(DefaultKeyedRateLimiter<IpAddr>);

impl LongMessages {
    /// Counts a long message, or says how long to wait.
    pub(crate) fn count(&self, source: IpAddr) -> Result<(), Duration> {
        check(&self.0, &network(source))
    }
}

impl Default for LongMessages {
    fn default() -> Self {
        let quota = Quota::per_minute(LONG_A_MINUTE).allow_burst(LONG_AT_ONCE);
        Self(RateLimiter::keyed(quota))
    }
}

fn check<K: Clone + Eq + Hash>(
    limit: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), Duration> {
    if limit.len() > MANY {
        limit.retain_recent();
    }
    let checked = limit.check_key(key);
    checked.map_err(|not_yet| not_yet.wait_time_from(limit.clock().now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_held_back_alone_and_a_whole_network_of_ipv6_counts_as_one() {
        let limit = Limits::default();
        for n in 0..AT_ONCE.get() {
            assert!(
                limit
                    .count(
                        Some(ip(&format!("2001:db8::{n:x}"))),
                        &format!("p{n}@example.com")
                    )
                    .is_ok(),
                "{n}"
            );
        }
        let wait = limit
            .count(Some(ip("2001:db8::ffff:1")), "p@example.com")
            .unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_mins(1));
        assert!(
            limit
                .count(Some(ip("2001:db8:0:1::1")), "p@example.com")
                .is_ok()
        );
        assert!(limit.count(Some(ip("192.0.2.1")), "p@example.com").is_ok());
    }

    #[test]
    fn who_opens_a_link_again_and_again_is_held_back_and_others_who_hold_it_are_not() {
        let limit = Limits::default();
        let [one, other] = [TokenHash([1; 32]), TokenHash([2; 32])];
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|text| Some(ip(text)));
        for _ in 0..OPENED_AT_ONCE.get() {
            assert!(limit.count_link(here, one).is_ok());
        }
        assert!(limit.count_link(here, one).is_err());
        assert!(limit.count_link(here, other).is_ok());
        assert!(limit.count_link(there, one).is_ok());
    }

    #[test]
    fn a_person_names_a_few_stand_ins_and_others_are_not_held_back() {
        let limit = Limits::default();
        let [anna, boss] = ["anna", "boss"].map(|name| PersonId(name.to_owned()));
        for _ in 0..FOR_ONE_AT_ONCE.get() {
            assert!(limit.count_stand_in(&anna).is_ok());
        }
        assert!(limit.count_stand_in(&anna).is_err());
        assert!(limit.count_stand_in(&boss).is_ok());
    }

    #[test]
    fn a_person_asks_for_many_keys_and_not_without_end() {
        let limit = Limits::default();
        let [agent, anna] = ["agent", "anna"].map(|name| PersonId(name.to_owned()));
        for _ in 0..ASKED_AT_ONCE.get() {
            assert!(limit.count_ask(&agent).is_ok());
        }
        assert!(limit.count_ask(&agent).is_err());
        assert!(limit.count_ask(&anna).is_ok());
    }

    #[test]
    fn a_stranger_is_held_back_for_one_address_and_its_owner_is_not() {
        let limit = Limits::default();
        let stranger = Some(ip("192.0.2.66"));
        for _ in 0..FOR_ONE_AT_ONCE.get() {
            assert!(limit.count(stranger, "anna@example.com").is_ok());
        }
        assert!(limit.count(stranger, "Anna@Example.com").is_err());
        assert!(limit.count(stranger, "boss@example.com").is_ok());
        assert!(
            limit
                .count(Some(ip("192.0.2.1")), "anna@example.com")
                .is_ok()
        );
    }
}
