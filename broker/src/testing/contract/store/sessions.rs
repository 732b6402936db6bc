//! Browsers that somebody is signed in with, and forgetting what ended.

use std::sync::Arc;

use jiff::Timestamp;

use super::sign_in::{at_provider, challenge};
use super::{at, commit, conflict, party, token};
use crate::identity::{ProviderName, Way};
use crate::ports::{Session, Store, Write};

/// A session begins with a new token, is touched, and is ended as often as one likes.
pub async fn a_session_lasts_until_it_is_ended(store: Arc<dyn Store>) {
    let mine = session(1, at(0), at(600));
    let begin = |session: &Session| vec![Write::OpenSession(Box::new(session.clone()))];
    let touch = |number, at| {
        vec![Write::TouchSession {
            token: token(number),
            at,
        }]
    };
    commit(&*store, begin(&mine)).await;
    assert_eq!(store.session(&token(1)).await.unwrap(), Some(mine.clone()));
    assert_eq!(store.session(&token(2)).await.unwrap(), None);
    conflict(&*store, begin(&session(1, at(1), at(2))), "a known token").await;

    commit(&*store, touch(1, at(60))).await;
    let touched = Session {
        used_at: at(60),
        ..mine
    };
    assert_eq!(store.session(&token(1)).await.unwrap(), Some(touched));
    conflict(&*store, touch(2, at(60)), "touching no session").await;

    for _ in 0..2 {
        commit(&*store, vec![Write::EndSession(token(1))]).await;
        assert_eq!(store.session(&token(1)).await.unwrap(), None);
    }
    conflict(&*store, touch(1, at(61)), "touching an ended session").await;
}

/// What ended before a moment is forgotten, and nothing else is.
pub async fn what_ended_is_forgotten(store: Arc<dyn Store>) {
    commit(
        &*store,
        vec![
            Write::OpenChallenge(Box::new(challenge(1, "anna@example.com", at(0)))),
            Write::OpenChallenge(Box::new(challenge(2, "anna@example.com", at(100)))),
            Write::OpenProviderSignIn(Box::new(at_provider(1, at(0)))),
            Write::OpenProviderSignIn(Box::new(at_provider(2, at(100)))),
            Write::OpenSession(Box::new(session(3, at(0), at(600)))),
            Write::OpenSession(Box::new(session(4, at(0), at(700)))),
        ],
    )
    .await;
    store.forget_ended(at(599)).await.unwrap();
    for number in [1, 2] {
        let found = store.challenge(&token(number)).await.unwrap();
        assert!(found.is_some(), "sign-in {number} has not ended");
    }
    store.forget_ended(at(650)).await.unwrap();
    let (gone, kept) = (token(1), token(2));
    assert!(store.challenge(&gone).await.unwrap().is_none());
    assert!(store.challenge(&kept).await.unwrap().is_some());
    assert!(store.provider_sign_in(&gone).await.unwrap().is_none());
    assert!(store.provider_sign_in(&kept).await.unwrap().is_some());
    let (gone, kept) = (token(3), token(4));
    assert!(store.session(&gone).await.unwrap().is_none());
    assert!(store.session(&kept).await.unwrap().is_some());
}

pub(super) fn session(number: u8, used_at: Timestamp, ends_at: Timestamp) -> Session {
    Session {
        token: token(number),
        person: party("anna"),
        by: if number.is_multiple_of(2) {
            Way::Mail
        } else {
            Way::Provider(ProviderName::parse("Entra ID").unwrap())
        },
        claims: Vec::new(),
        used_at,
        ends_at,
    }
}
