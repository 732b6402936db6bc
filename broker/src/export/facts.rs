//! What formats with fixed fields want to know of a row.

use serde::Serialize;

use crate::audit::{Actor, Event};
use crate::lifecycle::Step;
use crate::people::Party;

/// Who did it.
pub(super) struct Doer<'a> {
    /// What is known of who it was: `person`, `holder`, `operator`, `program`, `through`, `clavis`
    /// or `stranger`.
    pub(super) kind: &'static str,
    /// Their name; empty where nobody is known.
    pub(super) name: &'a str,
    pub(super) party: Option<&'a Party>,
}

impl<'a> Doer<'a> {
    pub(super) fn of(actor: &'a Actor) -> Self {
        let (kind, name, party) = match actor {
            Actor::Person(party) => ("person", party.name.as_str(), Some(party)),
            Actor::Holder(party) => ("holder", party.name.as_str(), Some(party)),
            Actor::Operator { name } => ("operator", name.as_str(), None),
            Actor::Program { name } => ("program", name.as_str(), None),
            Actor::Through { person, .. } => ("through", person.name.as_str(), Some(person)),
            Actor::Clavis => ("clavis", "", None),
            Actor::Stranger => ("stranger", "", None),
        };
        Self { kind, name, party }
    }
}

/// Whom an event is about, beside who did it, as far as it says so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Concerned {
    pub(super) name: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) id: Option<String>,
}

impl Concerned {
    pub(super) fn by(event: &Event) -> Option<Self> {
        let by_mail = |mail: &dyn ToString| Self {
            mail: Some(mail.to_string()),
            ..Self::default()
        };
        match event {
            Event::Request(Step::Opened { for_whom, .. }) => for_whom.as_ref().map(Self::party),
            Event::StandInSet { by, .. } => Some(Self::party(by)),
            Event::SignInRequested { mail } | Event::SignInDropped { mail, .. } => {
                Some(by_mail(mail))
            }
            Event::SignInRefused { named, .. } => named.as_ref().map(|named| Self {
                name: Some(named.clone()),
                ..Self::default()
            }),
            Event::TokenMade { person, .. } => person.as_ref().map(Self::party),
            Event::SignedOutEverywhere { whose } => Some(Self::party(whose)),
            Event::DeskPersonViewed { person, called } => Some(Self {
                name: Some(called.clone()),
                id: Some(person.to_string()),
                mail: None,
            }),
            Event::OutboxRetried { to, .. } => to.as_ref().map(|to| by_mail(to)),
            Event::MailSent { to, .. } | Event::MailDead { to, .. } => Some(by_mail(to)),
            _ => None,
        }
    }

    pub(super) fn party(party: &Party) -> Self {
        Self {
            name: Some(party.name.clone()),
            mail: Some(party.mail.to_string()),
            id: Some(party.id.to_string()),
        }
    }
}

/// Why it came so: the code of a refusal or a fault, or the words of who gave a reason.
pub(super) fn why(event: &Event) -> Option<String> {
    match event {
        Event::Request(Step::GlassBroken { reason, .. }) => Some(reason.as_str().to_owned()),
        Event::RequestRefused { why, .. } => code(why),
        Event::CommandRefused { why, .. } | Event::RedemptionRefused { why } => code(why),
        Event::PolicyFailed { fault } => Some(fault.which.to_string()),
        Event::AlarmRaised { alarm } => Some(alarm.name().to_owned()),
        Event::TicketStops { why, .. } => code(why),
        Event::TicketTold { ticket, .. } | Event::TicketDead { ticket } => Some(ticket.to_string()),
        Event::HookTold { message, .. } | Event::HookDead { message, .. } => Some(message.clone()),
        Event::PickUpCodeRefused { why } => code(why),
        Event::FetchFailed { why, .. } | Event::RotationFailed { why, .. } => code(why),
        Event::RotationImpossible { why } => code(why),
        Event::SignInDropped { why, .. } | Event::SignInRefused { why, .. } => code(why),
        Event::FieldsErased { why, .. } => code(why),
        Event::RowUnreadable { why } => code(why),
        Event::TokenRefused { why, .. } => code(why),
        _ => None,
    }
}

/// A value that is one word in JSON, as that word.
fn code(value: &impl Serialize) -> Option<String> {
    let value = serde_json::to_value(value).ok()?;
    value.as_str().map(str::to_owned)
}
