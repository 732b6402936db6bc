//! Telling a ticket something, once.

use clavis_broker::ports::TicketError;
use clavis_broker::tickets::{Posted, Posting, TicketId};
use serde_json::Value;

use super::HaloDesk;
use super::api::{Answer, Call};
use super::budget::Haste;
use super::list::{good, rows};
use super::note::{self, PRIVATE_NOTE};
use super::ticket;
use super::values::id;

/// How many notes of a ticket are looked through for ours at once.
const PAGE: usize = 100;

/// The most pages of them.
const MOST_PAGES: usize = 10;

impl HaloDesk {
    /// Writes the note, with the status that belongs to the ending. Where the outcome is refused, or
    /// the status, a private note is there all the same.
    pub(super) async fn tell(
        &self,
        ticket: &TicketId,
        posting: &Posting,
    ) -> Result<Posted, TicketError> {
        if posting.may_be_there && self.is_told(ticket, &posting.marker).await? {
            return self.what_stands(ticket, posting).await;
        }
        let status = posting.ending.and_then(|it| self.settings.statuses.of(it));
        let outcome = self.settings.outcome;
        match self.write(ticket, posting, outcome, status).await? {
            Answer::Good(action) => {
                return match posted(&action, posting, status) {
                    Some(posted) => Ok(posted),
                    None => self.what_stands(ticket, posting).await,
                };
            }
            Answer::Missing => return Ok(Posted::Nowhere),
            Answer::Unsigned(_) | Answer::Refused { .. } => {}
        }
        if self.ticket(ticket, Haste::None).await?.is_none() {
            return Ok(Posted::Nowhere);
        }
        if outcome == PRIVATE_NOTE && status.is_none() {
            return Err(refused());
        }
        match self.write(ticket, posting, PRIVATE_NOTE, None).await? {
            Answer::Good(_) if posting.ending.is_none() => Ok(Posted::Whole),
            Answer::Good(_) => Ok(Posted::NoteAlone),
            Answer::Missing => Ok(Posted::Nowhere),
            Answer::Unsigned(_) | Answer::Refused { .. } => Err(refused()),
        }
    }

    async fn write(
        &self,
        ticket: &TicketId,
        posting: &Posting,
        outcome: u32,
        status: Option<u32>,
    ) -> Result<Answer, TicketError> {
        let order = note::order(ticket.as_str(), posting, outcome, status);
        self.api
            .ask(&Call::post(&["Actions"], &order), Haste::None)
            .await
    }

    /// Whether a note with the mark stands at the ticket. Where there are too many to look through,
    /// nobody knows.
    async fn is_told(&self, ticket: &TicketId, marker: &str) -> Result<bool, TicketError> {
        let size = PAGE.to_string();
        let mut seen = 0;
        for page in 1..=MOST_PAGES {
            let number = page.to_string();
            let query = [
                ("ticket_id", ticket.as_str()),
                ("excludesys", "true"),
                ("includehtmlnote", "true"),
                ("pageinate", "true"),
                ("page_size", &size),
                ("page_no", &number),
            ];
            let call = Call::get(&["Actions"], &query);
            let answer = good(self.api.ask(&call, Haste::None).await?, "read:tickets")?;
            let Some(answer) = answer else {
                return Ok(false);
            };
            let (rows, total) = rows(&answer)
                .ok_or_else(|| TicketError::Nonsense("it is not a list of notes".to_owned()))?;
            if rows.iter().any(|action| note::has_mark(action, marker)) {
                return Ok(true);
            }
            seen += rows.len();
            if rows.is_empty() || total.map_or(rows.len() < PAGE, |total| seen >= total) {
                return Ok(false);
            }
        }
        Err(TicketError::Unavailable(
            "the ticket has more notes than are looked through for ours".to_owned(),
        ))
    }

    /// What an earlier try came to, whose note is there: the status went with it, or could not.
    async fn what_stands(
        &self,
        ticket: &TicketId,
        posting: &Posting,
    ) -> Result<Posted, TicketError> {
        let Some(ending) = posting.ending else {
            return Ok(Posted::Whole);
        };
        let Some(found) = self.ticket(ticket, Haste::None).await? else {
            return Ok(Posted::Nowhere);
        };
        let wanted = self.settings.statuses.of(ending);
        let is_there = wanted.is_some_and(|wanted| ticket::has_status(&found, |it| it == wanted));
        Ok(if is_there {
            Posted::Whole
        } else {
            Posted::NoteAlone
        })
    }
}

/// What became of a posting whose action was taken, where the answer says so. An outcome may bring a
/// status of its own along.
fn posted(action: &Value, posting: &Posting, status: Option<u32>) -> Option<Posted> {
    match (posting.ending, status) {
        (None, _) => Some(Posted::Whole),
        (Some(_), None) => Some(Posted::NoteAlone),
        (Some(_), Some(status)) => {
            let brought = id(action, "new_status")?;
            Some(if brought == status.to_string() {
                Posted::Whole
            } else {
                Posted::NoteAlone
            })
        }
    }
}

fn refused() -> TicketError {
    TicketError::Denied("it takes no note, not even a private one".to_owned())
}
