//! Writes are data: what is to be written, and on what condition.

use jiff::Timestamp;

use super::jobs::{Job, JobId, Lease};
use super::ledger::KeptCheckpoint;
use super::records::{Answered, Challenge, Link, ProviderSignIn, Session, Version};
use crate::audit::WhyNoRequest;
use crate::lifecycle::{Request, RequestId, State};
use crate::people::{MailAddress, Party, PersonId};
use crate::policy::StandIn;
use crate::programs::{ProgramName, ProgramToken};
use crate::proof::leaf::Sealed;
use crate::tickets::TicketName;
use crate::tokens::TokenHash;

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
