//! The one writer: a thread that commits together what is waiting, with one flush to disk.

use std::sync::mpsc;

use clavis_broker::ports::{Change, ClaimedJob, CommitError, REMEMBERED, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::apply::{NotApplied, apply};
use super::rows::{RowError, claimed_job, millis};
use super::sql;

/// The most orders in one transaction: bounds how long the first of them waits.
const TOGETHER: usize = 256;

/// Something to write, and whom to tell what became of it.
pub(super) enum Order {
    Commit(Change, oneshot::Sender<Result<(), CommitError>>),
    Claim {
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
        reply: oneshot::Sender<Result<Vec<ClaimedJob>, StoreError>>,
    },
    BringBack {
        now: Timestamp,
        later_than: Timestamp,
        reply: oneshot::Sender<Result<usize, StoreError>>,
    },
    Forget {
        before: Timestamp,
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
}

/// Writes until every sender is gone. Orders that wait while a transaction is under way go into
/// the next one: many requests, one flush.
pub(super) fn run(mut connection: Connection, orders: &mpsc::Receiver<Order>) {
    while let Ok(first) = orders.recv() {
        let mut batch = Vec::with_capacity(8);
        batch.push(first);
        batch.extend(orders.try_iter().take(TOGETHER - 1));
        write_together(&mut connection, batch);
    }
}

/// What an order came to; told only once the transaction is on disk.
enum Outcome {
    Commit(
        Result<(), CommitError>,
        oneshot::Sender<Result<(), CommitError>>,
    ),
    Claim(
        Result<Vec<ClaimedJob>, StoreError>,
        oneshot::Sender<Result<Vec<ClaimedJob>, StoreError>>,
    ),
    BringBack(
        Result<usize, StoreError>,
        oneshot::Sender<Result<usize, StoreError>>,
    ),
    Forget(
        Result<(), StoreError>,
        oneshot::Sender<Result<(), StoreError>>,
    ),
}

fn write_together(connection: &mut Connection, batch: Vec<Order>) {
    // Immediate: the lock is taken before anything is read, so that no order is decided on rows
    // that another process is about to change.
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let outcomes = batch.into_iter().map(Order::unwritten);
            return outcomes.for_each(|outcome| outcome.fail(&error));
        }
    };
    let outcomes: Vec<Outcome> = batch
        .into_iter()
        .map(|order| {
            // On a full disk SQLite may take back the whole transaction at once. Nothing is written
            // after that: it would stand alone, and be told as failed.
            if transaction.is_autocommit() {
                order.unwritten()
            } else {
                write_one(&transaction, order)
            }
        })
        .collect();
    match transaction.commit() {
        Ok(()) => outcomes.into_iter().for_each(Outcome::tell),
        Err(error) => outcomes
            .into_iter()
            .for_each(|outcome| outcome.fail(&error)),
    }
}

fn write_one(connection: &Connection, order: Order) -> Outcome {
    match order {
        Order::Commit(change, reply) => Outcome::Commit(commit(connection, &change), reply),
        Order::Claim {
            now,
            lease,
            limit,
            reply,
        } => {
            let claimed = in_savepoint(connection, || Ok(claim(connection, now, lease, limit)?));
            Outcome::Claim(
                claimed.map_err(|error| error.into_store("claiming jobs")),
                reply,
            )
        }
        Order::BringBack {
            now,
            later_than,
            reply,
        } => {
            let moments = params![millis(now), millis(later_than)];
            let brought = in_savepoint(connection, || {
                Ok(connection
                    .prepare_cached(sql::BRING_BACK)?
                    .execute(moments)?)
            });
            Outcome::BringBack(
                brought.map_err(|error| error.into_store("bringing jobs back")),
                reply,
            )
        }
        Order::Forget { before, reply } => {
            let forgotten = in_savepoint(connection, || {
                for statement in [
                    sql::FORGET_CHALLENGES,
                    sql::FORGET_PROVIDER_SIGN_INS,
                    sql::FORGET_SESSIONS,
                    sql::FORGET_ALLOWANCES,
                    sql::FORGET_ANSWERS,
                ] {
                    connection
                        .prepare_cached(statement)?
                        .execute(params![millis(before)])?;
                }
                let remembered = before.saturating_sub(REMEMBERED).unwrap_or(before);
                connection
                    .prepare_cached(sql::FORGET_REFUSALS)?
                    .execute(params![millis(remembered)])?;
                Ok(())
            });
            Outcome::Forget(
                forgotten.map_err(|error| error.into_store("forgetting what has ended")),
                reply,
            )
        }
    }
}

