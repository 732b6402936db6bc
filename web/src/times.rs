//! How times and terms are written: absolute, in the site's zone, with the zone's name.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `Tuesday, 24 November 2026, 14:05 CET`.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%A, %-d %B %Y, %H:%M %Z")
        .to_string()
}

/// `3 hours`, `90 minutes`, `2 days`: the largest unit that says it exactly, to the minute.
pub(crate) fn term(term: SignedDuration) -> String {
    let minutes = term.as_mins().max(0);
    let (count, unit) = match minutes {
        0 => (term.as_secs().max(0), "second"),
        m if m % (24 * 60) == 0 && m > 24 * 60 => (m / (24 * 60), "day"),
        m if m % 60 == 0 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A moment as a `<time>` element.
pub(crate) struct When {
    machine: Timestamp,
    human: String,
}

impl When {
    pub(crate) fn new(at: Timestamp, zone: &TimeZone) -> Self {
        Self {
            machine: at,
            human: moment(at, zone),
        }
    }

    /// The moment without the element around it.
    pub(crate) fn in_words(&self) -> &str {
        &self.human
    }

    pub(crate) fn day(at: Timestamp, zone: &TimeZone) -> Self {
        let human = at
            .to_zoned_datetime(zone.clone())
            .strftime("%-d %B %Y, %H:%M %Z")
            .to_string();
        Self { machine: at, human }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, human } = self;
        write!(f, "<time datetime=\"{machine:.0}\">{human}</time>")
    }
}

/// Made of digits, the names of days, months and zones, and a fixed element.
impl HtmlSafe for When {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_absolute_and_name_their_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| moment(text.parse().unwrap(), &zone);
        assert_eq!(
            at("2026-11-24T13:05:59Z"),
            "Tuesday, 24 November 2026, 14:05 CET"
        );
        assert_eq!(
            at("2026-07-01T22:30:00Z"),
            "Thursday, 2 July 2026, 00:30 CEST"
        );
        let when = When::new("2026-11-24T13:05:59.5Z".parse().unwrap(), &TimeZone::UTC);
        assert_eq!(
            when.to_string(),
            "<time datetime=\"2026-11-24T13:05:59Z\">Tuesday, 24 November 2026, 13:05 UTC</time>"
        );
    }

    #[test]
    fn terms_use_the_unit_that_says_them_exactly() {
        for (minutes, words) in [
            (1, "1 minute"),
            (90, "90 minutes"),
            (60, "1 hour"),
            (180, "3 hours"),
            (24 * 60, "24 hours"),
            (72 * 60, "3 days"),
        ] {
            assert_eq!(term(SignedDuration::from_mins(minutes)), words);
        }
        assert_eq!(term(SignedDuration::from_secs(30)), "30 seconds");
    }
}
