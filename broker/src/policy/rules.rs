//! What an operator says about who approves.

use std::num::NonZeroU8;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::devices::{BackendName, Device, Serves};
use crate::people::{GroupName, PersonQuery};
use crate::units::Unit;

use super::panel::Because;

/// The name of the rule for whatever no other one fits.
pub const EVERYTHING_ELSE: &str = "everything else";

/// Who approves: the first rule that fits a request holds, and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// In their order. The last one fits everything.
    rules: Vec<Rule>,
}

/// Who approves some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, in the log and in warnings.
    pub name: String,
    /// Which requests it is for.
    pub matches: Matches,
    /// Who is asked: the first of these that has enough people who can be. Those of one step are
    /// asked together.
    pub ask: Vec<Vec<Named>>,
    /// How many of those who are asked must say yes.
    pub needed: NonZeroU8,
    /// What happens while nobody decides.
    pub escalation: Escalation,
}

/// Which requests a rule is for: those that fit every kind of condition that it has. A rule without
/// any is for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// The beneficiary's account, or the device, lies in one of these.
    pub units: Vec<Unit>,
    /// The beneficiary, or somebody whom the device belongs to, is a member of one of these.
    pub groups: Vec<GroupName>,
    /// The device goes by a name that fits one of these.
    pub devices: Serves,
    /// The device is escrowed in one of these.
    pub backends: Vec<BackendName>,
}

/// Somebody whom a rule names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// The beneficiary's manager.
    Manager,
    /// The manager of whoever the device belongs to.
    OwnersManager,
    /// One person.
    Person(PersonQuery),
    /// The members of a group, through nested groups.
    Group(GroupName),
}

/// What happens while nobody decides. Times count from the making of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escalation {
    /// After how long those who were asked are reminded.
    pub remind_after: Option<SignedDuration>,
    /// After how long others are asked as well, and who.
    pub alternates: Option<(SignedDuration, Vec<Named>)>,
    /// After how long the group of last resort is asked as well.
    pub last_resort: Option<(SignedDuration, GroupName)>,
}

/// What the conditions of rules look at.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The device.
    pub device: &'a Device,
    /// Where the beneficiary's account and the device lie, as the directory writes it.
    pub units: &'a [&'a str],
    /// The backends that did not answer: the device may lie there as well, under another name.
    pub unanswered: &'a [BackendName],
    /// Whether one of these might say where the device lies.
    pub more_units: bool,
}

/// Whether a request fits a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It does, as far as can be told without groups.
    Yes,
    /// It does not.
    No,
    /// A backend that did not answer may know better.
    Unknown,
}

/// The policy cannot be carried out: an operator has to mend it, and nobody approves until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the rule \"{rule}\" cannot be carried out: {which}")]
pub struct PolicyFault {
    /// Of which rule.
    pub rule: String,
    /// What is wrong.
    pub which: WhichFault,
}

/// The most members of a group that is asked: each of them gets a mail.
pub const MOST_MEMBERS: usize = 100;

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum WhichFault {
    /// The directory has no such group, or several.
    #[error("there is no group \"{}\", or there are several", .0.0)]
    UnknownGroup(GroupName),
    /// The group has no members, or none whose account is enabled and has a mail address.
    #[error("the group \"{}\" has no members who can approve", .0.0)]
    EmptyGroup(GroupName),
    /// The group has more members than can be asked together.
    #[error("the group \"{}\" has more than {MOST_MEMBERS} members", .0.0)]
    TooManyMembers(GroupName),
    /// The directory knows none of the people whom a step names.
    #[error("the directory knows none of the people that it names")]
    NobodyKnown,
}

impl Policy {
    /// A policy of these rules; where none of them fits, `otherwise` holds.
    pub fn new(mut rules: Vec<Rule>, otherwise: Rule) -> Self {
        rules.push(Rule {
            matches: Matches::default(),
            ..otherwise
        });
        Self { rules }
    }

