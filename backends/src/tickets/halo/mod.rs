//! HaloPSA (and Halo for ITSM, whose API is the same).
//!
//! What a webhook says is a hint, and what an answer says is read leniently: fields may be missing,
//! and numbers may be texts. What cannot be told for sure is taken for the less of it.

mod api;
mod budget;
mod changes;
mod check;
mod event;
#[cfg(test)]
mod fuzz;
mod list;
mod note;
mod people;
mod post;
mod ticket;
mod token;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::ports::{Changes, Clock, EventError, Finding, TicketError, TicketSystem};
use clavis_broker::tickets::{DeskName, Posted, Posting, Ticket, TicketId};
use clavis_config::settings::Halo;
use jiff::Timestamp;

use api::Api;
use budget::Haste;

/// A service desk at Halo.
pub struct HaloDesk {
    name: DeskName,
    /// Whether what approvers say there counts.
    approves: bool,
    settings: Halo,
    api: Api,
}

impl HaloDesk {
    /// Touches nothing. `approves` says whether what approvers say at the desk counts, so that the
    /// check weighs the desk's settings by it.
    pub fn new(name: DeskName, approves: bool, settings: Halo, clock: Arc<dyn Clock>) -> Self {
        Self {
            name,
            approves,
            api: Api::new(settings.clone(), clock),
            settings,
        }
    }
}

#[async_trait]
impl TicketSystem for HaloDesk {
    fn name(&self) -> &DeskName {
        &self.name
    }

    fn knows(&self, authorization: Option<&str>) -> bool {
        let webhook = self.settings.webhook.as_ref();
        webhook.is_some_and(|webhook| event::is_from(webhook, authorization))
    }

    fn parse_event(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<TicketId>, EventError> {
        if !self.knows(authorization) {
            return Err(EventError::Stranger);
        }
        event::tickets(body).ok_or(EventError::Nonsense)
    }

    async fn changed_since(&self, since: Timestamp, page: u32) -> Result<Changes, TicketError> {
        self.changes(since, page).await
    }

    async fn fetch(
        &self,
        ticket: &TicketId,
        somebody_waits: bool,
    ) -> Result<Option<Ticket>, TicketError> {
        let haste = if somebody_waits {
            Haste::SomebodyWaits
        } else {
            Haste::None
        };
        self.api.in_time(self.read(ticket, haste)).await
    }

    async fn post(&self, ticket: &TicketId, posting: &Posting) -> Result<Posted, TicketError> {
        self.api.in_time(self.tell(ticket, posting)).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.look_over().await
    }
}
