//! The service desk: what is under way, what is stuck and why, and what an agent can do about it.

use std::net::IpAddr;

use super::{AdvanceError, Broker, Unavailable};
use crate::alarms::Alarm;
use crate::audit::{Actor, LogRow};
use crate::lifecycle::{Command, Request, RequestId};
use crate::ports::{FailingJob, Job, StoredRequest};
use crate::roles::{Agent, GlassBreaker};
use crate::text::Reason;
use crate::tokens::Reference;

/// How many requests the queue shows, and how many jobs that have failed are looked through.
const LISTED: usize = 200;
/// How many failing jobs are looked through for theirs, newest first.
const FAILING: usize = 2000;

/// A request that is under way, and what holds it up.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The request.
    pub request: Request,
    /// What was tried for it and has failed so far, or for good.
    pub failing: Vec<FailingJob>,
}

/// A request as an agent sees it.
#[derive(Debug, Clone)]
pub struct DeskView {
    /// The request, and what holds it up.
    pub queued: Queued,
    /// Its rows of the log.
    pub history: Vec<LogRow>,
}

impl Broker {
    /// The most requests that the queue shows.
    pub const MOST_QUEUED: usize = LISTED;

    /// The requests that are under way, the oldest first.
    pub async fn queue(&self, _: &Agent) -> Result<Vec<Queued>, Unavailable> {
        let open = self.parts.store.open_requests(LISTED).await?;
        let failing = self.parts.store.failing(FAILING).await?;
        let queued = open.into_iter().map(|stored| Queued {
            failing: of_request(&failing, stored.request.id),
            request: stored.request,
        });
        Ok(queued.collect())
    }

    /// One request, open or closed; `None` where there is none of that reference.
    pub async fn desk_view(
        &self,
        _: &Agent,
        reference: &Reference,
    ) -> Result<Option<DeskView>, Unavailable> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let history = self.history(stored.request.id).await?;
        let failing = self.parts.store.failing(FAILING).await?;
        Ok(Some(DeskView {
            queued: Queued {
                failing: of_request(&failing, stored.request.id),
                request: stored.request,
            },
            history,
        }))
    }

    /// Asks the next approvers of the panel now. `None` where there is no such request.
    pub async fn call_next(
        &self,
        agent: &Agent,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let by = Some(agent.party().clone());
        self.desk(
            agent,
            reference,
            &Command::Escalate { by },
            "escalate",
            source,
        )
        .await
    }

    /// Sends the key link anew; the one before ends. `None` where there is no such request.
    pub async fn send_again(
        &self,
        agent: &Agent,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let by = agent.party().clone();
        self.desk(
            agent,
            reference,
            &Command::SendAgain { by },
            "send_again",
            source,
        )
        .await
    }

    /// Stops a request. `None` where there is none.
    pub async fn stop(
        &self,
        agent: &Agent,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let by = agent.party().name.clone();
        self.desk(agent, reference, &Command::Revoke { by }, "revoke", source)
            .await
    }

    /// Releases the keys of a request without an approval, and tells everybody who was not waited
    /// for. `None` where there is no such request.
    pub async fn break_glass(
        &self,
        by: &GlassBreaker,
        reference: &Reference,
        reason: Reason,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let actor = Actor::Person(by.party().clone());
        let request = &stored.request;
        let by_another = request.requester.id != request.beneficiary.id;
        let alarm = Alarm::GlassBroken {
            reference: reference.clone(),
            by: by.party().clone(),
            device: request.device.name.clone(),
            beneficiary: request.beneficiary.clone(),
            requester: by_another.then(|| request.requester.clone()),
        };
        let command = Command::BreakGlass {
            by: by.clone(),
            reason,
        };
        let also = self.alarm(&alarm);
        self.advance_or_record(stored, &command, "break_glass", &actor, source, &also)
            .await
            .map(Some)
    }

    async fn desk(
        &self,
        agent: &Agent,
        reference: &Reference,
        command: &Command,
        name: &str,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let actor = Actor::Person(agent.party().clone());
        self.advance_or_record(stored, command, name, &actor, source, &[])
            .await
            .map(Some)
    }

    pub(super) async fn stored(
        &self,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, Unavailable> {
        Ok(self.parts.store.request_by_reference(reference).await?)
    }
}

fn of_request(failing: &[FailingJob], request: RequestId) -> Vec<FailingJob> {
    let is_of = |failing: &&FailingJob| match &failing.job {
        Job::Letter(sending) => sending.request == request,
        Job::Rotate { request: of } => *of == request,
        Job::TellTicket { news, .. } => news.request() == Some(request),
        Job::SignInCode { .. }
        | Job::StandIn { .. }
        | Job::Alarm { .. }
        | Job::Hook { .. }
        | Job::LookAtTicket { .. }
        | Job::Message { .. }
        | Job::Notice { .. }
        | Job::Checkpoint { .. } => false,
    };
    failing.iter().filter(is_of).cloned().collect()
}
