//! The outbox: due, claimed, held, tried again, given up.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    advance, at, commit, conflict, enqueue, job_id, letter, load, open, pending, token, withdrawn,
};
use crate::people::MailAddress;
use crate::ports::{ClaimedJob, Job, JobId, Lease, Store, Write};

const LEASE: SignedDuration = SignedDuration::from_secs(30);
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// Jobs are claimed from the very moment at which they are due, the longest due first, at most so
/// many, whole.
pub async fn a_job_is_claimed_when_it_is_due(store: Arc<dyn Store>) {
    let code = Job::SignInCode {
        challenge: token(4),
        mail: MailAddress::parse("Anna@example.com").unwrap(),
    };
    let change = vec![
        enqueue(1, at(20)),
        enqueue(2, at(10)),
        Write::Enqueue {
            id: job_id(3),
            job: Box::new(code.clone()),
            at: at(30),
        },
        enqueue(4, at(40)),
    ];
    commit(&*store, change).await;
    assert_eq!(claim(&*store, at(10) - MOMENT, 9).await, []);
    let first = claim(&*store, at(40), 2).await;
    assert_eq!(ids(&first), [job_id(2), job_id(1)]);
    let wanted = ClaimedJob {
        lease: Lease {
            job: job_id(2),
            attempt: 1,
        },
        queued_at: at(10),
        job: letter(2),
    };
    assert_eq!(first[0], wanted);
    let rest = claim(&*store, at(40), 9).await;
    assert_eq!(ids(&rest), [job_id(3), job_id(4)]);
    assert_eq!(rest[0].job, code);
}

/// Nobody gets a held job before its lease is over; whoever gets it then has the next attempt.
pub async fn a_lease_holds_others_off_until_it_is_over(store: Arc<dyn Store>) {
    commit(&*store, vec![enqueue(1, at(0))]).await;
    let now = at(5);
    assert_eq!(claim(&*store, now, 9).await[0].lease.attempt, 1);
    for later in [now, now + LEASE - MOMENT] {
        assert_eq!(claim(&*store, later, 9).await, []);
    }
    let again = claim(&*store, now + LEASE, 9).await;
    assert_eq!(again[0].lease.attempt, 2);
    assert_eq!((again[0].queued_at, &again[0].job), (at(0), &letter(1)));
}

/// A job is finished once, and is gone then.
pub async fn a_finished_job_is_gone(store: Arc<dyn Store>) {
    commit(&*store, vec![enqueue(1, at(0)), enqueue(2, at(0))]).await;
    let mut held = claim(&*store, at(0), 9).await;
    held.sort_by_key(|job| job.lease.job);
    commit(&*store, vec![Write::Finish(held[0].lease)]).await;
    let twice = vec![Write::Finish(held[0].lease)];
    conflict(&*store, twice, "finishing a job twice").await;
    let rest = claim(&*store, at(0) + LEASE, 9).await;
    assert_eq!(ids(&rest), [job_id(2)]);
    assert_eq!(store.dead(9).await.unwrap(), []);
}

/// A postponed job is due when it was postponed to, still queued since it was first due.
pub async fn a_postponed_job_comes_again(store: Arc<dyn Store>) {
    commit(&*store, vec![enqueue(1, at(0))]).await;
    let lease = claim(&*store, at(0), 9).await[0].lease;
    commit(&*store, vec![postpone(lease, at(100))]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(100)));
    assert_eq!(claim(&*store, at(100) - MOMENT, 9).await, []);
    let again = claim(&*store, at(100), 9).await;
    assert_eq!((again[0].lease.attempt, again[0].queued_at), (2, at(0)));
}

