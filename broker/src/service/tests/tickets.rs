//! Tickets of a service desk: what becomes of them, and what they end.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{KEY, World, anna, boss, minutes};
use crate::audit::{Actor, Event, FetchFault, WhyNoRequest};
use crate::lifecycle::{Outcome, Refusal, Request, State, Step};
use crate::people::{MailAddress, PersonQuery};
use crate::ports::{EventError, Store, TicketError};
use crate::proof::examine::Problem;
use crate::service::{
    Choice, Desk, HearError, LinkEnd, LinkError, RedeemError, ReviewError, Visitor, examine,
};
use crate::testing::MemoryDesk;
use crate::testing::sample::{ticket, ticket_name};
use crate::tickets::{
    AssetFault, DeskApproval, DeskName, DeskUser, Ending, Given, Posting, Standing, TicketId,
    Verdict,
};
use crate::tokens::PlainToken;

/// A world with a desk, and ticket 7 of anna's in it.
struct AtDesk {
    world: World,
    desk: Arc<MemoryDesk>,
}

impl AtDesk {
    fn new(approves: bool) -> Self {
        let world = World::new();
        let desk = Arc::new(MemoryDesk::new("halo", Arc::clone(&world.clock) as _));
        desk.put(ticket("7", "laptop"));
        let system = Arc::clone(&desk) as _;
        let world = world.restarted(|parts| parts.desks = vec![Desk { system, approves }]);
        Self { world, desk }
    }

    /// The desk tells of the ticket, and all that comes of it is done.
    async fn heard(&self) {
        let (authorization, body) = self.desk.message(&[&seven()]);
        let broker = &self.world.broker;
        let heard = broker.hear(&halo(), Some(&authorization), &body).await;
        assert_eq!(heard.unwrap(), 1);
        self.world.settle().await;
    }

    async fn polled(&self) {
        self.world.broker.poll_desks().await.unwrap();
        self.world.settle().await;
    }

    async fn requests(&self) -> Vec<Request> {
        self.world.broker.requests_of(&anna().id).await.unwrap()
    }

    async fn outcome(&self) -> Outcome {
        match self.world.request().await.state {
            State::Closed(closing) => closing.outcome,
            state => panic!("{state:?}"),
        }
    }

    /// The key link of an approved request of the ticket.
    async fn key_link(&self) -> PlainToken {
        self.heard().await;
        self.world.approve().await;
        self.world.settle().await;
        self.world.token("KeyLink", "anna")
    }

    async fn redeem(&self, link: &PlainToken) -> Result<Request, RedeemError> {
        let broker = &self.world.broker;
        let redeemed = broker.redeem(link, "", Visitor::default()).await;
        redeemed.map(|redemption| redemption.request)
    }

    /// Somebody says something at the desk, a minute later.
    async fn said(&self, rows: &[DeskApproval]) {
        self.world.clock.advance(minutes(1));
        let at = self.world.now();
        let rows = rows.iter().cloned();
        let rows = rows.map(|row| DeskApproval {
            at: row.verdict.map(|_| at),
            ..row
        });
        let rows = rows.collect();
        self.desk.change(&seven(), |ticket| ticket.approvals = rows);
        self.heard().await;
    }

    fn notes(&self) -> Vec<Posting> {
        self.desk.posted(&seven())
    }
}

fn seven() -> TicketId {
    TicketId::parse("7").unwrap()
}

fn halo() -> DeskName {
    DeskName("halo".to_owned())
}

fn row(who: &str, verdict: Option<Verdict>) -> DeskApproval {
    DeskApproval {
        approver: MailAddress::parse(&format!("{who}@example.com")).ok(),
        user: None,
        verdict,
        at: None,
        given: Given::InPerson,
        is_history: false,
    }
}

fn yes(who: &str) -> DeskApproval {
    row(who, Some(Verdict::Approved))
}

