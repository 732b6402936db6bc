//! Requests, their versions, their links and their timers.

use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::{advance, at, commit, conflict, load, open, party, pending, token, withdrawn};
use crate::keys::KeyId;
use crate::lifecycle::{Approval, Closing, Outcome, Request, RequestId, State, Vote};
use crate::people::PersonId;
use crate::ports::{Link, LinkKind, Store, StoredRequest, Version, Write};
use crate::testing::sample::request_numbered;
use crate::text::Comment;

/// A request is found by its ID and by its reference, whole; another is not.
pub async fn a_request_is_found_by_both_its_names(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let other = pending(2, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    let stored = load(&*store, request.id).await;
    assert_eq!(stored.request, request);
    let by_reference = store.request_by_reference(&request.reference).await;
    assert_eq!(by_reference.unwrap(), Some(stored));
    assert_eq!(store.request(other.id).await.unwrap(), None);
    let by_reference = store.request_by_reference(&other.reference).await;
    assert_eq!(by_reference.unwrap(), None);
}

/// The ID and the reference of a new request are new.
pub async fn its_names_are_its_own(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    let same_id = Request {
        id: request.id,
        ..pending(2, at(0), at(60))
    };
    conflict(&*store, vec![open(&same_id)], "a request of a known ID").await;
    let same_reference = Request {
        reference: request.reference.clone(),
        ..pending(3, at(0), at(60))
    };
    let what = "a request of a known reference";
    conflict(&*store, vec![open(&same_reference)], what).await;
    assert_eq!(load(&*store, request.id).await.request, request);
    assert_eq!(store.request(same_reference.id).await.unwrap(), None);
}

/// A beneficiary has one open request for a device, and may have another after it is closed.
pub async fn one_is_open_for_a_beneficiary_and_a_device(store: Arc<dyn Store>) {
    let first = pending(1, at(0), at(60));
    let second = Request {
        device: first.device.clone(),
        ..pending(2, at(1), at(61))
    };
    commit(&*store, vec![open(&first)]).await;
    let what = "a second open request for a device";
    conflict(&*store, vec![open(&second)], what).await;

    let for_another = Request {
        beneficiary: party("carla"),
        device: first.device.clone(),
        ..pending(3, at(1), at(61))
    };
    let of_another_backend = Request {
        device: {
            let mut device = first.device.clone();
            device.id.backend.0.push_str("-two");
            device
        },
        ..pending(4, at(1), at(61))
    };
    let of_another_device = pending(5, at(1), at(61));
    // One machine is one, whichever of its backends answered.
    let in_one = |number, backend: &str| {
        let mut request = pending(number, at(1), at(61));
        backend.clone_into(&mut request.device.id.backend.0);
        request.device.shared_id = Some(Uuid::from_u128(7));
        request
    };
    commit(&*store, vec![open(&in_one(7, "one"))]).await;
    let what_else = "a second open request for a machine by another of its backends";
    conflict(&*store, vec![open(&in_one(8, "two"))], what_else).await;
    for request in [for_another, of_another_backend, of_another_device] {
        commit(&*store, vec![open(&request)]).await;
    }

    let version = load(&*store, first.id).await.version;
    for next in [approved(), link_sent()] {
        let version = load(&*store, first.id).await.version;
        commit(&*store, vec![advance(first.id, version, &next)]).await;
        conflict(&*store, vec![open(&second)], what).await;
    }
    let version = Version(version.0 + 2);
    let close = advance(first.id, version, &withdrawn(at(2)));
    commit(&*store, vec![close, open(&second)]).await;
    let third = Request {
        device: first.device.clone(),
        ..pending(6, at(1), at(61))
    };
    conflict(&*store, vec![open(&third)], what).await;
}

/// The version becomes one more with each change; a change that was decided on another version
/// conflicts, as does one of a request that is not there.
pub async fn an_advance_needs_the_version_it_was_decided_on(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    let before = load(&*store, request.id).await.version;
    commit(&*store, vec![advance(request.id, before, &approved())]).await;
    let stored = load(&*store, request.id).await;
    assert_eq!(stored.version, Version(before.0 + 1));
    assert_eq!(
        stored.request,
        Request {
            state: approved(),
            ..request.clone()
        }
    );
    for version in [before.0 - 1, before.0, before.0 + 2] {
        let change = vec![advance(request.id, Version(version), &withdrawn(at(1)))];
        conflict(&*store, change, "a change decided on another version").await;
    }
    let nowhere = advance(request_numbered(9).id, before, &withdrawn(at(1)));
    conflict(&*store, vec![nowhere], "a change of no request").await;
    assert_eq!(load(&*store, request.id).await, stored);
}

/// Each state comes back as it went in, to the millisecond.
pub async fn every_state_survives(store: Arc<dyn Store>) {
    let keys = vec![KeyId(Uuid::from_u128(5)), KeyId(Uuid::from_u128(6))];
    let outcomes = [
        Outcome::Redeemed {
            approval: approval(),
            keys,
        },
        Outcome::Declined {
            by: party("boss"),
            comment: Comment::parse("Ask „Édith“\nfirst.").ok(),
        },
        Outcome::Withdrawn { by: party("anna") },
        Outcome::Expired {
            approval: approval(),
        },
        Outcome::Lapsed { approval: None },
        Outcome::Lapsed {
            approval: Some(approval()),
        },
        Outcome::Revoked {
            by: "root".to_owned(),
        },
    ];
    let Approval::Votes { votes } = approval() else {
        panic!("votes");
    };
    let closed = outcomes.map(|outcome| {
        let (at, votes) = (at(7), votes.clone());
        State::Closed(Closing { at, outcome, votes })
    });
    let states = [approved(), link_sent()].into_iter().chain(closed);
    for (number, state) in (1..).zip(states) {
        let request = pending(number, at(0), at(60));
        commit(&*store, vec![open(&request)]).await;
        let version = load(&*store, request.id).await.version;
        commit(&*store, vec![advance(request.id, version, &state)]).await;
        assert_eq!(load(&*store, request.id).await.request.state, state);
    }
}

/// A person sees the requests that they made or that are for them: newest first, at most so many.
pub async fn a_person_sees_their_latest(store: Arc<dyn Store>) {
    let of_anna = pending(1, at(1), at(60));
    let for_anna = Request {
        requester: party("agent"),
        ..pending(2, at(2), at(60))
    };
    let closed = Request {
        state: withdrawn(at(4)),
        ..pending(3, at(3), at(60))
    };
    let of_carla = Request {
        requester: party("carla"),
        beneficiary: party("carla"),
        ..pending(4, at(4), at(60))
    };
    for request in [&of_anna, &for_anna, &closed, &of_carla] {
        commit(&*store, vec![open(request)]).await;
    }
    let of = async |person: &str, limit| -> Vec<RequestId> {
        let person = PersonId(person.to_owned());
        let stored = store.requests_of(&person, limit).await.unwrap();
        stored.iter().map(|stored| stored.request.id).collect()
    };
    let (anna, carla) = (party("anna").id.0, party("carla").id.0);
    assert_eq!(of(&anna, 9).await, [closed.id, for_anna.id, of_anna.id]);
    assert_eq!(of(&anna, 2).await, [closed.id, for_anna.id]);
    assert_eq!(of(&party("agent").id.0, 9).await, [for_anna.id]);
    assert_eq!(of(&carla, 9).await, [of_carla.id]);
    assert_eq!(of(&party("boss").id.0, 9).await, []);
    assert_eq!(of("", 9).await, []);
}

/// A link is found by its token with the request as it stands, also when that is closed.
pub async fn a_link_is_found_ended_or_not(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let link = |number, kind| Link {
        token: token(number),
        request: request.id,
        kind,
    };
    let approver = party("boss").id;
    let review = link(1, LinkKind::Review { approver });
    let (old, new) = (link(2, LinkKind::Key), link(3, LinkKind::Key));
    let mut change = vec![open(&request)];
    change.extend([&review, &old, &new].map(|link| Write::AddLink(link.clone())));
    commit(&*store, change).await;
    for closed in [false, true] {
        let stored: StoredRequest = load(&*store, request.id).await;
        for link in [&review, &old, &new] {
            let found = store.link(&link.token).await.unwrap();
            assert_eq!(found, Some((link.clone(), stored.clone())), "{closed}");
        }
        if !closed {
            let close = advance(request.id, stored.version, &withdrawn(at(1)));
            commit(&*store, vec![close]).await;
        }
    }
    assert_eq!(store.link(&token(9)).await.unwrap(), None);
}

/// Requests that are not closed are listed, oldest first, at most so many.
pub async fn those_that_are_open_are_listed_oldest_first(store: Arc<dyn Store>) {
    for (number, made) in [(1, 30), (2, 10), (3, 20)] {
        commit(&*store, vec![open(&pending(number, at(made), at(99)))]).await;
    }
    let listed = async |limit| -> Vec<u128> {
        let open = store.open_requests(limit).await.unwrap();
        let ids = open.iter().map(|stored| stored.request.id.0.as_u128());
        ids.collect()
    };
    assert_eq!(listed(9).await, [2, 3, 1]);
    assert_eq!(listed(2).await, [2, 3]);
    let two = RequestId(Uuid::from_u128(2));
    let version = load(&*store, two).await.version;
    commit(&*store, vec![advance(two, version, &withdrawn(at(40)))]).await;
    assert_eq!(listed(9).await, [3, 1]);
}

/// Requests are due from the very moment at which time does something to them; the longest due come
/// first, at most so many; closed ones never are.
pub async fn the_longest_due_come_first(store: Arc<dyn Store>) {
    let due = [(1, 30), (2, 10), (3, 20), (4, 40)];
    for (number, lapses) in due {
        commit(&*store, vec![open(&pending(number, at(0), at(lapses)))]).await;
    }
    let closed = Request {
        state: withdrawn(at(1)),
        ..pending(5, at(0), at(5))
    };
    commit(&*store, vec![open(&closed)]).await;
    let due = async |now, limit| -> Vec<u128> {
        let ids = store.due(now, limit).await.unwrap();
        ids.iter().map(|id| id.0.as_u128()).collect()
    };
    let moment = SignedDuration::from_millis(1);
    assert_eq!(due(at(10) - moment, 9).await, [0_u128; 0]);
    assert_eq!(due(at(10), 9).await, [2]);
    assert_eq!(due(at(30), 9).await, [2, 3, 1]);
    assert_eq!(due(at(30), 2).await, [2, 3]);

    let approved = State::Approved {
        approval: approval(),
        deliver_by: at(50),
    };
    for (number, next) in [(2, approved), (3, withdrawn(at(30)))] {
        let id = RequestId(Uuid::from_u128(number));
        let version = load(&*store, id).await.version;
        commit(&*store, vec![advance(id, version, &next)]).await;
    }
    assert_eq!(due(at(50) - moment, 9).await, [1, 4]);
    assert_eq!(due(at(50), 9).await, [1, 4, 2]);
}

fn approval() -> Approval {
    let vote = Vote {
        by: party("boss"),
        in_place_of: Some(party("nina")),
        at: at(1),
        comment: Comment::parse("Fine.").ok(),
    };
    Approval::Votes { votes: vec![vote] }
}

fn approved() -> State {
    State::Approved {
        approval: approval(),
        deliver_by: at(100),
    }
}

fn link_sent() -> State {
    State::LinkSent {
        approval: approval(),
        deliver_by: at(100),
        link: token(1),
        expires_at: at(90),
    }
}