/// A buried job is listed as dead with what went wrong, oldest first, and is not claimed; once it
/// is revived it is due from then on, with the attempts that it had.
pub async fn a_buried_job_rests_until_it_is_revived(store: Arc<dyn Store>) {
    for number in [1, 2, 3] {
        let now = at(number);
        commit(&*store, vec![enqueue(number.unsigned_abs().into(), now)]).await;
        let lease = claim(&*store, now, 9).await[0].lease;
        commit(&*store, vec![bury(lease, &format!("trouble {number}"))]).await;
    }
    assert_eq!(claim(&*store, at(1000), 9).await, []);
    assert_eq!(store.next_due().await.unwrap(), None);
    let dead = store.dead(2).await.unwrap();
    assert_eq!(
        dead.iter().map(|it| it.id).collect::<Vec<_>>(),
        [job_id(1), job_id(2)]
    );
    assert_eq!((&*dead[1].error, dead[1].attempts), ("trouble 2", 1));
    assert_eq!(dead[1].job, letter(2));

    commit(&*store, vec![revive(2, at(2000))]).await;
    let dead = store.dead(9).await.unwrap();
    assert_eq!(
        dead.iter().map(|it| it.id).collect::<Vec<_>>(),
        [job_id(1), job_id(3)]
    );
    conflict(&*store, vec![revive(2, at(2000))], "reviving a living job").await;
    conflict(&*store, vec![revive(9, at(2000))], "reviving no job").await;
    assert_eq!(claim(&*store, at(2000) - MOMENT, 9).await, []);
    let revived = claim(&*store, at(2000), 9).await;
    assert_eq!(ids(&revived), [job_id(2)]);
    assert_eq!(revived[0].lease.attempt, 2);
    assert_eq!(
        revived[0].queued_at,
        at(2000),
        "a new life, a new time to give up"
    );
    conflict(&*store, vec![revive(2, at(2000))], "reviving a held job").await;
}

/// A job that has failed is listed, newest first, with what went wrong and when it comes again, held
/// or not, until it is done.
pub async fn what_fails_is_listed_until_it_is_done(store: Arc<dyn Store>) {
    for number in [1, 2, 3] {
        let now = at(number);
        commit(&*store, vec![enqueue(number.unsigned_abs().into(), now)]).await;
    }
    let held = claim(&*store, at(5), 9).await;
    assert_eq!(store.failing(9).await.unwrap(), []);
    commit(&*store, vec![bury(held[0].lease, "refused")]).await;
    commit(&*store, vec![postpone(held[1].lease, at(100))]).await;
    let failing = store.failing(9).await.unwrap();
    let seen: Vec<_> = failing.iter().map(|it| (&it.job, it.next_try)).collect();
    assert_eq!(seen, [(&letter(2), Some(at(100))), (&letter(1), None)]);
    assert_eq!((&*failing[1].error, failing[1].attempts), ("refused", 1));
    assert_eq!(store.failing(1).await.unwrap(), failing[..1]);
    let again = claim(&*store, at(100), 9).await;
    assert_eq!(store.failing(9).await.unwrap().len(), 2);
    let lease = again.iter().find(|it| it.job == letter(2)).unwrap().lease;
    commit(&*store, vec![Write::Finish(lease)]).await;
    assert_eq!(store.failing(9).await.unwrap().len(), 1);
}