#[tokio::test]
async fn a_ticket_is_closed_by_itself_once_its_keys_were_shown() {
    let at = AtDesk::new(false);
    at.heard().await;
    let request = at.world.request().await;
    assert_eq!(request.ticket_name(), Some(&ticket_name(7)));
    let opened = at.world.log().await;
    let is_opened = |event: &Event| matches!(event, Event::Request(Step::Opened { .. }));
    let opened = opened.iter().find(|row| is_opened(&row.entry.event));
    let by_desk = Actor::Program {
        name: "halo".to_owned(),
    };
    assert_eq!(opened.unwrap().entry.actor, by_desk);
    assert_eq!(at.world.sent("ApprovalNeeded"), ["boss"]);

    at.world.approve().await;
    at.world.settle().await;
    let link = at.world.token("KeyLink", "anna");
    assert_eq!(at.desk.ending(&seven()), None, "no key was shown yet");
    at.redeem(&link).await.unwrap();
    at.world.settle().await;

    assert_eq!(at.desk.ending(&seven()), Some(Ending::Done));
    let notes = at.notes();
    assert_eq!(notes.len(), 3, "made, approved, closed");
    let record = &notes[2].note;
    assert!(record.contains(request.reference.to_string().as_str()));
    assert!(record.contains("Approved by boss on 2026-"), "{record}");
    let Outcome::Redeemed { keys, .. } = at.outcome().await else {
        panic!("it was redeemed");
    };
    for key in keys {
        assert!(record.contains(&key.to_string()), "{record}");
    }
    let everything = format!("{notes:?}");
    assert!(!everything.contains(KEY) && !everything.contains("https://"));
    let told = at.world.events().await;
    let told = told.iter();
    let told = told.filter(|it| matches!(it, Event::TicketTold { is_whole: true, .. }));
    assert_eq!(told.count(), 3);
}

#[tokio::test]
async fn however_often_it_is_heard_of_a_ticket_is_one_request() {
    let at = AtDesk::new(false);
    let (authorization, body) = at.desk.message(&[&seven(), &seven()]);
    for _ in 0..3 {
        let broker = &at.world.broker;
        let heard = broker.hear(&halo(), Some(&authorization), &body).await;
        assert_eq!(heard.unwrap(), 1);
    }
    at.polled().await;
    at.heard().await;
    assert_eq!(at.requests().await.len(), 1);
    assert_eq!(at.notes().len(), 1);

    // One that has ended is no reason to make another.
    let reference = at.world.request().await.reference;
    let withdrawn = at.world.broker.withdraw(&anna(), &reference, None).await;
    withdrawn.unwrap();
    at.heard().await;
    at.polled().await;
    assert_eq!(at.requests().await.len(), 1);
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Ended));
}

#[tokio::test]
async fn a_desk_that_was_asked_at_a_time_to_come_is_asked_as_if_it_never_was() {
    let at = AtDesk::new(false);
    let to_come = (at.world.now() + super::hours(24 * 365)).as_millisecond();
    for position in [to_come, i64::MAX] {
        at.world.store.put_cursor("desk:halo", position);
        let report = examine(&*at.world.store, &[], Vec::new(), at.world.now()).await;
        let ahead = Problem::CursorAhead("desk:halo".to_owned());
        assert_eq!(report.unwrap().problems, [ahead]);
        at.world.clock.advance(minutes(2));
        at.polled().await;
        assert_eq!(at.requests().await.len(), 1);
        let cursor = at.world.store.cursor("desk:halo").await.unwrap();
        assert_eq!(cursor, at.world.now().as_millisecond());
    }
}

#[tokio::test]
async fn a_message_that_was_lost_is_made_up_for_by_asking() {
    let at = AtDesk::new(false);
    at.world.clock.advance(minutes(2));
    at.polled().await;
    assert_eq!(at.requests().await.len(), 1);
    // While the desk is away nothing is passed over.
    at.desk.put(crate::tickets::Ticket {
        asset: ticket("8", "laptop").asset,
        ..ticket("8", "laptop")
    });
    at.desk
        .break_down(Some(|| TicketError::Unavailable("away".to_owned())));
    at.world.clock.advance(minutes(30));
    at.polled().await;
    at.desk.break_down(None);
    at.world.clock.advance(minutes(2));
    at.polled().await;
    let known = at.world.events().await;
    let refused = known.iter().any(|event| {
        let why = WhyNoRequest::AlreadyOpen;
        matches!(event, Event::RequestRefused { why: it, .. } if *it == why)
    });
    assert!(refused, "the second ticket was looked at");
}

