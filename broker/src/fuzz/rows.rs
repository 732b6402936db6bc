//! What the store holds as JSON: requests, jobs and rows of the log.

use std::fmt::Debug;
use std::sync::LazyLock;

use bolero::check;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::audit::{Actor, Event, LogEntry, LogRow, RequestName};
use crate::export::{Format, HostName, message};
use crate::lifecycle::Request;
use crate::people::MailAddress;
use crate::ports::Job;
use crate::search::{LogFilters, LogSearch, fold};
use crate::testing::{altered, sample, spelled};
use crate::tokens::TokenHash;

/// What JSON is made of, and values that are impossible somewhere.
const OF_JSON: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "\"a\"",
    "\\u0000",
    "\\ud83d",
    "é",
    ",",
    ":",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "pending",
    "approved",
    "closed",
    "\"state\":",
    "\"2026-11-23T09:00:00Z\"",
    "\"-009999-01-02T01:59:59Z\"",
    "a@b\\r\\nBcc: c@d",
];

static REQUEST: LazyLock<String> = LazyLock::new(|| written(&sample::request()));
static JOB: LazyLock<String> = LazyLock::new(|| {
    written(&Job::SignInCode {
        challenge: TokenHash([7; 32]),
        mail: MailAddress::parse("anna@example.com").unwrap(),
    })
});
static ENTRY: LazyLock<String> = LazyLock::new(|| written(&entry("LT-0042", "Anna Berg")));

fn entry(device: &str, person: &str) -> LogEntry {
    let request = sample::request();
    let mut party = request.requester.clone();
    person.clone_into(&mut party.name);
    LogEntry {
        at: sample::monday(),
        event: Event::LinkOpened,
        actor: Actor::Person(party),
        source: Some([192, 0, 2, 7].into()),
        request: Some(RequestName {
            id: request.id,
            reference: request.reference,
        }),
        device: Some(sample::device(device)),
    }
}

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

/// What can be read at all is written as what is read again.
fn lasts<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    if let Ok(value) = serde_json::from_str::<T>(text) {
        let again: T = serde_json::from_str(&written(&value)).unwrap();
        assert_eq!(again, value);
    }
}

#[test]
fn a_request_that_can_be_read_is_kept_as_it_is() {
    check!().for_each(|bytes: &[u8]| lasts::<Request>(&altered(&REQUEST, bytes, OF_JSON)));
}

#[test]
fn a_job_that_can_be_read_is_kept_as_it_is() {
    check!().for_each(|bytes: &[u8]| lasts::<Job>(&altered(&JOB, bytes, OF_JSON)));
}

#[test]
fn a_row_of_the_log_that_can_be_read_is_kept_as_it_is() {
    check!().for_each(|bytes: &[u8]| lasts::<LogEntry>(&altered(&ENTRY, bytes, OF_JSON)));
}

#[test]
fn a_row_that_a_search_finds_has_a_trace_of_what_is_searched_for() {
    let pieces = [
        "Anna", "LT-", "\"", "\\", "/", "\u{7f}", "\n", "É", "\u{130}", "Σ", "ß", " ",
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        let mut parts = text.split('|');
        let mut part = || parts.next().unwrap_or_default();
        let row = LogRow {
            seq: 1,
            entry: entry(part(), part()),
        };
        let filters = LogFilters {
            device: Some(part().to_owned()),
            person: Some(part().to_owned()),
            ..LogFilters::default()
        };
        let search: LogSearch = filters.search(None, 1);
        if search.fits(&row) {
            let json = fold(&written(&row.entry));
            let mut traces = search.traces().into_iter();
            assert!(
                traces.all(|trace| json.contains(&trace)),
                "{filters:?} {json}"
            );
        }
        lasts::<LogFilters>(&written(&filters));
    });
}

#[test]
fn whatever_people_and_devices_are_called_a_row_is_one_record_in_each_format() {
    let pieces = [
        "\r\n", "\n", "\r", "\0", "\u{85}", "\u{2028}", "=", "|", "\\", "\"", "]", " cs1=",
        "CEF:0|", "<110>1 ", "é", "\u{202e}", ",",
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        let (device, person) = text.split_once('/').unwrap_or((&text, "anna"));
        let row = LogRow {
            seq: 7,
            entry: entry(device, person),
        };
        for format in Format::ALL {
            let record = format.record(&row).unwrap();
            let breaks = ['\r', '\n', '\u{85}', '\u{2028}'];
            match format {
                Format::Json | Format::Ocsf => {
                    assert!(!record.contains(['\r', '\n']));
                    let read: serde_json::Value = serde_json::from_str(&record).unwrap();
                    assert!(read.is_object());
                }
                Format::Cef => {
                    assert!(!record.contains(breaks), "{record:?}");
                    assert!(record.starts_with("CEF:0|Clavis|Clavis|"), "{record:?}");
                }
                Format::Csv => assert!(record.starts_with("\"7\",\"")),
            }
            // The length in front is that of the message, to the byte (RFC 6587, section 3.4.1).
            let host = HostName::new(device);
            let framed = message(&row, format, &host).unwrap();
            let (length, message) = framed.split_once(' ').unwrap();
            assert_eq!(length.parse(), Ok(message.len()));
            let head: Vec<_> = message.splitn(8, ' ').collect();
            assert!(
                head[0].starts_with('<') && head[0].ends_with(">1"),
                "{message:?}"
            );
            assert!(head[6].starts_with("[clavis@"), "{message:?}");
            assert!(message.ends_with(&record));
        }
    });
}
