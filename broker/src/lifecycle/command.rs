//! What can be asked of a request, and what comes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::{RequestId, State};
use crate::devices::BackendName;
use crate::keys::KeyId;
use crate::letters::LetterKind;
use crate::people::{Party, PersonId};
use crate::policy::Approver;
use crate::roles::GlassBreaker;
use crate::text::{Comment, Reason};
use crate::tokens::TokenHash;

/// Something that somebody, or time, wants of a request.
#[derive(Debug, Clone)]
pub enum Command {
    /// An approver says yes.
    Approve {
        /// Who, by the policy's judgement.
        by: Approver,
        /// What they add.
        comment: Option<Comment>,
        /// Who said yes before and could not say so any more: theirs counts no more.
        lapsed: Vec<PersonId>,
    },
    /// An approver says no.
    Decline {
        /// Who, by the policy's judgement.
        by: Approver,
        /// What they add.
        comment: Option<Comment>,
    },
    /// The requester or the beneficiary takes it back.
    Withdraw {
        /// Who.
        by: Party,
    },
    /// An operator or an agent stops it.
    Revoke {
        /// Who, as the log is to name them.
        by: String,
    },
    /// The key link's mail is about to leave with this token in it.
    IssueLink {
        /// The token's hash; an earlier link ends.
        link: TokenHash,
    },
    /// All keys were fetched and are about to be shown.
    Redeem {
        /// The link that was opened.
        link: TokenHash,
        /// What would be shown.
        disclosure: Disclosure,
    },
    /// The time for the next stage of the panel has come, or somebody calls for the next approvers
    /// now.
    Escalate {
        /// The agent who calls; nobody where time has come.
        by: Option<Party>,
    },
    /// An agent wants the key link to be sent anew.
    SendAgain {
        /// Who.
        by: Party,
    },
    /// Somebody who may do that releases the keys without an approval.
    BreakGlass {
        /// Who.
        by: GlassBreaker,
        /// Why.
        reason: Reason,
    },
    /// The sweeper found the request overdue.
    RunOut,
}

/// What happened to a request: the row that its change leaves in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It was made.
    Opened {
        /// Who was asked to approve.
        asked: Vec<Party>,
        /// By which rule of the policy.
        rule: String,
        /// Who gets the key, where somebody asked for somebody else.
        for_whom: Option<Party>,
        /// The keys that were found in escrow and would be released.
        keys: Vec<KeyId>,
        /// The backends that did not answer when it was made: keys that lie only there are not
        /// among these.
        unanswered: Vec<BackendName>,
    },
    /// Somebody said yes, and more are needed.
    Supported {
        /// For whom they stood in, where they did.
        in_place_of: Option<Party>,
        /// How many have said yes so far.
        votes: usize,
        /// How many must.
        needed: usize,
        /// Whose yes from before counts no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lapsed: Vec<Party>,
    },
    /// Somebody said yes, and that was enough.
    Approved {
        /// For whom they stood in, where they did.
        in_place_of: Option<Party>,
        /// Whose yes from before counts no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lapsed: Vec<Party>,
    },
    /// Those who have not answered were reminded.
    Reminded,
    /// Others were asked as well.
    AskedMore {
        /// Who.
        asked: Vec<Party>,
        /// Whether they are the group of last resort.
        last_resort: bool,
    },
    /// The keys were released without an approval.
    GlassBroken {
        /// Why.
        reason: Reason,
        /// Who was asked or could have been, and was not waited for.
        skipped: Vec<Party>,
    },
    /// The key link is to be sent anew.
    LinkWanted,
    /// Somebody said no.
    Declined,
    /// It was taken back.
    Withdrawn,
    /// It was stopped.
    Revoked,
    /// A key link was made, to be mailed at once.
    LinkIssued {
        /// When it ends.
        expires_at: Timestamp,
    },
    /// The keys were released to the page that shows them.
    Redeemed(Disclosure),
    /// The key link was not opened in time.
    Expired,
    /// No decision came in time, or no link could be sent after one.
    Lapsed,
}

impl Step {
    /// The name of a step in logs and for programs elsewhere: `request.approved`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "request.opened",
            Self::Supported { .. } => "request.supported",
            Self::Approved { .. } => "request.approved",
            Self::Reminded => "request.reminded",
            Self::AskedMore { .. } => "request.asked_more",
            Self::GlassBroken { .. } => "request.glass_broken",
            Self::LinkWanted => "link.wanted",
            Self::Declined => "request.declined",
            Self::Withdrawn => "request.withdrawn",
            Self::Revoked => "request.revoked",
            Self::LinkIssued { .. } => "link.issued",
            Self::Redeemed(_) => "link.redeemed",
            Self::Expired => "link.expired",
            Self::Lapsed => "request.lapsed",
        }
    }
}

/// What a redemption shows, and what it could not know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Which keys.
    pub keys: Vec<KeyId>,
    /// The backend that each of them was read from, in the same order.
    pub read_from: Vec<BackendName>,
    /// The backends that did not answer: newer keys may lie there.
    pub unanswered: Vec<BackendName>,
}

/// Something to do after a change is durable: at least once, from the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a letter, at once.
    Send(Sending),
    /// Have the keys that were shown replaced.
    Rotate {
        /// Those of this request's device.
        request: RequestId,
        /// Not before this moment.
        not_before: Timestamp,
    },
}

/// A letter about a request, to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Which letter to send.
    pub letter: LetterKind,
    /// To whom.
    pub to: Party,
    /// About which request.
    pub request: RequestId,
}

/// What a command comes to: the next state, the row for the log, and what to do afterwards.
/// Committed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision that is not committed did not happen"]
pub struct Decision {
    /// Where the request stands next.
    pub next: State,
    /// What happened.
    pub step: Step,
    /// What to do afterwards.
    pub effects: Vec<Effect>,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request is over.
    #[error("the request is closed")]
    Closed,
    /// Its time has run out, though nobody has recorded that yet.
    #[error("the time for this has run out")]
    Overdue,
    /// Its time has not run out.
    #[error("the time for this has not run out")]
    NotDue,
    /// Somebody has decided already.
    #[error("the request is decided already")]
    AlreadyDecided,
    /// Nobody has decided yet.
    #[error("the request is not decided yet")]
    NotDecided,
    /// There is no key link yet.
    #[error("no key link has been sent yet")]
    NoLink,
    /// The link was replaced by a newer one.
    #[error("the key link was replaced by a newer one")]
    Superseded,
    /// This person has said yes already, or somebody in their place has.
    #[error("this person, or somebody in their place, has said yes already")]
    AlreadyVoted,
    /// There is nobody left to ask.
    #[error("there is nobody left to ask")]
    NobodyLeft,
    /// This person has no say in it.
    #[error("this person has no say in the request")]
    NotConcerned,
    /// Approvers say yes at the service desk, in the ticket that the request belongs to.
    #[error("approvals of this request are given in its ticket")]
    AtDesk,
    /// There is no key to release.
    #[error("there is no key to release")]
    NoKeys,
    /// The approval is too old to send a link on.
    #[error("the approval is too old to send a link on")]
    ApprovalTooOld,
}
