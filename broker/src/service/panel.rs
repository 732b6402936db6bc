//! Asking the directory whom the policy means.

use jiff::{SignedDuration, Timestamp};

use super::ask::silent;
use super::{Broker, Unavailable, in_time};
use crate::devices::{BackendName, Device};
use crate::lifecycle::Request;
use crate::people::{GroupName, Party, Person, PersonId, PersonQuery};
use crate::policy::{
    About, Away, Because, Candidates, Fit, MOST_MEMBERS, Named, NoPanel, Panel, PolicyFault, Rule,
    Seat, Stage, Turn, WhichFault, enough, seats,
};
use crate::ports::DirectoryError;

/// There is no panel for a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum PanelError {
    #[error(transparent)]
    None(#[from] NoPanel),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<PolicyFault> for PanelError {
    fn from(fault: PolicyFault) -> Self {
        Self::None(NoPanel::Fault(fault))
    }
}

/// Whose request it is, and for what.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) requester: &'a Party,
    pub(super) beneficiary: &'a Party,
    /// Where the beneficiary's account lies.
    pub(super) unit: Option<&'a str>,
    pub(super) device: &'a Device,
    /// The backends that did not answer.
    pub(super) unanswered: &'a [BackendName],
}

impl Case<'_> {
    /// Whether nobody says whose the device is, and a backend that might did not answer.
    fn owner_may_be_missing(&self) -> bool {
        self.device.owners.is_empty() && !self.unanswered.is_empty()
    }
}

impl Broker {
    /// The panel that the policy means. Everybody on it is looked up, those who are asked later as
    /// well: a fault shows before anybody waits for it.
    pub(super) async fn panel_for(&self, case: Case<'_>) -> Result<Panel, PanelError> {
        let rule = self.rule_for(case).await?;
        let now = self.now();
        let mut first = Vec::new();
        for step in &rule.ask {
            first = self.seats_of(step, rule, case, &[], now).await?;
            if enough(&first, rule) {
                break;
            }
        }
        if !enough(&first, rule) {
            return Err(NoPanel::TooFew.into());
        }
        let later = self.later(rule, case, &first, now).await?;
        Ok(Panel::new(rule, first, later)?)
    }

    async fn rule_for(&self, case: Case<'_>) -> Result<&Rule, PanelError> {
        let device_units = case.device.units.iter().map(String::as_str);
        let units: Vec<_> = case.unit.into_iter().chain(device_units).collect();
        let backends = case.unanswered.iter().filter_map(|name| self.backend(name));
        let about = About {
            device: case.device,
            units: &units,
            unanswered: case.unanswered,
            more_units: backends.into_iter().any(|backend| backend.knows_units()),
        };
        for rule in self.parts.policy.rules() {
            match rule.matches.fits_but_for_groups(about) {
                Fit::No => continue,
                Fit::Yes => {}
                Fit::Unknown => return Err(silent(case.unanswered).into()),
            }
            let groups = &rule.matches.groups;
            if groups.is_empty() || self.is_in_one_of(groups, case, rule).await? {
                return Ok(rule);
            }
        }
        // The last rule of a policy fits everything.
        Err(NoPanel::TooFew.into())
    }

    async fn is_in_one_of(
        &self,
        groups: &[GroupName],
        case: Case<'_>,
        rule: &Rule,
    ) -> Result<bool, PanelError> {
        let owners = case.device.owners.iter().flat_map(|owner| &owner.0);
        for group in groups {
            for person in std::iter::once(&case.beneficiary.id).chain(owners.clone()) {
                match self.is_member(person, group).await? {
                    Some(true) => return Ok(true),
                    Some(false) => {}
                    None => return Err(rule.fault(WhichFault::UnknownGroup(group.clone())).into()),
                }
            }
        }
        if case.owner_may_be_missing() {
            return Err(silent(case.unanswered).into());
        }
        Ok(false)
    }

