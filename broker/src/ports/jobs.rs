//! What the outbox keeps: jobs, and who has a hold on one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ledger::KeptCheckpoint;
use crate::alarms::Alarm;
use crate::lifecycle::{RequestId, Sending};
use crate::news::News;
use crate::people::{MailAddress, Party};
use crate::policy::StandIn;
use crate::tickets::{TicketName, TicketNews};
use crate::tokens::TokenHash;

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
