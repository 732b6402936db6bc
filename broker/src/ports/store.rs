//! What is remembered. Every write is data, and one [`Change`] is committed whole or not at all.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check::Finding;
use super::ledger::{KeptCheckpoint, Ledger};
use crate::alarms::Alarm;
use crate::audit::{LogRow, WhyNoRequest};
use crate::identity::{ProviderName, Way};
use crate::lifecycle::{Request, RequestId, Sending, State};
use crate::news::News;
use crate::people::{MailAddress, Party, PersonId};
use crate::policy::StandIn;
use crate::programs::{ProgramName, ProgramToken};
use crate::proof::leaf::{ERASED, Sealed};
use crate::search::LogSearch;
use crate::tickets::{TicketName, TicketNews};
use crate::tokens::{Reference, TokenHash};

/// How often a request has changed; a change names the version that it was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

/// A request as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// The request.
    pub request: Request,
    /// Its version at that moment.
    pub version: Version,
}

/// Which kind of capability link a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LinkKind {
    /// A review link, mailed to this person.
    Review {
        /// Who was asked.
        approver: PersonId,
    },
    /// A key link, mailed to the beneficiary.
    Key,
}

impl LinkKind {
    /// What is left of a review link whose approver was erased.
    pub fn erased() -> Self {
        Self::Review {
            approver: PersonId(ERASED.to_owned()),
        }
    }
}

/// A capability link that was once mailed. Kept after its end, so that somebody who holds a
/// genuine link can be told what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The hash of its token.
    pub token: TokenHash,
    /// The request that it belongs to.
    pub request: RequestId,
    /// What it is for.
    pub kind: LinkKind,
}

/// The identifier of a job in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

/// Something to do outside of any transaction. No secrets: tokens and codes are made when the
/// mail that carries them is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Send a letter about a request.
    Letter(Sending),
    /// Have the keys that a request showed replaced.
    Rotate {
        /// The request.
        request: RequestId,
    },
    /// Make a sign-in code and mail it, if the directory knows the address.
    SignInCode {
        /// The sign-in that it is for.
        challenge: TokenHash,
        /// The address that was typed.
        mail: MailAddress,
    },
    /// Tell somebody who decides in whose place.
    StandIn {
        /// Whom: who is away, or who stands in.
        to: Party,
        /// What was said.
        stand_in: Box<StandIn>,
    },
    /// Tell an operator what they have to look at.
    Alarm {
        /// Where alarms go.
        to: MailAddress,
        /// What happened.
        alarm: Box<Alarm>,
    },
    /// Tell the webhook for alarms.
    Hook {
        /// What happened.
        alarm: Box<Alarm>,
        /// When it was noticed.
        at: Timestamp,
    },
    /// Look at a ticket of a service desk: it may ask for a key, or have changed.
    LookAtTicket {
        /// Which.
        ticket: TicketName,
    },
    /// Tell a ticket what became of it.
    TellTicket {
        /// Which.
        ticket: TicketName,
        /// What.
        news: TicketNews,
    },
    /// Tell a program elsewhere what became of a request.
    Message {
        /// Which, by its name in the settings.
        to: String,
        /// What happened.
        news: News,
    },
    /// Tell a channel that a request waits for its review.
    Notice {
        /// Which, by its name in the settings.
        to: String,
        /// The request.
        request: RequestId,
    },
    /// Bring a checkpoint of the log to where it is kept outside.
    Checkpoint {
        /// The checkpoint.
        kept: Box<KeptCheckpoint>,
        /// Whereto.
        to: CheckpointTo,
    },
}

/// Where a checkpoint is brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointTo {
    /// To somebody, by mail.
    Mail(MailAddress),
    /// To the sink of this name.
    Sink(String),
}

/// A hold on a job for a while: who finishes or postpones it must still have it. It is lost when
/// somebody else has claimed the job since, and when the job was finished, postponed or buried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The how-manieth try this is, from 1. Never the same twice for a job, revived or not.
    pub attempt: i64,
}

/// A job that this process may now do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The hold.
    pub lease: Lease,
    /// When the job was first due, or was revived.
    pub queued_at: Timestamp,
    /// What to do.
    pub job: Job,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Its identifier.
    pub id: JobId,
    /// What was to be done.
    pub job: Job,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub error: String,
}