    async fn later(
        &self,
        rule: &Rule,
        case: Case<'_>,
        first: &[Seat],
        now: Timestamp,
    ) -> Result<Vec<Stage>, PanelError> {
        let escalation = &rule.escalation;
        let at = |after: SignedDuration| now.saturating_add(after).unwrap_or(Timestamp::MAX);
        let mut taken = first.to_vec();
        let mut stages: Vec<_> = escalation
            .remind_after
            .map(|after| Stage {
                after,
                turn: Turn::Remind,
            })
            .into_iter()
            .collect();
        if let Some((after, named)) = &escalation.alternates {
            let seats = self.seats_of(named, rule, case, &taken, at(*after)).await?;
            taken.extend(seats.iter().cloned());
            stages.push(Stage {
                after: *after,
                turn: Turn::Alternates(seats),
            });
        }
        if let Some((after, group)) = &escalation.last_resort {
            let named = [Named::Group(group.clone())];
            let seats = self
                .seats_of(&named, rule, case, &taken, at(*after))
                .await?;
            stages.push(Stage {
                after: *after,
                turn: Turn::LastResort(seats),
            });
        }
        Ok(stages)
    }

    /// The seats of everybody whom one step names, and of those who stand in for them at `at`.
    async fn seats_of(
        &self,
        step: &[Named],
        rule: &Rule,
        case: Case<'_>,
        taken: &[Seat],
        at: Timestamp,
    ) -> Result<Vec<Seat>, PanelError> {
        let mut candidates = Vec::new();
        for named in step {
            candidates.extend(self.candidates(named, rule, case).await?);
        }
        let names_people = |named: &Named| matches!(named, Named::Person(_));
        if candidates.is_empty() && !step.is_empty() && step.iter().all(names_people) {
            return Err(rule.fault(WhichFault::NobodyKnown).into());
        }
        let people = candidates.iter().flat_map(|it| &it.people);
        let away = self.away(people, at).await?;
        let askers = [case.requester, case.beneficiary];
        Ok(seats(&candidates, askers, &away, taken, at))
    }

    async fn candidates(
        &self,
        named: &Named,
        rule: &Rule,
        case: Case<'_>,
    ) -> Result<Vec<Candidates>, PanelError> {
        let one = |because, person| Candidates {
            because,
            people: vec![person],
        };
        Ok(match named {
            Named::Manager => {
                let manager = self.manager(&case.beneficiary.id).await?;
                let found = manager.map(|it| one(Because::Manager, it));
                found.into_iter().collect()
            }
            Named::OwnersManager if case.owner_may_be_missing() => {
                return Err(silent(case.unanswered).into());
            }
            Named::OwnersManager => {
                let mut found = Vec::new();
                for owner in case.device.owners.iter().flat_map(|owner| &owner.0) {
                    let because = || Because::OwnersManager(owner.clone());
                    found.extend(self.manager(owner).await?.map(|it| one(because(), it)));
                }
                found
            }
            Named::Person(query) => {
                let person = self.one_person(query).await?;
                if person.is_none() {
                    tracing::warn!(
                        policy.rule = rule.name,
                        "an approver whom the policy names is not one person of the directory; \
                         run `clavis check`"
                    );
                }
                let found = person.map(|it| one(Because::Person(query.clone()), it));
                found.into_iter().collect()
            }
            Named::Group(group) => {
                let directory = &self.parts.directory;
                let members = async { one_group(directory.members(group).await) };
                let members = in_time("the directory", members).await?;
                let fault = |which: fn(GroupName) -> WhichFault| rule.fault(which(group.clone()));
                let people = members.ok_or_else(|| fault(WhichFault::UnknownGroup))?;
                if people.iter().all(|person| person.party().is_err()) {
                    return Err(fault(WhichFault::EmptyGroup).into());
                }
                if people.len() > MOST_MEMBERS {
                    return Err(fault(WhichFault::TooManyMembers).into());
                }
                vec![Candidates {
                    because: Because::Group(group.clone()),
                    people,
                }]
            }
        })
    }

