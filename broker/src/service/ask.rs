//! Asking for the keys of a device.

use std::net::IpAddr;

use super::panel::{Case, PanelError};
use super::{Broker, Unavailable, in_time};
use crate::audit::{Actor, Concerned, Event, LogEntry, WhyNoRequest};
use crate::devices::{BackendName, Device, DeviceId, EscrowRecord, select};
use crate::keys::WantedKey;
use crate::lifecycle::{Draft, Request, RequestId, open};
use crate::people::{Party, Person, PersonId, PersonQuery};
use crate::policy::{NoPanel, Panel};
use crate::ports::{CommitError, Write};
use crate::programs::ProgramName;
use crate::roles::Agent;
use crate::text::{Asset, Reason};
use crate::tickets::Snapshot;
use crate::tokens::{Reference, new_id};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The device, as they name it.
    pub asset: Asset,
    /// Which of several devices of that name, once they were shown them.
    pub chosen: Option<DeviceId>,
    /// The key ID from the locked screen.
    pub wanted: Option<WantedKey>,
    /// Why they ask.
    pub reason: Reason,
}

impl Ask {
    /// What a request asked for.
    fn again(request: &Request) -> Option<Self> {
        Some(Self {
            asset: Asset::parse(&request.device.name).ok()?,
            chosen: Some(request.device.id.clone()),
            wanted: request.wanted.clone(),
            reason: request.reason.clone(),
        })
    }
}

/// No request was made.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No backend knows the device.
    #[error("no device goes by that name")]
    UnknownDevice,
    /// Several devices go by that name: the person has to say which.
    #[error("several devices go by that name")]
    Ambiguous(Vec<Device>),
    /// Nothing is escrowed for it.
    #[error("no key is escrowed for the device")]
    NothingEscrowed(Device),
    /// The key ID is not among the device's.
    #[error("the device has no key of that ID")]
    WrongKeyId(Device),
    /// Nobody may approve: whom to call is on the page.
    #[error(transparent)]
    NobodyToAsk(#[from] NoPanel),
    /// The requester's account is disabled or has no mail address.
    #[error("the account may not ask")]
    Unfit,
    /// The account of whoever was to get the key is gone, disabled or has no mail address.
    #[error("the account may not be given a key")]
    UnfitBeneficiary,
    /// There is an open request for this device already.
    #[error("there is an open request for the device already")]
    AlreadyOpen(Reference),
    /// Something did not answer; nothing has happened.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How a request comes to be made.
pub(super) struct Origin {
    /// Who makes it, as far as was proved.
    pub(super) actor: Actor,
    /// From which address, where a client was involved.
    pub(super) source: Option<IpAddr>,
    /// The ticket that it belongs to.
    pub(super) ticket: Option<Snapshot>,
    /// What is committed along with it, or not at all.
    pub(super) also: Vec<Write>,
}

/// What is asked for, how that comes, and the ID of what is made of it.
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) ask: Ask,
    pub(super) origin: Origin,
}

impl Origin {
    /// The program that asks, unless it is a desk with a ticket.
    fn made_by(&self) -> Option<ProgramName> {
        match &self.actor {
            Actor::Program { name } | Actor::Through { program: name, .. }
                if self.ticket.is_none() =>
            {
                ProgramName::parse(name).ok()
            }
            _ => None,
        }
    }

    /// Somebody signed in asks.
    fn of(person: &Party, source: Option<IpAddr>) -> Self {
        Self {
            actor: Actor::Person(person.clone()),
            source,
            ticket: None,
            also: Vec::new(),
        }
    }
}

/// What the backends know of what is asked for.
struct Found {
    device: Device,
    promised: Vec<EscrowRecord>,
    /// Those that did not answer.
    unanswered: Vec<BackendName>,
}

impl AskError {
    pub(super) fn why(&self) -> WhyNoRequest {
        match self {
            Self::UnknownDevice => WhyNoRequest::UnknownDevice,
            Self::Ambiguous(_) => WhyNoRequest::Ambiguous,
            Self::NothingEscrowed(_) => WhyNoRequest::NothingEscrowed,
            Self::WrongKeyId(_) => WhyNoRequest::WrongKeyId,
            Self::NobodyToAsk(NoPanel::TooFew) => WhyNoRequest::NobodyToAsk,
            Self::NobodyToAsk(NoPanel::Fault(_)) => WhyNoRequest::PolicyFault,
            Self::Unfit => WhyNoRequest::UnfitPerson,
            Self::UnfitBeneficiary => WhyNoRequest::UnfitBeneficiary,
            Self::AlreadyOpen(_) => WhyNoRequest::AlreadyOpen,
            Self::Unavailable(_) => WhyNoRequest::Unavailable,
        }
    }
}

/// Who asks, and who gets the key.
struct Askers {
    requester: Party,
    beneficiary: Person,
}

impl From<PanelError> for AskError {
    fn from(error: PanelError) -> Self {
        match error {
            PanelError::None(none) => none.into(),
            PanelError::Unavailable(error) => error.into(),
        }
    }
}