fn commit(connection: &Connection, change: &Change) -> Result<(), CommitError> {
    let written = in_savepoint(connection, || {
        change.iter().try_for_each(|write| apply(connection, write))
    });
    written.map_err(|error| match error {
        NotApplied::Conflict => CommitError::Conflict,
        failed @ NotApplied::Failed(_) => CommitError::Store(failed.into_store("writing a change")),
    })
}

/// Runs one order in a savepoint, so that its failure takes back its own writes and no others.
fn in_savepoint<T>(
    connection: &Connection,
    order: impl FnOnce() -> Result<T, NotApplied>,
) -> Result<T, NotApplied> {
    connection.prepare_cached("SAVEPOINT one")?.execute([])?;
    let done = order();
    if done.is_err() {
        connection.prepare_cached("ROLLBACK TO one")?.execute([])?;
    }
    connection.prepare_cached("RELEASE one")?.execute([])?;
    done
}

fn claim(
    connection: &Connection,
    now: Timestamp,
    lease: SignedDuration,
    limit: usize,
) -> Result<Vec<ClaimedJob>, RowError> {
    let held_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql::CLAIM)?;
    let rows =
        statement.query_and_then(params![millis(held_until), millis(now), limit], claimed_job)?;
    let mut jobs = Vec::new();
    for row in rows {
        match row {
            Ok(job) => jobs.push(job),
            Err(error @ RowError::Sql(_)) => return Err(error),
            // One that cannot be read holds up no other; it is reported each time that it is due.
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error, "a job of the outbox cannot be read");
            }
        }
    }
    // A database returns updated rows in no order.
    jobs.sort_by_key(|job| (job.queued_at, job.lease.job));
    Ok(jobs)
}

impl Order {
    /// The order, not carried out.
    fn unwritten(self) -> Outcome {
        let error = || StoreError {
            what: "committing to the database: the transaction was taken back".to_owned(),
            source: None,
        };
        match self {
            Self::Commit(_, reply) => Outcome::Commit(Err(error().into()), reply),
            Self::Claim { reply, .. } => Outcome::Claim(Err(error()), reply),
            Self::BringBack { reply, .. } => Outcome::BringBack(Err(error()), reply),
            Self::Forget { reply, .. } => Outcome::Forget(Err(error()), reply),
        }
    }
}

impl Outcome {
    fn tell(self) {
        // Whoever asked may have gone meanwhile; what was written stays written.
        match self {
            Self::Commit(outcome, reply) => drop(reply.send(outcome)),
            Self::Claim(outcome, reply) => drop(reply.send(outcome)),
            Self::BringBack(outcome, reply) => drop(reply.send(outcome)),
            Self::Forget(outcome, reply) => drop(reply.send(outcome)),
        }
    }

    fn fail(self, error: &rusqlite::Error) {
        match self {
            Self::Commit(_, reply) => drop(reply.send(Err(CommitError::Store(not_written(error))))),
            Self::Claim(_, reply) => drop(reply.send(Err(not_written(error)))),
            Self::BringBack(_, reply) => drop(reply.send(Err(not_written(error)))),
            Self::Forget(_, reply) => drop(reply.send(Err(not_written(error)))),
        }
    }
}

/// The transaction as a whole came to nothing. The error is told to each of its orders, so only
/// its text goes on.
fn not_written(error: &rusqlite::Error) -> StoreError {
    StoreError {
        what: format!("committing to the database: {error}"),
        source: None,
    }
}

impl NotApplied {
    fn into_store(self, what: &str) -> StoreError {
        match self {
            Self::Failed(error) => error.while_doing(what),
            Self::Conflict => StoreError {
                what: what.to_owned(),
                source: None,
            },
        }
    }
}
