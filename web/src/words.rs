//! What a request's state and history mean, in words.

use clavis_broker::audit::{Actor, Event, LogEntry, LogRow, MailName, WhyNoRotation};
use clavis_broker::devices::BackendName;
use clavis_broker::letters::LetterKind;
use clavis_broker::lifecycle::{Approval, Outcome, Request, State, Step};
use clavis_broker::people::Party;
use clavis_broker::text::Comment;
use jiff::Timestamp;

use crate::site::Site;
use crate::times::When;

/// Where a request stands.
pub(crate) struct Standing {
    /// In two or three words.
    pub(crate) label: &'static str,
    /// How it looks: a class of the style sheet.
    pub(crate) tone: &'static str,
    /// For everybody concerned.
    pub(crate) sentence: String,
    /// For whoever asked: what comes next, or what they can do.
    pub(crate) next: String,
}

/// Where a request stands at `now`. Time that has run out counts, recorded or not.
pub(crate) fn standing(request: &Request, now: Timestamp, site: &Site) -> Standing {
    let at = |moment| site.moment(moment);
    let name = &request.beneficiary.name;
    match &request.state {
        State::Pending { lapses_at } if now >= *lapses_at => undecided(*lapses_at, site),
        State::Pending { lapses_at } => Standing {
            label: "Waiting for approval",
            tone: "waiting",
            sentence: format!("{} can approve it.", names(&request.asked)),
            next: format!(
                "You get a mail as soon as there is a decision. Without one, the request lapses on {}.",
                at(*lapses_at)
            ),
        },
        State::Approved { deliver_by, .. } if now >= *deliver_by => undelivered(*deliver_by, site),
        State::Approved { approval, .. } => Standing {
            label: "Approved",
            tone: "good",
            sentence: approved(approval, site),
            next: format!(
                "Your key link is on its way to {}. If it is not there in a few minutes, look into the folder for junk mail.",
                request.beneficiary.mail
            ),
        },
        State::LinkSent { expires_at, .. } if now >= *expires_at => expired(*expires_at, site),
        State::LinkSent {
            approval,
            expires_at,
            ..
        } => Standing {
            label: "Key link sent",
            tone: "good",
            sentence: format!(
                "{} The key link was mailed to {name}.",
                approved(approval, site)
            ),
            next: format!(
                "Open the link from your mail until {}. It opens once, so have the locked laptop beside you.",
                at(*expires_at)
            ),
        },
        State::Closed(closing) => closed(&closing.outcome, closing.at, site),
    }
}

fn closed(outcome: &Outcome, at: Timestamp, site: &Site) -> Standing {
    let moment = site.moment(at);
    match outcome {
        Outcome::Redeemed { .. } => Standing {
            label: "Key retrieved",
            tone: "done",
            sentence: format!("The key link was opened and the recovery key shown on {moment}."),
            next:
                "If that was not you, call support now. If you need the key once more, ask again."
                    .to_owned(),
        },
        Outcome::Declined { by, .. } => Standing {
            label: "Declined",
            tone: "bad",
            sentence: format!("{} declined on {moment}.", by.name),
            next: format!("Talk to {}, or call support.", by.name),
        },
        Outcome::Withdrawn { by } => Standing {
            label: "Withdrawn",
            tone: "done",
            sentence: format!("{} withdrew the request on {moment}.", by.name),
            next: "You can ask again at any time.".to_owned(),
        },
        Outcome::Expired { .. } => expired(at, site),
        Outcome::Lapsed { approval: None } => undecided(at, site),
        Outcome::Lapsed { approval: Some(_) } => undelivered(at, site),
        Outcome::Revoked { .. } => Standing {
            label: "Stopped",
            tone: "bad",
            sentence: format!("The request was stopped on {moment}."),
            next: "Call support to learn why.".to_owned(),
        },
    }
}

fn expired(at: Timestamp, site: &Site) -> Standing {
    Standing {
        label: "Link expired",
        tone: "bad",
        sentence: format!(
            "The key link was not opened in time. It ended on {}, and no key was shown.",
            site.moment(at)
        ),
        next: "Ask again when you have the locked laptop beside you.".to_owned(),
    }
}

fn undecided(at: Timestamp, site: &Site) -> Standing {
    Standing {
        label: "Lapsed",
        tone: "bad",
        sentence: format!(
            "Nobody decided in time. The request lapsed on {}.",
            site.moment(at)
        ),
        next: "Ask again, and tell your approver; or call support.".to_owned(),
    }
}

