//! Requests that belong to a ticket of a service desk.

use std::sync::Arc;

use super::Broker;
use crate::lifecycle::{Request, Step};
use crate::ports::{TicketSystem, Write};

/// A service desk, and what it decides.
#[derive(Clone)]
pub struct Desk {
    /// The desk.
    pub system: Arc<dyn TicketSystem>,
    /// Whether approvers say yes there; otherwise Clavis asks them, and the desk is told.
    pub approves: bool,
}

impl Broker {
    /// The job that tells a ticket of a step, where the request belongs to one.
    pub(super) fn tell_desk(&self, _request: &Request, _step: &Step) -> Option<Write> {
        None
    }
}
