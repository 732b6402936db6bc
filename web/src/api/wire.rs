//! What programs send and are sent, field by field. Nothing here has a place for a key or a link.

use clavis_broker::audit::{Actor, LogRow};
use clavis_broker::devices::BackendName;
use clavis_broker::keys::{KeyId, WantedKey};
use clavis_broker::lifecycle::{Approval, Outcome, Request, State};
use clavis_broker::news::state_name;
use clavis_broker::people::{MailAddress, Party, PersonQuery};
use clavis_broker::service::{Ask, Choice, Events, Once, ProgramAsk};
use clavis_broker::text::{Asset, Comment, Reason, TextError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::there;
use super::problem::Problem;

/// What a program asks for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    beneficiary: Named,
    #[serde(default, deserialize_with = "there")]
    requester: Option<Named>,
    device: String,
    #[serde(default, deserialize_with = "there")]
    key_id: Option<String>,
    reason: String,
}

/// A person, as the program knows them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Mail(String),
    Login(String),
}

/// What a program says of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decided {
    choice: Said,
    #[serde(default, deserialize_with = "there")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Approve,
    Decline,
}

/// Which events a program wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    after: i64,
    #[serde(default = "usual")]
    limit: u16,
}

/// The longest sign-in name that is looked up, in characters.
const LONGEST_LOGIN: usize = 256;
const MOST_EVENTS: u16 = 500;

fn usual() -> u16 {
    100
}

impl Asked {
    /// What is asked for, with the key by which it is asked again.
    pub(crate) fn read(self, key: &str) -> Result<ProgramAsk, Problem> {
        let asked = serde_json::to_vec(&self);
        let asked = asked.map_err(|error| Problem::invalid(error.to_string()))?;
        let key_id = self.key_id.map(|text| {
            let read = WantedKey::parse(&text);
            read.map_err(|error| Problem::invalid(format!("key_id: {error}")))
        });
        Ok(ProgramAsk {
            beneficiary: self.beneficiary.read("beneficiary")?,
            requester: self
                .requester
                .map(|named| named.read("requester"))
                .transpose()?,
            ask: Ask {
                asset: text("device", &self.device, Asset::MAX_CHARS, Asset::parse)?,
                chosen: None,
                wanted: key_id.transpose()?,
                reason: text("reason", &self.reason, Reason::MAX_CHARS, Reason::parse)?,
            },
            once: Once::new(key, &asked),
        })
    }
}

impl Named {
    fn read(self, field: &str) -> Result<PersonQuery, Problem> {
        match self {
            Self::Mail(mail) => {
                let mail = MailAddress::parse(&mail);
                let mail = mail.map_err(|error| Problem::invalid(format!("{field}: {error}")))?;
                Ok(PersonQuery::Mail(mail))
            }
            Self::Login(login) => {
                let is_sound = (1..=LONGEST_LOGIN).contains(&login.chars().count())
                    && !login.trim().is_empty()
                    && !login.chars().any(char::is_control);
                let wrong = || Problem::invalid(format!("{field}: not a sign-in name"));
                is_sound
                    .then_some(PersonQuery::Login(login))
                    .ok_or_else(wrong)
            }
        }
    }
}

impl Decided {
    pub(super) fn read(self) -> Result<(Choice, Option<Comment>), Problem> {
        let choice = match self.choice {
            Said::Approve => Choice::Approve,
            Said::Decline => Choice::Decline,
        };
        let comment = self
            .comment
            .map(|said| text("comment", &said, Comment::MAX_CHARS, Comment::parse));
        Ok((choice, comment.transpose()?))
    }
}

impl Wanted {
    pub(super) fn read(&self) -> Result<(i64, usize), Problem> {
        if !(1..=MOST_EVENTS).contains(&self.limit) {
            let wrong = format!("limit: write a number from 1 to {MOST_EVENTS}");
            return Err(Problem::invalid(wrong));
        }
        if self.after < 0 {
            return Err(Problem::invalid(
                "after: write the number of an event, or 0",
            ));
        }
        Ok((self.after, self.limit.into()))
    }
}

/// A text that is no longer than it may be, white space around it included.
fn text<T>(
    field: &str,
    text: &str,
    max: usize,
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<T, Problem> {
    let read = if text.chars().count() > max {
        Err(TextError::TooLong { max })
    } else {
        parse(text)
    };
    read.map_err(|error| Problem::invalid(format!("{field}: {error}")))
}

#[derive(Serialize)]
struct Who<'a> {
    name: &'a str,
    mail: &'a str,
}

#[derive(Serialize)]
struct What<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// What of a request never changes: the same each time that the same is asked.
#[derive(Serialize)]
pub(super) struct Answered<'a> {
    reference: &'a str,
    made_at: Timestamp,
    requester: Who<'a>,
    beneficiary: Who<'a>,
    device: What<'a>,
    key_ids: Vec<String>,
}

