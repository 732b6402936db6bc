//! A row of the log in words.

use clavis_broker::audit::{Actor, LogRow};

use crate::site::Site;
use crate::times::When;

/// A row: what it says at a glance, and all of it.
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) at: When,
    pub(super) event: &'static str,
    pub(super) who: String,
    /// The request and the device, as far as there are any.
    pub(super) about: String,
    /// What it says, each with its name.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) json: String,
}

impl Row {
    pub(super) fn of(row: &LogRow, site: &Site) -> Self {
        let entry = &row.entry;
        let request = entry.request.as_ref().map(|it| it.reference.to_string());
        let device = entry.device.as_ref().map(|it| it.name.clone());
        let also_named = entry.device.as_ref().map(|it| it.also_named.join(", "));
        let keys: Vec<_> = entry.event.keys().iter().map(ToString::to_string).collect();
        let about = [request.clone(), device.clone()].into_iter().flatten();
        let facts = [
            ("Moment", Some(entry.at.to_string())),
            ("Who", Some(proved(&entry.actor))),
            ("From", entry.source.map(|source| source.to_string())),
            ("Request", request.clone()),
            ("Device", device.clone()),
            ("Also called", also_named.filter(|names| !names.is_empty())),
            (
                "Keys",
                Some(keys.join(", ")).filter(|keys| !keys.is_empty()),
            ),
        ];
        let facts = facts.into_iter();
        Self {
            seq: row.seq,
            at: site.day(entry.at),
            event: entry.event.name(),
            who: glance(&entry.actor),
            about: about.clone().collect::<Vec<_>>().join(", "),
            facts: facts
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            json: serde_json::to_string_pretty(row).unwrap_or_default(),
        }
    }
}

fn glance(actor: &Actor) -> String {
    match actor {
        Actor::Person(party) => party.name.clone(),
        Actor::Holder(party) => format!("link of {}", party.name),
        Actor::Operator { name } => format!("operator {name}"),
        Actor::Program { name } => format!("program {name}"),
        Actor::Delegate { name, person } => format!("program {name} for {}", person.name),
        Actor::Clavis => "Clavis".to_owned(),
        Actor::Stranger => "a stranger".to_owned(),
    }
}

/// Who it was, as far as was proved.
fn proved(actor: &Actor) -> String {
    match actor {
        Actor::Person(party) => {
            format!(
                "{} <{}>, signed in. ID {}",
                party.name, party.mail, party.id
            )
        }
        Actor::Holder(party) => format!(
            "whoever held the link that was mailed to {} <{}>. ID {}",
            party.name, party.mail, party.id
        ),
        Actor::Operator { name } => format!("the account {name} on the server"),
        Actor::Program { name } => format!("the program or service desk {name}"),
        Actor::Delegate { name, person } => format!(
            "the program {name}, by a token of {} <{}>. ID {}",
            person.name, person.mail, person.id
        ),
        Actor::Clavis => "Clavis itself".to_owned(),
        Actor::Stranger => "nobody known".to_owned(),
    }
}
