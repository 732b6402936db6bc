//! Searching the log: what is found, in which order.

use std::sync::Arc;

use super::{at, commit, log, open, party, pending};
use crate::audit::{Actor, Concerned, Event, LogEntry, MailName, WhyNoRequest, WhyNoSignIn};
use crate::devices::Device;
use crate::lifecycle::{Request, Step};
use crate::people::{MailAddress, Party, PersonId};
use crate::ports::{Store, Write};
use crate::search::{LogFilters, LogSearch};

/// Each filter narrows the rows down by itself, and all of them do together.
pub async fn each_filter_narrows_the_rows(store: Arc<dyn Store>) {
    let (one, two) = (pending(1, at(0), at(60)), pending(2, at(0), at(60)));
    let row = |request, event, second| {
        log(&LogEntry::of_request(
            request,
            event,
            Actor::Clavis,
            None,
            at(second),
        ))
    };
    let change = vec![
        open(&one),
        open(&two),
        row(&one, Event::ReviewOpened, 1),
        row(&two, Event::ReviewOpened, 2),
        row(&one, Event::LinkOpened, 3),
        of_nobody(Event::SignedOut, 4),
        row(&two, Event::LinkOpened, 5),
    ];
    commit(&*store, change).await;
    let all = LogSearch::default();
    let event = Some("link.opened".to_owned());
    for (search, expected) in [
        (all.clone(), &[5, 4, 3, 2, 1][..]),
        (
            LogSearch {
                request: Some(one.id),
                ..all.clone()
            },
            &[3, 1],
        ),
        (
            LogSearch {
                request: Some(pending(3, at(0), at(1)).id),
                ..all.clone()
            },
            &[],
        ),
        (
            LogSearch {
                event: event.clone(),
                ..all.clone()
            },
            &[5, 3],
        ),
        (
            LogSearch {
                event: Some("link".to_owned()),
                ..all.clone()
            },
            &[],
        ),
        (
            LogSearch {
                from: Some(at(2)),
                to: Some(at(4)),
                ..all.clone()
            },
            &[3, 2],
        ),
        (
            LogSearch {
                from: Some(at(6)),
                ..all.clone()
            },
            &[],
        ),
        (
            LogSearch {
                before: Some(3),
                ..all.clone()
            },
            &[2, 1],
        ),
        (
            LogSearch {
                request: Some(two.id),
                event,
                from: Some(at(3)),
                to: Some(at(6)),
                before: Some(6),
                ..all
            },
            &[5],
        ),
    ] {
        assert_eq!(found(&*store, search.clone()).await, expected, "{search:?}");
    }
}

/// Somebody is found by a part of name, mail address or ID, in upper or lower case, whatever the
/// row says of them.
pub async fn people_are_found_wherever_a_row_names_them(store: Arc<dyn Store>) {
    let jurgen = Party {
        id: PersonId("7C0F-Ä".to_owned()),
        name: "Jürgen \"J\" O'Hara\\".to_owned(),
        mail: MailAddress::parse("J.OHara@example.com").unwrap(),
    };
    let opened = |asked| {
        let step = Step::Opened {
            asked,
            rule: "everything else".to_owned(),
            for_whom: None,
            keys: Vec::new(),
            unanswered: Vec::new(),
        };
        Event::Request(step)
    };
    let by = |actor| log(&LogEntry::of_nothing(Event::SignedOut, actor, None, at(0)));
    let mail = jurgen.mail.clone();
    let filters = LogFilters {
        person: Some("anna".to_owned()),
        ..LogFilters::default()
    };
    let searched = Event::AuditSearched { filters };
    let change = vec![
        by(Actor::Person(jurgen.clone())),
        by(Actor::Holder(jurgen.clone())),
        of_nobody(opened(vec![party("boss"), jurgen]), 0),
        of_nobody(Event::SignInRequested { mail: mail.clone() }, 0),
        of_nobody(
            Event::MailSent {
                mail: MailName::SignInCode,
                to: mail,
            },
            0,
        ),
        of_nobody(
            Event::SignInRefused {
                why: WhyNoSignIn::UnknownPerson,
                provider: None,
                named: Some("j.ohara".to_owned()),
            },
            0,
        ),
        by(Actor::Person(party("anna"))),
        by(Actor::Operator {
            name: "Root".to_owned(),
        }),
        by(Actor::Clavis),
        of_nobody(searched, 0),
    ];
    commit(&*store, change).await;
    for (person, expected) in [
        ("J.OHARA@EXAMPLE.COM", &[5, 4, 3, 2, 1][..]),
        ("j.ohara", &[6, 5, 4, 3, 2, 1]),
        ("JÜRGEN \"j\"", &[3, 2, 1]),
        ("o'hara\\", &[3, 2, 1]),
        ("7c0f-ä", &[3, 2, 1]),
        ("id-boss", &[3]),
        ("anna", &[7]),
        ("root", &[8]),
        ("clavis", &[]),
        ("unknown_person", &[]),
        ("signed_out", &[]),
        ("nobody", &[]),
        ("%", &[]),
    ] {
        let search = LogSearch {
            person: Some(person.to_owned()),
            ..LogSearch::default()
        };
        assert_eq!(found(&*store, search).await, expected, "{person}");
    }
}

