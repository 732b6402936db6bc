//! HTTP as all sides here speak it: who we say we are, and bodies in buffers that are wiped.

use std::path::Path;
use std::time::Duration;

use clavis_broker::ports::Clock;
use clavis_config::read_at_most;
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response, Url};
use zeroize::Zeroizing;

use super::Trouble;
use crate::authorities;

/// How we introduce ourselves.
pub(super) const USER_AGENT: &str = concat!("clavis/", env!("CARGO_PKG_VERSION"));

/// The length up to which a body is read without its buffer growing: more than a key needs.
pub(super) const ROOM: usize = 16 * 1024;

/// No wait that somebody asks for is counted as longer.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// An answer, read to its end.
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long to wait before the next call, where that was said.
    pub(crate) retry_after: Option<Duration>,
    /// The time that it has, where it tells one (`Date`).
    pub(crate) date: Option<Timestamp>,
    /// The identifier of the call, where the head names it.
    pub(crate) request_id: String,
    /// The body.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// A client that follows no redirection and speaks HTTP/1.1 alone, in which `Connection: close` ends the
/// connection that a key came over; HTTP/2 knows no such thing. Where it may speak without TLS, to this machine or its own
/// link, it goes past the proxies of the environment, which would read everything. Reads the
/// certificates of the authorities to trust, of that file alone or of the system, which blocks.
pub(crate) fn client(only_tls: bool, ca_file: Option<&Path>) -> Result<Client, Trouble> {
    built(builder(only_tls, ca_file)?)
}

/// What [`client`] is built of, for one that differs.
pub(crate) fn builder(only_tls: bool, ca_file: Option<&Path>) -> Result<ClientBuilder, Trouble> {
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .referer(false)
        .redirect(Policy::none())
        .http1_only()
        .https_only(only_tls);
    if !only_tls {
        builder = builder.no_proxy();
    }
    if let Some(path) = ca_file {
        builder = builder.tls_built_in_root_certs(false);
        for authority in authorities(path)? {
            builder = builder.add_root_certificate(authority);
        }
    }
    Ok(builder)
}

/// Builds a client. Reads the certificates of the system where no others are to be trusted.
pub(crate) fn built(builder: ClientBuilder) -> Result<Client, Trouble> {
    builder.build().map_err(|_| {
        Trouble::Unusable("the certificates that this machine trusts cannot be read".into())
    })
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Trouble> {
    let bad = |why: String| Trouble::Unusable(format!("{}: {why}", path.display()));
    let pem = read_at_most(path, authorities::LONGEST).map_err(|error| bad(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(bad("it holds no certificate".to_owned())),
    }
}

/// Reads an answer whose body is not longer than `limit`. Up to [`ROOM`] it is read into one buffer
/// that does not grow, so that no copy of it is left behind.
pub(crate) async fn read(
    mut response: Response,
    limit: usize,
    clock: &dyn Clock,
) -> Result<Reply, Trouble> {
    let host = host(response.url());
    let too_long = || Trouble::Nonsense(format!("{host} answered at too great a length"));
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), clock.now());
    let date = date(response.headers());
    let request_id = response.headers().get("request-id");
    let request_id = request_id.and_then(|id| id.to_str().ok());
    let request_id = plain(request_id.unwrap_or_default());
    let mut body = Zeroizing::new(Vec::with_capacity(limit.min(ROOM)));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Trouble::of(error, &host))?
    {
        if chunk.len() > limit - body.len() {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        retry_after,
        date,
        request_id,
        body,
    })
}

/// The host of an address, for messages.
pub(crate) fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// A word of somebody else, if it looks like a code or an identifier; else nothing.
pub(crate) fn plain(word: &str) -> String {
    let sound = word.len() <= 64
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if sound {
        word.to_owned()
    } else {
        String::new()
    }
}

/// `Date` (RFC 9110, section 6.6.1).
fn date(head: &HeaderMap) -> Option<Timestamp> {
    let text = head.get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(head: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = head.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        // A date that has passed means at once.
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use clavis_broker::testing::{SetClock, sample};

    use super::*;

    #[test]
    fn the_time_to_wait_is_seconds_or_a_date() {
        // It is 9:00:00.
        let clock = SetClock::at(sample::monday());
        let read = |text: &str| {
            let mut head = HeaderMap::new();
            head.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&head, clock.now()).map(|wait| wait.as_secs())
        };
        assert_eq!(read("7"), Some(7));
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("Mon, 23 Nov 2026 09:00:20 GMT"), Some(20));
        assert_eq!(read("Mon, 23 Nov 2026 08:00:00 GMT"), Some(0));
        assert_eq!(read(&u64::MAX.to_string()), Some(24 * 60 * 60));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new(), clock.now()), None);
    }

    #[test]
    fn words_of_others_are_kept_only_where_they_are_codes() {
        assert_eq!(
            plain("Authorization_RequestDenied"),
            "Authorization_RequestDenied"
        );
        assert_eq!(plain("anna@example.com"), "");
        assert_eq!(plain(&"a".repeat(65)), "");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::{sample, spelled};
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn nobody_makes_us_wait_longer_than_a_day() {
        let pieces = [
            "Mon, 23 Nov 2026 09:00:20 GMT",
            "Nov",
            "-",
            "+",
            "18446744073709551615",
            "9999",
            " GMT",
            "Tue",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                return;
            };
            let head = HeaderMap::from_iter([(RETRY_AFTER, value)]);
            let wait = retry_after(&head, sample::monday());
            assert!(wait.is_none_or(|wait| wait <= LONGEST_WAIT));
            assert!(plain(&text).is_empty() || plain(&text) == text);
        });
    }
}
