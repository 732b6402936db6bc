//! Requests that a service desk decides: whose yes is believed, and whose no ends them.

use std::sync::Arc;

use super::super::{World, boss};
use super::{AtDesk, account, row, seven, yes};
use crate::audit::{Actor, Event, WhyNoRequest};
use crate::lifecycle::{Outcome, Refusal, State, Step};
use crate::people::PersonQuery;
use crate::policy::{Named, Policy, Rule};
use crate::ports::TicketError;
use crate::service::{Choice, Gates, LinkEnd, LinkError, RedeemError, ReviewError, Visitor};
use crate::tickets::{AgentUnknown, DeskApproval, DeskUser, Ending, Given, Verdict};

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
    let with_the_address_of_boss = DeskApproval {
        approver: Some(account("boss", "nina")),
        ..yes("boss")
    };
    for rows in [
        vec![with_the_address_of_boss],
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
async fn an_agent_of_the_desk_who_raised_it_cannot_approve_it() {
    let at = AtDesk::new(true);
    at.raised_by("boss", "boss");
    at.heard().await;
    // Nobody but the manager could approve, and it was the manager who raised it.
    assert!(at.requests().await.is_empty());
    let note = at.notes().pop().unwrap().note;
    assert!(note.contains("nobody who may approve"), "{note}");

    // Whom the directory does not know is named to whoever approves.
    at.raised_by("Dora at the desk", "dora");
    at.heard().await;
    let then = at.world.request().await.ticket.unwrap();
    assert_eq!(then.raised_by.as_deref(), Some("Dora at the desk"));
}

#[tokio::test]
async fn of_a_ticket_that_nobody_knows_who_raised_no_request_is_made() {
    for approves in [false, true] {
        let at = AtDesk::new(approves);
        let raised_by = |who| at.desk.change(&seven(), |it| it.raised_by = who);
        raised_by(Err(AgentUnknown));
        at.heard().await;
        assert!(at.requests().await.is_empty());
        let note = at.notes().pop().unwrap().note;
        assert!(note.contains("does not tell who the agent is"), "{note}");
        let is_refused = |event: &Event| {
            let why = WhyNoRequest::UnknownAgent;
            matches!(event, Event::RequestRefused { why: it, .. } if *it == why)
        };
        assert!(at.world.events().await.iter().any(is_refused));
        // By now that can be told.
        raised_by(Ok(Some(account("otto", "otto"))));
        at.heard().await;
        assert_eq!(at.world.request().await.requester.name, "otto");
    }
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
    let with_the_address_of_boss = DeskApproval {
        approver: Some(account("boss", "nina")),
        ..yes("boss")
    };
    for rows in [
        vec![],
        vec![row("boss", None)],
        vec![rejected],
        vec![overridden],
        // Somebody else's yes is not the one that the request rests on.
        vec![yes("nina")],
        vec![yes("stranger")],
        vec![with_the_address_of_boss],
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
async fn of_two_yeses_that_are_needed_the_first_has_to_be_there_with_the_second() {
    let named = |name: &str| Named::Person(PersonQuery::Login(name.to_owned()));
    let rule = Rule {
        ask: vec![vec![named("nina"), named("otto")]],
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let policy = Policy::new(Vec::new(), rule);
    let at = AtDesk::of(World::under(policy, Gates::default()), true);
    at.heard().await;
    let voters = async || {
        let request = at.world.request().await;
        let votes = request.votes().iter().map(|vote| vote.by.name.clone());
        votes.collect::<Vec<_>>()
    };
    at.said(&[yes("nina")]).await;
    assert_eq!(voters().await, ["nina"]);
    at.said(&[yes("otto")]).await;
    assert_eq!(voters().await, ["otto"], "hers is gone");
    let is_pending = matches!(at.world.request().await.state, State::Pending { .. });
    assert!(is_pending && at.world.sent("KeyLink").is_empty());
    let gone = at.world.events().await.into_iter().rev();
    let mut gone = gone.filter_map(|event| match event {
        Event::Request(Step::Supported { lapsed, .. }) => Some(lapsed),
        _ => None,
    });
    let gone: Vec<_> = gone.next().unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(gone, ["nina"]);

    at.said(&[yes("otto"), yes("nina")]).await;
    assert_eq!(voters().await, ["otto", "nina"]);
    let link = at.world.token("KeyLink", "anna");
    at.said(&[yes("nina")]).await;
    assert!(at.redeem(&link).await.is_err(), "his is gone");
    assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));
}

#[tokio::test]
async fn a_no_that_comes_while_keys_are_read_shows_none() {
    let at = AtDesk::new(true);
    at.heard().await;
    at.said(&[yes("boss")]).await;
    let link = at.world.token("KeyLink", "anna");
    let (desk, now) = (Arc::clone(&at.desk), at.world.now());
    at.world.escrow.while_keys_are_read(move || {
        desk.change(&seven(), |ticket| {
            let no = row("boss", Some(Verdict::Rejected));
            ticket.approvals = vec![DeskApproval {
                at: Some(now),
                ..no
            }];
        });
    });
    let refused = at.redeem(&link).await.unwrap_err();
    let is_revoked = matches!(
        &refused,
        RedeemError::Link(LinkError::Ended {
            end: LinkEnd::Revoked(_),
            ..
        })
    );
    assert!(is_revoked, "{refused:?}");
    assert!(matches!(at.outcome().await, Outcome::Revoked { .. }));

    // A desk that goes away meanwhile leaves the link as good as it was.
    let at = AtDesk::new(true);
    at.heard().await;
    at.said(&[yes("boss")]).await;
    let link = at.world.token("KeyLink", "anna");
    let desk = Arc::clone(&at.desk);
    at.world.escrow.while_keys_are_read(move || {
        desk.break_down(Some(|| TicketError::Unavailable("away".to_owned())));
    });
    let refused = at.redeem(&link).await.unwrap_err();
    assert!(matches!(refused, RedeemError::NotUsed(_)), "{refused:?}");
    at.desk.break_down(None);
    at.redeem(&link).await.unwrap();
}

#[tokio::test]
async fn whoever_has_the_name_of_who_raised_it_does_not_say_yes() {
    for approves in [false, true] {
        let at = AtDesk::new(approves);
        at.desk.change(&seven(), |it| {
            it.raised_by = Ok(Some(DeskUser {
                id: String::new(),
                name: " BOSS".to_owned(),
                known_as: Vec::new(),
            }));
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
