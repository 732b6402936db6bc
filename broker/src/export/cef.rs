//! The Common Event Format: one line a row.
//!
//! Version 0 of the format, as the guide «Implementing `ArcSight` Common Event Format» has it, with
//! keys of its dictionary alone. Header fields escape `\` and `|`, values of the extension `\`, `=`
//! and line breaks; nothing else is escaped there.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::facts::{Concerned, Doer, why};
use super::meaning::{Outcome, meaning};
use super::severity::Severity;
use super::{PRODUCT, VERSION};
use crate::audit::{Actor, LogRow};

/// How long a custom string may be, in characters, by the dictionary.
const LONGEST: usize = 4000;

/// A row, without the line's end.
pub(super) fn record(row: &LogRow) -> Result<String, serde_json::Error> {
    let entry = &row.entry;
    let meant = meaning(&entry.event);
    let doer = Doer::of(&entry.actor);
    let mut line = header(entry.event.name(), meant.title, meant.severity);
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(line, "{key}={} ", extension(value));
        }
    };
    add("rt", &entry.at.as_millisecond().to_string());
    add("cn1Label", "seq");
    add("cn1", &row.seq.to_string());
    if let Some(request) = &entry.request {
        add("externalId", request.reference.as_str());
    }
    add("cs1Label", "actor");
    add("cs1", doer.kind);
    // Mail addresses belong into the keys of user names, says the dictionary.
    let mail = doer.party.map(|party| party.mail.as_str());
    add("suser", mail.unwrap_or(doer.name));
    add("suid", doer.party.map_or("", |party| party.id.0.as_str()));
    match &entry.actor {
        Actor::Clavis => add("sproc", "clavis"),
        Actor::Through { program, .. } => add("sproc", program),
        _ => {}
    }
    match entry.source {
        Some(IpAddr::V4(source)) => add("src", &source.to_string()),
        Some(IpAddr::V6(source)) => {
            add("c6a2Label", "Source IPv6 Address");
            add("c6a2", &source.to_string());
        }
        None => {}
    }
    let concerned = Concerned::by(&entry.event).unwrap_or_default();
    add(
        "duser",
        &concerned.mail.or(concerned.name).unwrap_or_default(),
    );
    add("duid", &concerned.id.unwrap_or_default());
    if let Some(device) = &entry.device {
        add("dhost", &device.name);
        add("cs2Label", "device");
        add("cs2", &device.id.to_string());
    }
    let keys: Vec<_> = entry.event.keys().iter().map(ToString::to_string).collect();
    if !keys.is_empty() {
        add("cs3Label", "keys");
        add("cs3", &keys.join(" "));
    }
    add(
        "outcome",
        match meant.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Unknown => "",
        },
    );
    add("reason", &why(&entry.event).unwrap_or_default());
    add("cs4Label", "details");
    add("cs4", &details(row)?);
    line.truncate(line.trim_end().len());
    Ok(line)
}

/// All of the event as JSON. One that is too long is left out and not shortened: what is cut off in the
/// middle is no JSON any more.
fn details(row: &LogRow) -> Result<String, serde_json::Error> {
    let whole = serde_json::to_string(&row.entry.event)?;
    let is_short = whole.chars().count() <= LONGEST;
    Ok(if is_short {
        whole
    } else {
        r#"{"cut":true}"#.to_owned()
    })
}

/// A line that says that something is missing.
pub(super) fn cut(what: &str) -> String {
    let line = header("cut", "This is not the whole", Severity::Informational);
    format!("{line}msg={}", extension(what))
}

fn header(event: &str, title: &str, severity: Severity) -> String {
    let fields = [PRODUCT, PRODUCT, VERSION, event, title].map(header_field);
    format!("CEF:0|{}|{}|", fields.join("|"), severity.in_cef())
}

fn header_field(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('|', "\\|");
    text.chars()
        .map(|c| if breaks(c) { ' ' } else { c })
        .collect()
}

fn extension(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '=' => escaped.push_str("\\="),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            // The format has no escape for what else some readers take for the end of a line.
            c if breaks(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::{Event, LogEntry};
    use crate::lifecycle::Step;
    use crate::testing::sample::{monday, request};

    /// Header fields and pairs of the extension, read as the format says.
    pub(in crate::export) fn read(line: &str) -> (Vec<String>, Vec<(String, String)>) {
        let rest = line.strip_prefix("CEF:").expect("the prefix");
        let (mut fields, mut field, mut chars) = (Vec::new(), String::new(), rest.chars());
        while fields.len() < 7 {
            match chars.next().expect("a whole header") {
                '\\' => field.extend(chars.next()),
                '|' => fields.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        let rest = chars.as_str();
        // A value ends where the next key begins; a key ends at the first sign that is not escaped.
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut word = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next().expect("what is escaped") {
                    'n' => word.push('\n'),
                    'r' => word.push('\r'),
                    c => word.push(c),
                },
                '=' => {
                    let (value, key) = word.rsplit_once(' ').unwrap_or(("", &word));
                    if let Some((_, last)) = pairs.last_mut() {
                        last.push_str(value);
                    }
                    pairs.push((key.to_owned(), String::new()));
                    word.clear();
                }
                c => word.push(c),
            }
        }
        if let Some((_, last)) = pairs.last_mut() {
            last.push_str(&word);
        }
        (fields, pairs)
    }

    #[test]
    fn what_ends_a_field_is_escaped() {
        assert_eq!(header_field("a|b\\c\nd=e"), "a\\|b\\\\c d=e");
        assert_eq!(extension("a|b\\c\r\nd=e"), "a|b\\\\c\\r\\nd\\=e");
        assert_eq!(extension("a\u{2028}b\u{85}c\u{0}"), "a b c ");
    }

    #[test]
    fn an_event_that_is_too_long_is_left_out_and_not_cut() {
        let told = |asked: usize| {
            let request = request();
            let step = Step::Opened {
                asked: vec![request.requester.clone(); asked],
                rule: "Servers".to_owned(),
                for_whom: None,
                keys: Vec::new(),
                unanswered: Vec::new(),
            };
            let (event, at) = (Event::Request(step), monday());
            let entry = LogEntry::of_request(&request, event, Actor::Clavis, None, at);
            let line = record(&LogRow { seq: 7, entry }).unwrap();
            let (_, pairs) = read(&line);
            let details = pairs.into_iter().find(|(key, _)| key == "cs4").unwrap().1;
            assert!(details.chars().count() <= LONGEST);
            serde_json::from_str::<serde_json::Value>(&details).unwrap()
        };
        assert_eq!(told(20)["asked"].as_array().unwrap().len(), 20);
        assert_eq!(told(200), serde_json::json!({"cut": true}));
    }

    proptest! {
        #[test]
        fn what_was_escaped_is_read_back(one in "[^\\p{Cc}\u{2028}\u{2029}]*", two in "[a-z=|\\\\\r\n ]*") {
            let line = format!("CEF:0|{0}|{0}|a=b|c|d|3|msg={1} cs1={2}", header_field(&one), extension(&two), extension(&one));
            let (fields, pairs) = read(&line);
            prop_assert_eq!(&fields[1], &one);
            prop_assert_eq!(&fields[2], &one);
            prop_assert_eq!(&pairs[0], &("msg".to_owned(), two));
            prop_assert_eq!(&pairs[1], &("cs1".to_owned(), one));
            prop_assert!(!line.contains(['\r', '\n']));
        }
    }
}
