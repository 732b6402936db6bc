//! A service desk, and the tickets in it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::check::Finding;
use crate::tickets::{DeskName, Posted, Posting, Ticket, TicketId};

/// A service desk.
#[async_trait]
pub trait TicketSystem: Send + Sync {
    /// The name that the configuration gives it.
    fn name(&self) -> &DeskName;

    /// Whether the header `authorization` of a message shows that it is the desk's; so that what is not can
    /// be turned away before its body has come.
    fn knows(&self, authorization: Option<&str>) -> bool;

    /// Which tickets a message of the desk's is about: a hint, of which nothing else is believed.
    /// `authorization` is the header of that name, `body` at most what the front door lets in.
    fn parse_event(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<TicketId>, EventError>;

    /// The tickets that ask for keys, open or closed, and have changed since a moment; perhaps more.
    /// Where that is too much for once, or the desk fails on the way, those that changed first. `page`
    /// is what was told with that moment, or 0.
    async fn changed_since(&self, since: Timestamp, page: u32) -> Result<Changes, TicketError>;

    /// A ticket as it is now, with its asset and users looked up by their IDs. `None` for one that is
    /// gone. `somebody_waits` for the answer: it may use what is set aside of the desk's allowance.
    async fn fetch(
        &self,
        ticket: &TicketId,
        somebody_waits: bool,
    ) -> Result<Option<Ticket>, TicketError>;

    /// Tells a ticket something, once: where it [may be there](Posting::may_be_there) already, that is
    /// looked for first. Whatever is left to do of it is done.
    async fn post(&self, ticket: &TicketId, posting: &Posting) -> Result<Posted, TicketError>;

    /// Tries the desk for real, and looks at what in its settings makes its approvals weak.
    async fn check(&self) -> Vec<Finding>;
}

/// What has changed at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// These tickets.
    pub tickets: Vec<TicketId>,
    /// Up to when all that has changed is among them, and no earlier than what was asked for; `None`
    /// for everything until now.
    pub all_up_to: Option<Timestamp>,
    /// The page to go on with of what has changed since then, where more changed at one moment than can
    /// be told at once, so that no moment says how far that was; else 0.
    pub page: u32,
}

/// A message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It does not come from the desk, as far as can be told.
    #[error("the credential is missing or wrong")]
    Stranger,
    /// It names no ticket.
    #[error("it names no ticket")]
    Nonsense,
}

/// A desk did not answer as it should. The text carries no secret.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// Not reached, not in time, or not for now: worth another try.
    #[error("the service desk cannot be reached at present: {0}")]
    Unavailable(String),
    /// Too much was asked of it; not before that time.
    #[error("the service desk takes no more calls for now")]
    Busy(SignedDuration),
    /// It refuses the account or the call: an operator has to mend it.
    #[error("the service desk refuses it: {0}")]
    Denied(String),
    /// It answered what makes no sense.
    #[error("the service desk answered what could not be understood: {0}")]
    Nonsense(String),
}
