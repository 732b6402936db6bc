//! What is remembered beside the log and the outbox, as it is loaded.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::WhyNoRequest;
use crate::identity::{ProviderName, Way};
use crate::lifecycle::{Request, RequestId};
use crate::people::{MailAddress, Party, PersonId};
use crate::programs::ProgramName;
use crate::proof::leaf::ERASED;
use crate::tokens::TokenHash;

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
