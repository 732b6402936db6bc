//! Who stands in for whom, and pick-up codes.

use std::sync::Arc;

use super::{at, commit, conflict, open, party, pending, token};
use crate::lifecycle::RequestId;
use crate::policy::StandIn;
use crate::ports::{PickUp, Store, Write};
use crate::tokens::TokenHash;

fn stand_in(of: &str, by: &str, until: i64) -> StandIn {
    StandIn {
        of: party(of),
        by: party(by),
        until: at(until),
    }
}

/// What somebody says of who stands in for them replaces what they said before, until they are
/// back.
pub async fn who_stands_in_is_what_was_said_last(store: Arc<dyn Store>) {
    let (boss, nina) = (party("boss").id, party("nina").id);
    let set = |said: &StandIn| Write::SetStandIn(Box::new(said.clone()));
    let (first, then) = (stand_in("boss", "nina", 100), stand_in("boss", "otto", 50));
    commit(&*store, vec![set(&first)]).await;
    assert_eq!(store.stand_in(&boss).await.unwrap(), Some(first));
    assert_eq!(store.stand_in(&nina).await.unwrap(), None);
    let ninas = stand_in("nina", "otto", 7);
    commit(&*store, vec![set(&then), set(&ninas)]).await;
    assert_eq!(store.stand_in(&boss).await.unwrap(), Some(then));
    for _ in 0..2 {
        commit(&*store, vec![Write::EndStandIn(boss.clone())]).await;
        assert_eq!(store.stand_in(&boss).await.unwrap(), None);
    }
    assert_eq!(store.stand_in(&nina).await.unwrap(), Some(ninas));
}

/// Tries are counted for each network by itself, from what was seen, and begin anew with a new code.
pub async fn tries_of_a_code_are_counted_by_where_they_come_from(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(100));
    let set = |code| Write::SetPickUp {
        request: request.id,
        code,
    };
    let count = |code, from: &str, expected| {
        vec![Write::CountPickUp {
            request: request.id,
            code,
            from: from.to_owned(),
            expected,
        }]
    };
    let seen = async |from: &str| store.pick_up(request.id, from).await.unwrap();
    let found = |code: TokenHash, attempts| Some(PickUp { code, attempts });
    commit(&*store, vec![open(&request)]).await;
    assert_eq!(seen("here").await, None);
    conflict(
        &*store,
        count(token(1), "here", 0),
        "counting without a code",
    )
    .await;
    commit(&*store, vec![set(token(1))]).await;
    commit(&*store, count(token(1), "here", 0)).await;
    conflict(
        &*store,
        count(token(1), "here", 0),
        "a try that was counted",
    )
    .await;
    commit(&*store, count(token(1), "here", 1)).await;
    commit(&*store, count(token(1), "", 0)).await;
    assert_eq!(seen("here").await, found(token(1), 2));
    assert_eq!(seen("there").await, found(token(1), 0));
    assert_eq!(seen("").await, found(token(1), 1));
    conflict(
        &*store,
        count(token(1), "there", 1),
        "tries that were not made",
    )
    .await;
    conflict(&*store, count(token(2), "here", 2), "another code").await;

    commit(&*store, vec![set(token(2))]).await;
    assert_eq!(seen("here").await, found(token(2), 0));
    conflict(
        &*store,
        count(token(1), "here", 0),
        "a code that was replaced",
    )
    .await;
    commit(&*store, count(token(2), "here", 0)).await;
    let nobodys = RequestId(uuid::Uuid::from_u128(9));
    assert_eq!(store.pick_up(nobodys, "here").await.unwrap(), None);
}