/// A request as it stands.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    reference: &'a str,
    status: &'static str,
    made_at: Timestamp,
    ends_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    requester: Who<'a>,
    beneficiary: Who<'a>,
    device: What<'a>,
    key_ids: Vec<String>,
    reason: &'a str,
    unanswered: Vec<&'a BackendName>,
    needed: usize,
    approvals: Vec<Yes<'a>>,
    declined_by: Option<&'a str>,
}

#[derive(Serialize)]
struct Yes<'a> {
    by: &'a str,
    at: Timestamp,
    glass_broken: bool,
}

#[derive(Serialize)]
pub(super) struct Listed<'a> {
    events: Vec<Happened<'a>>,
    next: i64,
    more: bool,
}

#[derive(Serialize)]
struct Happened<'a> {
    seq: i64,
    at: Timestamp,
    event: &'static str,
    request: &'a str,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
}

pub(super) fn made(request: &Request) -> Answered<'_> {
    Answered {
        reference: request.reference.as_str(),
        made_at: request.made_at,
        requester: who(&request.requester),
        beneficiary: who(&request.beneficiary),
        device: device(request),
        key_ids: ids(request.promised.iter().map(|record| &record.key_id)),
    }
}

pub(super) fn request(request: &Request, now: Timestamp) -> Shown<'_> {
    let closing = match &request.state {
        State::Closed(closing) => Some(closing),
        _ => None,
    };
    let key_ids = match closing.map(|closing| &closing.outcome) {
        Some(Outcome::Redeemed { keys, .. }) => ids(keys),
        _ => ids(request.promised.iter().map(|record| &record.key_id)),
    };
    let declined_by = closing.and_then(|closing| match &closing.outcome {
        Outcome::Declined { by, .. } => Some(by.name.as_str()),
        _ => None,
    });
    Shown {
        reference: request.reference.as_str(),
        status: status(request, now),
        made_at: request.made_at,
        ends_at: request.state.runs_out_at(),
        closed_at: closing.map(|closing| closing.at),
        requester: who(&request.requester),
        beneficiary: who(&request.beneficiary),
        device: device(request),
        key_ids,
        reason: request.reason.as_str(),
        unanswered: request.unanswered.iter().collect(),
        needed: request.panel.needed(),
        approvals: approvals(request),
        declined_by,
    }
}

pub(super) fn events(events: &Events) -> Listed<'_> {
    Listed {
        events: events.rows.iter().filter_map(happened).collect(),
        next: events.next,
        more: events.more,
    }
}

/// A row of the log without anybody's name, and without what anybody wrote.
fn happened(row: &LogRow) -> Option<Happened<'_>> {
    let (by, program) = match &row.entry.actor {
        Actor::Person(_) => ("person", None),
        Actor::Holder(_) => ("holder", None),
        Actor::Operator { .. } => ("operator", None),
        Actor::Program { name } => ("program", Some(name.as_str())),
        Actor::Through { program, .. } => ("through", Some(program.as_str())),
        Actor::Clavis => ("clavis", None),
        Actor::Stranger => ("stranger", None),
    };
    Some(Happened {
        seq: row.seq,
        at: row.entry.at,
        event: row.entry.event.name(),
        request: row.entry.request.as_ref()?.reference.as_str(),
        by,
        program,
    })
}

/// Where it stands. What has run out is over, recorded or not.
fn status(request: &Request, now: Timestamp) -> &'static str {
    let is_overdue = request.is_overdue(now);
    match &request.state {
        State::Pending { .. } | State::Approved { .. } if is_overdue => "lapsed",
        State::LinkSent { .. } if is_overdue => "expired",
        state => state_name(state),
    }
}

fn approvals(request: &Request) -> Vec<Yes<'_>> {
    if let Some(Approval::BrokenGlass { who, at, .. }) = request.state.approval() {
        return vec![Yes {
            by: &who.name,
            at: *at,
            glass_broken: true,
        }];
    }
    let yes = request.votes().iter().map(|vote| Yes {
        by: &vote.by.name,
        at: vote.at,
        glass_broken: false,
    });
    yes.collect()
}

fn who(party: &Party) -> Who<'_> {
    Who {
        name: &party.name,
        mail: party.mail.as_str(),
    }
}

fn device(request: &Request) -> What<'_> {
    What {
        name: &request.device.name,
        detail: request.device.detail.as_deref(),
    }
}

fn ids<'k>(keys: impl IntoIterator<Item = &'k KeyId>) -> Vec<String> {
    keys.into_iter().map(ToString::to_string).collect()
}
