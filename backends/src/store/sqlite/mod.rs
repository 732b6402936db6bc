//! The store in one SQLite file. Several processes may share it.
//!
//! Writes go to one thread, which commits together what is waiting ([`committer`]); reads go
//! beside it ([`readers`]).

mod apply;
mod committer;
mod connection;
#[cfg(test)]
mod fuzz;
mod ledger;
mod readers;
mod rows;
mod search;
mod sql;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use async_trait::async_trait;
use clavis_broker::audit::LogRow;
use clavis_broker::causes::with_causes;
use clavis_broker::lifecycle::RequestId;
use clavis_broker::people::PersonId;
use clavis_broker::policy::StandIn;
use clavis_broker::ports::{
    Answered, Challenge, Change, ClaimedJob, CommitError, DeadJob, FailingJob, Finding, Link,
    LogQuery, PickUp, ProviderSignIn, RefusedTicket, Session, Store, StoreError, StoredRequest,
};
use clavis_broker::programs::{ProgramName, ProgramToken};
use clavis_broker::search::LogSearch;
use clavis_broker::tickets::TicketName;
use clavis_broker::tokens::{Reference, TokenHash};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, ToSql, params};
use tokio::sync::oneshot;

use committer::Order;
use readers::Readers;
use rows::{RowError, millis, request_id};
use trouble::OpenError;

/// The store in one SQLite file: write-ahead log, every commit flushed to disk.
pub struct SqliteStore {
    path: PathBuf,
    orders: mpsc::Sender<Order>,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, makes it where it is missing (readable for this account only; its folder
    /// must exist), and brings its tables up to date.
    ///
    /// # Errors
    /// Where the file cannot be opened, is no database, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::writing(path, connection::open(path))
    }