#[tokio::test]
async fn strangers_and_unknown_desks_are_not_heard() {
    let at = AtDesk::new(false);
    let (authorization, body) = at.desk.message(&[&seven()]);
    let broker = &at.world.broker;
    let stranger = broker.hear(&halo(), None, &body).await;
    let stranger_too = broker.hear(&halo(), Some("Basic x"), &body).await;
    for outcome in [stranger, stranger_too] {
        let is_stranger = matches!(outcome, Err(HearError::NotTaken(EventError::Stranger)));
        assert!(is_stranger);
    }
    let nonsense = broker.hear(&halo(), Some(&authorization), b"{").await;
    let is_nonsense = matches!(nonsense, Err(HearError::NotTaken(EventError::Nonsense)));
    assert!(is_nonsense);
    let other = DeskName("other".to_owned());
    let unknown = broker.hear(&other, Some(&authorization), &body).await;
    assert!(matches!(unknown, Err(HearError::NoSuchDesk)));
    at.world.settle().await;
    assert!(at.requests().await.is_empty());
}

#[tokio::test]
async fn a_desk_that_decides_is_believed_as_far_as_the_policy_goes() {
    let at = AtDesk::new(true);
    at.heard().await;
    assert!(at.world.sent("ApprovalNeeded").is_empty(), "the desk asks");
    at.said(&[row("boss", None)]).await;
    assert!(matches!(
        at.world.request().await.state,
        State::Pending { .. }
    ));
    at.said(&[yes("boss")]).await;
    let link = at.world.token("KeyLink", "anna");
    let rows = at.world.log().await;
    let approved = rows
        .iter()
        .find(|row| matches!(row.entry.event, Event::Request(Step::Approved { .. })));
    let actor = &approved.unwrap().entry.actor;
    let through = matches!(actor, Actor::Through { person, program } if person.name == "boss" && program == "halo");
    assert!(through, "{actor:?}");
    at.redeem(&link).await.unwrap();
    at.world.settle().await;
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Done));
}

#[tokio::test]
async fn a_doubtful_yes_of_a_desk_releases_nothing() {
    let given = |given| DeskApproval {
        given,
        ..yes("boss")
    };
    let nobody = DeskApproval {
        approver: None,
        ..yes("boss")
    };
    for rows in [
        vec![yes("anna")],
        vec![yes("nina")],
        vec![yes("stranger")],
        vec![yes("boss"), yes("nina")],
        vec![given(Given::Overridden)],
        vec![given(Given::Automatically)],
        vec![given(Given::Delegated)],
        vec![nobody],
    ] {
        let at = AtDesk::new(true);
        at.heard().await;
        at.said(&rows).await;
        let outcome = at.outcome().await;
        assert!(matches!(outcome, Outcome::Revoked { .. }), "{rows:?}");
        assert!(at.world.sent("KeyLink").is_empty(), "{rows:?}");
        assert_eq!(at.desk.ending(&seven()), Some(Ending::Ended), "{rows:?}");
    }
}

#[tokio::test]
async fn a_yes_from_before_the_request_counts_for_nothing() {
    let at = AtDesk::new(true);
    let early = at.world.now();
    at.desk.change(&seven(), |ticket| {
        ticket.approvals = vec![DeskApproval {
            at: Some(early),
            ..yes("boss")
        }];
    });
    at.heard().await;
    at.heard().await;
    assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
    assert!(at.world.sent("KeyLink").is_empty());
}

#[tokio::test]
async fn a_no_of_a_desk_declines() {
    let at = AtDesk::new(true);
    at.heard().await;
    at.said(&[row("boss", Some(Verdict::Rejected))]).await;
    assert!(matches!(at.outcome().await, Outcome::Declined { by, .. } if by.name == "boss"));
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Declined));

    let at = AtDesk::new(true);
    at.heard().await;
    at.said(&[row("stranger", Some(Verdict::Rejected))]).await;
    assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
}

#[tokio::test]
async fn where_clavis_asks_what_the_desk_says_counts_for_nothing() {
    let at = AtDesk::new(false);
    at.heard().await;
    at.said(&[yes("boss")]).await;
    assert!(matches!(
        at.world.request().await.state,
        State::Pending { .. }
    ));
}

