//! Load, decide, commit; and again on a conflict.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{AdvanceError, Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::{Command, Effect, Refusal, Request, decide};
use crate::ports::{Change, CommitError, Job, JobId, StoredRequest, Write};
use crate::proof::leaf::seal;
use crate::tokens::new_id;

impl Broker {
    /// Carries a command through: its decision, its log row, its effects and `also` are committed
    /// as one. Gives the request as it stands then.
    pub(super) async fn advance(
        &self,
        mut stored: StoredRequest,
        command: &Command,
        actor: &Actor,
        source: Option<IpAddr>,
        also: &[Write],
    ) -> Result<Request, AdvanceError> {
        loop {
            let now = self.now();
            let decision = decide(&stored.request, command, now)?;
            let announced = self.announce(
                &Request {
                    state: decision.next.clone(),
                    ..stored.request.clone()
                },
                &decision.step,
            );
            let mut change: Change = vec![
                Write::Advance {
                    request: stored.request.id,
                    expected: stored.version,
                    next: Box::new(decision.next.clone()),
                },
                self.log(&LogEntry::of_request(
                    &stored.request,
                    Event::Request(decision.step),
                    actor.clone(),
                    source,
                    now,
                )),
            ];
            change.extend(self.enqueue(decision.effects));
            change.extend(announced);
            change.extend(also.iter().cloned());
            match self.commit(change).await {
                Ok(()) => {
                    return Ok(Request {
                        state: decision.next,
                        ..stored.request
                    });
                }
                Err(CommitError::Conflict) => stored = self.reload(&stored.request).await?,
                Err(error) => return Err(Unavailable::from(error).into()),
            }
        }
    }

    /// Commits a change, and wakes the outbox where it has something new to do.
    pub(super) async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let has_work = change
            .iter()
            .any(|write| matches!(write, Write::Enqueue { .. } | Write::Revive { .. }));
        self.parts.store.commit(change).await?;
        if has_work {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Commits a single row of the log. Where this fails, nothing may be released.
    pub(super) async fn record(&self, entry: LogEntry) -> Result<(), Unavailable> {
        Ok(self.commit(vec![self.log(&entry)]).await?)
    }

    /// A row for the log, to be committed.
    pub(super) fn log(&self, entry: &LogEntry) -> Write {
        Write::Log(Box::new(seal(entry, &*self.parts.random)))
    }

    pub(super) fn enqueue(&self, effects: Vec<Effect>) -> Vec<Write> {
        let now = self.now();
        effects
            .into_iter()
            .map(|effect| match effect {
                Effect::Send(sending) => self.enqueue_job(Job::Letter(sending), now),
                Effect::Rotate {
                    request,
                    not_before,
                } => self.enqueue_job(Job::Rotate { request }, not_before),
            })
            .collect()
    }

    pub(super) fn enqueue_job(&self, job: Job, at: Timestamp) -> Write {
        Write::Enqueue {
            id: JobId(new_id(self.now(), &*self.parts.random)),
            job: Box::new(job),
            at,
        }
    }

    async fn reload(&self, request: &Request) -> Result<StoredRequest, AdvanceError> {
        let stored = self
            .parts
            .store
            .request(request.id)
            .await
            .map_err(Unavailable::from)?;
        // Requests are never deleted; one that is gone is over.
        stored.ok_or(AdvanceError::Refused(Refusal::Closed))
    }
}
