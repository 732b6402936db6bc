//! Making a request of a ticket, once; or telling it why not.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Broker, Desk, actor};
use crate::audit::{Concerned, Event, LogEntry, WhyNoRequest};
use crate::devices::{Device, DeviceId};
use crate::lifecycle::CLOCKS_DIFFER;
use crate::people::{Party, Person, PersonId};
use crate::ports::{CommitError, DirectoryError, Job, Write};
use crate::service::ask::{Origin, silent};
use crate::service::{Ask, AskError, Unavailable, in_time};
use crate::text::{Asset, Reason};
use crate::tickets::{
    AgentUnknown, AssetFault, DeskAsset, DeskUser, Snapshot, Ticket, TicketName, TicketNews,
};

/// How long a ticket that no request could be made of is left alone, unless it changes. Then it is
/// looked at again for as long as it is open: what was missing in escrow or in the directory may have
/// come.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// What a ticket asks for, in the words of the directory and of the backends.
struct Asked {
    requester: Party,
    beneficiary: PersonId,
    ask: Ask,
    snapshot: Snapshot,
}

/// No request comes of a ticket.
enum NotAsked {
    Because(WhyNoRequest),
    Unavailable(Unavailable),
}

impl From<Unavailable> for NotAsked {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl From<WhyNoRequest> for NotAsked {
    fn from(why: WhyNoRequest) -> Self {
        Self::Because(why)
    }
}

impl Broker {
    /// Makes a request of an open ticket. Where none can be made, the ticket is told why, once.
    pub(super) async fn take_up(&self, desk: &Desk, ticket: Ticket) -> Result<(), Unavailable> {
        let name = TicketName {
            desk: desk.system.name().clone(),
            id: ticket.id.clone(),
        };
        let facts = facts(&ticket);
        let before = self.parts.store.refused_ticket(&name).await?;
        let is_left_alone = before
            .as_ref()
            .is_some_and(|refused| refused.facts == facts && self.rests_until(refused.until));
        if is_left_alone {
            return Ok(());
        }
        let mut concerns = Concerned::default();
        let understood = self.understand(desk, &name, &ticket, &mut concerns);
        let why = match understood.await {
            Ok(asked) => match self.ask_at_desk(desk, asked).await? {
                None => return Ok(()),
                Some(why) => why,
            },
            Err(NotAsked::Because(why)) => {
                let asset = ticket.asset.as_ref().map(|asset| asset.name.clone());
                let event = Event::RequestRefused {
                    asset: asset.unwrap_or_else(|_| name.to_string()),
                    why,
                    concerns,
                };
                self.record(LogEntry::of_nothing(
                    event,
                    actor(desk.system.name()),
                    None,
                    self.now(),
                ))
                .await?;
                why
            }
            Err(NotAsked::Unavailable(error)) => return Err(error),
        };
        let until = self.now() + AGAIN_AFTER;
        let look = Job::LookAtTicket {
            ticket: name.clone(),
        };
        let is_news = before
            .as_ref()
            .is_none_or(|refused| refused.facts != facts || refused.why != why);
        let mut change = vec![Write::RefuseTicket {
            ticket: name.clone(),
            expected: before.map(|refused| refused.until),
            facts,
            why,
            until,
        }];
        change.push(self.enqueue_job(look, until));
        if is_news {
            let news = TicketNews::Refused { why };
            let job = Job::TellTicket { ticket: name, news };
            change.push(self.enqueue_job(job, self.now()));
        }
        match self.commit(change).await {
            // Somebody else has looked at it at the same time, and told it.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a refused ticket is still left alone. No longer than one is left alone that is refused now:
    /// a clock that was ahead would keep it waiting until then.
    fn rests_until(&self, until: Timestamp) -> bool {
        let now = self.now();
        now < until && until.duration_since(now) <= AGAIN_AFTER + CLOCKS_DIFFER
    }

    /// Asks; gives why not, where no request was made and asking again at once would not help.
    async fn ask_at_desk(
        &self,
        desk: &Desk,
        asked: Asked,
    ) -> Result<Option<WhyNoRequest>, Unavailable> {
        let origin = Origin {
            actor: actor(desk.system.name()),
            source: None,
            ticket: Some(asked.snapshot),
            also: Vec::new(),
        };
        let made = self
            .ask_as(&asked.requester, &asked.beneficiary, asked.ask, origin)
            .await;
        match made {
            Ok(_) => Ok(None),
            Err(AskError::Unavailable(error)) => Err(error),
            Err(error) => Ok(Some(error.why())),
        }
    }

    /// Whom and what a ticket means. `concerns` are those whom it means, as far as they were found.
    async fn understand(
        &self,
        desk: &Desk,
        name: &TicketName,
        ticket: &Ticket,
        concerns: &mut Concerned,
    ) -> Result<Asked, NotAsked> {
        let read_at = self.now();
        let user = ticket.user.as_ref().ok_or(WhyNoRequest::UnknownUser)?;
        let asset = ticket.asset.as_ref().map_err(|fault| match fault {
            AssetFault::None => WhyNoRequest::NoAsset,
            AssetFault::Several => WhyNoRequest::SeveralAssets,
            AssetFault::Unknown => WhyNoRequest::UnknownAsset,
        })?;
        let person = self.person_of_desk(user).await?;
        let person = person.ok_or(WhyNoRequest::UnknownUser)?;
        concerns.beneficiary = Some(person.id.clone());
        let beneficiary = person.party().map_err(|_| WhyNoRequest::UnfitPerson)?;
        // Of whom not even the name is known could be anybody, an approver too.
        let raised_by = ticket.raised_by.as_ref();
        let raised_by = raised_by.map_err(|AgentUnknown| WhyNoRequest::UnknownAgent)?;
        let agent = match raised_by {
            Some(agent) => self.person_of_desk(agent).await?,
            None => None,
        };
        concerns.requester = agent.as_ref().map(|agent| agent.id.clone());
        let agent = agent.and_then(|agent| agent.party().ok());
        let unknown_agent = raised_by.as_ref().filter(|_| agent.is_none());
        let (asset_text, chosen) = self.device_of_desk(asset).await?;
        Ok(Asked {
            beneficiary: beneficiary.id.clone(),
            requester: agent.unwrap_or(beneficiary),
            ask: Ask {
                asset: asset_text,
                chosen: Some(chosen),
                wanted: None,
                reason: reason(&ticket.reason, name),
            },
            snapshot: Snapshot {
                ticket: name.clone(),
                user: user.id.clone(),
                asset: asset.id.clone(),
                raised_by: unknown_agent.map(|agent| agent.name.clone()),
                decided_there: desk.approves,
                read_at,
            },
        })
    }

    /// The one person whom all that a desk knows of a user leads to, as far as it leads to anybody.
    async fn person_of_desk(&self, user: &DeskUser) -> Result<Option<Person>, NotAsked> {
        let mut found: Option<Person> = None;
        for query in &user.known_as {
            let looking = self.parts.directory.person(query);
            let looking = async {
                match looking.await {
                    Err(DirectoryError::Ambiguous) => Ok(Err(WhyNoRequest::AmbiguousUser)),
                    Ok(person) => Ok(Ok(person)),
                    Err(error) => Err(error),
                }
            };
            let Some(person) = in_time("the directory", looking).await?? else {
                continue;
            };
            match &found {
                Some(other) if other.id != person.id => {
                    return Err(WhyNoRequest::AmbiguousUser.into());
                }
                _ => found = Some(person),
            }
        }
        Ok(found)
    }

    /// The same; nobody, where it leads to several people.
    pub(super) async fn one_of_desk(&self, user: &DeskUser) -> Result<Option<Person>, Unavailable> {
        match self.person_of_desk(user).await {
            Ok(person) => Ok(person),
            Err(NotAsked::Because(_)) => Ok(None),
            Err(NotAsked::Unavailable(error)) => Err(error),
        }
    }

    /// The one device that all that a desk knows of an asset leads to, and the text that leads there.
    async fn device_of_desk(&self, asset: &DeskAsset) -> Result<(Asset, DeviceId), NotAsked> {
        let mut found = None::<(Asset, Device)>;
        for text in &asset.known_as {
            let mut answers = self.find_devices(text).await;
            let silent_ones = answers.unanswered();
            let device = match answers.found.len() {
                // What is surer than the rest may be known where nobody answered.
                0 if !silent_ones.is_empty() => return Err(silent(&silent_ones).into()),
                0 => continue,
                1 => answers.found.remove(0),
                _ => return Err(WhyNoRequest::Ambiguous.into()),
            };
            match &found {
                Some((_, other)) if other.identity() != device.identity() => {
                    return Err(WhyNoRequest::Ambiguous.into());
                }
                Some(_) => {}
                None => found = Some((text.clone(), device)),
            }
        }
        let found = found.map(|(text, device)| (text, device.id));
        found.ok_or_else(|| WhyNoRequest::UnknownDevice.into())
    }
}

/// The reason that a ticket gives, as far as it can be shown; where it gives none, where it is.
fn reason(text: &str, ticket: &TicketName) -> Reason {
    let shown: String = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    let shown: String = shown.trim().chars().take(Reason::MAX_CHARS).collect();
    let given = Reason::parse(&shown);
    given.unwrap_or_else(|_| {
        let desk = &ticket.desk;
        let id = &ticket.id;
        Reason::parse(&format!("Ticket {id} of {desk}")).expect("short, and plain letters")
    })
}

/// What a request would be made of. Who reads it learns nothing of it.
fn facts(ticket: &Ticket) -> String {
    let user = |user: &Option<DeskUser>| {
        user.as_ref()
            .map(|user| (user.id.clone(), format!("{:?}", user.known_as)))
    };
    let asset = ticket.asset.as_ref();
    let asset = asset.map(|asset| (&asset.id, &asset.known_as));
    let raised_by = ticket.raised_by.as_ref().map(user);
    let told = format!("{:?}", (user(&ticket.user), raised_by, asset));
    format!("{:x}", Sha256::digest(told))
}
