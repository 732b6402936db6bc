//! Searching the log: by whom and by what a row is found.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::{Event, LogEntry, LogRow};
use crate::devices::Device;
use crate::lifecycle::RequestId;
use crate::tokens::Reference;

/// What somebody searches the log for, as the log itself keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilters {
    /// See [`LogSearch::person`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// See [`LogSearch::device`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The request, by the name that people use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Reference>,
    /// See [`LogSearch::event`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// See [`LogSearch::from`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// See [`LogSearch::to`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// See [`LogSearch::before`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
}

/// Which rows of the log to find, newest first. What is not said narrows nothing down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSearch {
    /// Only rows in which somebody is called so, or has this mail address or ID, wholly or in
    /// part, in upper or lower case: who did it, or whom the event names.
    pub person: Option<String>,
    /// Only rows about a device that is called so, wholly or in part, in upper or lower case, or
    /// for which somebody asked or an agent searched by such a name.
    pub device: Option<String>,
    /// Only rows of this request.
    pub request: Option<RequestId>,
    /// Only rows of this event, by its [`Event::name`].
    pub event: Option<String>,
    /// Only rows from this moment on.
    pub from: Option<Timestamp>,
    /// Only rows before this moment.
    pub to: Option<Timestamp>,
    /// Only rows before this place.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

impl LogFilters {
    /// The search for these, within one request where its reference is known to be this one.
    pub fn search(&self, request: Option<RequestId>, limit: usize) -> LogSearch {
        LogSearch {
            person: self.person.clone(),
            device: self.device.clone(),
            request,
            event: self.event.clone(),
            from: self.from,
            to: self.to,
            before: self.before,
            limit,
        }
    }
}

impl LogSearch {
    /// Whether a row is one of those that are searched for, whatever their number. One that cannot be
    /// read may be of anybody: it is, wherever it lies between the moments.
    pub fn fits(&self, row: &LogRow) -> bool {
        let entry = &row.entry;
        let request = entry.request.as_ref().map(|request| request.id);
        let is_between = self.before.is_none_or(|before| row.seq < before)
            && self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to);
        if row.is_unreadable() {
            return is_between;
        }
        is_between
            && self.request.is_none_or(|id| request == Some(id))
            && self
                .event
                .as_ref()
                .is_none_or(|name| entry.event.name() == name)
            && (self.device.as_ref()).is_none_or(|name| is_about(entry, name))
            && (self.person.as_ref()).is_none_or(|name| mentions(entry, name))
    }

    /// The event by which a store has to choose rows: rows that cannot be read were of any.
    pub fn stored_event(&self) -> Option<&str> {
        self.event.as_deref().filter(|name| *name != UNREADABLE)
    }

    /// What the JSON of a row that fits has in it, [folded](fold): a row without one of these need
    /// not be read any further.
    pub fn traces(&self) -> Vec<String> {
        let wanted = [&self.person, &self.device].into_iter().flatten();
        wanted.map(|text| trace(text)).collect()
    }
}

/// The moments at which the first day begins and the last one is over, where people live by this
/// time zone. `None` for a day that no clock will show.
pub fn days(
    first: Option<Date>,
    last: Option<Date>,
    zone: &TimeZone,
) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let begins = |day: Date| Some(day.to_zoned_datetime(zone.clone()).ok()?.timestamp());
    let from = match first {
        Some(day) => Some(begins(day)?),
        None => None,
    };
    let to = match last {
        Some(day) => Some(begins(day.tomorrow().ok()?)?),
        None => None,
    };
    Some((from, to))
}

/// A text without its upper case, letter by letter.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// A text as it stands in JSON, folded.
fn trace(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    fold(quoted.trim_matches('"'))
}

fn is_about(entry: &LogEntry, name: &str) -> bool {
    let name = fold(name);
    let is_named = |text: &str| fold(text).contains(&name);
    let goes_by = |device: &Device| {
        let mut names = device.also_named.iter().chain([&device.name]);
        names.any(|text| is_named(text))
    };
    let was_asked_for = match &entry.event {
        Event::RequestRefused { asset: text, .. } | Event::DeskSearched { text } => is_named(text),
        _ => false,
    };
    was_asked_for || entry.device.as_ref().is_some_and(goes_by)
}

