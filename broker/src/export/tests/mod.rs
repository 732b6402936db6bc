//! Every event in every format, and whatever people may type in each of them.

mod schema;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::audit::{Actor, Concerned, Event, LogEntry, WhyNoRequest};
use crate::people::{Party, PersonId};
use crate::search::EVENTS;
use crate::testing::contract::store::log::events;
use crate::testing::sample::{monday, person, request};
use crate::text::Reason;

use crate::lifecycle::Step;

fn party(name: &str) -> Party {
    person(name).party().unwrap()
}

fn row(seq: i64, event: Event, actor: Actor) -> LogRow {
    let source = Some("192.0.2.7".parse().unwrap());
    let entry = LogEntry::of_request(&request(), event, actor, source, monday());
    LogRow { seq, entry }
}

/// A row of each event, about a request and about none, by each sort of actor.
fn rows() -> Vec<LogRow> {
    let actors = [
        Actor::Person(party("boss")),
        Actor::Holder(party("anna")),
        Actor::Operator {
            name: "root".to_owned(),
        },
        Actor::Program {
            name: "servicedesk".to_owned(),
        },
        Actor::Through {
            person: party("boss"),
            program: "servicedesk".to_owned(),
        },
        Actor::Clavis,
        Actor::Stranger,
    ];
    let sources = [None, "192.0.2.7".parse().ok(), "2001:db8::7".parse().ok()];
    let mut rows = Vec::new();
    for event in events() {
        for actor in &actors {
            for source in sources {
                let (event, actor) = (event.clone(), actor.clone());
                let seq = i64::try_from(rows.len()).unwrap() + 1;
                let entry = if seq % 2 == 0 {
                    LogEntry::of_nothing(event, actor, source, monday())
                } else {
                    LogEntry::of_request(&request(), event, actor, source, monday())
                };
                rows.push(LogRow { seq, entry });
            }
        }
    }
    rows
}

/// The cells of a line of CSV, read as RFC 4180 says.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => {
                assert!(quoted, "{c} stands outside of quotes in {line}");
                cell.push(c);
            }
        }
    }
    assert!(!quoted, "{line} is not closed");
    cells.push(cell);
    cells
}

/// The fields of a syslog message with its length in front: up to the message ID, the parameters of
/// the structured data, and the text.
fn syslog(framed: &str) -> (Vec<String>, Vec<(String, String)>, String) {
    let (length, message) = framed.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(message.len()));
    let mut parts = message.splitn(7, ' ');
    let head: Vec<_> = parts.by_ref().take(6).map(str::to_owned).collect();
    let rest = parts.next().unwrap();
    let rest = rest.strip_prefix("[clavis@32473").unwrap();
    let (mut parameters, mut word, mut chars) = (Vec::new(), String::new(), rest.chars());
    loop {
        match chars.next().expect("an end of the data") {
            '"' => {
                let name = word.trim_start().trim_end_matches('=').to_owned();
                let mut value = String::new();
                loop {
                    match chars.next().expect("an end of the value") {
                        '\\' => value.extend(chars.next()),
                        '"' => break,
                        c => value.push(c),
                    }
                }
                parameters.push((name, value));
                word.clear();
            }
            ']' => break,
            c => word.push(c),
        }
    }
    let text = chars.as_str().strip_prefix(' ').unwrap();
    (head, parameters, text.to_owned())
}

#[test]
fn the_rows_of_these_tests_have_every_event() {
    let rows = rows();
    let names: BTreeSet<_> = rows.iter().map(|row| row.entry.event.name()).collect();
    assert_eq!(names, EVENTS.iter().copied().collect());
}

#[test]
fn formats_are_named_as_they_are_kept() {
    for format in Format::ALL {
        let kept = serde_json::to_value(format).unwrap();
        assert_eq!(kept, format.name());
        assert_eq!(serde_json::from_value::<Format>(kept).unwrap(), format);
    }
    let earlier: Format = serde_json::from_str("\"jsonl\"").unwrap();
    assert_eq!(earlier, Format::Json);
}

