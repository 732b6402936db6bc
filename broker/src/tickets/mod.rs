//! Tickets: the records in a service desk that requests belong to, in the domain's own words.

pub mod judge;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::WhyNoRequest;
use crate::lifecycle::RequestId;
use crate::people::PersonQuery;
use crate::text::Asset;

/// The name that the configuration gives a service desk; unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeskName(pub String);

impl fmt::Display for DeskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A desk's own unchanging ID of a ticket: letters, digits and `-_.`, at most 64 characters, so that it
/// can stand in an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId(String);

/// The text is no ID of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the ID of a ticket")]
pub struct NotATicketId;

impl TicketId {
    /// The longest ID that is taken, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes an ID as the desk writes it.
    pub fn parse(text: &str) -> Result<Self, NotATicketId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let sound = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(plain)
            && !text.bytes().all(|byte| byte == b'.');
        sound.then(|| Self(text.to_owned())).ok_or(NotATicketId)
    }

    /// The ID as the desk writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TicketId {
    type Error = NotATicketId;

    fn try_from(text: String) -> Result<Self, NotATicketId> {
        Self::parse(&text)
    }
}

impl From<TicketId> for String {
    fn from(id: TicketId) -> Self {
        id.0
    }
}

/// A ticket, by the desk that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TicketName {
    /// At which desk.
    pub desk: DeskName,
    /// Which one there.
    pub id: TicketId,
}

impl fmt::Display for TicketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.desk, self.id)
    }
}

/// What a ticket said when its request was made. A ticket that says something else since then is not
/// the one that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which ticket.
    pub ticket: TicketName,
    /// The desk's ID of the user that it is for.
    pub user: String,
    /// The desk's ID of its one asset.
    pub asset: String,
    /// The name of the desk's agent who raised it, where the directory does not know them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_by: Option<String>,
    /// Whether approvers say yes at the desk. They are asked there, and not by Clavis.
    pub decided_there: bool,
    /// When it was read.
    pub read_at: Timestamp,
}

/// A ticket as its desk has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Which one.
    pub id: TicketId,
    /// Whether it asks for a key, still.
    pub standing: Standing,
    /// Whom it is for, where it names somebody.
    pub user: Option<DeskUser>,
    /// The desk's agent who raised it for them, where it was not they themselves.
    pub raised_by: Result<Option<DeskUser>, AgentUnknown>,
    /// What it is about.
    pub asset: Result<DeskAsset, AssetFault>,
    /// Why, in the words of whoever raised it; may be empty.
    pub reason: String,
    /// What approvers have said in the desk, every row of it, also of rounds that are over.
    pub approvals: Vec<DeskApproval>,
}

/// Whether a ticket asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is open, of the type that asks for keys.
    Open,
    /// It is of that type, and over.
    Closed,
    /// It is of another type.
    Other,
}

/// Somebody, as a desk knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskUser {
    /// The desk's ID of them.
    pub id: String,
    /// Their name there.
    pub name: String,
    /// What the directory may know them by, the surest first. Whatever it knows has to lead to one
    /// person.
    pub known_as: Vec<PersonQuery>,
}

/// A device, as a desk knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskAsset {
    /// The desk's ID of it.
    pub id: String,
    /// Its name there, for people.
    pub name: String,
    /// What escrow backends may know it by, the surest first. Never a name alone.
    pub known_as: Vec<Asset>,
}

/// A ticket has no one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AssetFault {
    /// It names none.
    #[error("it names no asset")]
    None,
    /// It names more than one.
    #[error("it names more than one asset")]
    Several,
    /// The asset is gone, or has nothing by which a device can be told for sure.
    #[error("its asset has no ID that a device can be told by")]
    Unknown,
}

/// An agent raised a ticket, and the desk does not tell who that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the desk does not tell who raised it")]
pub struct AgentUnknown;

/// One row of a desk's approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskApproval {
    /// The desk's account whose row it is, where it names one. Where nobody can tell whose it is, that
    /// is known as nothing.
    pub approver: Option<DeskUser>,
    /// What was said; nothing so far.
    pub verdict: Option<Verdict>,
    /// When.
    pub at: Option<Timestamp>,
    /// How.
    pub given: Given,
    /// Whether it belongs to a round of approvals that is over.
    pub is_history: bool,
}

/// What an approver said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// How a verdict came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The approver gave it.
    InPerson,
    /// Somebody set it in their place.
    Overridden,
    /// Somebody whom they handed it on to gave it.
    Delegated,
    /// A rule of the desk's set it.
    Automatically,
}

/// What is told to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// A mark of ours that stands in the note, the same each time that this is tried: letters, digits
    /// and `-`.
    pub marker: String,
    /// An internal note, for the desk's own people: plain text in lines. No key, no link.
    pub note: String,
    /// What the ticket comes to with it; nothing where it stays as it is.
    pub ending: Option<Ending>,
    /// Whether it may be there already, of an earlier try.
    pub may_be_there: bool,
}

/// What a ticket comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The keys were shown.
    Done,
    /// An approver said no.
    Declined,
    /// It came to nothing.
    Ended,
}

/// What a ticket is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum TicketNews {
    /// A request was made of it.
    Opened {
        /// Which.
        request: RequestId,
    },
    /// The request was approved.
    Approved {
        /// Which.
        request: RequestId,
    },
    /// The request is over.
    Ended {
        /// Which.
        request: RequestId,
    },
    /// No request could be made of it.
    Refused {
        /// Why not.
        why: WhyNoRequest,
    },
}

impl TicketNews {
    /// The request that it is about.
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Opened { request } | Self::Approved { request } | Self::Ended { request } => {
                Some(*request)
            }
            Self::Refused { .. } => None,
        }
    }
}

/// What became of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// All of it is there.
    Whole,
    /// The note is there. The desk did not let the ticket be ended, or no status is set for it.
    NoteAlone,
    /// Nothing is there: the ticket is gone.
    Nowhere,
}