fn undelivered(at: Timestamp, site: &Site) -> Standing {
    Standing {
        label: "Lapsed",
        tone: "bad",
        sentence: format!(
            "The request was approved, but no key link could be mailed in time. It lapsed on {}.",
            site.moment(at)
        ),
        next: "Ask again, or call support.".to_owned(),
    }
}

fn approved(approval: &Approval, site: &Site) -> String {
    format!(
        "{} approved on {}.",
        approval.by.name,
        site.moment(approval.at)
    )
}

/// What the approver added to the decision, and who that was.
pub(crate) fn comment(request: &Request) -> Option<(&Party, &Comment)> {
    if let State::Closed(closing) = &request.state
        && let Outcome::Declined { by, comment } = &closing.outcome
    {
        return comment.as_ref().map(|comment| (by, comment));
    }
    let approval = request.state.approval()?;
    approval
        .comment
        .as_ref()
        .map(|comment| (&approval.by, comment))
}

/// Whether there is still something to take back.
pub(crate) fn is_open(request: &Request, now: Timestamp) -> bool {
    request.state.due_at().is_some() && !request.state.is_overdue(now)
}

/// `Anna Berg`, `Anna Berg or Ben Cole`, `Anna Berg, Ben Cole or Cleo Dunn`.
pub(crate) fn names(people: &[Party]) -> String {
    match people {
        [] => String::new(),
        [one] => one.name.clone(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|party| party.name.as_str()).collect();
            format!("{} or {}", first.join(", "), last.name)
        }
    }
}

/// `corp`, `corp and cloud`, `corp, cloud and mac`: where keys lie.
pub(crate) fn backends(names: &[BackendName]) -> String {
    let names: Vec<_> = names.iter().map(|name| name.0.as_str()).collect();
    match &names[..] {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A line of a request's history.
pub(crate) struct Moment {
    pub(crate) at: When,
    pub(crate) what: String,
}

/// The rows of the log that mean something to whoever asked.
pub(crate) fn history(request: &Request, rows: &[LogRow], site: &Site) -> Vec<Moment> {
    let line = |row: &LogRow| {
        Some(Moment {
            at: site.day(row.entry.at),
            what: happened(request, &row.entry, site)?,
        })
    };
    rows.iter().filter_map(line).collect()
}

fn happened(request: &Request, entry: &LogEntry, site: &Site) -> Option<String> {
    let by = match &entry.actor {
        Actor::Person(party) | Actor::Holder(party) => Some(party.name.as_str()),
        _ => None,
    };
    let who_did = |deed: &str, done: &str| match by {
        Some(name) => format!("{name} {deed}."),
        None => format!("The request was {done}."),
    };
    Some(match &entry.event {
        Event::Request(step) => match step {
            Step::Opened { unanswered, .. } if !unanswered.is_empty() => format!(
                "{} made the request. {} did not answer then.",
                request.requester.name,
                backends(unanswered)
            ),
            Step::Opened { .. } => format!("{} made the request.", request.requester.name),
            Step::Approved => who_did("approved", "approved"),
            Step::Declined => who_did("declined", "declined"),
            Step::Withdrawn => who_did("withdrew the request", "withdrawn"),
            Step::Revoked => "The request was stopped.".to_owned(),
            Step::LinkIssued { expires_at } => {
                format!(
                    "A key link was made, valid until {}.",
                    site.moment(*expires_at)
                )
            }
            Step::Redeemed(_) => "The recovery key was shown.".to_owned(),
            Step::Expired => "The key link ended unopened.".to_owned(),
            Step::Lapsed => "The request lapsed.".to_owned(),
        },
        Event::MailSent {
            mail: MailName::Letter(LetterKind::ApprovalNeeded),
            to,
        } => format!("A mail asked {} to decide.", reader(request, to)),
        Event::MailSent {
            mail: MailName::Letter(LetterKind::KeyLink),
            to,
        } => format!("The key link was mailed to {}.", reader(request, to)),
        Event::MailDead { to, .. } => {
            format!("A mail to {} could not be delivered.", reader(request, to))
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

fn reader(request: &Request, address: &clavis_broker::people::MailAddress) -> String {
    let people = request.asked.iter().chain(request.askers());
    let reader = people.into_iter().find(|party| party.mail == *address);
    reader.map_or_else(|| address.to_string(), |party| party.name.clone())
}
