//! What was not done: what operators see of the outbox, and trying again what was given up.

use std::net::IpAddr;

use super::{Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry, MailName};
use crate::lifecycle::Request;
use crate::people::MailAddress;
use crate::ports::{CheckpointTo, CommitError, DeadJob, FailingJob, Job, JobId, Write};
use crate::roles::Operator;

/// How many of each are listed.
const LISTED: usize = 500;

/// What could not be done so far, and what was given up.
#[derive(Debug, Clone)]
pub struct Undone {
    /// What was given up, oldest first.
    pub dead: Vec<DeadJob>,
    /// What has failed and is tried again, oldest first.
    pub failing: Vec<FailingJob>,
}

impl Broker {
    /// What an operator has to look at.
    pub async fn undone(&self, _: &Operator) -> Result<Undone, Unavailable> {
        let store = &self.parts.store;
        let dead = store.dead(LISTED).await?;
        let mut failing = store.failing(LISTED).await?;
        failing.retain(|job| job.next_try.is_some());
        Ok(Undone { dead, failing })
    }

    /// Puts a job that was given up back, due at once. False where no such job was.
    pub async fn retry(
        &self,
        operator: &Operator,
        job: JobId,
        source: Option<IpAddr>,
    ) -> Result<bool, Unavailable> {
        let actor = Actor::Person(operator.party().clone());
        self.put_back(job, actor, source).await
    }

    /// The same, at the word of an operator of the server.
    pub async fn revive(&self, job: JobId, operator: &str) -> Result<bool, Unavailable> {
        let name = operator.to_owned();
        self.put_back(job, Actor::Operator { name }, None).await
    }

    async fn put_back(
        &self,
        job: JobId,
        actor: Actor,
        source: Option<IpAddr>,
    ) -> Result<bool, Unavailable> {
        let dead = self.parts.store.dead(LISTED).await?.into_iter();
        let known = dead.map(|dead| (dead.id, dead.job)).find(|it| it.0 == job);
        let (mail, to, request) = match &known {
            Some((_, job)) => self.described(job).await?,
            None => (None, None, None),
        };
        let event = Event::OutboxRetried { job, mail, to };
        let at = self.now();
        let entry = match &request {
            Some(request) => LogEntry::of_request(request, event, actor, source, at),
            None => LogEntry::of_nothing(event, actor, source, at),
        };
        let change = vec![Write::Revive { job, at }, self.log(&entry)];
        match self.commit(change).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Which mail a job sends, to whom, and about which request.
    async fn described(&self, job: &Job) -> Result<Described, Unavailable> {
        let (mail, to, request) = match job {
            Job::Letter(sending) => (
                Some(MailName::Letter(sending.letter)),
                Some(&sending.to.mail),
                Some(sending.request),
            ),
            Job::Rotate { request } | Job::Notice { request, .. } => (None, None, Some(*request)),
            Job::SignInCode { mail, .. } => (Some(MailName::SignInCode), Some(mail), None),
            Job::StandIn { to, .. } => (Some(MailName::StandIn), Some(&to.mail), None),
            Job::Alarm { to, .. } => (Some(MailName::Alarm), Some(to), None),
            Job::Hook { .. } => (None, None, None),
            Job::Message { news, .. } => (None, None, Some(news.request)),
            Job::Checkpoint { to, .. } => match to {
                CheckpointTo::Mail(to) => (Some(MailName::Checkpoint), Some(to), None),
                CheckpointTo::Sink(_) => (None, None, None),
            },
        };
        let stored = match request {
            Some(id) => self.parts.store.request(id).await?,
            None => None,
        };
        Ok((mail, to.cloned(), stored.map(|stored| stored.request)))
    }
}

type Described = (Option<MailName>, Option<MailAddress>, Option<Request>);
