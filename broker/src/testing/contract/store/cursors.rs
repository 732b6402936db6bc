//! Cursors of those who go through the log.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{at, commit, conflict, log_of, pending, rows};
use crate::ports::{CommitError, Store, Write};

fn moved(name: &str, expected: i64, next: i64) -> Write {
    Write::MoveCursor {
        name: name.to_owned(),
        expected,
        next,
    }
}

/// A cursor begins at 0, moves from where it is seen and from nowhere else, and is nobody else's.
pub async fn a_cursor_moves_from_where_it_is(store: Arc<dyn Store>) {
    let seen = async |name: &str| store.cursor(name).await.unwrap();
    assert_eq!(seen("feed").await, 0);
    let never_there = vec![moved("feed", 3, 4)];
    conflict(&*store, never_there, "a cursor that has never moved").await;
    assert_eq!(seen("feed").await, 0);

    commit(&*store, vec![moved("feed", 0, 7)]).await;
    assert_eq!(seen("feed").await, 7);
    for expected in [0, 6, 8] {
        let elsewhere = vec![moved("feed", expected, 9)];
        conflict(&*store, elsewhere, "a cursor that is elsewhere").await;
    }
    commit(&*store, vec![moved("feed", 7, 9), moved("Feed", 0, 1)]).await;
    assert_eq!(seen("feed").await, 9);
    assert_eq!(seen("Feed").await, 1);
    assert_eq!(seen("' OR '1'='1").await, 0);

    // Back to the beginning, and on from there.
    commit(&*store, vec![moved("feed", 9, 0)]).await;
    assert_eq!(seen("feed").await, 0);
    commit(&*store, vec![moved("feed", 0, 2)]).await;
    assert_eq!(seen("feed").await, 2);

    let all = store.cursors().await.unwrap();
    assert_eq!(all, [("Feed".to_owned(), 1), ("feed".to_owned(), 2)]);

    // What stands beside it in a change comes to nothing with it.
    let stale = vec![log_of(&pending(1, at(0), at(60))), moved("feed", 9, 10)];
    conflict(&*store, stale, "a cursor that was moved on").await;
    assert_eq!(rows(&*store, None).await, []);
}

/// Of many that move a cursor at once from one place, one wins: from the beginning as well as later.
pub async fn of_many_that_move_a_cursor_one_wins(store: Arc<dyn Store>) {
    for expected in [0, 5] {
        let tries = (0..20).map(|_| store.commit(vec![moved("feed", expected, expected + 5)]));
        let outcomes = join_all(tries).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        let lost = |outcome: &Result<(), _>| matches!(outcome, Err(CommitError::Conflict));
        assert_eq!(outcomes.iter().filter(|it| lost(it)).count(), 19);
        assert_eq!(store.cursor("feed").await.unwrap(), expected + 5);
    }
}
