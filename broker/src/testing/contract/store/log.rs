//! The log: numbered, in order, and as it was written.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{at, commit, conflict, job_id, log, log_of, open, party, pending, rows, token};
use crate::alarms::Alarm;
use crate::audit::{
    Actor, Concerned, Event, FetchFault, LogEntry, MailName, WhyErased, WhyNoPickUp, WhyNoRequest,
    WhyNoRotation, WhyNoSignIn, WhyNoToken,
};
use crate::devices::BackendName;
use crate::export::Format;
use crate::identity::{ProviderName, Way};
use crate::keys::KeyId;
use crate::letters::LetterKind;
use crate::lifecycle::{Disclosure, Refusal, Step};
use crate::people::GroupName;
use crate::policy::{PolicyFault, WhichFault};
use crate::ports::{LogQuery, Store, Write};
use crate::programs::Scope;
use crate::proof::leaf::LeafError;
use crate::search::LogFilters;
use crate::testing::sample::ticket_name;
use crate::text::Reason;
use crate::tickets::judge::Stop;

/// Rows are 1, 2, 3, … in the order of their writing, also past changes that conflicted.
pub async fn rows_are_numbered_without_a_gap(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request), log_of(&request)]).await;
    for _ in 0..3 {
        let change = vec![log_of(&request), Write::EndChallenge(token(9))];
        conflict(&*store, change, "the end of a sign-in that never began").await;
        commit(&*store, vec![log_of(&request), log_of(&request)]).await;
    }
    let seqs: Vec<_> = rows(&*store, None)
        .await
        .iter()
        .map(|row| row.seq)
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7]);
}

/// Every event, every kind of actor and of address comes back as it was written.
pub async fn rows_come_as_they_went_in(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let actors = actors();
    let sources: [Option<IpAddr>; 3] = [None, "192.0.2.7".parse().ok(), "2001:db8::7".parse().ok()];
    let mut written = Vec::new();
    for (number, event) in (0_u8..).zip(events()) {
        let actor = actors[usize::from(number) % actors.len()].clone();
        let source = sources[usize::from(number) % sources.len()];
        let now = at(number.into());
        written.push(if number % 2 == 0 {
            LogEntry::of_request(&request, event, actor, source, now)
        } else {
            LogEntry::of_nothing(event, actor, source, now)
        });
    }
    commit(&*store, written.iter().map(log).collect()).await;
    let read = rows(&*store, None).await;
    let read: Vec<_> = read.into_iter().map(|row| row.entry).collect();
    assert_eq!(read, written);
}

/// A query narrows the rows to those after a place, to those of a request, and to so many.
pub async fn a_query_narrows_the_rows(store: Arc<dyn Store>) {
    let (one, two) = (pending(1, at(0), at(60)), pending(2, at(0), at(60)));
    let of_none = LogEntry::of_nothing(Event::SignedOut, Actor::Stranger, None, at(0));
    commit(&*store, vec![open(&one), open(&two)]).await;
    commit(
        &*store,
        vec![
            log_of(&one),
            log_of(&two),
            log(&of_none),
            log_of(&one),
            log_of(&two),
        ],
    )
    .await;
    let seqs = async |request, after, limit| -> Vec<i64> {
        let query = LogQuery {
            request,
            events: &[],
            after,
            limit,
        };
        let rows = store.log(&query).await.unwrap();
        rows.iter().map(|row| row.seq).collect()
    };
    assert_eq!(seqs(None, 2, 10).await, [3, 4, 5]);
    assert_eq!(seqs(None, 2, 2).await, [3, 4]);
    assert_eq!(seqs(None, 5, 10).await, [0_i64; 0]);
    assert_eq!(seqs(None, 0, 0).await, [0_i64; 0]);
    assert_eq!(seqs(Some(one.id), 0, 10).await, [1, 4]);
    assert_eq!(seqs(Some(two.id), 2, 10).await, [5]);
    assert_eq!(seqs(Some(two.id), 0, 1).await, [2]);
    assert_eq!(
        seqs(Some(pending(3, at(0), at(1)).id), 0, 10).await,
        [0_i64; 0]
    );
    assert_eq!(rows(&*store, None).await.len(), 5);
    let of_events = async |events, request| -> Vec<i64> {
        let query = LogQuery {
            request,
            events,
            after: 0,
            limit: 10,
        };
        let rows = store.log(&query).await.unwrap();
        rows.iter().map(|row| row.seq).collect()
    };
    assert_eq!(of_events(&["sign_in.ended", "mail.sent"], None).await, [3]);
    assert_eq!(of_events(&["sign_in.ended"], Some(one.id)).await, [0; 0]);
    assert_eq!(of_events(&["review.opened"], Some(one.id)).await, [1, 4]);
}

