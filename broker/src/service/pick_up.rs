//! Pick-up codes: shown on the page of a request to whoever asked, typed on the page of its key
//! link, and never mailed. Who has only read the mail has half of what it takes.

use std::net::IpAddr;

use super::{AdvanceError, Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry, WhyNoPickUp};
use crate::lifecycle::{Refusal, RequestId};
use crate::networks::network;
use crate::people::Party;
use crate::ports::{CommitError, Write};
use crate::tokens::{OneTimeCode, Reference};

/// How many codes may be typed from one network. Strangers use up their own tries and nobody
/// else's; and a new code, which only who asked can make, begins anew.
const ATTEMPTS: i64 = 5;

impl Broker {
    /// Makes a pick-up code for a request that is open; it ends an earlier one. `None` for somebody
    /// whom the request does not concern.
    pub async fn make_pick_up(
        &self,
        person: &Party,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<OneTimeCode>, AdvanceError> {
        let Some(stored) = self.stored_of(person, reference).await? else {
            return Ok(None);
        };
        let (request, now) = (stored.request, self.now());
        if request.state.due_at().is_none() || request.is_overdue(now) {
            return Err(Refusal::Closed.into());
        }
        let code = OneTimeCode::new(&*self.parts.random);
        let actor = Actor::Person(person.clone());
        let entry = LogEntry::of_request(&request, Event::PickUpCodeMade, actor, source, now);
        let set = Write::SetPickUp {
            request: request.id,
            code: code.hash(request.id.0.as_bytes()),
        };
        let committed = self.commit(vec![set, self.log(&entry)]).await;
        committed.map_err(Unavailable::from)?;
        Ok(Some(code))
    }

    /// Counts a try before its code is looked at, so that guesses made at once count as many, and
    /// says why it does not count.
    pub(super) async fn judge_pick_up(
        &self,
        request: RequestId,
        typed: &str,
        source: Option<IpAddr>,
    ) -> Result<Result<(), WhyNoPickUp>, Unavailable> {
        let from = source.map_or_else(String::new, |source| network(source).to_string());
        loop {
            let Some(pick_up) = self.parts.store.pick_up(request, &from).await? else {
                return Ok(Err(WhyNoPickUp::NoneMade));
            };
            if pick_up.attempts >= ATTEMPTS {
                return Ok(Err(WhyNoPickUp::TooMany));
            }
            let count = Write::CountPickUp {
                request,
                code: pick_up.code,
                from: from.clone(),
                expected: pick_up.attempts,
            };
            match self.commit(vec![count]).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            }
            let typed = OneTimeCode::parse(typed);
            let right = typed.is_some_and(|it| it.hash(request.0.as_bytes()) == pick_up.code);
            return Ok(if right {
                Ok(())
            } else {
                Err(WhyNoPickUp::Wrong)
            });
        }
    }
}