/// The names of all events, as [`Event::name`] gives them.
pub const EVENTS: &[&str] = &[
    "request.opened",
    "request.refused",
    "request.supported",
    "request.approved",
    "request.declined",
    "request.withdrawn",
    "request.revoked",
    "request.lapsed",
    "request.reminded",
    "request.asked_more",
    "request.glass_broken",
    "command.refused",
    "policy.failed",
    "rights.seen",
    "alarm.raised",
    "stand_in.set",
    "stand_in.ended",
    "review.opened",
    "review.refused",
    "link.wanted",
    "link.issued",
    "link.opened",
    "link.refused",
    "pick_up.made",
    "pick_up.refused",
    "redemption.attempted",
    "redemption.refused",
    "fetch.failed",
    "link.redeemed",
    "link.expired",
    "rotation.asked",
    "rotation.unsure",
    "rotation.impossible",
    "rotation.failed",
    "sign_in.requested",
    "sign_in.dropped",
    "sign_in.refused",
    "sign_in.done",
    "sign_in.ended",
    "sign_in.ended_everywhere",
    "access.refused",
    "desk.searched",
    "desk.person_viewed",
    "outbox.retried",
    "audit.searched",
    "audit.exported",
    "audit.erased",
    "mail.sent",
    "mail.dead",
    "hook.told",
    "hook.dead",
    "ticket.dead",
    "ticket.stops",
    "ticket.told",
    "token.made",
    "token.revoked",
    "token.refused",
    "checkpoint.dead",
    UNREADABLE,
];

/// The name of what stands for rows that cannot be read.
const UNREADABLE: &str = "audit.unreadable";

/// Keys of JSON whose values say of which sort something is, and name nobody.
const SORTS: [&str; 4] = ["kind", "event", "step", "why"];

/// Looks at every text that the row has of its actor and its event, so that no event is forgotten.
/// What somebody has searched for names nobody: each search would find the ones before it.
fn mentions(entry: &LogEntry, person: &str) -> bool {
    let person = fold(person);
    let event = match &entry.event {
        Event::AuditSearched { .. } | Event::AuditExported { .. } => Ok(Value::Null),
        event => serde_json::to_value(event),
    };
    let parts = [serde_json::to_value(&entry.actor), event];
    parts
        .into_iter()
        .flatten()
        .any(|part| names(&part, &person))
}

fn names(value: &Value, person: &str) -> bool {
    match value {
        Value::String(text) => fold(text).contains(person),
        Value::Array(values) => values.iter().any(|value| names(value, person)),
        Value::Object(fields) => {
            let mut telling = fields
                .iter()
                .filter(|(key, value)| !(value.is_string() && SORTS.contains(&key.as_str())));
            telling.any(|(_, value)| names(value, person))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn days_begin_and_end_where_people_live() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let day = |text: &str| Some(text.parse::<Date>().unwrap());
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        // The clocks go back in the night after the first of these days.
        assert_eq!(
            days(day("2026-10-24"), day("2026-10-25"), &zone),
            Some((at("2026-10-23T22:00:00Z"), at("2026-10-25T23:00:00Z")))
        );
        assert_eq!(days(None, None, &zone), Some((None, None)));
        assert_eq!(days(None, day("9999-12-31"), &zone), None);
    }

    #[test]
    fn every_event_can_be_searched_for() {
        let source = include_str!("audit/event.rs");
        let (_, names) = source.split_once("pub fn name(&self)").unwrap();
        let (names, _) = names.split_once("pub fn ").unwrap();
        let names = names.split('"').skip(1).step_by(2);
        let names = names.filter(|name| name.contains('.'));
        let given: BTreeSet<_> = names.chain(crate::news::EVENTS).collect();
        assert_eq!(given, EVENTS.iter().copied().collect());
    }

    #[test]
    fn what_is_searched_for_leaves_its_trace_in_json() {
        for text in [
            "O\"Hara\\",
            "Jürgen ÄÖ",
            "ΌΣΟΣ",
            "\u{212a}elvin",
            "a\tb\u{1}",
            "İ",
        ] {
            let json = serde_json::to_string(&[text]).unwrap();
            assert!(fold(&json).contains(&trace(text)), "{text}");
        }
    }
}