impl Broker {
    /// Makes a request for the person's own use and sends it to an approver, or says why not.
    pub async fn ask(
        &self,
        person: &Party,
        ask: Ask,
        source: Option<IpAddr>,
    ) -> Result<Request, AskError> {
        let origin = Origin::of(person, source);
        self.ask_as(person, &person.id, ask, origin).await
    }

    /// Makes a request for somebody else. The key goes to the address that the directory has for
    /// them; the agent can never approve it.
    pub async fn ask_for(
        &self,
        agent: &Agent,
        beneficiary: &PersonId,
        ask: Ask,
        source: Option<IpAddr>,
    ) -> Result<Request, AskError> {
        let origin = Origin::of(agent.party(), source);
        self.ask_as(agent.party(), beneficiary, ask, origin).await
    }

    /// Asks once more for what a request asked for that has come to its end: it is looked up and
    /// approved anew. `None` unless they asked for themselves, and while it is open.
    pub async fn ask_again(
        &self,
        person: &Party,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AskError> {
        let Some(stored) = self.stored_of(person, reference).await? else {
            return Ok(None);
        };
        let before = stored.request;
        // Its reason is sent once more, so it has to be in their own words.
        let is_theirs = before.beneficiary.id == person.id && before.requester.id == person.id;
        if !is_theirs || before.state.due_at().is_some() {
            return Ok(None);
        }
        let ask = Ask::again(&before).ok_or(AskError::UnknownDevice)?;
        self.ask(person, ask, source).await.map(Some)
    }

    /// The same by an agent, for whom that request was for. `None` where there is no such request of
    /// theirs, or while it is open.
    pub async fn ask_for_again(
        &self,
        agent: &Agent,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AskError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let before = stored.request;
        let is_theirs = before.requester.id == agent.party().id;
        if !is_theirs || before.state.due_at().is_some() {
            return Ok(None);
        }
        let ask = Ask::again(&before).ok_or(AskError::UnknownDevice)?;
        self.ask_for(agent, &before.beneficiary.id, ask, source)
            .await
            .map(Some)
    }

    /// Makes a request, or says and records why not.
    pub(super) async fn ask_as(
        &self,
        requester: &Party,
        beneficiary: &PersonId,
        ask: Ask,
        origin: Origin,
    ) -> Result<Request, AskError> {
        let id = self.new_request_id();
        self.ask_for_id(requester, beneficiary, Asked { id, ask, origin })
            .await
    }

    /// An ID for a request that is about to be made.
    pub(super) fn new_request_id(&self) -> RequestId {
        RequestId(new_id(self.now(), &*self.parts.random))
    }

    /// Makes the request of this ID, or says and records why not.
    pub(super) async fn ask_for_id(
        &self,
        requester: &Party,
        beneficiary: &PersonId,
        asked: Asked,
    ) -> Result<Request, AskError> {
        let asset = asked.ask.asset.as_str().to_owned();
        let (actor, source) = (asked.origin.actor.clone(), asked.origin.source);
        let made = self.try_ask(requester, beneficiary, asked).await;
        if let Err(error) = &made {
            let concerns = Concerned {
                beneficiary: Some(beneficiary.clone()),
                requester: Some(requester.id.clone()),
            };
            let event = Event::RequestRefused {
                asset,
                why: error.why(),
                concerns,
            };
            let entry = LogEntry::of_nothing(event, actor, source, self.now());
            self.record(entry).await?;
        }
        if let Err(AskError::NobodyToAsk(NoPanel::Fault(fault))) = &made {
            self.policy_failed(fault).await?;
        }
        made
    }

    async fn try_ask(
        &self,
        requester: &Party,
        beneficiary: &PersonId,
        asked: Asked,
    ) -> Result<Request, AskError> {
        let ask = &asked.ask;
        // Everybody is looked up anew: an account disabled since may not ask, nor be given a key.
        let (askers, (device, mut unanswered)) =
            tokio::try_join!(self.askers(requester, beneficiary), self.resolve(ask))?;
        let beneficiary = askers.beneficiary.party();
        let beneficiary = beneficiary.map_err(|_| AskError::UnfitBeneficiary)?;
        let case = Case {
            requester: &askers.requester,
            beneficiary: &beneficiary,
            unit: askers.beneficiary.unit.as_deref(),
            device: &device,
            unanswered: &unanswered,
        };
        let (promise, panel) = tokio::try_join!(
            self.promise(&device, ask.wanted.as_ref(), &unanswered),
            async { Ok(self.panel_for(case).await?) }
        )?;
        let (promised, silent) = promise;
        unanswered.extend(silent);
        let found = Found {
            device,
            promised,
            unanswered,
        };
        self.open(askers.requester, beneficiary, found, panel, asked)
            .await
    }

    async fn askers(&self, requester: &Party, beneficiary: &PersonId) -> Result<Askers, AskError> {
        let person = async |id: &PersonId| {
            let query = PersonQuery::Id(id.clone());
            in_time("the directory", self.parts.directory.person(&query)).await
        };
        let asking = person(&requester.id).await?.ok_or(AskError::Unfit)?;
        let party = asking.party().map_err(|_| AskError::Unfit)?;
        let beneficiary = if *beneficiary == requester.id {
            asking
        } else {
            let found = person(beneficiary).await?;
            found.ok_or(AskError::UnfitBeneficiary)?
        };
        Ok(Askers {
            requester: party,
            beneficiary,
        })
    }

    /// The one device that is meant, and the backends that did not answer; a choice must be among
    /// those that go by the name.
    async fn resolve(&self, ask: &Ask) -> Result<(Device, Vec<BackendName>), AskError> {
        let mut answers = self.find_devices(&ask.asset).await;
        let mut unanswered = answers.unanswered();
        let found = &mut answers.found;
        if let Some(chosen) = &ask.chosen {
            found.retain(|device| device.places().any(|place| place == chosen));
        }
        match found.len() {
            0 if unanswered.is_empty() => Err(AskError::UnknownDevice),
            0 => Err(silent(&unanswered).into()),
            1 => {
                let mut device = found.remove(0);
                if ask.chosen.is_some() && device.owners.is_empty() {
                    device = self.with_owners(device).await;
                }
                let elsewhere = self.complete(device, &unanswered).await;
                unanswered.extend(elsewhere.unanswered());
                let device = elsewhere.found.into_iter().next();
                Ok((device.ok_or(AskError::UnknownDevice)?, unanswered))
            }
            _ => Err(AskError::Ambiguous(answers.found)),
        }
    }

    /// What would be released now, and the backends that did not answer: proves that there is
    /// something to ask for, before an approver is bothered. No key is touched.
    ///
    /// That there is nothing is only said where all have answered.
    async fn promise(
        &self,
        device: &Device,
        wanted: Option<&WantedKey>,
        unanswered: &[BackendName],
    ) -> Result<(Vec<EscrowRecord>, Vec<BackendName>), AskError> {
        let answers = self.records_of(device).await;
        let newly = answers.unanswered();
        let is_empty = answers.found.is_empty();
        let selection = select(answers.found, wanted);
        if !selection.release.is_empty() {
            return Ok((selection.release, newly));
        }
        let all: Vec<_> = unanswered.iter().chain(&newly).cloned().collect();
        Err(if !all.is_empty() {
            silent(&all).into()
        } else if is_empty {
            AskError::NothingEscrowed(device.clone())
        } else {
            AskError::WrongKeyId(device.clone())
        })
    }

    async fn open(
        &self,
        requester: Party,
        beneficiary: Party,
        found: Found,
        panel: Panel,
        asked: Asked,
    ) -> Result<Request, AskError> {
        let Asked { id, ask, origin } = asked;
        let draft = Draft {
            id,
            reference: Reference::new(&*self.parts.random),
            requester,
            beneficiary,
            device: found.device,
            wanted: ask.wanted,
            promised: found.promised,
            unanswered: found.unanswered,
            reason: ask.reason,
            made_by: origin.made_by(),
            ticket: origin.ticket,
            terms: self.parts.terms,
        };
        let now = self.now();
        let (request, step, effects) = open(draft, panel, now);
        let announced = self.announce(&request, &step);
        let (actor, source) = (origin.actor, origin.source);
        let entry = LogEntry::of_request(&request, Event::Request(step), actor, source, now);
        let mut change = vec![Write::Open(Box::new(request.clone())), self.log(&entry)];
        change.extend(self.enqueue(effects));
        change.extend(announced);
        change.extend(origin.also);
        match self.commit(change).await {
            Ok(()) => Ok(request),
            Err(CommitError::Conflict) => self.made_before(request).await,
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// What stands in the way of a new request: of the same ticket one was made at the same time, and
    /// that is it; else there is an open one.
    async fn made_before(&self, request: Request) -> Result<Request, AskError> {
        if let Some(then) = &request.ticket {
            let of_ticket = self.parts.store.request_of_ticket(&then.ticket).await;
            if let Some(stored) = of_ticket.map_err(Unavailable::from)? {
                return Ok(stored.request);
            }
        }
        Err(self.already_open(&request).await?)
    }

    /// Which open request stands in the way of a new one. Where none does, the new one's
    /// reference was taken, which another press of the button mends.
    async fn already_open(&self, request: &Request) -> Result<AskError, Unavailable> {
        let mine = self
            .parts
            .store
            .requests_of(&request.beneficiary.id, 100)
            .await?;
        let open = mine.into_iter().map(|stored| stored.request).find(|other| {
            other.device.identity() == request.device.identity() && other.state.due_at().is_some()
        });
        Ok(match open {
            Some(other) => AskError::AlreadyOpen(other.reference),
            None => Unavailable::late("the store").into(),
        })
    }
}

/// These backends gave no answer, and without them nothing can be said.
pub(super) fn silent(backends: &[BackendName]) -> Unavailable {
    let names: Vec<_> = backends.iter().map(|name| name.0.as_str()).collect();
    Unavailable::late(names.join(" and "))
}
