//! What an auditor types, and what it means.

use clavis_broker::search::{EVENTS, LogFilters, days};
use jiff::civil::Date;
use serde::Deserialize;

use crate::forms::with_query;
use crate::site::Site;

/// The longest text that is searched for: it is written into the log.
pub(super) const LONGEST: usize = 254;

/// As it stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) person: String,
    pub(super) device: String,
    pub(super) request: String,
    pub(super) event: String,
    pub(super) from: String,
    pub(super) to: String,
    before: String,
}

/// What is wrong with it, field by field.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) person: Option<&'static str>,
    pub(super) device: Option<&'static str>,
    pub(super) request: Option<&'static str>,
    pub(super) event: Option<&'static str>,
    pub(super) from: Option<&'static str>,
    pub(super) to: Option<&'static str>,
}

const TOO_LONG: &str = "This is too long.";
const NO_REFERENCE: &str = "A reference looks like K7Q-4MX2.";
const NO_EVENT: &str = "There is no event of this name.";
const NO_DAY: &str = "Write a day like 2026-11-24.";
const TURNED: &str = "The last day is before the first.";

impl Typed {
    /// What is searched for, or what is wrong. A place to go on from that is none narrows nothing.
    pub(super) fn filters(&self, site: &Site) -> Result<LogFilters, Wrong> {
        let mut wrong = Wrong::default();
        let person = read(&self.person, short, TOO_LONG, &mut wrong.person);
        let device = read(&self.device, short, TOO_LONG, &mut wrong.device);
        let request = read(
            &self.request,
            |text| text.parse().ok(),
            NO_REFERENCE,
            &mut wrong.request,
        );
        let event = read(&self.event, known, NO_EVENT, &mut wrong.event);
        let first = read(&self.from, day, NO_DAY, &mut wrong.from);
        let last = read(&self.to, day, NO_DAY, &mut wrong.to);
        if first.is_some() && last.is_some() && first > last {
            wrong.to = Some(TURNED);
        }
        let (from, to) = days(first, last, &site.time_zone).unwrap_or_else(|| {
            wrong.to = Some(NO_DAY);
            (None, None)
        });
        if wrong != Wrong::default() {
            return Err(wrong);
        }
        Ok(LogFilters {
            person,
            device,
            request,
            event,
            from,
            to,
            before: self.before.parse().ok(),
        })
    }

    /// The address of the same search elsewhere, or of what comes before a place in the log.
    pub(super) fn address(&self, path: &str, before: Option<i64>) -> String {
        let before = before.map_or_else(String::new, |before| before.to_string());
        let mut pairs = vec![
            ("person", self.person.trim()),
            ("device", self.device.trim()),
            ("request", self.request.trim()),
            ("event", self.event.trim()),
            ("from", self.from.trim()),
            ("to", self.to.trim()),
            ("before", &before),
        ];
        if pairs.iter().all(|(_, value)| value.is_empty()) {
            pairs.push(("all", "1"));
        }
        with_query(path, &pairs)
    }
}

/// What a field holds; nothing where it is empty, or after saying what is wrong.
fn read<T>(
    text: &str,
    understand: impl FnOnce(&str) -> Option<T>,
    otherwise: &'static str,
    wrong: &mut Option<&'static str>,
) -> Option<T> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let understood = understand(text);
    if understood.is_none() {
        *wrong = Some(otherwise);
    }
    understood
}

fn short(text: &str) -> Option<String> {
    (text.chars().count() <= LONGEST).then(|| text.to_owned())
}

fn known(text: &str) -> Option<String> {
    EVENTS.contains(&text).then(|| text.to_owned())
}

fn day(text: &str) -> Option<Date> {
    text.parse().ok()
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;
    use crate::forms::query;
    use crate::testing::site;

    #[test]
    fn whatever_stands_in_the_address_it_is_searched_for_or_said_to_be_wrong() {
        let pieces = [
            "person=",
            "device=",
            "request=",
            "event=",
            "from=",
            "to=",
            "before=",
            "&",
            "%",
            "+",
            "K7Q-4MX2",
            "link.redeemed",
            "2026-11-24",
            "-009999-01-01",
            "9999-12-31",
            "%C3%A9",
            "%00",
            "9223372036854775807",
            "-",
            "2026-03-29",
        ];
        let site = site("https://clavis.example.com");
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let Ok(uri) = format!("/audit?{text}").parse() else {
                return;
            };
            let typed: Typed = query(&uri);
            match typed.filters(&site) {
                Ok(filters) => {
                    assert!(
                        filters.from.is_none() || filters.to.is_none() || filters.from < filters.to
                    );
                    let texts = [&filters.person, &filters.device];
                    assert!(
                        texts
                            .into_iter()
                            .flatten()
                            .all(|it| it.chars().count() <= LONGEST)
                    );
                    // The address of the same search is the same search.
                    let address = typed.address("/audit", filters.before);
                    let again: Typed = query(&address.parse().unwrap());
                    assert_eq!(again.filters(&site), Ok(filters));
                }
                Err(wrong) => assert_ne!(wrong, Wrong::default()),
            }
        });
    }
}
