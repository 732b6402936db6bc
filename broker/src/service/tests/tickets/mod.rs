//! Tickets of a service desk: what becomes of them, and what they end.

mod approving;
mod hearing;

use std::sync::Arc;

use super::{KEY, World, anna, hours, minutes};
use crate::audit::{Actor, Event, WhyNoRequest};
use crate::lifecycle::{Outcome, Request, State, Step};
use crate::people::{MailAddress, PersonQuery};
use crate::service::{Desk, LinkEnd, LinkError, RedeemError, Visitor};
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
        Self::of(World::new(), approves)
    }

    fn of(world: World, approves: bool) -> Self {
        let desk = Arc::new(MemoryDesk::new("halo", Arc::clone(&world.clock) as _));
        desk.put(ticket("7", "laptop"));
        let system = Arc::clone(&desk) as _;
        let world = world.restarted(|parts| parts.desks = vec![Desk { system, approves }]);
        Self { world, desk }
    }

    /// An agent of this name and sign-in name has raised the ticket.
    fn raised_by(&self, name: &str, login: &str) {
        self.desk.change(&seven(), |it| {
            it.raised_by = Ok(Some(DeskUser {
                id: "9".to_owned(),
                name: name.to_owned(),
                known_as: vec![PersonQuery::Login(login.to_owned())],
            }));
        });
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

/// Somebody whom the desk knows by their address, and by their sign-in name as well.
fn account(who: &str, login: &str) -> DeskUser {
    let mail = MailAddress::parse(&format!("{who}@example.com")).unwrap();
    DeskUser {
        id: format!("user-{login}"),
        name: who.to_owned(),
        known_as: vec![
            PersonQuery::Mail(mail),
            PersonQuery::Login(login.to_owned()),
        ],
    }
}

fn row(who: &str, verdict: Option<Verdict>) -> DeskApproval {
    DeskApproval {
        approver: Some(account(who, who)),
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
async fn of_whom_a_ticket_asked_for_in_vain_nothing_is_left_once_they_are_erased() {
    let at = AtDesk::new(false);
    at.desk
        .change(&seven(), |it| it.asset = ticket("7", "LT-9999").asset);
    at.heard().await;
    assert!(at.requests().await.is_empty());
    assert!(at.world.everything().await.contains("LT-9999"));
    let erased = at.world.broker.erase_person(&anna().id.0, "root").await;
    erased.unwrap();
    let left = at.world.everything().await;
    assert!(!left.contains("LT-9999"), "{left}");
}

/// Of an agent whom the directory does not know, nobody could ask that they be erased.
#[tokio::test]
async fn who_raised_a_ticket_is_erased_with_whom_they_raised_it_for() {
    let at = AtDesk::new(false);
    at.raised_by("Dora at the desk", "dora");
    at.heard().await;
    let reference = at.world.request().await.reference;
    let withdrawn = at.world.broker.withdraw(&anna(), &reference, None).await;
    withdrawn.unwrap();
    at.world.settle().await;
    assert!(at.world.everything().await.contains("Dora"));
    let erased = at
        .world
        .broker
        .erase_person("anna@example.com", "root")
        .await;
    erased.unwrap();
    let left = at.world.everything().await;
    assert!(!left.contains("Dora"), "{left}");
}

#[tokio::test]
async fn a_ticket_that_was_refused_by_a_clock_ahead_is_looked_at_again_once_that_is_right() {
    let at = AtDesk::new(false);
    let ahead = hours(40 * 24);
    at.world.clock.advance(ahead);
    at.desk
        .change(&seven(), |it| it.asset = ticket("7", "late").asset);
    at.heard().await;
    at.world.clock.advance(-ahead);
    at.world.escrow.hold(
        crate::testing::sample::device("late"),
        &[(crate::testing::sample::record(9, Some(9), 1), KEY)],
    );
    at.world.settle().await;
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
