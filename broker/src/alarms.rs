//! Alarms: what somebody who keeps watch has to hear of at once, and which rows of the log give rise
//! to one. Everything here is a function of its arguments.

use std::collections::HashSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::lifecycle::{CLOCKS_DIFFER, Refusal, Request, Step};
use crate::networks::network;
use crate::people::Party;
use crate::policy::PolicyFault;
use crate::tokens::Reference;

/// What somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
pub enum Alarm {
    /// The policy cannot be carried out, and nobody can approve until it is mended.
    Policy(PolicyFault),
    /// Keys were released without an approval.
    GlassBroken {
        /// The request.
        reference: Reference,
        /// Who did it.
        by: Party,
        /// The name of the device.
        device: String,
        /// Who gets the key.
        beneficiary: Party,
        /// Who asked, where somebody asked for somebody else.
        requester: Option<Party>,
    },
    /// A key link that had shown its keys was opened once more, by a stranger for all that is known.
    UsedLinkOpened {
        /// The request.
        reference: Reference,
        /// The name of the device.
        device: String,
        /// Whose link it is.
        beneficiary: Party,
        /// When it had shown the keys.
        used_at: Timestamp,
        /// The address at which they were shown.
        shown_to: Option<IpAddr>,
        /// The address from which it was opened now.
        opened_from: Option<IpAddr>,
    },
    /// Somebody tried to approve what they had asked for, or get the key of, or to release it.
    OwnApproval {
        /// The request.
        reference: Reference,
        /// The name of the device.
        device: String,
        /// Who.
        by: Party,
    },
    /// More keys were shown in an hour than is usual.
    ManyRedemptions {
        /// How many key links were opened; more where it is as many as were counted.
        count: usize,
    },
    /// One person asked for the keys of more devices in a day than is usual.
    ManyDevices {
        /// Who.
        by: Party,
        /// How many devices.
        count: usize,
        /// Whether they asked for others, as agents do.
        for_others: bool,
    },
    /// What Clavis reads keys or people with may do more than it could.
    RightsWidened {
        /// Where: the name of a backend, or `directory`.
        place: String,
        /// What it could not do before.
        rights: Vec<String>,
    },
    /// What is stored at a place of the log cannot be read, so nobody knows what it told; or a column
    /// that it is searched by is not what it says.
    RowUnreadable {
        /// The place; others may be like it.
        row: i64,
    },
    /// How far somebody has come who goes through the log was said to be beyond its end, so that
    /// they would have passed over whatever came next.
    CursorAhead {
        /// Whose place it is: `alarms`, or a feed.
        reader: String,
        /// The row after which they go on.
        back_to: i64,
    },
    /// No checkpoint of the log is signed any more, as what was signed before cannot be held against it
    /// or does not fit it.
    SigningStopped {
        /// How many rows the log had when it was signed last with what it is not any more; not there
        /// where a checkpoint cannot be believed.
        rows: Option<u64>,
    },
}

/// What is still usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// So many key links are opened in an hour; `None` where any number is usual.
    pub redemptions: Option<usize>,
    /// For so many devices does one person ask in a day, for themselves.
    pub devices: Option<usize>,
    /// For so many does an agent ask in a day, for others.
    pub devices_for_others: Option<usize>,
}

/// In this time redemptions are counted.
pub const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);
/// In this time devices are counted.
pub const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Events that may give rise to an alarm, by their names.
pub const WATCHED: &[&str] = &[
    "policy.failed",
    "rights.seen",
    "command.refused",
    "review.refused",
    "link.opened",
    "redemption.refused",
    "link.redeemed",
    "request.opened",
];

/// Whoever opens their link again at once, from where they saw the keys, has pressed "reload".
const RELOAD: SignedDuration = SignedDuration::from_mins(15);

impl Default for Usual {
    fn default() -> Self {
        Self {
            redemptions: Some(30),
            devices: Some(3),
            devices_for_others: Some(40),
        }
    }
}

impl Alarm {
    /// The alarm by a word, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Policy(_) => "policy_failed",
            Self::GlassBroken { .. } => "glass_broken",
            Self::UsedLinkOpened { .. } => "used_link_opened",
            Self::OwnApproval { .. } => "own_approval",
            Self::ManyRedemptions { .. } => "many_redemptions",
            Self::ManyDevices { .. } => "many_devices",
            Self::RightsWidened { .. } => "rights_widened",
            Self::RowUnreadable { .. } => "row_unreadable",
            Self::CursorAhead { .. } => "cursor_ahead",
            Self::SigningStopped { .. } => "signing_stopped",
        }
    }

    /// The request that it is about, where it is about one.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::GlassBroken { reference, .. }
            | Self::UsedLinkOpened { reference, .. }
            | Self::OwnApproval { reference, .. } => Some(reference),
            Self::Policy(_)
            | Self::ManyRedemptions { .. }
            | Self::ManyDevices { .. }
            | Self::RightsWidened { .. }
            | Self::RowUnreadable { .. }
            | Self::CursorAhead { .. }
            | Self::SigningStopped { .. } => None,
        }
    }

    /// Whether both tell the same: whoever has heard of one need not hear of the other so soon.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::UsedLinkOpened { reference, .. },
                Self::UsedLinkOpened {
                    reference: other, ..
                },
            ) => reference == other,
            (
                Self::OwnApproval { reference, by, .. },
                Self::OwnApproval {
                    reference: other,
                    by: another,
                    ..
                },
            ) => reference == other && by.id == another.id,
            (Self::ManyRedemptions { .. }, Self::ManyRedemptions { .. })
            | (Self::RowUnreadable { .. }, Self::RowUnreadable { .. })
            | (Self::SigningStopped { .. }, Self::SigningStopped { .. }) => true,
            (
                Self::ManyDevices { by, for_others, .. },
                Self::ManyDevices {
                    by: another,
                    for_others: others,
                    ..
                },
            ) => by.id == another.id && for_others == others,
            (one, other) => one == other,
        }
    }
}