    /// Opens a file that is there, and brings its tables up to date.
    ///
    /// # Errors
    /// Where it is not there or empty, and as [`open`](Self::open).
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::writing(path, connection::open_existing(path))
    }

    /// Opens a file that is there for whoever only reads. Nothing is written to its tables, and whoever
    /// reads need not be able to; every write to this store fails.
    ///
    /// # Errors
    /// Where it is not there or empty, cannot be read, is no database, or has tables of another version.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let opened = connection::open_to_read(path);
        let connection = opened.map_err(|error| unopened(path, error))?;
        let (orders, _) = mpsc::channel();
        let path = path.to_owned();
        Ok(Self {
            readers: Readers::new(path.clone(), connection::open_as_it_is, vec![connection]),
            path,
            orders,
        })
    }

    /// A store whose committer writes by this connection.
    fn writing(path: &Path, connection: Result<Connection, OpenError>) -> Result<Self, StoreError> {
        let connection = connection.map_err(|error| unopened(path, error))?;
        let (orders, waiting) = mpsc::channel();
        thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || committer::run(connection, &waiting))
            .map_err(|error| unopened(path, error))?;
        let path = path.to_owned();
        Ok(Self {
            readers: Readers::new(path.clone(), connection::open_reader, Vec::new()),
            path,
            orders,
        })
    }

    /// Rows of the log, of which these columns are read.
    async fn log_rows<T: Send + 'static>(
        &self,
        query: &LogQuery,
        columns: &'static str,
        read: fn(&Row<'_>) -> Result<T, RowError>,
    ) -> Result<Vec<T>, StoreError> {
        let LogQuery {
            request,
            events,
            after,
            limit,
        } = query.clone();
        let read = move |connection: &Connection| {
            let statement = sql::log_rows(columns, request.is_some(), events);
            let request = request.map(request_id);
            let parameters: &[&dyn ToSql] = match &request {
                Some(request) => &[&after, request, &count(limit)],
                None => &[&after, &count(limit)],
            };
            many(connection, &statement, parameters, read)
        };
        self.readers.read("reading the log", read).await
    }

    async fn order<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, StoreError> {
        let gone = || StoreError {
            what: "writing: the committer has stopped".to_owned(),
            source: None,
        };
        let (reply, answer) = oneshot::channel();
        self.orders.send(make(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.order(|reply| Order::Commit(change, reply)).await?
    }

    async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError> {
        let read = |connection: &Connection| {
            one(
                connection,
                sql::REQUEST,
                params![request_id(id)],
                rows::stored_request,
            )
        };
        self.readers.look_up("loading a request", read)
    }

    async fn request_of_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<StoredRequest>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![rows::ticket(ticket)?];
            one(
                connection,
                sql::REQUEST_OF_TICKET,
                parameters,
                rows::stored_request,
            )
        };
        self.readers.look_up("looking for a ticket's request", read)
    }

    async fn refused_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<RefusedTicket>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![rows::ticket(ticket)?];
            one(
                connection,
                sql::REFUSED_TICKET,
                parameters,
                rows::refused_ticket,
            )
        };
        self.readers.look_up("looking for a ticket", read)
    }

    async fn request_by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, StoreError> {
        let reference = reference.to_string();
        let read = |connection: &Connection| {
            one(
                connection,
                sql::REQUEST_BY_REFERENCE,
                params![reference],
                rows::stored_request,
            )
        };
        self.readers.look_up("loading a request", read)
    }

    async fn link(&self, token: &TokenHash) -> Result<Option<(Link, StoredRequest)>, StoreError> {
        let token = *token;
        let read = |connection: &Connection| {
            one(connection, sql::LINK, params![token.0], |row| {
                rows::link(row, &token)
            })
        };
        self.readers.look_up("looking up a link", read)
    }

    async fn requests_of(
        &self,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let person = person.0.clone();
        let read = move |connection: &Connection| {
            many(
                connection,
                sql::REQUESTS_OF,
                params![person, count(limit)],
                rows::stored_request,
            )
        };
        self.readers.read("listing requests", read).await
    }

    async fn open_requests(&self, limit: usize) -> Result<Vec<StoredRequest>, StoreError> {
        let read = move |connection: &Connection| {
            let parameters = params![count(limit)];
            many(
                connection,
                sql::OPEN_REQUESTS,
                parameters,
                rows::stored_request,
            )
        };
        self.readers.read("listing requests", read).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError> {
        let read = move |connection: &Connection| {
            many(
                connection,
                sql::DUE,
                params![millis(now), count(limit)],
                rows::id_of_request,
            )
        };
        self.readers.look_up("looking for what time does", read)
    }

    async fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.log_rows(query, sql::ENTRY, rows::log_row).await
    }

    async fn search_log(&self, search: &LogSearch) -> Result<Vec<LogRow>, StoreError> {
        let search = search.clone();
        let read = move |connection: &Connection| search::run(connection, &search);
        self.readers.read("searching the log", read).await
    }

    async fn newest(&self) -> Result<i64, StoreError> {
        let read = |connection: &Connection| {
            let newest = one(connection, sql::NEWEST, params![], |row| Ok(row.get(0)?))?;
            Ok(newest.unwrap_or(0))
        };
        self.readers.read("reading the log", read).await
    }

    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        let read = |connection: &Connection| {
            one(connection, sql::LATEST, params![], |row| {
                rows::optional_moment(row, 0)
            })
        };
        Ok(self.readers.read("reading the log", read).await?.flatten())
    }

    async fn cursor(&self, name: &str) -> Result<i64, StoreError> {
        let read = |connection: &Connection| {
            one(
                connection,
                sql::CURSOR,
                params![name],
                |row| Ok(row.get(0)?),
            )
        };
        let found = self.readers.look_up("loading a cursor", read)?;
        Ok(found.unwrap_or(0))
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        // Looked before it is written: an idle outbox costs no flush.
        let look = move |connection: &Connection| {
            one(
                connection,
                sql::IS_ANY_DUE,
                params![millis(now)],
                |_| Ok(()),
            )
        };
        if self.readers.look_up("looking for jobs", look)?.is_none() {
            return Ok(Vec::new());
        }
        self.order(|reply| Order::Claim {
            now,
            lease,
            limit,
            reply,
        })
        .await?
    }

    async fn bring_back(&self, now: Timestamp, later_than: Timestamp) -> Result<usize, StoreError> {
        // Looked before it is written, as for a claim.
        let look = move |connection: &Connection| {
            one(
                connection,
                sql::IS_ANY_TO_BRING_BACK,
                params![millis(later_than)],
                |_| Ok(()),
            )
        };
        if self.readers.look_up("looking for jobs", look)?.is_none() {
            return Ok(0);
        }
        self.order(|reply| Order::BringBack {
            now,
            later_than,
            reply,
        })
        .await?
    }

    async fn dead(&self, limit: usize) -> Result<Vec<DeadJob>, StoreError> {
        let read = move |connection: &Connection| {
            many(connection, sql::DEAD, params![count(limit)], rows::dead_job)
        };
        self.readers.read("listing dead jobs", read).await
    }

    async fn failing(&self, limit: usize) -> Result<Vec<FailingJob>, StoreError> {
        let read = move |connection: &Connection| {
            let parameters = params![count(limit)];
            many(connection, sql::FAILING, parameters, rows::failing_job)
        };
        self.readers.read("listing failing jobs", read).await
    }

    async fn stand_in(&self, person: &PersonId) -> Result<Option<StandIn>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![person.0];
            one(connection, sql::STAND_IN, parameters, |row| {
                rows::text(row, 0)
            })
        };
        self.readers.look_up("looking for who stands in", read)
    }

    async fn pick_up(&self, request: RequestId, from: &str) -> Result<Option<PickUp>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![from, request_id(request)];
            one(connection, sql::PICK_UP, parameters, rows::pick_up)
        };
        self.readers.look_up("loading a pick-up code", read)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let read = |connection: &Connection| {
            one(connection, sql::NEXT_DUE, params![], |row| {
                rows::optional_moment(row, 0)
            })
        };
        Ok(self
            .readers
            .look_up("looking for the next timer", read)?
            .flatten())
    }

    async fn challenge(&self, token: &TokenHash) -> Result<Option<Challenge>, StoreError> {
        let token = *token;
        let read = |connection: &Connection| {
            one(connection, sql::CHALLENGE, params![token.0], |row| {
                rows::challenge(row, &token)
            })
        };
        self.readers.look_up("loading a sign-in", read)
    }

    async fn provider_sign_in(
        &self,
        token: &TokenHash,
    ) -> Result<Option<ProviderSignIn>, StoreError> {
        let token = *token;
        let read = |connection: &Connection| {
            one(connection, sql::PROVIDER_SIGN_IN, params![token.0], |row| {
                rows::provider_sign_in(row, &token)
            })
        };
        self.readers.look_up("loading a sign-in", read)
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, StoreError> {
        let token = *token;
        let read = |connection: &Connection| {
            one(connection, sql::SESSION, params![token.0], |row| {
                rows::session(row, &token)
            })
        };
        self.readers.look_up("loading a session", read)
    }

    async fn program_token(&self, token: &TokenHash) -> Result<Option<ProgramToken>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![token.0];
            one(
                connection,
                sql::PROGRAM_TOKEN,
                parameters,
                rows::program_token,
            )
        };
        self.readers.look_up("looking up a token", read)
    }

    async fn program_tokens(&self) -> Result<Vec<ProgramToken>, StoreError> {
        let read = |connection: &Connection| {
            many(
                connection,
                sql::PROGRAM_TOKENS,
                params![],
                rows::program_token,
            )
        };
        self.readers.read("listing tokens", read).await
    }

    async fn answered(
        &self,
        program: &ProgramName,
        key: &TokenHash,
    ) -> Result<Option<Answered>, StoreError> {
        let read = |connection: &Connection| {
            let parameters = params![program.as_str(), key.0];
            one(connection, sql::ANSWERED, parameters, |row| {
                rows::answered(row, program, key)
            })
        };
        self.readers.look_up("looking for an answer", read)
    }

    async fn forget_ended(&self, before: Timestamp) -> Result<(), StoreError> {
        self.order(|reply| Order::Forget { before, reply }).await?
    }

    async fn check(&self) -> Vec<Finding> {
        let file = self.path.display().to_string();
        let sound = self.readers.read("checking the file", |connection| {
            one(connection, "PRAGMA quick_check(1)", params![], |row| {
                Ok(row.get::<_, String>(0)?)
            })
        });
        match sound.await {
            Ok(Some(answer)) if answer == "ok" => {}
            Ok(answer) => {
                return vec![Finding::failure(
                    format!("{file} is damaged: {}", answer.unwrap_or_default()),
                    "Stop Clavis, keep the file, and restore the latest backup.",
                )];
            }
            Err(error) => {
                return vec![Finding::failure(
                    format!("{file} cannot be read: {}", with_causes(&error)),
                    "Check that the file belongs to the account that Clavis runs as, and that the disk works.",
                )];
            }
        }
        // An empty change is a transaction like any other: it takes the lock for writing.
        match self.commit(Change::new()).await {
            Ok(()) => vec![Finding::ok(format!("{file} can be read and written"))],
            Err(error) => vec![Finding::failure(
                format!("{file} cannot be written: {}", with_causes(&error)),
                "Check the permissions of the file and of its folder, and the free space on the disk.",
            )],
        }
    }
}

fn unopened(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError {
        what: format!("opening {}", path.display()),
        source: Some(Box::new(source)),
    }
}

fn one<T>(
    connection: &Connection,
    statement: &str,
    parameters: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> Result<T, RowError>,
) -> Result<Option<T>, RowError> {
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(read).transpose()
}

fn many<T>(
    connection: &Connection,
    statement: &str,
    parameters: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> Result<T, RowError>,
) -> Result<Vec<T>, RowError> {
    connection
        .prepare_cached(statement)?
        .query_and_then(parameters, read)?
        .collect()
}

/// A count for SQL, which knows only signed numbers.
fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
