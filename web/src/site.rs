//! What the pages and letters say about the installation that they belong to.

use std::net::IpAddr;

use clavis_broker::people::MailAddress;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::look::Colour;
use crate::times::{self, When};
use crate::trusted::TrustedHeader;

/// One installation.
#[derive(Debug, Clone)]
pub struct Site {
    /// The address that people use, without a slash at the end: `https://keys.example.com`.
    pub public_url: String,
    /// The organisation's name.
    pub organisation: String,
    /// The colour of pages and letters.
    pub colour: Colour,
    /// The time zone of every time that is shown.
    pub time_zone: TimeZone,
    /// Whom people call.
    pub support: Support,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The proxy that says who people are, where there is one.
    pub trusted_header: Option<TrustedHeader>,
}

/// Whom people call when Clavis cannot help them.
#[derive(Debug, Clone)]
pub struct Support {
    /// A telephone number, as people write it.
    pub phone: String,
    /// When somebody answers.
    pub hours: String,
    /// A mail address, where there is one.
    pub mail: Option<MailAddress>,
}

impl Site {
    /// The whole address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether a host, `name` or `name:port`, is that of the address that people use.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        let usual_port = if self.is_https() { ":443" } else { ":80" };
        let host = host.strip_suffix(usual_port).unwrap_or(host);
        let place = self.public_url.split_once("://").map(|(_, place)| place);
        place.is_some_and(|place| place.eq_ignore_ascii_case(host))
    }

    /// A moment in words, in the site's time zone.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        times::moment(at, &self.time_zone)
    }

    /// A moment for a page.
    pub(crate) fn when(&self, at: Timestamp) -> When {
        When::new(at, &self.time_zone)
    }

    /// A day for a page.
    pub(crate) fn day(&self, at: Timestamp) -> When {
        When::day(at, &self.time_zone)
    }
}

impl Support {
    /// The telephone number as a link.
    pub(crate) fn phone_link(&self) -> String {
        let digits: String = self
            .phone
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '+')
            .collect();
        format!("tel:{digits}")
    }

    /// Whom to call, in one sentence's worth of words.
    pub(crate) fn in_words(&self) -> String {
        match &self.mail {
            Some(mail) => format!("{} ({}) or {mail}", self.phone, self.hours),
            None => format!("{} ({})", self.phone, self.hours),
        }
    }
}
