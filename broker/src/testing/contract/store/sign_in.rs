//! Sign-ins that have begun.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{at, commit, conflict, party, token};
use crate::identity::ProviderName;
use crate::people::{MailAddress, PersonId};
use crate::ports::{Challenge, ChallengeState, ProviderSignIn, Store, Write};

/// A sign-in begins with a new token, and ends once.
pub async fn a_sign_in_begins_once_and_ends_once(store: Arc<dyn Store>) {
    let begun = challenge(1, "Anna@Example.com", at(0));
    commit(&*store, vec![begin(&begun)]).await;
    let found = store.challenge(&token(1)).await.unwrap().unwrap();
    assert_eq!(found, begun);
    assert_eq!(found.mail.as_str(), "Anna@Example.com", "as it was typed");
    assert_eq!(store.challenge(&token(2)).await.unwrap(), None);
    let again = challenge(1, "eve@example.com", at(1));
    conflict(&*store, vec![begin(&again)], "a sign-in of a known token").await;
    assert_eq!(store.challenge(&token(1)).await.unwrap(), Some(begun));

    commit(&*store, vec![Write::EndChallenge(token(1))]).await;
    assert_eq!(store.challenge(&token(1)).await.unwrap(), None);
    let what = "a sign-in that is over";
    conflict(&*store, vec![Write::EndChallenge(token(1))], what).await;
    conflict(&*store, vec![count(0)], what).await;
    conflict(&*store, vec![set_code(7, at(60))], what).await;
}

/// An attempt is counted only by who knows how many there were.
pub async fn an_attempt_counts_from_what_was_seen(store: Arc<dyn Store>) {
    let begun = challenge(1, "anna@example.com", at(0));
    commit(&*store, vec![begin(&begun)]).await;
    for expected in 0..3 {
        commit(&*store, vec![count(expected)]).await;
        for other in [expected, expected + 2] {
            let what = "an attempt counted from another number";
            conflict(&*store, vec![count(other)], what).await;
        }
        let found = store.challenge(&token(1)).await.unwrap().unwrap();
        assert_eq!(found.attempts, expected + 1);
    }
}

/// A code takes the place of an earlier one, and leaves the attempts and the beginning as they are.
pub async fn a_code_ends_an_earlier_one(store: Arc<dyn Store>) {
    let begun = challenge(1, "anna@example.com", at(0));
    commit(&*store, vec![begin(&begun), count(0)]).await;
    for (code, expires_at) in [(7, at(60)), (8, at(90))] {
        commit(&*store, vec![set_code(code, expires_at)]).await;
        let found = store.challenge(&token(1)).await.unwrap();
        let wanted = Challenge {
            attempts: 1,
            expires_at,
            state: ChallengeState::Sent {
                code: token(code),
                to: party("anna"),
            },
            ..begun.clone()
        };
        assert_eq!(found, Some(wanted));
    }
}

/// What may be done only so often conflicts from then on, with all that goes with it, until its time
/// is over; and other things have allowances of their own.
pub async fn an_allowance_is_spent_once(store: Arc<dyn Store>) {
    let spend = |what: &str, until, at_most| Write::Spend {
        what: what.to_owned(),
        until: at(until),
        at_most,
    };
    for number in 1..=3 {
        let begun = challenge(number, "anna@example.com", at(0));
        commit(&*store, vec![spend("a", 60, 3), begin(&begun)]).await;
    }
    let one_more = begin(&challenge(4, "anna@example.com", at(0)));
    for _ in 0..2 {
        let change = vec![spend("a", 60, 3), one_more.clone()];
        conflict(&*store, change, "what is spent").await;
    }
    assert_eq!(store.challenge(&token(4)).await.unwrap(), None);
    conflict(
        &*store,
        vec![spend("a", 60, 2)],
        "more than a lower allowance",
    )
    .await;
    for other in [spend("b", 60, 1), spend("a", 120, 1), spend("a", 60, 4)] {
        commit(&*store, vec![other]).await;
    }
    // What does not come about is not spent.
    let change = vec![spend("c", 60, 1), Write::EndChallenge(token(9))];
    conflict(&*store, change, "a sign-in that never began").await;
    commit(&*store, vec![spend("c", 60, 1)]).await;

    store.forget_ended(at(60)).await.unwrap();
    conflict(&*store, vec![spend("c", 60, 1)], "one that has just ended").await;
    store.forget_ended(at(61)).await.unwrap();
    commit(&*store, vec![spend("c", 60, 1)]).await;
}