/// A job that has failed so far, or was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingJob {
    /// What is to be done.
    pub job: Job,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub error: String,
    /// When it is tried again; never where it was given up.
    pub next_try: Option<Timestamp>,
}

/// The pick-up code of a request, and how often codes were typed from one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickUp {
    /// The code's hash.
    pub code: TokenHash,
    /// How often a code was typed from there since this one was made.
    pub attempts: i64,
}

/// How long it is remembered after its end that no request could be made of a ticket.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A ticket that no request could be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTicket {
    /// A digest of what it would have been made of.
    pub facts: String,
    /// Why not.
    pub why: WhyNoRequest,
    /// Until when it is left alone, unless that changes.
    pub until: Timestamp,
}

/// A sign-in that has begun: the browser holds the token, the code goes by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The hash of the token that the browser holds.
    pub token: TokenHash,
    /// The address that was typed.
    pub mail: MailAddress,
    /// How often a code was typed.
    pub attempts: i64,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: ChallengeState,
}

/// How far a sign-in has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeState {
    /// No code was sent, perhaps never will be.
    Waiting,
    /// A code was sent.
    Sent {
        /// The code's hash.
        code: TokenHash,
        /// To whom.
        to: Party,
    },
}

/// A sign-in that has begun at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSignIn {
    /// The hash of the token that the browser holds.
    pub token: TokenHash,
    /// At which provider.
    pub provider: ProviderName,
    /// The page to go on to.
    pub next: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A browser that somebody is signed in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its cookie.
    pub token: TokenHash,
    /// Who is signed in.
    pub person: Party,
    /// By which way they signed in.
    pub by: Way,
    /// The groups and roles that the provider named; none where they signed in otherwise.
    pub claims: Vec<String>,
    /// When it was last used, to the minute or so.
    pub used_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
}

/// What a program was answered when it asked for a key: the same question is answered the same way for
/// a while, and asks for nothing a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which program.
    pub program: ProgramName,
    /// The hash of the key by which it asks again.
    pub key: TokenHash,
    /// The hash of what it asked.
    pub asked: TokenHash,
    /// The request that came of it.
    pub request: RequestId,
    /// Until when it is kept at the least.
    pub until: Timestamp,
}

