//! The audit log: what happened, to what, by whom, from where, when. Never a key or a token.
//!
//! The rows that a request's change leaves and the change itself are committed as one, so the log
//! and the state of a request can't disagree.

mod event;
mod reasons;

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::devices::Device;
use crate::lifecycle::{Request, RequestId};
use crate::people::Party;
use crate::proof::leaf::{LeafError, restore};
use crate::tokens::Reference;

pub use event::{Concerned, Event, MailName};
pub use reasons::{
    FetchFault, WhyErased, WhyNoPickUp, WhyNoRequest, WhyNoRotation, WhyNoSignIn, WhyNoToken,
};

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Who.
    pub actor: Actor,
    /// From which address, where a client was involved.
    pub source: Option<IpAddr>,
    /// About which request.
    pub request: Option<RequestName>,
    /// About which device.
    pub device: Option<Device>,
}

/// A row with its place in the log: 1, 2, 3, … without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its place.
    pub seq: i64,
    /// The row.
    pub entry: LogEntry,
}

impl LogRow {
    /// The row that these texts of the store make, with `at` as it is searched by; a text is none
    /// where something else stands there. Where they make no row, it is one that says so, so that
    /// whoever reads the log neither stops there nor passes over it.
    pub fn read(seq: i64, at: i64, leaf: Option<&str>, personal: Option<&str>) -> Self {
        let entry = match (leaf, personal) {
            (None, _) => Err(LeafError::Leaf),
            (_, None) => Err(LeafError::Fields),
            (Some(leaf), Some(personal)) => restore(leaf, personal),
        };
        let entry = entry.unwrap_or_else(|why| {
            let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
            LogEntry::of_nothing(Event::RowUnreadable { why }, Actor::Stranger, None, at)
        });
        Self { seq, entry }
    }

    /// Whether what is stored at this place cannot be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.entry.event, Event::RowUnreadable { .. })
    }
}

/// For exports: `seq`, the event's [`Event::name`] as `name`, and every field of the row.
impl Serialize for LogRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Export<'a> {
            seq: i64,
            name: &'static str,
            #[serde(flatten)]
            entry: &'a LogEntry,
        }
        let (seq, name) = (self.seq, self.entry.event.name());
        Export {
            seq,
            name,
            entry: &self.entry,
        }
        .serialize(serializer)
    }
}

/// Both names of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestName {
    /// The store's.
    pub id: RequestId,
    /// People's.
    pub reference: Reference,
}

/// Who did it, as far as was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody who is signed in.
    Person(Party),
    /// Whoever holds the link that was mailed to this person.
    Holder(Party),
    /// Somebody at the command line of the server.
    Operator {
        /// The account's name.
        name: String,
    },
    /// A program that showed a token, or a service desk, by the name that it goes by here.
    Program {
        /// The name.
        name: String,
    },
    /// Somebody, by the word of a program: of one that showed a token of theirs, or of a service desk.
    Through {
        /// Who.
        person: Party,
        /// Which program, by the name that it goes by here.
        program: String,
    },
    /// Clavis, because time passed or there was something left to do.
    Clavis,
    /// Nobody known.
    Stranger,
}

impl Actor {
    /// The actor in a few words, for a list.
    pub fn label(&self) -> String {
        match self {
            Self::Person(party) => format!("{} <{}>", party.name, party.mail),
            Self::Holder(party) => format!("link of {} <{}>", party.name, party.mail),
            Self::Operator { name } => format!("operator {name}"),
            Self::Program { name } => format!("program {name}"),
            Self::Through { person, program } => {
                format!("{} <{}> through {program}", person.name, person.mail)
            }
            Self::Clavis => "clavis".to_owned(),
            Self::Stranger => "-".to_owned(),
        }
    }
}

impl LogEntry {
    /// A row about a request.
    pub fn of_request(
        request: &Request,
        event: Event,
        actor: Actor,
        source: Option<IpAddr>,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            event,
            actor,
            source,
            request: Some(RequestName {
                id: request.id,
                reference: request.reference.clone(),
            }),
            device: Some(request.device.clone()),
        }
    }

    /// A row about no request.
    pub fn of_nothing(event: Event, actor: Actor, source: Option<IpAddr>, at: Timestamp) -> Self {
        Self {
            at,
            event,
            actor,
            source,
            request: None,
            device: None,
        }
    }
}
