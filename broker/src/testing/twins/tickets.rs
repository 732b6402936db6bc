//! A service desk in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{INTERNALS, locked};
use crate::ports::{Changes, Clock, EventError, Finding, TicketError, TicketSystem};
use crate::tickets::{DeskName, Ending, Posted, Posting, Standing, Ticket, TicketId};

/// What stands in front of its messages.
const CREDENTIAL: &str = "Basic the-desk-in-memory";

/// A service desk in memory. Tickets are put there, changed and taken away at any time.
pub struct MemoryDesk {
    name: DeskName,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tickets: BTreeMap<TicketId, Kept>,
    fetched: Vec<(TicketId, bool)>,
    fails: Option<fn() -> TicketError>,
    answers_to_lose: usize,
    refuses_endings: bool,
    told_at_once: Option<usize>,
}

struct Kept {
    ticket: Ticket,
    changed_at: Timestamp,
    posted: Vec<Posting>,
    ending: Option<Ending>,
}

impl MemoryDesk {
    /// A desk of this name, whose tickets change at this clock's time.
    pub fn new(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            name: DeskName(name.to_owned()),
            clock,
            inner: Mutex::default(),
        }
    }

    /// Puts a ticket there, or another one in its place.
    pub fn put(&self, ticket: Ticket) {
        let kept = Kept {
            changed_at: self.clock.now(),
            posted: Vec::new(),
            ending: None,
            ticket,
        };
        let id = kept.ticket.id.clone();
        locked(&self.inner).tickets.insert(id, kept);
    }

    /// Changes a ticket, as somebody at the desk does.
    pub fn change(&self, id: &TicketId, change: impl FnOnce(&mut Ticket)) {
        let mut inner = locked(&self.inner);
        let kept = inner.tickets.get_mut(id).expect("a ticket of the twin");
        change(&mut kept.ticket);
        kept.changed_at = self.clock.now();
    }

    /// Takes a ticket away.
    pub fn delete(&self, id: &TicketId) {
        locked(&self.inner).tickets.remove(id);
    }

    /// A message of the desk's about these tickets: the header `authorization`, and the body.
    pub fn message(&self, tickets: &[&TicketId]) -> (String, Vec<u8>) {
        let ids: Vec<_> = tickets.iter().map(|id| id.as_str()).collect();
        let body = serde_json::to_vec(&ids).expect("texts");
        (CREDENTIAL.to_owned(), body)
    }

    /// Fails at everything from now with what this makes, or works again.
    pub fn break_down(&self, fails: Option<fn() -> TicketError>) {
        locked(&self.inner).fails = fails;
    }

    /// So many of the next postings are taken, and their answers are lost.
    pub fn lose_answers(&self, count: usize) {
        locked(&self.inner).answers_to_lose = count;
    }

    /// Takes notes alone from now, or lets tickets be ended again.
    pub fn refuse_endings(&self, refuses: bool) {
        locked(&self.inner).refuses_endings = refuses;
    }

    /// Tells of so many tickets at once, of those that have changed.
    pub fn tell_at_once(&self, most: usize) {
        locked(&self.inner).told_at_once = Some(most);
    }

    /// What stands at a ticket of ours, each as often as it was written.
    pub fn posted(&self, id: &TicketId) -> Vec<Posting> {
        let inner = locked(&self.inner);
        let kept = inner.tickets.get(id);
        kept.map(|kept| kept.posted.clone()).unwrap_or_default()
    }

    /// What we brought a ticket to.
    pub fn ending(&self, id: &TicketId) -> Option<Ending> {
        locked(&self.inner).tickets.get(id)?.ending
    }

    /// Which tickets were read, in this order, and whether somebody waited.
    pub fn fetched(&self) -> Vec<(TicketId, bool)> {
        locked(&self.inner).fetched.clone()
    }

    async fn answering(&self) -> Result<(), TicketError> {
        tokio::task::yield_now().await;
        match locked(&self.inner).fails {
            Some(fails) => Err(fails()),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl TicketSystem for MemoryDesk {
    fn name(&self) -> &DeskName {
        &self.name
    }

    fn knows(&self, authorization: Option<&str>) -> bool {
        authorization == Some(CREDENTIAL)
    }

    fn parse_event(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<TicketId>, EventError> {
        if !self.knows(authorization) {
            return Err(EventError::Stranger);
        }
        match serde_json::from_slice::<Vec<TicketId>>(body) {
            Ok(ids) if !ids.is_empty() => Ok(ids),
            _ => Err(EventError::Nonsense),
        }
    }

    async fn changed_since(&self, since: Timestamp, page: u32) -> Result<Changes, TicketError> {
        self.answering().await?;
        let inner = locked(&self.inner);
        let changed = inner.tickets.iter().filter(|(_, kept)| {
            kept.changed_at >= since && kept.ticket.standing != Standing::Other
        });
        let mut changed: Vec<_> = changed.map(|(id, kept)| (kept.changed_at, id)).collect();
        let most = inner.told_at_once.unwrap_or(usize::MAX);
        // By their IDs nothing moves to another page that changes once more.
        let by_id = usize::try_from(page).expect("a size").checked_sub(1);
        if let Some(told) = by_id {
            changed.sort_by_key(|(_, id)| *id);
            changed.drain(..most.saturating_mul(told).min(changed.len()));
        } else {
            changed.sort();
        }
        let is_cut = changed.len() > most;
        changed.truncate(most);
        let last = changed.last().map_or(since, |(at, _)| *at);
        let (all_up_to, page) = match (is_cut, by_id) {
            (true, None) if last > since => (Some(last), 0),
            (true, _) => (Some(since), page + 1),
            (false, None) => (None, 0),
            (false, Some(_)) => (Some(since + SignedDuration::from_millis(1)), 0),
        };
        Ok(Changes {
            tickets: changed.iter().map(|(_, id)| (*id).clone()).collect(),
            all_up_to,
            page,
        })
    }

    async fn fetch(
        &self,
        ticket: &TicketId,
        somebody_waits: bool,
    ) -> Result<Option<Ticket>, TicketError> {
        let id = ticket.clone();
        locked(&self.inner).fetched.push((id, somebody_waits));
        self.answering().await?;
        let inner = locked(&self.inner);
        Ok(inner.tickets.get(ticket).map(|kept| kept.ticket.clone()))
    }

    async fn post(&self, ticket: &TicketId, posting: &Posting) -> Result<Posted, TicketError> {
        self.answering().await?;
        let now = self.clock.now();
        let mut inner = locked(&self.inner);
        let refuses = inner.refuses_endings;
        let Some(kept) = inner.tickets.get_mut(ticket) else {
            return Ok(Posted::Nowhere);
        };
        let is_there = |it: &Posting| it.marker == posting.marker;
        if !(posting.may_be_there && kept.posted.iter().any(is_there)) {
            kept.posted.push(posting.clone());
            kept.changed_at = now;
        }
        let posted = match posting.ending {
            Some(_) if refuses => Posted::NoteAlone,
            Some(ending) => {
                kept.ending = Some(ending);
                kept.ticket.standing = Standing::Closed;
                Posted::Whole
            }
            None => Posted::Whole,
        };
        if inner.answers_to_lose > 0 {
            inner.answers_to_lose -= 1;
            return Err(TicketError::Unavailable(INTERNALS.into()));
        }
        Ok(posted)
    }

    async fn check(&self) -> Vec<Finding> {
        match self.answering().await {
            Ok(()) => vec![Finding::ok("The service desk is in memory")],
            Err(_) => vec![Finding::failure("The service desk is broken", "Mend it")],
        }
    }
}