    /// The manager, else these people: the policy of whoever says nothing more.
    pub fn manager_else(nominated: Vec<PersonQuery>) -> Self {
        Self::new(Vec::new(), Rule::manager_else(nominated))
    }

    /// All rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this name, if it is still there.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Every group that a rule speaks of, as often as it does.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.rules.iter().flat_map(Rule::groups)
    }
}

impl Rule {
    /// The manager, else these people.
    pub fn manager_else(nominated: Vec<PersonQuery>) -> Self {
        let nominated: Vec<_> = nominated.into_iter().map(Named::Person).collect();
        let mut ask = vec![vec![Named::Manager]];
        ask.extend((!nominated.is_empty()).then_some(nominated));
        Self {
            name: EVERYTHING_ELSE.to_owned(),
            matches: Matches::default(),
            ask,
            needed: NonZeroU8::MIN,
            escalation: Escalation::default(),
        }
    }

    /// A fault of this rule.
    pub fn fault(&self, which: WhichFault) -> PolicyFault {
        PolicyFault {
            rule: self.name.clone(),
            which,
        }
    }

    /// Whether the rule names people for this reason.
    pub fn bears_out(&self, because: &Because) -> bool {
        let is_last_resort = |group: &GroupName| {
            let last_resort = self.escalation.last_resort.as_ref();
            last_resort.is_some_and(|(_, it)| it == group)
        };
        let is_meant = |named: &Named| match (named, because) {
            (Named::Manager, Because::Manager)
            | (Named::OwnersManager, Because::OwnersManager(_)) => true,
            (Named::Person(one), Because::Person(other)) => one == other,
            (Named::Group(one), Because::Group(other)) => one == other,
            _ => false,
        };
        self.named().any(is_meant)
            || matches!(because, Because::Group(group) if is_last_resort(group))
    }

    /// Everybody whom the rule names, in whichever step.
    pub fn named(&self) -> impl Iterator<Item = &Named> {
        let alternates = self.escalation.alternates.iter();
        let alternates = alternates.flat_map(|(_, named)| named);
        self.ask.iter().flatten().chain(alternates)
    }

    fn groups(&self) -> impl Iterator<Item = &GroupName> {
        let named = self.named().filter_map(|named| match named {
            Named::Group(group) => Some(group),
            Named::Manager | Named::OwnersManager | Named::Person(_) => None,
        });
        let last_resort = self.escalation.last_resort.iter().map(|(_, group)| group);
        self.matches.groups.iter().chain(named).chain(last_resort)
    }
}

impl Matches {
    /// Whether a request fits, as far as can be told without its groups. What a backend that did not
    /// answer could change is not known: its keys may be released along with the others.
    pub fn fits_but_for_groups(&self, about: About<'_>) -> Fit {
        let device = about.device;
        let mut names = std::iter::once(&device.name).chain(&device.also_named);
        let in_unit = |unit: &Unit| about.units.iter().any(|place| unit.holds(place));
        let in_backend = |backend: &BackendName| {
            let mut places = device.places();
            places.any(|place| place.backend == *backend)
        };
        let is_silent = |backend: &BackendName| about.unanswered.contains(backend);
        let fits = [
            condition(
                self.units.is_empty() || self.units.iter().any(in_unit),
                about.more_units,
            ),
            condition(
                names.any(|name| self.devices.name(name)),
                !about.unanswered.is_empty(),
            ),
            condition(
                self.backends.is_empty() || self.backends.iter().any(in_backend),
                self.backends.iter().any(is_silent),
            ),
        ];
        if fits.contains(&Fit::No) {
            Fit::No
        } else if fits.contains(&Fit::Unknown) {
            Fit::Unknown
        } else {
            Fit::Yes
        }
    }
}

fn condition(holds: bool, may_hold: bool) -> Fit {
    match (holds, may_hold) {
        (true, _) => Fit::Yes,
        (false, true) => Fit::Unknown,
        (false, false) => Fit::No,
    }
}
