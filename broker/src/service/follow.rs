//! What people see of their requests, and taking one back.

use std::net::IpAddr;

use super::{AdvanceError, Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::devices::Device;
use crate::lifecycle::{Command, Refusal, Request};
use crate::people::{Party, PersonId};
use crate::ports::{StoredRequest, Write};
use crate::tokens::Reference;

/// How many requests a person's page lists.
const LISTED: usize = 50;

impl Broker {
    /// The devices that the directory says are the person's.
    pub async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, Unavailable> {
        in_time("the directory", self.parts.directory.devices_of(person)).await
    }

    /// The person's latest requests, newest first.
    pub async fn requests_of(&self, person: &PersonId) -> Result<Vec<Request>, Unavailable> {
        let stored = self.parts.store.requests_of(person, LISTED).await?;
        Ok(stored.into_iter().map(|stored| stored.request).collect())
    }

    /// A request and its history, for somebody whom it concerns; `None` for anybody else, as for
    /// a request that does not exist.
    pub async fn request_of(
        &self,
        person: &Party,
        reference: &Reference,
    ) -> Result<Option<(Request, Vec<LogRow>)>, Unavailable> {
        let Some(stored) = self.stored_of(person, reference).await? else {
            return Ok(None);
        };
        let history = self.history(stored.request.id).await?;
        Ok(Some((stored.request, history)))
    }

    /// Takes a request back. `None` for somebody whom it does not concern.
    pub async fn withdraw(
        &self,
        person: &Party,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let Some(stored) = self.stored_of(person, reference).await? else {
            return Ok(None);
        };
        let actor = Actor::Person(person.clone());
        self.advance_or_record(
            stored,
            &Command::Withdraw { by: person.clone() },
            "withdraw",
            &actor,
            source,
            &[],
        )
        .await
        .map(Some)
    }

    /// Stops a request, at the word of an operator of the server. `None` where there is none.
    pub async fn revoke(
        &self,
        reference: &Reference,
        operator: &str,
    ) -> Result<Option<Request>, AdvanceError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let actor = Actor::Operator {
            name: operator.to_owned(),
        };
        self.advance_or_record(
            stored,
            &Command::Revoke {
                by: operator.to_owned(),
            },
            "revoke",
            &actor,
            None,
            &[],
        )
        .await
        .map(Some)
    }

    /// Carries a command through, with `also`, and leaves a row in the log where it is refused.
    pub(super) async fn advance_or_record(
        &self,
        stored: StoredRequest,
        command: &Command,
        name: &str,
        actor: &Actor,
        source: Option<IpAddr>,
        also: &[Write],
    ) -> Result<Request, AdvanceError> {
        let request = stored.request.clone();
        let advanced = self.advance(stored, command, actor, source, also).await;
        if let Err(AdvanceError::Refused(why)) = &advanced {
            self.record_refusal(&request, name, *why, actor, source)
                .await?;
        }
        advanced
    }

    pub(super) async fn record_refusal(
        &self,
        request: &Request,
        command: &str,
        why: Refusal,
        actor: &Actor,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let event = Event::CommandRefused {
            command: command.to_owned(),
            why,
        };
        self.record(LogEntry::of_request(
            request,
            event,
            actor.clone(),
            source,
            self.now(),
        ))
        .await
    }

    pub(super) async fn stored_of(
        &self,
        person: &Party,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, Unavailable> {
        let stored = self.stored(reference).await?;
        Ok(stored.filter(|stored| stored.request.concerns(person)))
    }
}