#[tokio::test]
async fn a_ticket_that_was_closed_deleted_or_changed_shows_no_key() {
    type Spoil = fn(&MemoryDesk);
    let spoils: [Spoil; 5] = [
        |desk| desk.change(&seven(), |it| it.standing = Standing::Closed),
        |desk| desk.change(&seven(), |it| it.standing = Standing::Other),
        |desk| desk.delete(&seven()),
        |desk| {
            desk.change(&seven(), |it| {
                it.user = it.user.clone().map(|user| DeskUser {
                    id: "8".to_owned(),
                    ..user
                });
            });
        },
        |desk| desk.change(&seven(), |it| it.asset = Err(AssetFault::Several)),
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let at = AtDesk::new(false);
        let link = at.key_link().await;
        spoil(&at.desk);
        // Neither then nor later.
        for _ in 0..2 {
            let refused = at.redeem(&link).await.unwrap_err();
            let is_revoked = matches!(
                &refused,
                RedeemError::Link(LinkError::Ended {
                    end: LinkEnd::Revoked(_),
                    ..
                })
            );
            assert!(is_revoked, "{number}: {refused:?}");
        }
        assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
        at.world.settle().await;
        assert_ne!(at.desk.ending(&seven()), Some(Ending::Done), "{number}");

        // The same is noticed without anybody opening the link.
        let at = AtDesk::new(false);
        at.key_link().await;
        spoil(&at.desk);
        at.heard().await;
        assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
    }
}

#[tokio::test]
async fn while_the_desk_is_away_no_key_is_shown_and_the_link_stays() {
    let at = AtDesk::new(false);
    let link = at.key_link().await;
    at.desk
        .break_down(Some(|| TicketError::Unavailable("away".to_owned())));
    let refused = at.redeem(&link).await.unwrap_err();
    let is_desk =
        matches!(&refused, RedeemError::NotUsed(missed) if missed[0].why == FetchFault::Desk);
    assert!(is_desk, "{refused:?}");
    at.desk.break_down(None);
    at.redeem(&link).await.unwrap();

    // It goes away again before it could be told.
    at.desk.break_down(Some(|| TicketError::Busy(minutes(1))));
    at.world.settle().await;
    assert_eq!(at.desk.ending(&seven()), None);
    at.desk.break_down(None);
    at.world.pass(3, 1).await;
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Done));
}

#[tokio::test]
async fn what_may_have_arrived_is_not_written_twice() {
    let at = AtDesk::new(false);
    at.desk.lose_answers(2);
    at.heard().await;
    at.world.pass(5, 1).await;
    assert_eq!(at.notes().len(), 1);
}

#[tokio::test]
async fn a_ticket_that_cannot_be_ended_has_its_note_all_the_same() {
    let at = AtDesk::new(false);
    let link = at.key_link().await;
    at.desk.refuse_endings(true);
    at.redeem(&link).await.unwrap();
    at.world.settle().await;
    assert_eq!(at.desk.ending(&seven()), None);
    assert_eq!(at.notes().len(), 3);
    let rows = at.world.events().await;
    let half = |event: &Event| {
        matches!(
            event,
            Event::TicketTold {
                is_whole: false,
                ..
            }
        )
    };
    assert!(rows.iter().any(half));
}

#[tokio::test]
async fn a_ticket_that_no_request_can_be_made_of_is_told_why_once() {
    let at = AtDesk::new(false);
    at.desk
        .change(&seven(), |it| it.asset = Err(AssetFault::Several));
    for _ in 0..3 {
        at.heard().await;
        at.world.clock.advance(minutes(20));
    }
    let notes = at.notes();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].note.contains("more than one asset"), "{notes:?}");
    assert_eq!(notes[0].ending, None, "somebody has to look");

    // Another thing is wrong with it, and then nothing.
    at.desk.change(&seven(), |it| {
        it.asset = ticket("7", "toaster").asset;
    });
    at.heard().await;
    assert_eq!(at.notes().len(), 2);
    at.desk
        .change(&seven(), |it| it.asset = ticket("7", "laptop").asset);
    at.heard().await;
    assert_eq!(at.requests().await.len(), 1);
}