#[test]
fn every_event_is_one_line_of_every_format() {
    let columns = cells(Format::Csv.head().trim_end()).len();
    for row in rows() {
        for format in Format::ALL {
            let line = format.line(&row).unwrap();
            let record = format.record(&row).unwrap();
            let end = line.strip_prefix(&record).unwrap();
            assert!(matches!(end, "\n" | "\r\n"), "{line:?}");
            assert!(!record.contains(['\r', '\n']), "{record}");
            assert!(record.contains(row.entry.event.name()), "{record}");
        }
        let record = Format::Csv.record(&row).unwrap();
        assert_eq!(cells(&record).len(), columns);
        let record = Format::Json.record(&row).unwrap();
        let json: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(json["seq"], row.seq);
    }
}

#[test]
fn what_some_readers_take_for_the_end_of_a_line_is_escaped_in_json() {
    let typed = "a\u{85}b\u{2028}c\u{2029}d\u{7f}\u{1}é";
    let searched = Event::DeskSearched {
        text: typed.to_owned(),
    };
    let row = row(7, searched, Actor::Person(party("boss")));
    for format in [Format::Json, Format::Ocsf] {
        let record = format.record(&row).unwrap();
        let escaped = r"a\u0085b\u2028c\u2029d\u007f\u0001é";
        assert!(record.contains(escaped), "{record}");
        let read: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert!(read.to_string().contains("\u{2028}"), "it is what it was");
    }
}

#[test]
fn a_row_in_cef() {
    let why = WhyNoRequest::NothingEscrowed;
    let asset = "a=b|c\\d\ne".to_owned();
    let refused = Event::RequestRefused {
        asset,
        why,
        concerns: Concerned::default(),
    };
    let shown = Format::Cef.record(&row(7, refused, Actor::Person(party("boss"))));
    let reference = request().reference;
    assert_eq!(
        shown.unwrap(),
        format!(
            "CEF:0|Clavis|Clavis|{VERSION}|request.refused|Keys were asked for in vain|5|\
             rt=1795424400000 cn1Label=seq cn1=7 externalId={reference} cs1Label=actor cs1=person \
             suser=boss@example.com suid=id-boss src=192.0.2.7 dhost=laptop-1 cs2Label=device \
             cs2=test/id-laptop-1 outcome=failure reason=nothing_escrowed cs4Label=details \
             cs4={{\"event\":\"request_refused\",\"asset\":\"a\\=b|c\\\\\\\\d\\\\ne\",\
             \"why\":\"nothing_escrowed\"}}"
        )
    );
}

#[test]
fn a_row_in_syslog() {
    let host = HostName::new("keys.example.com");
    let row = row(
        7,
        Event::MailDead {
            mail: crate::audit::MailName::Alarm,
            to: party("anna").mail,
        },
        Actor::Clavis,
    );
    let framed = message(&row, Format::Json, &host).unwrap();
    let (head, parameters, text) = syslog(&framed);
    // Facility 13, severity 3.
    assert_eq!(
        head,
        [
            "<107>1",
            "2026-11-23T09:00:00.000Z",
            "keys.example.com",
            "clavis",
            "-",
            "mail.dead"
        ]
    );
    let reference = request().reference.to_string();
    let expected = [("seq", "7"), ("reference", &reference)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters, expected);
    assert_eq!(text, Format::Json.record(&row).unwrap());
    for unfit in ["", "a b", "é.example.com", &"a".repeat(256)] {
        assert_eq!(HostName::new(unfit), HostName::new("-"));
    }
    let (head, parameters, _) = syslog(&announcement(&host));
    assert_eq!(
        head,
        ["<110>1", "-", "keys.example.com", "clavis", "-", "test"]
    );
    assert_eq!(parameters, [("test".to_owned(), "true".to_owned())]);
}

#[test]
fn message_ids_are_as_short_as_they_must_be() {
    for event in EVENTS {
        assert!(
            event.len() <= 32 && event.bytes().all(|c| c.is_ascii_graphic()),
            "{event}"
        );
    }
}

