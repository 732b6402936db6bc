//! What has happened to a request: the rows of the log that mean something to whoever asked.

use clavis_broker::audit::{Actor, Event, LogEntry, LogRow, MailName, WhyNoPickUp, WhyNoRotation};
use clavis_broker::letters::LetterKind;
use clavis_broker::lifecycle::{Outcome, Request, State, Step};
use clavis_broker::people::{MailAddress, Party};

use super::{all, backends};
use crate::site::Site;
use crate::times::When;

/// A line of a request's history.
pub(crate) struct Moment {
    pub(crate) at: When,
    pub(crate) what: String,
}

/// Where a history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// By who asked or gets the key.
    Own,
    /// At the desk.
    AtDesk,
}

/// The history of a request, in words.
pub(crate) fn history(request: &Request, rows: &[LogRow], page: Page, site: &Site) -> Vec<Moment> {
    let line = |row: &LogRow| {
        Some(Moment {
            at: site.day(row.entry.at),
            what: happened(request, &row.entry, page, site)?,
        })
    };
    rows.iter().filter_map(line).collect()
}

fn happened(request: &Request, entry: &LogEntry, page: Page, site: &Site) -> Option<String> {
    let by = match &entry.actor {
        Actor::Person(party) | Actor::Holder(party) | Actor::Through { person: party, .. } => {
            Some(party.name.as_str())
        }
        _ => None,
    };
    let somebody = by.unwrap_or("Somebody");
    Some(match &entry.event {
        // Whoever asked is led to support, and not to a name.
        Event::Request(Step::Revoked) if page == Page::AtDesk => match stopped_by(request) {
            Some(name) => format!("{name} stopped the request."),
            None => STOPPED.to_owned(),
        },
        Event::Request(step) => stepped(request, step, by, site),
        Event::MailSent {
            mail: MailName::Letter(letter),
            to,
        } => {
            let to = reader(request, to);
            match letter {
                LetterKind::ApprovalNeeded => format!("A mail asked {to} to decide."),
                LetterKind::ApprovalReminder => format!("A mail reminded {to}."),
                LetterKind::KeyLink => format!("The key link was mailed to {to}."),
                _ => return None,
            }
        }
        Event::MailDead { to, .. } => {
            format!("A mail to {} could not be delivered.", reader(request, to))
        }
        Event::ReviewRefused => {
            format!(
                "{somebody} opened a review link that was mailed to somebody else. Nothing was shown."
            )
        }
        Event::LinkRefused => {
            format!(
                "{somebody} opened the key link, which was mailed to somebody else. Nothing was shown."
            )
        }
        Event::PickUpCodeMade => format!("A pick-up code was made and shown to {somebody}."),
        Event::PickUpCodeRefused { why } => {
            let what = match why {
                WhyNoPickUp::NoneMade => "Nobody had made a pick-up code yet.",
                WhyNoPickUp::Wrong => "A wrong pick-up code was typed.",
                WhyNoPickUp::TooMany => "Too many pick-up codes were typed.",
            };
            format!("{what} The key link was not used.")
        }
        Event::FetchFailed {
            backend: Some(backend),
            ..
        } => {
            format!("The key could not be fetched from {backend}. The key link was not used.")
        }
        Event::FetchFailed { backend: None, .. } => {
            "The key could not be fetched. The key link was not used.".to_owned()
        }
        Event::OutboxRetried { to: Some(to), .. } => {
            format!(
                "{somebody} had a mail to {} tried again.",
                reader(request, to)
            )
        }
        Event::RotationAsked { .. } => "The device was told to make a new key.".to_owned(),
        Event::RotationUnsure { .. } => {
            "The device was perhaps told to make a new key: no answer came.".to_owned()
        }
        Event::RotationImpossible {
            why: WhyNoRotation::NotManaged,
        } => {
            "The key stays as it is: the device is not managed, so that nobody can tell it to make \
              a new one."
                .to_owned()
        }
        Event::RotationImpossible {
            why: WhyNoRotation::Unsupported,
        } => "The key stays as it is: where it is kept, no new one can be asked for.".to_owned(),
        Event::RotationFailed { .. } => {
            "The device could not be told to make a new key.".to_owned()
        }
        _ => return None,
    })
}