/// A device is found by a part of any of its names, by what somebody asked for in vain, and by what an
/// agent searched for.
pub async fn devices_are_found_by_their_names(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let device = Device {
        name: "LT-\"0042\"".to_owned(),
        also_named: vec!["Café-7".to_owned()],
        ..request.device.clone()
    };
    let request = Request { device, ..request };
    let refused = Event::RequestRefused {
        asset: "lt-0043".to_owned(),
        why: WhyNoRequest::UnknownDevice,
        concerns: Concerned::default(),
    };
    let opened = LogEntry::of_request(&request, Event::LinkOpened, Actor::Clavis, None, at(0));
    let anna = Actor::Person(party("anna"));
    let change = vec![
        log(&opened),
        log(&LogEntry::of_nothing(refused, anna, None, at(0))),
        of_nobody(Event::SignedOut, 0),
        of_nobody(
            Event::DeskSearched {
                text: "LT-0043".to_owned(),
            },
            0,
        ),
    ];
    commit(&*store, change).await;
    for (device, expected) in [
        ("lt-", &[4, 2, 1][..]),
        ("LT-\"0042\"", &[1]),
        ("CAFÉ", &[1]),
        ("LT-0043", &[4, 2]),
        ("anna", &[]),
        ("lt-1", &[]),
    ] {
        let search = LogSearch {
            device: Some(device.to_owned()),
            ..LogSearch::default()
        };
        assert_eq!(found(&*store, search).await, expected, "{device}");
    }
}

/// Pages of so many rows follow each other without a gap, though rows are added meanwhile.
pub async fn the_newest_come_first_and_page_by_page(store: Arc<dyn Store>) {
    let rows = |number: usize| -> Vec<Write> {
        let row = |_| of_nobody(Event::SignedOut, 0);
        (0..number).map(row).collect()
    };
    commit(&*store, rows(5)).await;
    let mut search = LogSearch {
        limit: 2,
        ..LogSearch::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = store.search_log(&search).await.unwrap();
        let Some(last) = page.last() else { break };
        search.before = Some(last.seq);
        seen.extend(page.iter().map(|row| row.seq));
        commit(&*store, rows(1)).await;
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    search.before = None;
    search.limit = 0;
    assert!(store.search_log(&search).await.unwrap().is_empty());
}

/// Rows whose moments are out of order, as after a clock was set, are found by their moment and
/// come in the order of the log.
pub async fn moments_out_of_order_are_found(store: Arc<dyn Store>) {
    let seconds = [10, 50, 20, 40, 30, 60].into_iter();
    let change = seconds.map(|second| of_nobody(Event::SignedOut, second));
    commit(&*store, change.collect()).await;
    let search = |from: Option<i64>, to: Option<i64>| LogSearch {
        from: from.map(at),
        to: to.map(at),
        ..LogSearch::default()
    };
    assert_eq!(found(&*store, search(Some(20), Some(41))).await, [5, 4, 3]);
    assert_eq!(found(&*store, search(Some(50), None)).await, [6, 2]);
    assert_eq!(found(&*store, search(None, Some(30))).await, [3, 1]);
    assert_eq!(found(&*store, search(Some(41), Some(20))).await, [0_i64; 0]);
}

fn of_nobody(event: Event, second: i64) -> Write {
    log(&LogEntry::of_nothing(
        event,
        Actor::Clavis,
        None,
        at(second),
    ))
}

async fn found(store: &dyn Store, search: LogSearch) -> Vec<i64> {
    let limit = if search.limit == 0 { 100 } else { search.limit };
    let rows = store.search_log(&LogSearch { limit, ..search }).await;
    rows.unwrap().iter().map(|row| row.seq).collect()
}
