//! What programs elsewhere are told of requests: that something happened, and what a request is then.
//! Never a key, a link, a token or what somebody has written. Everything here is a function of its
//! arguments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::lifecycle::{Outcome, Request, RequestId, State, Step};
use crate::people::Party;

/// The version of [`message`]. Fields may be added to it; what is there keeps its name and meaning.
pub const VERSION: u32 = 1;

/// What can be told, by the names of the steps.
pub const EVENTS: [&str; 14] = [
    "request.opened",
    "request.supported",
    "request.approved",
    "request.reminded",
    "request.asked_more",
    "request.glass_broken",
    "request.declined",
    "request.withdrawn",
    "request.revoked",
    "request.lapsed",
    "link.wanted",
    "link.issued",
    "link.redeemed",
    "link.expired",
];

/// Something that happened to a request, as it waits to be told. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The request.
    pub request: RequestId,
    /// What happened: one of [`EVENTS`].
    pub event: String,
    /// Where the request stood after it: see [`state_name`].
    pub state: String,
    /// When.
    pub at: Timestamp,
}

impl News {
    /// Of a step, with the request as it stands after it.
    pub fn of(request: &Request, step: &Step, at: Timestamp) -> Self {
        Self {
            request: request.id,
            event: step.name().to_owned(),
            state: state_name(&request.state).to_owned(),
            at,
        }
    }
}

/// Whether after this step a review waits for somebody who is to be told: a request was made, others
/// were asked as well, or those who have not answered are reminded.
pub fn calls_for_review(step: &Step) -> bool {
    match step {
        Step::Opened { .. } | Step::Reminded | Step::AskedMore { .. } => true,
        Step::Supported { .. }
        | Step::Approved { .. }
        | Step::GlassBroken { .. }
        | Step::LinkWanted
        | Step::Declined
        | Step::Withdrawn
        | Step::Revoked
        | Step::LinkIssued { .. }
        | Step::Redeemed(_)
        | Step::Expired
        | Step::Lapsed => false,
    }
}

/// The word for where a request stands: `pending`, `approved`, `link_sent`, or how it ended.
pub fn state_name(state: &State) -> &'static str {
    match state {
        State::Pending { .. } => "pending",
        State::Approved { .. } => "approved",
        State::LinkSent { .. } => "link_sent",
        State::Closed(closing) => match closing.outcome {
            Outcome::Redeemed { .. } => "redeemed",
            Outcome::Declined { .. } => "declined",
            Outcome::Withdrawn { .. } => "withdrawn",
            Outcome::Expired { .. } => "expired",
            Outcome::Lapsed { .. } => "lapsed",
            Outcome::Revoked { .. } => "revoked",
        },
    }
}

/// The message, JSON with `type`, `timestamp` and `data` as Standard Webhooks proposes. It is the same
/// each time that it is made, until people are erased from the request.
pub fn message(news: &News, request: &Request) -> String {
    let ticket = request.ticket.as_ref().map(|snapshot| {
        let ticket = &snapshot.ticket;
        json!({ "desk": ticket.desk, "id": ticket.id })
    });
    let told = json!({
        "type": news.event,
        "timestamp": news.at,
        "data": {
            "version": VERSION,
            "reference": request.reference,
            "status": news.state,
            "made_at": request.made_at,
            "requester": person(&request.requester),
            "beneficiary": person(&request.beneficiary),
            "device": { "name": request.device.name },
            "ticket": ticket,
        },
    });
    told.to_string()
}

fn person(party: &Party) -> Value {
    json!({ "name": party.name, "mail": party.mail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Event;
    use crate::testing::contract::store::log::events;
    use crate::testing::sample::{monday, person, request, snapshot};

    #[test]
    fn a_message_says_what_happened_and_to_what_and_nothing_that_somebody_wrote() {
        let mut request = request();
        request.ticket = Some(snapshot(4711, false));
        let news = News::of(&request, &Step::Reminded, monday());
        let told: Value = serde_json::from_str(&message(&news, &request)).unwrap();
        let anna = person("anna").party().unwrap();
        assert_eq!(
            told,
            json!({
                "type": "request.reminded",
                "timestamp": "2026-11-23T09:00:00Z",
                "data": {
                    "version": 1,
                    "reference": request.reference,
                    "status": "pending",
                    "made_at": "2026-11-23T09:00:00Z",
                    "requester": { "name": "anna", "mail": anna.mail },
                    "beneficiary": { "name": "anna", "mail": anna.mail },
                    "device": { "name": request.device.name },
                    "ticket": { "desk": "halo", "id": "4711" },
                },
            })
        );
        assert!(!told.to_string().contains(request.reason.as_str()));
        request.ticket = None;
        let told: Value = serde_json::from_str(&message(&news, &request)).unwrap();
        assert!(told["data"]["ticket"].is_null());
    }

    #[test]
    fn every_step_can_be_told() {
        let steps = events().into_iter().filter_map(|event| match event {
            Event::Request(step) => Some(step.name()),
            _ => None,
        });
        let steps: std::collections::BTreeSet<_> = steps.collect();
        assert_eq!(steps, EVENTS.into());
    }
}
