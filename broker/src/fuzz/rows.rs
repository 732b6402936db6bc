//! What the store holds as JSON: requests, jobs and rows of the log.

use std::fmt::Debug;
use std::sync::LazyLock;

use bolero::check;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::alarms::Alarm;
use crate::audit::{Actor, Event, LogEntry, LogRow, RequestName, WhyNoRequest};
use crate::export::{Format, HostName, message};
use crate::letters::LetterKind;
use crate::lifecycle::{Request, Sending};
use crate::news::News;
use crate::policy::StandIn;
use crate::ports::{CheckpointTo, Job, KeptCheckpoint};
use crate::search::{LogFilters, LogSearch, fold};
use crate::testing::contract::store::log::events;
use crate::testing::{altered, sample, spelled};
use crate::tickets::TicketNews;
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
static JOBS: LazyLock<Vec<String>> = LazyLock::new(|| jobs().iter().map(written).collect());
static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(events);
static ENTRIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of = |event: &Event| LogEntry {
        event: event.clone(),
        ..entry("LT-0042", "Anna Berg")
    };
    EVENTS.iter().map(|event| written(&of(event))).collect()
});

/// A job of each kind.
fn jobs() -> Vec<Job> {
    let request = sample::request();
    let (to, at) = (request.requester.clone(), sample::monday());
    let kept = Box::new(KeptCheckpoint {
        size: 17,
        made_at: at,
        note: "keys.example.com/log\n17\n".to_owned(),
    });
    let alarm = || {
        Box::new(Alarm::UsedLinkOpened {
            reference: request.reference.clone(),
            device: "LT-0042".to_owned(),
            beneficiary: to.clone(),
            used_at: at,
            shown_to: Some([192, 0, 2, 7].into()),
            opened_from: None,
        })
    };
    let news = News {
        request: request.id,
        event: "request.opened".to_owned(),
        state: "pending".to_owned(),
        at,
    };
    vec![
        Job::Letter(Sending {
            request: request.id,
            letter: LetterKind::ApprovalNeeded,
            to: to.clone(),
        }),
        Job::Rotate {
            request: request.id,
        },
        Job::SignInCode {
            challenge: TokenHash([7; 32]),
            mail: to.mail.clone(),
        },
        Job::StandIn {
            to: to.clone(),
            stand_in: Box::new(StandIn {
                of: to.clone(),
                by: to.clone(),
                until: at,
            }),
        },
        Job::Alarm {
            to: to.mail.clone(),
            alarm: alarm(),
        },
        Job::Hook { alarm: alarm(), at },
        Job::LookAtTicket {
            ticket: sample::ticket_name(7),
        },
        Job::TellTicket {
            ticket: sample::ticket_name(7),
            news: TicketNews::Refused {
                why: WhyNoRequest::NoAsset,
            },
        },
        Job::Message {
            to: "siem".to_owned(),
            news,
        },
        Job::Notice {
            to: "teams".to_owned(),
            request: request.id,
        },
        Job::Checkpoint {
            kept: kept.clone(),
            to: CheckpointTo::Mail(to.mail.clone()),
        },
        Job::Checkpoint {
            kept,
            to: CheckpointTo::Sink("folder".to_owned()),
        },
    ]
}

/// One of the texts, by the first byte, and what is left of the bytes.
fn one_of<'t, 'b>(texts: &'t [String], bytes: &'b [u8]) -> (&'t str, &'b [u8]) {
    let (which, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (&texts[usize::from(*which) % texts.len()], rest)
}

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
    check!().for_each(|bytes: &[u8]| {
        let (sound, changes) = one_of(&JOBS, bytes);
        lasts::<Job>(&altered(sound, changes, OF_JSON));
    });
}

#[test]
fn a_row_of_the_log_that_can_be_read_is_kept_as_it_is() {
    check!().for_each(|bytes: &[u8]| {
        let (sound, changes) = one_of(&ENTRIES, bytes);
        lasts::<LogEntry>(&altered(sound, changes, OF_JSON));
    });
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
        let which = bytes.last().copied().unwrap_or_default();
        let text = spelled(bytes, &pieces);
        let (device, person) = text.split_once('/').unwrap_or((&text, "anna"));
        let row = LogRow {
            seq: 7,
            entry: LogEntry {
                event: EVENTS[usize::from(which) % EVENTS.len()].clone(),
                ..entry(device, person)
            },
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