/// Jobs that are due after a moment are due at once, held or not, and queued no later than that; those
/// that replace keys, those that were given up and all others stay as they are.
pub async fn what_is_due_too_late_is_brought_back(store: Arc<dyn Store>) {
    let rotate = Write::Enqueue {
        id: job_id(5),
        job: Box::new(Job::Rotate {
            request: pending(1, at(0), at(60)).id,
        }),
        at: at(5000),
    };
    let change = vec![
        enqueue(1, at(0)),
        enqueue(2, at(0)),
        enqueue(3, at(1000)),
        enqueue(4, at(5000)),
        rotate,
        enqueue(6, at(0)),
    ];
    commit(&*store, change).await;
    assert_eq!(store.bring_back(at(10), at(5000)).await.unwrap(), 0);
    let held = claim(&*store, at(0), 9).await;
    let [held, put_off, given_up] = [1, 2, 6].map(|number| {
        let is_it = |it: &&ClaimedJob| it.lease.job == job_id(number);
        held.iter().find(is_it).unwrap().lease
    });
    let change = vec![postpone(put_off, at(5001)), bury(given_up, "trouble")];
    commit(&*store, change).await;
    let ahead = claim(&*store, at(4000), 9).await;
    assert_eq!(ids(&ahead), [job_id(1), job_id(3)]);

    assert_eq!(store.bring_back(at(10), at(1000)).await.unwrap(), 4);
    assert_eq!(store.bring_back(at(10), at(1000)).await.unwrap(), 0);
    assert_eq!(claim(&*store, at(10) - MOMENT, 9).await, []);
    let mut back = claim(&*store, at(10), 9).await;
    back.sort_by_key(|it| it.lease.job);
    assert_eq!(ids(&back), [1, 2, 3, 4].map(job_id));
    let queued: Vec<_> = back.iter().map(|it| it.queued_at).collect();
    assert_eq!(queued, [at(0), at(0), at(10), at(10)]);
    each_conflicts(&*store, held, "somebody else has the job").await;
    each_conflicts(&*store, ahead[1].lease, "somebody else has the job").await;
    assert_eq!(store.dead(9).await.unwrap().len(), 1);
    let rest = claim(&*store, at(5000), 9).await;
    assert!(ids(&rest).contains(&job_id(5)));
}

/// Who has lost a job can neither finish, postpone nor bury it: after somebody else has claimed
/// it, and after it was postponed or buried.
pub async fn a_stale_lease_moves_nothing(store: Arc<dyn Store>) {
    commit(&*store, vec![enqueue(1, at(0))]).await;
    let stale = claim(&*store, at(0), 9).await[0].lease;
    let held = claim(&*store, at(0) + LEASE, 9).await[0].lease;
    each_conflicts(&*store, stale, "somebody else has the job").await;
    commit(&*store, vec![postpone(held, at(100))]).await;
    each_conflicts(&*store, held, "the job was postponed").await;
    let held = claim(&*store, at(100), 9).await[0].lease;
    assert_eq!(held.attempt, 3);
    commit(&*store, vec![bury(held, "trouble")]).await;
    each_conflicts(&*store, held, "the job was buried").await;
    let unknown = Lease {
        job: job_id(9),
        attempt: 1,
    };
    each_conflicts(&*store, unknown, "there is no such job").await;
    let dead = store.dead(9).await.unwrap();
    assert_eq!((dead.len(), dead[0].attempts), (1, 3));
}

/// The next moment is that of the job or the open request that falls due first, if any does.
pub async fn the_next_moment_is_that_of_a_job_or_a_request(store: Arc<dyn Store>) {
    assert_eq!(store.next_due().await.unwrap(), None);
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
    commit(&*store, vec![enqueue(1, at(70)), enqueue(2, at(50))]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(50)));
    let lease = claim(&*store, at(50), 1).await[0].lease;
    commit(&*store, vec![Write::Finish(lease)]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
    let version = load(&*store, request.id).await.version;
    commit(
        &*store,
        vec![advance(request.id, version, &withdrawn(at(55)))],
    )
    .await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(70)));
}

async fn claim(store: &dyn Store, now: Timestamp, limit: usize) -> Vec<ClaimedJob> {
    store.claim(now, LEASE, limit).await.unwrap()
}

fn ids(jobs: &[ClaimedJob]) -> Vec<JobId> {
    jobs.iter().map(|job| job.lease.job).collect()
}

async fn each_conflicts(store: &dyn Store, lease: Lease, what: &str) {
    conflict(store, vec![Write::Finish(lease)], what).await;
    conflict(store, vec![postpone(lease, at(500))], what).await;
    conflict(store, vec![bury(lease, "stale")], what).await;
}

fn postpone(lease: Lease, due_at: Timestamp) -> Write {
    Write::Postpone {
        lease,
        due_at,
        error: "not now".to_owned(),
    }
}

fn bury(lease: Lease, error: &str) -> Write {
    Write::Bury {
        lease,
        error: error.to_owned(),
    }
}

fn revive(number: u128, at: Timestamp) -> Write {
    Write::Revive {
        job: job_id(number),
        at,
    }
}