pub(crate) fn actors() -> [Actor; 7] {
    [
        Actor::Person(party("anna")),
        Actor::Holder(party("boss")),
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
    ]
}

/// The newest place is that of the last row, and 0 before there is one.
pub async fn the_newest_row_is_told(store: Arc<dyn Store>) {
    assert_eq!(store.newest().await.unwrap(), 0);
    let row = || {
        log(&LogEntry::of_nothing(
            Event::SignedOut,
            Actor::Stranger,
            None,
            at(0),
        ))
    };
    commit(&*store, vec![row(), row()]).await;
    assert_eq!(store.newest().await.unwrap(), 2);
}

/// An event of each kind.
#[expect(clippy::too_many_lines, reason = "one event after the other")]
pub(crate) fn events() -> Vec<Event> {
    let keys = vec![KeyId(Uuid::from_u128(7)), KeyId(Uuid::from_u128(8))];
    let mail = party("anna").mail;
    vec![
        Event::Request(Step::Opened {
            asked: vec![party("boss")],
            rule: "Servers".to_owned(),
            for_whom: Some(party("anna")),
            keys: keys.clone(),
            unanswered: vec![BackendName("other".to_owned())],
        }),
        Event::Request(Step::Supported {
            in_place_of: Some(party("boss")),
            votes: 1,
            needed: 2,
            lapsed: vec![party("nina")],
        }),
        Event::Request(Step::Approved {
            in_place_of: None,
            lapsed: Vec::new(),
        }),
        Event::Request(Step::Reminded),
        Event::Request(Step::AskedMore {
            asked: vec![party("otto")],
            last_resort: true,
        }),
        Event::Request(Step::GlassBroken {
            reason: Reason::parse("The plane leaves.").unwrap(),
            skipped: vec![party("boss")],
        }),
        Event::Request(Step::LinkWanted),
        Event::Request(Step::Declined),
        Event::Request(Step::Withdrawn),
        Event::Request(Step::Revoked),
        Event::Request(Step::LinkIssued { expires_at: at(60) }),
        Event::Request(Step::Redeemed(Disclosure {
            keys,
            read_from: vec![BackendName("test".to_owned())],
            unanswered: Vec::new(),
        })),
        Event::Request(Step::Expired),
        Event::Request(Step::Lapsed),
        Event::RequestRefused {
            asset: "LT-\"0042' é".to_owned(),
            why: WhyNoRequest::NothingEscrowed,
            concerns: Concerned {
                beneficiary: Some(party("anna").id),
                requester: None,
            },
        },
        Event::CommandRefused {
            command: "approve".to_owned(),
            why: Refusal::AlreadyDecided,
        },
        Event::PolicyFailed {
            fault: PolicyFault {
                rule: "Servers".to_owned(),
                which: WhichFault::UnknownGroup(GroupName("GG-Gone".to_owned())),
            },
        },
        Event::StandInSet {
            by: party("nina"),
            until: at(60),
        },
        Event::StandInEnded,
        Event::ReviewOpened,
        Event::ReviewRefused,
        Event::LinkOpened,
        Event::LinkRefused,
        Event::PickUpCodeMade,
        Event::PickUpCodeRefused {
            why: WhyNoPickUp::TooMany,
        },
        Event::RedemptionAttempted,
        Event::RedemptionRefused {
            why: Refusal::Superseded,
        },
        Event::FetchFailed {
            backend: Some(BackendName("test".to_owned())),
            why: FetchFault::Damaged,
        },
        Event::RotationAsked {
            backend: BackendName("test".to_owned()),
        },
        Event::RotationUnsure {
            backend: BackendName("test".to_owned()),
        },
        Event::RotationImpossible {
            why: WhyNoRotation::NotManaged,
        },
        Event::RotationFailed {
            backend: BackendName("test".to_owned()),
            why: FetchFault::Denied,
        },
        Event::SignInRequested { mail: mail.clone() },
        Event::ProviderSignInRequested {
            provider: ProviderName::parse("Entra ID").unwrap(),
        },
        Event::SignInDropped {
            mail: mail.clone(),
            why: WhyNoSignIn::TooMany,
        },
        Event::SignInRefused {
            why: WhyNoSignIn::WrongCode,
            provider: None,
            named: None,
        },
        Event::SignInRefused {
            why: WhyNoSignIn::UnknownPerson,
            provider: Some(ProviderName::parse("Entra ID").unwrap()),
            named: Some("anna".to_owned()),
        },
        Event::SignedIn { by: Way::Mail },
        Event::SignedIn {
            by: Way::Provider(ProviderName::parse("Entra ID").unwrap()),
        },
        Event::SignedOut,
        Event::SignedOutEverywhere {
            whose: party("anna"),
        },
        Event::AccessRefused {
            route: "/audit".to_owned(),
        },
        Event::AuditSearched {
            filters: LogFilters {
                person: Some("anna".to_owned()),
                request: "K7Q-4MX2".parse().ok(),
                from: Some(at(0)),
                ..LogFilters::default()
            },
        },
        Event::AuditExported {
            filters: LogFilters::default(),
            format: Format::Csv,
        },
        Event::DeskSearched {
            text: "LT-0042".to_owned(),
        },
        Event::DeskPersonViewed {
            person: party("anna").id,
            called: "anna".to_owned(),
        },
        Event::OutboxRetried {
            job: job_id(1),
            mail: Some(MailName::SignInCode),
            to: Some(mail.clone()),
        },
        Event::FieldsErased {
            erasure: Uuid::from_u128(5),
            why: WhyErased::Person,
            rows: 2,
            fields: 7,
            digest: "00".repeat(32),
        },
        Event::MailSent {
            mail: MailName::Letter(LetterKind::KeyLink),
            to: mail.clone(),
        },
        Event::MailDead {
            mail: MailName::SignInCode,
            to: mail,
        },
        Event::RightsSeen {
            place: "corp".to_owned(),
            rights: vec!["changing recovery records".to_owned()],
            added: Vec::new(),
        },
        Event::AlarmRaised {
            alarm: Box::new(Alarm::ManyDevices {
                by: party("anna"),
                count: 4,
                for_others: false,
            }),
        },
        Event::HookTold {
            hook: "alarms".to_owned(),
            message: "alarm.many_devices".to_owned(),
        },
        Event::HookDead {
            hook: "monitoring".to_owned(),
            message: "request.approved".to_owned(),
        },
        Event::TicketStops {
            ticket: ticket_name(7),
            why: Stop::OtherAsset,
        },
        Event::TicketTold {
            ticket: ticket_name(7),
            is_whole: true,
        },
        Event::TicketDead {
            ticket: ticket_name(7),
        },
        Event::TokenMade {
            token: "servicedesk".to_owned(),
            scopes: vec![Scope::Create, Scope::Decide],
            person: Some(party("boss")),
            until: at(60),
        },
        Event::TokenRevoked {
            token: "servicedesk".to_owned(),
        },
        Event::TokenRefused {
            token: None,
            why: WhyNoToken::Unknown,
        },
        Event::CheckpointDead {
            sink: "folder".to_owned(),
        },
        Event::RowUnreadable {
            why: LeafError::Fields,
        },
    ]
}
