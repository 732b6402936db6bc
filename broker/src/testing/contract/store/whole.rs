//! A change is committed whole or not at all.

use std::sync::Arc;

use jiff::SignedDuration;

use super::sessions::session;
use super::sign_in::{at_provider, challenge};
use super::{
    advance, at, commit, conflict, enqueue, load, log_of, open, party, pending, rows, token,
    withdrawn,
};
use crate::ports::{Link, LinkKind, Store, Version, Write};

/// Of a change whose last write conflicts, nothing new remains.
pub async fn a_change_that_conflicts_leaves_nothing(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    let change = vec![
        open(&request),
        log_of(&request),
        enqueue(1, at(0)),
        Write::AddLink(Link {
            token: token(1),
            request: request.id,
            kind: LinkKind::Key,
        }),
        Write::OpenChallenge(Box::new(challenge(2, "anna@example.com", at(0)))),
        Write::OpenProviderSignIn(Box::new(at_provider(4, at(0)))),
        Write::OpenSession(Box::new(session(3, at(0), at(60)))),
        Write::EndChallenge(token(99)),
    ];
    conflict(&*store, change, "the end of a sign-in that never began").await;

    assert_eq!(store.request(request.id).await.unwrap(), None);
    assert_eq!(rows(&*store, None).await, []);
    assert_eq!(store.next_due().await.unwrap(), None);
    let lease = SignedDuration::from_secs(30);
    assert_eq!(store.claim(at(99), lease, 9).await.unwrap(), []);
    assert_eq!(store.link(&token(1)).await.unwrap(), None);
    assert_eq!(store.challenge(&token(2)).await.unwrap(), None);
    assert_eq!(store.provider_sign_in(&token(4)).await.unwrap(), None);
    assert_eq!(store.session(&token(3)).await.unwrap(), None);
}

/// By a change whose last write conflicts, nothing old is moved.
pub async fn a_change_that_conflicts_moves_nothing(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(
        &*store,
        vec![
            open(&request),
            enqueue(1, at(0)),
            enqueue(2, at(1)),
            Write::OpenChallenge(Box::new(challenge(2, "anna@example.com", at(0)))),
            Write::OpenProviderSignIn(Box::new(at_provider(4, at(0)))),
            Write::OpenSession(Box::new(session(3, at(0), at(60)))),
        ],
    )
    .await;
    let lease = SignedDuration::from_secs(30);
    let held = store.claim(at(0), lease, 1).await.unwrap()[0].lease;
    let before = (
        load(&*store, request.id).await,
        store.challenge(&token(2)).await.unwrap(),
        store.provider_sign_in(&token(4)).await.unwrap(),
        store.session(&token(3)).await.unwrap(),
    );
    let moves = vec![
        advance(request.id, before.0.version, &withdrawn(at(1))),
        Write::CountAttempt {
            challenge: token(2),
            expected: 0,
        },
        Write::SetCode {
            challenge: token(2),
            code: token(7),
            to: party("anna"),
            expires_at: at(70),
        },
        Write::EndChallenge(token(2)),
        Write::EndProviderSignIn(token(4)),
        Write::TouchSession {
            token: token(3),
            at: at(9),
        },
        Write::EndSession(token(3)),
        Write::EndSessionsOf(party("anna").id),
        Write::Finish(held),
        advance(
            request.id,
            Version(before.0.version.0 + 9),
            &withdrawn(at(1)),
        ),
    ];
    conflict(&*store, moves, "a change decided on another version").await;
    let after = (
        load(&*store, request.id).await,
        store.challenge(&token(2)).await.unwrap(),
        store.provider_sign_in(&token(4)).await.unwrap(),
        store.session(&token(3)).await.unwrap(),
    );
    assert_eq!(after, before);
    commit(&*store, vec![Write::Finish(held)]).await;
}

/// A change without a write is nothing to fail at.
pub async fn an_empty_change_is_committed(store: Arc<dyn Store>) {
    commit(&*store, Vec::new()).await;
    assert_eq!(rows(&*store, None).await, []);
}