    /// Those of these who are away at a moment, with who stands in for them.
    async fn away(
        &self,
        people: impl Iterator<Item = &Person>,
        at: Timestamp,
    ) -> Result<Vec<Away>, Unavailable> {
        let mut away = Vec::new();
        for person in people {
            let Some(said) = self.parts.store.stand_in(&person.id).await? else {
                continue;
            };
            if !said.holds_at(at) {
                continue;
            }
            let stand_in = self.one_person(&PersonQuery::Id(said.by.id)).await?;
            away.extend(stand_in.map(|stand_in| Away {
                who: person.id.clone(),
                stand_in,
                until: said.until,
            }));
        }
        Ok(away)
    }

    /// Whether the directory, and who stands in for whom, still bear out why somebody has a seat.
    pub(super) async fn is_borne_out(
        &self,
        request: &Request,
        seat: &Seat,
    ) -> Result<bool, Unavailable> {
        if let Some(of) = &seat.in_place_of {
            let said = self.parts.store.stand_in(&of.id).await?;
            let holds = said.is_some_and(|it| it.by.id == seat.party.id && it.holds_at(self.now()));
            if !holds {
                return Ok(false);
            }
        }
        self.is_named(request, seat).await
    }

    /// Whether the rule that a request was made by is still there, still names whoever has this seat,
    /// and wants no more to say yes than it did.
    pub(super) fn rule_holds(&self, request: &Request, seat: &Seat) -> bool {
        let rule = self.parts.policy.rule(request.panel.rule());
        rule.is_some_and(|rule| {
            rule.bears_out(&seat.because)
                && usize::from(rule.needed.get()) <= request.panel.needed()
        })
    }

    /// Whether the directory still bears out why the place of a seat was named.
    pub(super) async fn is_named(
        &self,
        request: &Request,
        seat: &Seat,
    ) -> Result<bool, Unavailable> {
        let place = seat.place();
        let is_place = |person: Option<Person>| {
            person.is_some_and(|person| person.enabled && person.id == *place)
        };
        match &seat.because {
            Because::Manager => Ok(is_place(self.manager(&request.beneficiary.id).await?)),
            Because::OwnersManager(owner) => Ok(is_place(self.manager(owner).await?)),
            Because::Person(query) => Ok(is_place(self.one_person(query).await?)),
            Because::Group(group) => {
                let is_member = self.is_member(place, group).await? == Some(true);
                // The account of whoever sits here is looked at anyway.
                Ok(is_member
                    && (seat.in_place_of.is_none()
                        || is_place(self.one_person(&PersonQuery::Id(place.clone())).await?)))
            }
        }
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, Unavailable> {
        in_time("the directory", self.parts.directory.manager(of)).await
    }

    /// Whether somebody is a member of a group, through nested groups. `None` where there is no
    /// such group.
    pub(super) async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, Unavailable> {
        let directory = &self.parts.directory;
        let looking = async { one_group(directory.is_member(person, group).await) };
        in_time("the directory", looking).await
    }

    /// The one person that a query means; several are none, as nobody could tell them apart.
    pub(super) async fn one_person(
        &self,
        query: &PersonQuery,
    ) -> Result<Option<Person>, Unavailable> {
        let looking = self.parts.directory.person(query);
        match tokio::time::timeout(Self::DEADLINE, looking).await {
            Ok(Err(DirectoryError::Ambiguous)) => Ok(None),
            Ok(found) => found.map_err(|error| Unavailable::new("the directory", error)),
            Err(_) => Err(Unavailable::late("the directory")),
        }
    }
}

/// What is said of the one group of a name: of several, nobody knows which was meant.
pub(super) fn one_group<T>(
    answer: Result<Option<T>, DirectoryError>,
) -> Result<Option<T>, DirectoryError> {
    match answer {
        Err(DirectoryError::Ambiguous) => Ok(None),
        answer => answer,
    }
}
