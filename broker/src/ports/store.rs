//! The store: what was written is found again, and one [`Change`] is committed whole or not at all.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::check::Finding;
use super::jobs::{ClaimedJob, DeadJob, FailingJob};
use super::ledger::Ledger;
use super::records::{
    Answered, Challenge, Link, PickUp, ProviderSignIn, RefusedTicket, Session, StoredRequest,
};
use super::writes::Change;
use crate::audit::LogRow;
use crate::lifecycle::RequestId;
use crate::people::PersonId;
use crate::policy::StandIn;
use crate::programs::{ProgramName, ProgramToken};
use crate::search::LogSearch;
use crate::tickets::TicketName;
use crate::tokens::{Reference, TokenHash};

/// Which rows of the log to read.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only those of this request.
    pub request: Option<RequestId>,
    /// Only those of these events, by their names; of all where none is named.
    pub events: &'static [&'static str],
    /// Only those after this place.
    pub after: i64,
    /// At most so many; the store may give fewer than there are.
    pub limit: usize,
}

/// The store. Times are kept to the millisecond.
#[async_trait]
pub trait Store: Ledger {
    /// Commits a change whole and durably, or not at all. When this returns `Ok`, the change
    /// survives the loss of power.
    async fn commit(&self, change: Change) -> Result<(), CommitError>;

    /// A request by its identifier.
    async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError>;

    /// A request by the name that people use.
    async fn request_by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, StoreError>;

    /// The request that was made of a ticket.
    async fn request_of_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<StoredRequest>, StoreError>;

    /// Why no request could be made of a ticket, when that was last tried; forgotten
    /// [`REMEMBERED`](super::REMEMBERED) after its end.
    async fn refused_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<RefusedTicket>, StoreError>;

    /// The link with this token, ended or not, and its request.
    async fn link(&self, token: &TokenHash) -> Result<Option<(Link, StoredRequest)>, StoreError>;

    /// The requests that a person made or that are for them, newest first, at most `limit`.
    async fn requests_of(
        &self,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError>;

    /// Requests that are not closed, oldest first, at most `limit`.
    async fn open_requests(&self, limit: usize) -> Result<Vec<StoredRequest>, StoreError>;

    /// Open requests that time does something to at `now`, the longest due first. Costs what it
    /// returns, however many are pending.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError>;

    /// Rows of the log, oldest first; one that cannot be read comes as [`LogRow::read`] has it.
    async fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError>;

    /// Rows of the log that fit, newest first; those that cannot be read among them.
    ///
    /// Goes by an index for those of a request, and to the rows between two moments; from there it
    /// reads one row after the other until it has as many as are wanted. A search for a person or
    /// a device that nobody has ever heard of so reads the whole log, two or three seconds for a
    /// million rows.
    async fn search_log(&self, search: &LogSearch) -> Result<Vec<LogRow>, StoreError>;

    /// When the last row of the log was written, if there is one.
    async fn latest(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The place of the newest row of the log; 0 where there is none.
    async fn newest(&self) -> Result<i64, StoreError>;

    /// The place in the log up to which a reader has done with it; 0 where it has never moved.
    async fn cursor(&self, name: &str) -> Result<i64, StoreError>;

    /// Takes jobs that are due at `now`, the longest due first; nobody else gets them before the
    /// lease is over.
    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Result<Vec<ClaimedJob>, StoreError>;

    /// Has jobs that are due after this moment be due at `now`, and counts those that were queued later
    /// than that as queued then; gives how many. Not those that replace keys: they wait for long.
    async fn bring_back(&self, now: Timestamp, later_than: Timestamp) -> Result<usize, StoreError>;

    /// Jobs that were given up, oldest first, at most `limit`.
    async fn dead(&self, limit: usize) -> Result<Vec<DeadJob>, StoreError>;

    /// Jobs that have failed so far or were given up, newest first, at most `limit`: what was given up
    /// stays, and requests end before long.
    async fn failing(&self, limit: usize) -> Result<Vec<FailingJob>, StoreError>;

    /// What somebody last said of who decides in their place, ended or not.
    async fn stand_in(&self, person: &PersonId) -> Result<Option<StandIn>, StoreError>;

    /// The pick-up code of a request, and how often codes were typed from a network.
    async fn pick_up(&self, request: RequestId, from: &str) -> Result<Option<PickUp>, StoreError>;

    /// The next moment at which a job or a request falls due, if any is waiting.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// A sign-in that has begun, expired or not.
    async fn challenge(&self, token: &TokenHash) -> Result<Option<Challenge>, StoreError>;

    /// A sign-in that has begun at a provider, expired or not.
    async fn provider_sign_in(
        &self,
        token: &TokenHash,
    ) -> Result<Option<ProviderSignIn>, StoreError>;

    /// A session, ended by time or not.
    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, StoreError>;

    /// A program's token, ended by time or not.
    async fn program_token(&self, token: &TokenHash) -> Result<Option<ProgramToken>, StoreError>;

    /// All tokens of programs, ended by time or not, by the programs' names.
    async fn program_tokens(&self) -> Result<Vec<ProgramToken>, StoreError>;

    /// What a program was answered to what it asked with a key.
    async fn answered(
        &self,
        program: &ProgramName,
        key: &TokenHash,
    ) -> Result<Option<Answered>, StoreError>;

    /// Forgets sign-ins, sessions, allowances and answers that ended before a moment.
    async fn forget_ended(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Tries the store for real.
    async fn check(&self) -> Vec<Finding>;
}

/// A change was not committed; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition does not hold: somebody else was faster. Load and decide again.
    #[error("somebody else changed it first")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store failed: nothing can be released while it does.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {what}")]
pub struct StoreError {
    /// What was being done.
    pub what: String,
    /// What lies under it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