/// What has begun for a person, and how often, is forgotten by their address and by their ID; what
/// is of others stays.
pub async fn sign_ins_of_one_person_are_forgotten(store: Arc<dyn Store>) {
    let spend = || Write::Spend {
        what: "a".to_owned(),
        until: at(60),
        at_most: 1,
    };
    let begun = |number, mail: &str| begin(&challenge(number, mail, at(0)));
    let change = vec![
        begun(1, "alias@example.com"),
        begun(2, "Anna@Example.com"),
        begun(3, "anna@example.org"),
        set_code(7, at(60)),
        spend(),
    ];
    commit(&*store, change).await;
    let left = async || {
        let mut left = Vec::new();
        for number in 1..=3 {
            let found = store.challenge(&token(number)).await.unwrap();
            left.extend(found.map(|_| number));
        }
        left
    };
    let anna = party("anna");
    let others = ["ann", "anna2", "a", ""].map(|name| PersonId(format!("id-{name}")));
    let others = others.map(Write::EndChallengesOf);
    commit(&*store, others.into()).await;
    commit(&*store, vec![Write::Unspend("b".to_owned())]).await;
    assert_eq!(left().await, [1, 2, 3]);
    conflict(&*store, vec![spend()], "what is spent").await;
    for _ in 0..2 {
        commit(&*store, vec![Write::EndChallengesFor(anna.mail.clone())]).await;
        assert_eq!(left().await, [1, 3]);
    }
    commit(&*store, vec![Write::EndChallengesOf(anna.id)]).await;
    assert_eq!(left().await, [3]);
    commit(&*store, vec![Write::Unspend("a".to_owned()), spend()]).await;
}

/// A sign-in at a provider begins with a new token, and ends once.
pub async fn a_sign_in_at_a_provider_begins_once_and_ends_once(store: Arc<dyn Store>) {
    let begin = |begun: &ProviderSignIn| vec![Write::OpenProviderSignIn(Box::new(begun.clone()))];
    let end = |number| vec![Write::EndProviderSignIn(token(number))];
    let mine = at_provider(1, at(0));
    commit(&*store, begin(&mine)).await;
    let found = store.provider_sign_in(&token(1)).await.unwrap();
    assert_eq!(found, Some(mine));
    assert_eq!(store.provider_sign_in(&token(2)).await.unwrap(), None);
    let what = "a sign-in of a known token";
    conflict(&*store, begin(&at_provider(1, at(1))), what).await;
    conflict(&*store, end(2), "the end of one that never began").await;
    // It is no sign-in by mail.
    assert_eq!(store.challenge(&token(1)).await.unwrap(), None);

    commit(&*store, end(1)).await;
    assert_eq!(store.provider_sign_in(&token(1)).await.unwrap(), None);
    conflict(&*store, end(1), "a second end").await;
}

pub(super) fn at_provider(number: u8, begun_at: Timestamp) -> ProviderSignIn {
    ProviderSignIn {
        token: token(number),
        provider: ProviderName::parse("Entra ID").unwrap(),
        next: "/requests/new?asset=LT+1".to_owned(),
        expires_at: begun_at + SignedDuration::from_mins(10),
    }
}

pub(super) fn challenge(number: u8, mail: &str, begun_at: Timestamp) -> Challenge {
    Challenge {
        token: token(number),
        mail: MailAddress::parse(mail).unwrap(),
        attempts: 0,
        begun_at,
        expires_at: begun_at + SignedDuration::from_mins(10),
        state: ChallengeState::Waiting,
    }
}

fn begin(challenge: &Challenge) -> Write {
    Write::OpenChallenge(Box::new(challenge.clone()))
}

fn count(expected: i64) -> Write {
    Write::CountAttempt {
        challenge: token(1),
        expected,
    }
}

fn set_code(code: u8, expires_at: Timestamp) -> Write {
    Write::SetCode {
        challenge: token(1),
        code: token(code),
        to: party("anna"),
        expires_at,
    }
}