fn stepped(request: &Request, step: &Step, by: Option<&str>, site: &Site) -> String {
    let who_did = |deed: &str, done: &str| match by {
        Some(name) => format!("{name} {deed}."),
        None => format!("The request was {done}."),
    };
    let needed = request.panel.needed();
    match step {
        Step::Opened {
            unanswered,
            for_whom,
            ..
        } => {
            let for_whom = for_whom.as_ref();
            let for_whom =
                for_whom.map_or_else(String::new, |party| format!(" for {}", party.name));
            let made = format!("{} made the request{for_whom}.", request.requester.name);
            if unanswered.is_empty() {
                made
            } else {
                format!("{made} {} did not answer then.", backends(unanswered))
            }
        }
        Step::Supported {
            in_place_of,
            votes,
            needed,
            lapsed,
        } => {
            let place = in_place(in_place_of.as_ref());
            format!(
                "{} said yes{place} ({votes} of {needed}).{}",
                by.unwrap_or("Somebody"),
                lapsed_yes(lapsed)
            )
        }
        Step::Approved {
            in_place_of,
            lapsed,
        } => {
            let place = in_place(in_place_of.as_ref());
            let count = if needed > 1 {
                format!(" ({needed} of {needed})")
            } else {
                String::new()
            };
            let approved = who_did(
                &format!("approved{place}{count}"),
                &format!("approved{count}"),
            );
            approved + &lapsed_yes(lapsed)
        }
        Step::Reminded => "Whoever had not answered was reminded.".to_owned(),
        Step::AskedMore { asked, last_resort } => {
            let names = all(asked.iter().map(|party| party.name.as_str()));
            let whom = if *last_resort {
                format!("the group of last resort as well: {names}")
            } else {
                format!("{names} as well")
            };
            match by {
                Some(name) => format!("{name} asked {whom}."),
                None => format!("Nobody had decided. Clavis asked {whom}."),
            }
        }
        Step::GlassBroken { .. } => who_did(
            "released the key without an approval",
            "released without an approval",
        ),
        Step::LinkWanted => who_did("had the key link sent anew", "given a key link anew"),
        Step::Declined => who_did("declined", "declined"),
        Step::Withdrawn => who_did("withdrew the request", "withdrawn"),
        Step::Revoked => STOPPED.to_owned(),
        Step::LinkIssued { expires_at } => {
            let until = site.moment(*expires_at);
            format!("A key link was made, valid until {until}.")
        }
        Step::Redeemed(_) => "The recovery key was shown.".to_owned(),
        Step::Expired => "The key link ended unopened.".to_owned(),
        Step::Lapsed => "The request lapsed.".to_owned(),
    }
}

const STOPPED: &str = "The request was stopped.";

fn stopped_by(request: &Request) -> Option<&str> {
    match &request.state {
        State::Closed(closing) => match &closing.outcome {
            Outcome::Revoked { by } => Some(by),
            _ => None,
        },
        _ => None,
    }
}

/// Whose yes from before was taken out of the count.
fn lapsed_yes(lapsed: &[Party]) -> String {
    if lapsed.is_empty() {
        return String::new();
    }
    let names = all(lapsed.iter().map(|party| party.name.as_str()));
    format!(" The earlier yes of {names} counts no more.")
}

fn in_place(of: Option<&Party>) -> String {
    of.map_or_else(String::new, |of| format!(" in place of {}", of.name))
}

fn reader(request: &Request, address: &MailAddress) -> String {
    let asked = request.panel.everybody().map(|seat| &seat.party);
    let reader = asked
        .chain(request.askers())
        .find(|party| party.mail == *address);
    reader.map_or_else(|| address.to_string(), |party| party.name.clone())
}
