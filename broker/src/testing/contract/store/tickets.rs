//! Tickets of service desks.

use std::sync::Arc;

use super::{advance, at, commit, conflict, load, open, pending, withdrawn};
use crate::audit::WhyNoRequest;
use crate::lifecycle::Request;
use crate::ports::{REMEMBERED, RefusedTicket, Store, Version, Write};
use crate::testing::sample::{snapshot, ticket_name};

/// Of one ticket one request is made, ever. It is found by the ticket, by whole names.
pub async fn one_request_is_made_of_a_ticket(store: Arc<dyn Store>) {
    let of_ticket = |number, ticket| Request {
        ticket: Some(snapshot(ticket, true)),
        ..pending(number, at(0), at(60))
    };
    let first = of_ticket(1, 7);
    commit(&*store, vec![open(&first)]).await;
    let again = "a second request of a ticket";
    conflict(&*store, vec![open(&of_ticket(2, 7))], again).await;
    let over = withdrawn(at(1));
    commit(&*store, vec![advance(first.id, Version(1), &over)]).await;
    conflict(&*store, vec![open(&of_ticket(2, 7))], again).await;

    // Others, and those of no ticket, are none of it.
    let other = of_ticket(3, 77);
    let of_none = [pending(4, at(0), at(60)), pending(5, at(0), at(60))];
    commit(&*store, vec![open(&other), open(&of_none[0])]).await;
    commit(&*store, vec![open(&of_none[1])]).await;
    let found = async |number| store.request_of_ticket(&ticket_name(number)).await.unwrap();
    assert_eq!(found(7).await, Some(load(&*store, first.id).await));
    assert_eq!(found(77).await, Some(load(&*store, other.id).await));
    assert_eq!(found(8).await, None);
}

/// Why no request could be made of a ticket is replaced by whoever saw what was said last, and is
/// forgotten in the end.
pub async fn a_refused_ticket_is_remembered_for_a_while(store: Arc<dyn Store>) {
    let refuse = |expected: Option<i64>, facts: &str, why, until| Write::RefuseTicket {
        ticket: ticket_name(7),
        expected: expected.map(at),
        facts: facts.to_owned(),
        why,
        until: at(until),
    };
    let refused = async |number| store.refused_ticket(&ticket_name(number)).await.unwrap();
    assert_eq!(refused(7).await, None);
    let (one, two) = (WhyNoRequest::NoAsset, WhyNoRequest::UnknownDevice);
    let never_said = vec![refuse(Some(5), "a", one, 10)];
    conflict(&*store, never_said, "what was never said").await;
    commit(&*store, vec![refuse(None, "a", one, 10)]).await;
    let said_before = vec![refuse(None, "b", two, 20)];
    conflict(&*store, said_before, "what was said before").await;
    let said_since = vec![refuse(Some(9), "b", two, 20)];
    conflict(&*store, said_since, "what was said since").await;
    commit(&*store, vec![refuse(Some(10), "b", two, 20)]).await;
    let last = RefusedTicket {
        facts: "b".to_owned(),
        why: two,
        until: at(20),
    };
    assert_eq!(refused(7).await, Some(last.clone()));
    assert_eq!(refused(77).await, None);

    let remembered = |seconds| at(seconds) + REMEMBERED;
    store.forget_ended(remembered(20)).await.unwrap();
    assert_eq!(refused(7).await, Some(last));
    store.forget_ended(remembered(21)).await.unwrap();
    assert_eq!(refused(7).await, None);
}