/// What a row tells by itself. `request` is the one that the row is about, as it stands now, and
/// `shown` the row by which its keys were shown.
pub fn told_by(row: &LogRow, request: Option<&Request>, shown: Option<&LogRow>) -> Option<Alarm> {
    let entry = &row.entry;
    match &entry.event {
        Event::PolicyFailed { fault } => Some(Alarm::Policy(fault.clone())),
        Event::RowUnreadable { .. } => Some(Alarm::RowUnreadable { row: row.seq }),
        Event::RightsSeen { place, added, .. } => {
            (!added.is_empty()).then(|| Alarm::RightsWidened {
                place: place.clone(),
                rights: added.clone(),
            })
        }
        Event::CommandRefused {
            command,
            why: Refusal::NotConcerned,
        } if command == "approve" || command == "break_glass" => own_approval(entry, request?),
        Event::ReviewRefused => own_approval(entry, request?),
        Event::LinkOpened
        | Event::RedemptionRefused {
            why: Refusal::Closed,
        } => used_link(row, request?, shown?),
        _ => None,
    }
}

/// Whether a row can only be judged beside the one by which the keys of its request were shown.
pub fn is_of_link(entry: &LogEntry) -> bool {
    matches!(
        entry.event,
        Event::LinkOpened | Event::RedemptionRefused { .. }
    )
}

/// Whether so many redemptions in an hour are more than usual.
pub fn many_redemptions(count: usize, usual: &Usual) -> Option<Alarm> {
    let is_more = usual.redemptions.is_some_and(|usual| count > usual);
    is_more.then_some(Alarm::ManyRedemptions { count })
}

/// Whether somebody asks for more devices in a day than usual, for themselves or for others.
/// `requests` are those of theirs, of whatever age.
pub fn many_devices(requests: &[Request], by: &Party, now: Timestamp, usual: &Usual) -> Vec<Alarm> {
    // What a clock wrote that was ahead is of no day that has come.
    let is_of_the_day = |at: Timestamp| {
        let age = now.duration_since(at);
        age < A_DAY && age >= -CLOCKS_DIFFER
    };
    let count = |for_others: bool| {
        let asked_for = requests.iter().filter(|it| {
            let is_for_others = it.beneficiary.id != by.id;
            it.requester.id == by.id && is_for_others == for_others && is_of_the_day(it.made_at)
        });
        let devices: HashSet<_> = asked_for.map(|it| it.device.identity()).collect();
        devices.len()
    };
    let kinds = [(false, usual.devices), (true, usual.devices_for_others)];
    let alarms = kinds.into_iter().filter_map(|(for_others, usual)| {
        let count = count(for_others);
        (count > usual?).then(|| Alarm::ManyDevices {
            by: by.clone(),
            count,
            for_others,
        })
    });
    alarms.collect()
}

/// Who did something, where it was a person.
pub fn person_of(actor: &Actor) -> Option<&Party> {
    match actor {
        Actor::Person(party) | Actor::Holder(party) | Actor::Through { person: party, .. } => {
            Some(party)
        }
        Actor::Operator { .. } | Actor::Program { .. } | Actor::Clavis | Actor::Stranger => None,
    }
}

/// Whether a row is about the making of a request.
pub fn is_asking(entry: &LogEntry) -> bool {
    matches!(entry.event, Event::Request(Step::Opened { .. }))
}

/// Whether a row is about keys that were shown.
pub fn is_redemption(entry: &LogEntry) -> bool {
    matches!(entry.event, Event::Request(Step::Redeemed(_)))
}

fn own_approval(entry: &LogEntry, request: &Request) -> Option<Alarm> {
    let by = person_of(&entry.actor)?;
    let mut askers = request.askers();
    askers
        .any(|asker| asker.is_same_as(by))
        .then(|| Alarm::OwnApproval {
            reference: request.reference.clone(),
            device: request.device.name.clone(),
            by: by.clone(),
        })
}

fn used_link(row: &LogRow, request: &Request, shown: &LogRow) -> Option<Alarm> {
    if row.seq < shown.seq {
        return None;
    }
    let (entry, shown) = (&row.entry, &shown.entry);
    let is_same_place = shown.source.map(network) == entry.source.map(network);
    if is_same_place && entry.at.duration_since(shown.at) < RELOAD {
        return None;
    }
    Some(Alarm::UsedLinkOpened {
        reference: request.reference.clone(),
        device: request.device.name.clone(),
        beneficiary: request.beneficiary.clone(),
        used_at: shown.at,
        shown_to: shown.source,
        opened_from: entry.source,
    })
}
