//! Many at once.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::{advance, at, commit, enqueue, load, log_of, open, pending, rows, token, withdrawn};
use crate::ports::{Change, CommitError, Store, Write};

/// Fifty changes at once all land, and the log has every one of them without a gap.
pub async fn many_changes_at_once_all_land(store: Arc<dyn Store>) {
    let changes = (1..=50).map(|number| {
        let request = pending(number, at(0), at(60));
        vec![open(&request), log_of(&request), enqueue(number, at(0))]
    });
    let outcomes = all_at_once(&store, changes).await;
    assert_eq!(count(&outcomes, true), 50);
    for number in 1..=50 {
        let request = pending(number, at(0), at(60));
        assert_eq!(load(&*store, request.id).await.request, request);
    }
    let seqs: Vec<_> = rows(&*store, None)
        .await
        .iter()
        .map(|row| row.seq)
        .collect();
    assert_eq!(seqs, (1..=50).collect::<Vec<_>>());
    let lease = SignedDuration::from_secs(30);
    assert_eq!(store.claim(at(0), lease, 99).await.unwrap().len(), 50);
}

/// Of many changes that were decided on one version, one is committed and the others conflict.
pub async fn one_of_many_advances_wins(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    let version = load(&*store, request.id).await.version;
    let changes = (0..20).map(|_| {
        let close = advance(request.id, version, &withdrawn(at(1)));
        vec![close, log_of(&request)]
    });
    let outcomes = all_at_once(&store, changes).await;
    assert_eq!((count(&outcomes, true), count(&outcomes, false)), (1, 19));
    assert_eq!(rows(&*store, None).await.len(), 1);
}

/// What may be done only so often is not done more often by many at once.
pub async fn an_allowance_is_not_overspent_at_once(store: Arc<dyn Store>) {
    let changes = (1..=40).map(|number| {
        let spend = Write::Spend {
            what: "a".to_owned(),
            until: at(60),
            at_most: 25,
        };
        vec![spend, enqueue(number, at(0))]
    });
    let outcomes = all_at_once(&store, changes).await;
    assert_eq!((count(&outcomes, true), count(&outcomes, false)), (25, 15));
    let lease = SignedDuration::from_secs(30);
    assert_eq!(store.claim(at(0), lease, 99).await.unwrap().len(), 25);
}

/// A change that conflicts takes none of those down that come at the same time.
pub async fn a_conflict_does_not_harm_its_neighbours(store: Arc<dyn Store>) {
    let changes = (1..=40).map(|number| {
        let request = pending(number, at(0), at(60));
        let mut change = vec![open(&request), log_of(&request)];
        if number % 2 == 0 {
            change.push(Write::EndChallenge(token(9)));
        }
        change
    });
    let outcomes = all_at_once(&store, changes).await;
    assert_eq!((count(&outcomes, true), count(&outcomes, false)), (20, 20));
    for number in 1..=40 {
        let found = store.request(pending(number, at(0), at(1)).id).await;
        assert_eq!(found.unwrap().is_some(), number % 2 == 1, "{number}");
    }
    let seqs: Vec<_> = rows(&*store, None)
        .await
        .iter()
        .map(|row| row.seq)
        .collect();
    assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
}

/// Each job goes to one of those who ask at once.
pub async fn a_job_goes_to_one_of_many_claimants(store: Arc<dyn Store>) {
    commit(
        &*store,
        (1..=20).map(|number| enqueue(number, at(0))).collect(),
    )
    .await;
    let mut claims = JoinSet::new();
    for _ in 0..10 {
        let store = Arc::clone(&store);
        let lease = SignedDuration::from_secs(30);
        claims.spawn(async move { store.claim(at(0), lease, 3).await.unwrap() });
    }
    let claimed = claims.join_all().await;
    let mut jobs: Vec<_> = claimed.iter().flatten().map(|job| job.lease.job).collect();
    jobs.sort_unstable();
    jobs.dedup();
    assert_eq!((jobs.len(), claimed.iter().flatten().count()), (20, 20));
}

async fn all_at_once(
    store: &Arc<dyn Store>,
    changes: impl Iterator<Item = Change>,
) -> Vec<Result<(), CommitError>> {
    let mut commits = JoinSet::new();
    for change in changes {
        let store = Arc::clone(store);
        commits.spawn(async move { store.commit(change).await });
    }
    commits.join_all().await
}

/// How many were committed, or else how many conflicted.
fn count(outcomes: &[Result<(), CommitError>], committed: bool) -> usize {
    let wanted = |outcome: &&Result<(), CommitError>| match outcome {
        Ok(()) => committed,
        Err(CommitError::Conflict) => !committed,
        Err(CommitError::Store(error)) => panic!("{error}"),
    };
    outcomes.iter().filter(wanted).count()
}