#[tokio::test]
async fn a_user_who_is_two_people_is_nobody() {
    let at = AtDesk::new(false);
    let known = |name: &str| PersonQuery::Login(name.to_owned());
    for (known_as, expected) in [
        (vec![], WhyNoRequest::UnknownUser),
        (vec![known("nobody")], WhyNoRequest::UnknownUser),
        (
            vec![known("anna"), known("nina")],
            WhyNoRequest::AmbiguousUser,
        ),
    ] {
        at.desk.change(&seven(), |it| {
            it.user = it.user.clone().map(|user| DeskUser {
                known_as: known_as.clone(),
                ..user
            });
        });
        at.heard().await;
        let events = at.world.events().await;
        let refused = events.iter().rev().find_map(|event| match event {
            Event::RequestRefused { why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(refused, Some(expected));
    }
    assert!(at.requests().await.is_empty());
}

#[tokio::test]
async fn an_agent_of_the_desk_who_raised_it_cannot_approve_it() {
    let at = AtDesk::new(true);
    at.desk.change(&seven(), |it| {
        it.raised_by = Some(DeskUser {
            id: "9".to_owned(),
            name: "boss".to_owned(),
            known_as: vec![PersonQuery::Login("boss".to_owned())],
        });
    });
    at.heard().await;
    // Nobody but the manager could approve, and it was the manager who raised it.
    assert!(at.requests().await.is_empty());
    let note = at.notes().pop().unwrap().note;
    assert!(note.contains("nobody who may approve"), "{note}");

    // Whom the directory does not know is named to whoever approves.
    at.desk.change(&seven(), |it| {
        it.raised_by = Some(DeskUser {
            id: "9".to_owned(),
            name: "Dora at the desk".to_owned(),
            known_as: vec![PersonQuery::Login("dora".to_owned())],
        });
    });
    at.heard().await;
    let then = at.world.request().await.ticket.unwrap();
    assert_eq!(then.raised_by.as_deref(), Some("Dora at the desk"));
}

#[tokio::test]
async fn a_request_that_is_decided_at_the_desk_takes_no_yes_of_anywhere_else() {
    let at = AtDesk::new(true);
    at.heard().await;
    let reference = at.world.request().await.reference;
    let boss = boss().party().unwrap();
    let broker = &at.world.broker;
    let yes = broker.decide_as(&boss, &reference, Choice::Approve, None, None);
    let refused = yes.await.unwrap_err();
    assert!(matches!(refused, ReviewError::Refused(Refusal::AtDesk)));
    let no = broker.decide_as(&boss, &reference, Choice::Decline, None, None);
    no.await.unwrap();
    assert!(matches!(at.outcome().await, Outcome::Declined { .. }));
}

#[tokio::test]
async fn a_yes_that_is_taken_back_at_the_desk_shows_no_key() {
    let overridden = DeskApproval {
        given: Given::Overridden,
        ..yes("boss")
    };
    let rejected = row("boss", Some(Verdict::Rejected));
    for rows in [
        vec![],
        vec![row("boss", None)],
        vec![rejected],
        vec![overridden],
    ] {
        for is_heard in [false, true] {
            let at = AtDesk::new(true);
            at.heard().await;
            at.said(&[yes("boss")]).await;
            let link = at.world.token("KeyLink", "anna");
            at.desk.change(&seven(), |ticket| {
                ticket.approvals = rows
                    .iter()
                    .cloned()
                    .map(|row| DeskApproval {
                        at: row.verdict.map(|_| at.world.now()),
                        ..row
                    })
                    .collect();
            });
            if is_heard {
                at.heard().await;
            }
            assert!(at.redeem(&link).await.is_err(), "{rows:?}");
            assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
        }
    }
}

#[tokio::test]
async fn whoever_has_the_name_of_who_raised_it_does_not_say_yes() {
    for approves in [false, true] {
        let at = AtDesk::new(approves);
        at.desk.change(&seven(), |it| {
            it.raised_by = Some(DeskUser {
                id: String::new(),
                name: " BOSS".to_owned(),
                known_as: Vec::new(),
            });
        });
        at.heard().await;
        if approves {
            at.said(&[yes("boss")]).await;
            assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
        } else {
            let link = at.world.token("ApprovalNeeded", "boss");
            let broker = &at.world.broker;
            let yes = broker.decide(&link, Choice::Approve, None, Visitor::default());
            assert!(yes.await.is_err());
        }
        assert!(at.world.sent("KeyLink").is_empty());
    }
}

#[tokio::test]
async fn a_ticket_is_looked_at_again_by_itself_once_what_was_missing_may_be_there() {
    let at = AtDesk::new(false);
    at.desk
        .change(&seven(), |it| it.asset = ticket("7", "late").asset);
    at.heard().await;
    assert!(at.requests().await.is_empty());
    at.world.escrow.hold(
        crate::testing::sample::device("late"),
        &[(crate::testing::sample::record(9, Some(9), 1), KEY)],
    );
    at.world.pass(31, 1).await;
    assert_eq!(at.requests().await.len(), 1);
}

#[tokio::test]
async fn nothing_is_said_of_the_beginning_once_it_has_ended() {
    let at = AtDesk::new(false);
    at.heard().await;
    assert_eq!(at.notes().len(), 1);
    let at = AtDesk::new(false);
    at.desk.lose_answers(0);
    let (authorization, body) = at.desk.message(&[&seven()]);
    let broker = &at.world.broker;
    let heard = broker.hear(&halo(), Some(&authorization), &body).await;
    heard.unwrap();
    at.world.broker.tend_once().await.unwrap();
    let reference = at.world.request().await.reference;
    let withdrawn = at.world.broker.withdraw(&anna(), &reference, None).await;
    withdrawn.unwrap();
    at.world.settle().await;
    let notes = at.notes();
    assert!(
        notes
            .iter()
            .all(|note| !note.note.contains("has asked these people")),
        "{notes:?}"
    );
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Ended));
}

#[tokio::test]
async fn a_desk_that_hangs_holds_up_no_mail() {
    let at = AtDesk::new(false);
    at.desk
        .break_down(Some(|| TicketError::Unavailable("away".to_owned())));
    for number in 100..140 {
        at.desk.put(ticket(&number.to_string(), "laptop"));
    }
    let ids: Vec<_> = (100..140)
        .map(|number: u32| TicketId::parse(&number.to_string()).unwrap())
        .collect();
    let ids: Vec<_> = ids.iter().collect();
    let (authorization, body) = at.desk.message(&ids);
    let broker = &at.world.broker;
    let heard = broker.hear(&halo(), Some(&authorization), &body).await;
    assert_eq!(heard.unwrap(), 40);
    at.world.settle().await;
    let read = at.desk.fetched().len();
    assert!(
        read < 5,
        "{read}: after the first failure it is left alone for a while"
    );
    at.world.ask().await;
    assert_eq!(at.world.sent("ApprovalNeeded"), ["boss"]);
}

#[tokio::test]
async fn what_a_desk_tells_bit_by_bit_is_all_looked_at() {
    let at = AtDesk::new(false);
    for id in ["8", "9", "10"] {
        at.world.clock.advance(minutes(5));
        at.desk.put(ticket(id, "laptop"));
    }
    at.desk.tell_at_once(2);
    for _ in 0..3 {
        at.polled().await;
    }
    let seen: BTreeSet<_> = at.desk.fetched().into_iter().map(|(id, _)| id).collect();
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[tokio::test]
async fn a_ticket_whose_time_has_run_out_ends_without_a_key() {
    let at = AtDesk::new(false);
    at.key_link().await;
    at.world.pass(200, 20).await;
    assert!(matches!(at.outcome().await, Outcome::Expired { .. }));
    let late = at.notes().pop().unwrap();
    assert!(late.note.contains("was not opened in time"), "{late:?}");
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Ended));

    let at = AtDesk::new(false);
    at.heard().await;
    at.world.pass(73 * 60, 60).await;
    assert!(matches!(at.outcome().await, Outcome::Lapsed { .. }));
    let late = at.notes().pop().unwrap();
    assert!(late.note.contains("Nobody decided in time"), "{late:?}");
    assert_eq!(at.desk.ending(&seven()), Some(Ending::Ended));
}