/// One write. A write whose precondition does not hold fails its whole [`Change`] with
/// [`CommitError::Conflict`].
#[derive(Debug, Clone)]
pub enum Write {
    /// A new request; its ID and reference must be new, its beneficiary must have no other open
    /// request for the device, and no other request may ever have been made of its ticket.
    Open(Box<Request>),
    /// The next state of a request; its version must still be this one, and becomes one more.
    Advance {
        /// Which request.
        request: RequestId,
        /// The version that was decided on.
        expected: Version,
        /// The next state.
        next: Box<State>,
    },
    /// A row of the log. It and the hashes that it adds to the tree are written together.
    Log(Box<Sealed>),
    /// A job for the outbox.
    Enqueue {
        /// Its identifier.
        id: JobId,
        /// What to do.
        job: Box<Job>,
        /// From when it is due.
        at: Timestamp,
    },
    /// A link that is about to be mailed.
    AddLink(Link),
    /// A job is done; the lease must still be held.
    Finish(Lease),
    /// A job is to be tried again; the lease must still be held.
    Postpone {
        /// The hold.
        lease: Lease,
        /// When to try again.
        due_at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// A job is given up; the lease must still be held.
    Bury {
        /// The hold.
        lease: Lease,
        /// What went wrong.
        error: String,
    },
    /// A dead job is to be tried again, from now; it must be dead.
    Revive {
        /// Which job.
        job: JobId,
        /// From when.
        at: Timestamp,
    },
    /// Somebody says who decides in their place; it replaces what they said before.
    SetStandIn(Box<StandIn>),
    /// Somebody is back. Nothing to do where they were not away.
    EndStandIn(PersonId),
    /// The pick-up code of a request; it ends an earlier one, and tries begin anew.
    SetPickUp {
        /// The request.
        request: RequestId,
        /// The code's hash.
        code: TokenHash,
    },
    /// A pick-up code is about to be compared; it must still be this one, and so many must have
    /// been typed from there.
    CountPickUp {
        /// The request.
        request: RequestId,
        /// The code's hash.
        code: TokenHash,
        /// The network that it is typed from.
        from: String,
        /// How many were typed before.
        expected: i64,
    },
    /// Something is done that may be done only so often until a moment; it must not have been yet.
    Spend {
        /// What.
        what: String,
        /// Until when it counts.
        until: Timestamp,
        /// How often; at least once.
        at_most: i64,
    },
    /// A sign-in has begun; its token must be new.
    OpenChallenge(Box<Challenge>),
    /// A code was made for a sign-in, which must still be there; it ends an earlier code.
    SetCode {
        /// The sign-in.
        challenge: TokenHash,
        /// The code's hash.
        code: TokenHash,
        /// To whom it is sent.
        to: Party,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// A code is about to be compared; so many must have been compared before.
    CountAttempt {
        /// The sign-in.
        challenge: TokenHash,
        /// How many attempts there were.
        expected: i64,
    },
    /// A sign-in is over; it must still be there.
    EndChallenge(TokenHash),
    /// A sign-in has begun at a provider; its token must be new.
    OpenProviderSignIn(Box<ProviderSignIn>),
    /// A sign-in at a provider is over; it must still be there.
    EndProviderSignIn(TokenHash),
    /// Somebody is signed in; the token must be new.
    OpenSession(Box<Session>),
    /// A session was used; it must still be there.
    TouchSession {
        /// The session.
        token: TokenHash,
        /// When.
        at: Timestamp,
    },
    /// A session is over. Nothing to do where it is gone already.
    EndSession(TokenHash),
    /// All sessions of a person are over. Nothing to do where there is none.
    EndSessionsOf(PersonId),
    /// A program gets a token; the token and the program's name must be new.
    MakeToken(Box<ProgramToken>),
    /// A program's token was used on a day; it must still be there.
    TouchToken {
        /// The token.
        token: TokenHash,
        /// The beginning of the day.
        day: Timestamp,
    },
    /// A program's token is over; it must still be there.
    EndToken(ProgramName),
    /// All tokens by which programs act in a person's name are over. Nothing to do where there is none.
    EndTokensOf(PersonId),
    /// A program was answered; it must not have used the key before.
    KeepAnswer(Box<Answered>),
    /// A reader of the log has done with the rows up to a place; its cursor must still be where it
    /// was. Several processes may be that reader: of two that move it at once, one wins.
    MoveCursor {
        /// Whose cursor.
        name: String,
        /// Where it is; 0 where it has never been moved.
        expected: i64,
        /// Where it goes.
        next: i64,
    },
    /// A checkpoint was made. The latest so far must be of this size, or there must be none: of two
    /// who make one at once, one does.
    KeepCheckpoint {
        /// The checkpoint.
        kept: Box<KeptCheckpoint>,
        /// The size of the latest so far.
        after: Option<u64>,
    },
    /// Fields of a row of the log are erased; they must still be these.
    EraseFields {
        /// The row's place.
        seq: i64,
        /// The fields that it has.
        expected: String,
        /// What is left of them.
        left: String,
    },
    /// People are erased from a request; its version must still be this one, and becomes one more.
    /// How often which network tried its pick-up code is forgotten.
    EraseRequest {
        /// What is left of it.
        left: Box<Request>,
        /// The version that was looked at.
        expected: Version,
    },
    /// A review link is nobody's any more, though it stays known.
    EraseApprover(PersonId),
    /// All sign-ins that have begun with an address are over, however it was written. Nothing to do
    /// where there is none.
    EndChallengesFor(MailAddress),
    /// All sign-ins whose code was sent to a person are over. Nothing to do where there is none.
    EndChallengesOf(PersonId),
    /// How often something was done is forgotten: it may be done as often again. Nothing to do where
    /// it was not done.
    Unspend(String),
    /// No request could be made of a ticket. The end of the last time that this was said must still be
    /// this one, or it must never have been said.
    RefuseTicket {
        /// Which.
        ticket: TicketName,
        /// The end of the last time.
        expected: Option<Timestamp>,
        /// A digest of what a request would have been made of.
        facts: String,
        /// Why not.
        why: WhyNoRequest,
        /// Until when it is left alone, unless that changes.
        until: Timestamp,
    },
    /// A job is dropped, whoever holds it. Nothing to do where it is gone already.
    DropJob(JobId),
}

/// Writes that belong together, in this order.
pub type Change = Vec<Write>;

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
    /// [`REMEMBERED`] after its end.
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
