//! What a service desk tells, or is asked for where it tells nothing, and desks that are away.

use std::collections::BTreeSet;

use super::super::{anna, minutes};
use super::{AtDesk, halo, seven};
use crate::audit::{Event, FetchFault, WhyNoRequest};
use crate::ports::{EventError, Store, TicketError};
use crate::proof::examine::Problem;
use crate::service::{HearError, RedeemError, examine};
use crate::testing::sample::ticket;
use crate::tickets::{DeskName, Ending, TicketId};

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
    let to_come = (at.world.now() + super::super::hours(24 * 365)).as_millisecond();
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
async fn more_than_a_desk_tells_at_once_of_one_moment_is_all_looked_at() {
    let at = AtDesk::new(false);
    for id in ["8", "9", "10", "11", "12"] {
        at.desk.put(ticket(id, "laptop"));
    }
    at.desk.tell_at_once(2);
    at.world.clock.advance(minutes(5));
    let polls = async |count| {
        for _ in 0..count {
            at.world.clock.advance(minutes(2));
            at.polled().await;
        }
        let seen = at.desk.fetched().into_iter().map(|(id, _)| id);
        seen.collect::<BTreeSet<_>>()
    };
    let seen = polls(5).await;
    assert_eq!(seen.len(), 6, "{seen:?}");
    // What changes later is told as ever.
    at.desk.put(ticket("13", "laptop"));
    assert_eq!(polls(5).await.len(), 7);
}