#[test]
fn what_is_cut_says_so_in_a_line_of_its_format() {
    let last = row(7, Event::SignedOut, Actor::Stranger);
    let what = "Cut after 9 rows: add before=7 to the address.";
    let line = Format::Csv.cut(what, &last);
    let said = cells(line.strip_suffix("\r\n").unwrap());
    assert_eq!(said.len(), cells(Format::Csv.head().trim_end()).len());
    assert_eq!(
        (said[2].as_str(), said.last().unwrap().as_str()),
        ("cut", what)
    );
    for format in [Format::Json, Format::Ocsf] {
        let line = format.cut(what, &last);
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let said = said.get("cut").or(said.get("message")).unwrap();
        assert_eq!(said, what);
    }
    let line = Format::Cef.cut(what, &last);
    assert!(
        line.ends_with("|1|msg=Cut after 9 rows: add before\\=7 to the address.\n"),
        "{line}"
    );
}

proptest! {
    /// Whatever people type, and whatever a directory calls them, it is a value and nothing more.
    #[test]
    fn what_is_typed_ends_no_line_no_field_and_no_header(
        typed in prop_oneof!["\\PC*", "[\\x00-\\x7f]*", "[|\\\\=\"\\]\\[\r\n\t ,;a\u{85}\u{2028}]*"],
        seq in 1_i64..,
    ) {
        let who = Party { name: typed.clone(), id: PersonId(typed.clone()), ..party("anna") };
        let mut texts = vec![
            Event::RequestRefused { asset: typed.clone(), why: WhyNoRequest::UnknownDevice, concerns: Concerned { beneficiary: Some(PersonId(typed.clone())), requester: None } },
            Event::DeskSearched { text: typed.clone() },
            Event::DeskPersonViewed { person: PersonId(typed.clone()), called: typed.clone() },
            Event::AccessRefused { route: typed.clone() },
            Event::CommandRefused { command: typed.clone(), why: crate::lifecycle::Refusal::Closed },
            Event::SignedOutEverywhere { whose: who.clone() },
        ];
        if let Ok(reason) = Reason::parse(&typed) {
            texts.push(Event::Request(Step::GlassBroken { reason, skipped: vec![who.clone()] }));
        }
        let host = HostName::new(&typed);
        for event in texts {
            for actor in [Actor::Person(who.clone()), Actor::Operator { name: typed.clone() }] {
                let mut row = row(seq, event.clone(), actor);
                row.entry.device.as_mut().unwrap().name.clone_from(&typed);
                row.entry.device.as_mut().unwrap().id.native.clone_from(&typed);

                let json = Format::Json.record(&row).unwrap();
                let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                prop_assert!(!json.contains(breaks));
                let read: serde_json::Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&read["device"]["name"], &typed);

                let ocsf = Format::Ocsf.record(&row).unwrap();
                prop_assert!(!ocsf.contains(breaks));
                schema::check(&serde_json::from_str(&ocsf).unwrap());

                let csv = Format::Csv.record(&row).unwrap();
                prop_assert_eq!(cells(&csv).len(), 13);

                let cef = Format::Cef.record(&row).unwrap();
                prop_assert!(!cef.contains(breaks));
                let (fields, pairs) = cef::tests::read(&cef);
                prop_assert_eq!(fields.len(), 7);
                prop_assert_eq!(fields[4].as_str(), row.entry.event.name());
                let keys: Vec<_> = pairs.iter().map(|(key, _)| key.as_str()).collect();
                let once: BTreeSet<_> = keys.iter().collect();
                prop_assert_eq!(once.len(), keys.len(), "{}", cef);
                prop_assert!(keys.iter().all(|key| key.bytes().all(|c| c.is_ascii_alphanumeric())), "{}", cef);
                let visible: String = typed.chars().map(|c| if breaks(c) && !"\r\n".contains(c) { ' ' } else { c }).collect();
                let dhost = pairs.iter().find(|(key, _)| key == "dhost").map(|(_, value)| value.as_str());
                prop_assert_eq!(dhost.unwrap_or_default(), visible.as_str());

                for format in [Format::Json, Format::Cef, Format::Ocsf] {
                    let framed = message(&row, format, &host).unwrap();
                    let (head, parameters, text) = syslog(&framed);
                    prop_assert_eq!(head[5].as_str(), row.entry.event.name());
                    prop_assert_eq!(parameters.len(), 2);
                    prop_assert_eq!(parameters[0].1.parse(), Ok(seq));
                    prop_assert_eq!(text, format.record(&row).unwrap());
                }
            }
        }
    }
}
