//! Sign-ins that have begun.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{at, commit, conflict, party, token};
use crate::identity::ProviderName;
use crate::people::MailAddress;
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

/// Sign-ins of an address are counted whatever the case it was typed in, from the moment on that
/// is asked about.
pub async fn sign_ins_of_an_address_are_counted(store: Arc<dyn Store>) {
    let typed = [
        (1, "anna@example.com", 0),
        (2, "ANNA@Example.com", 10),
        (3, "Ärger@example.com", 15),
        (4, "anna@example.com", 20),
        (5, "anna@example.org", 30),
    ];
    for (number, mail, begun) in typed {
        commit(&*store, vec![begin(&challenge(number, mail, at(begun)))]).await;
    }
    let counted = async |mail: &str, since| {
        let mail = MailAddress::parse(mail).unwrap();
        store.challenges_since(&mail, since).await.unwrap()
    };
    let moment = SignedDuration::from_millis(1);
    assert_eq!(counted("Anna@example.COM", at(-100)).await, 3);
    assert_eq!(counted("anna@example.com", at(10)).await, 2);
    assert_eq!(counted("anna@example.com", at(10) + moment).await, 1);
    assert_eq!(counted("anna@example.com", at(21)).await, 0);
    assert_eq!(counted("ÄRGER@example.com", at(0)).await, 1);
    assert_eq!(counted("a%@example.com", at(0)).await, 0);
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
