//! What programs do: ask for keys, take requests back, decide in somebody's name, and follow what
//! becomes of it. Who a program is was made sure of before, by its token or by a message's secret.

use std::net::IpAddr;

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::ask::{Asked, Origin};
use super::{AdvanceError, Ask, AskError, Broker, Choice, ReviewError, Unavailable};
use crate::audit::{Concerned, Event, LogEntry, LogRow, WhyNoRequest};
use crate::lifecycle::{Command, Refusal, Request};
use crate::people::{Party, Person, PersonQuery};
use crate::ports::{Answered, LogQuery, Signed, Unsigned, Write};
use crate::programs::{Program, Scope};
use crate::text::Comment;
use crate::tokens::{Reference, TokenHash};

/// How long the same question is answered the same way.
const KEPT: SignedDuration = SignedDuration::from_hours(48);
/// How many rows of the log are read at once.
const PAGE: usize = 500;
/// And how often, for one answer.
const PAGES: usize = 10;

/// What a program asks for.
#[derive(Debug, Clone)]
pub struct ProgramAsk {
    /// Who is to get the key.
    pub beneficiary: PersonQuery,
    /// Who asks, where it is somebody else. A program that acts in somebody's name asks in theirs.
    pub requester: Option<PersonQuery>,
    /// For what.
    pub ask: Ask,
    /// By what it is known when it is asked again.
    pub once: Once,
}

/// By what a question is known when it is asked again: the key that came with it, and what it was.
/// Only hashes are kept of both.
#[derive(Debug, Clone, Copy)]
pub struct Once {
    key: TokenHash,
    asked: TokenHash,
}

impl Once {
    /// Of the key that a program gives, and what it asks, written the same way each time.
    pub fn new(key: &str, asked: &[u8]) -> Self {
        let hash = |bytes: &[u8]| TokenHash(Sha256::digest(bytes).into());
        Self {
            key: hash(key.as_bytes()),
            asked: hash(asked),
        }
    }
}

/// No request was made.
#[derive(Debug, thiserror::Error)]
pub enum ProgramAskError {
    /// The key came with another question before.
    #[error("the idempotency key came with another request before")]
    OtherQuestion,
    /// It acts in one person's name, and wants to ask in another's.
    #[error("the program cannot ask in the name of somebody else")]
    NotInTheirName,
    /// As when people ask.
    #[error(transparent)]
    Ask(Box<AskError>),
}

impl<E: Into<AskError>> From<E> for ProgramAskError {
    fn from(error: E) -> Self {
        Self::Ask(Box::new(error.into()))
    }
}

/// Rows of the log that are about requests.
#[derive(Debug, Clone)]
pub struct Events {
    /// The rows, oldest first.
    pub rows: Vec<LogRow>,
    /// The place after which the next ones are.
    pub next: i64,
    /// Whether there may be more already.
    pub more: bool,
}

impl Program {
    /// Whether the program made the request.
    fn made(&self, request: &Request) -> bool {
        request.made_by.as_ref() == Some(&self.name)
    }

    /// Whether the request is the program's own: it made it, or whoever it acts for asked or gets the
    /// key.
    fn owns(&self, request: &Request) -> bool {
        let person = self.person.as_ref();
        self.made(request) || person.is_some_and(|person| request.concerns(person))
    }

    /// Whether the program may know of the request: its own, and those that whoever it acts for was
    /// asked to decide.
    fn may_see(&self, request: &Request) -> bool {
        let sits = |person: &Party| request.seat_of(&person.id).is_some();
        self.owns(request) || self.person.as_ref().is_some_and(sits)
    }
}

/// Whose message came.
#[derive(Debug, Clone)]
pub struct Sent<'a> {
    /// The program.
    pub program: Program,
    /// What its messages are good for.
    pub scopes: &'a [Scope],
}

impl Broker {
    /// The program that sent a message to the address of this name. Where none has that name, the answer
    /// is that of a wrong secret.
    pub fn sender(&self, name: &str, message: &Signed<'_>) -> Result<Sent<'_>, Unsigned> {
        let mut senders = self.parts.senders.iter();
        let sender = senders.find(|sender| sender.name().as_str() == name);
        let sender = sender.ok_or(Unsigned::OtherSecret)?;
        sender.verify(message, self.now())?;
        Ok(Sent {
            program: Program {
                name: sender.name().clone(),
                person: None,
            },
            scopes: sender.scopes(),
        })
    }

    /// Makes a request at a program's word, once for each key: the same question gives the same
    /// request again. Approvers are asked as always, and the key goes to the address that the
    /// directory has for whoever is to get it.
    pub async fn ask_by(
        &self,
        program: &Program,
        ask: ProgramAsk,
        source: Option<IpAddr>,
    ) -> Result<Request, ProgramAskError> {
        if let Some(request) = self.answer(program, ask.once).await? {
            return Ok(request);
        }
        let once = ask.once;
        let made = self.try_ask_by(program, ask, source).await;
        let Err(ProgramAskError::Ask(error)) = &made else {
            return made;
        };
        // The same question may have been answered at the same time.
        if matches!(**error, AskError::AlreadyOpen(_) | AskError::Unavailable(_))
            && let Some(request) = self.answer(program, once).await?
        {
            return Ok(request);
        }
        made
    }

    /// A request that a program may know of; `None` for any other, as for one that does not exist.
    pub async fn request_for(
        &self,
        program: &Program,
        reference: &Reference,
    ) -> Result<Option<Request>, Unavailable> {
        let stored = self.stored(reference).await?;
        let request = stored.map(|stored| stored.request);
        Ok(request.filter(|request| program.may_see(request)))
    }

    /// Takes a request back at a program's word, in the name of whoever it acts for, or else of who
    /// asked. `None` for one that it may not know of.
    pub async fn withdraw_by(
        &self,
        program: &Program,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, AdvanceError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let (request, actor) = (&stored.request, program.actor());
        if !program.may_see(request) {
            return Ok(None);
        }
        if !program.owns(request) {
            let why = Refusal::NotConcerned;
            self.record_refusal(request, "withdraw", why, &actor, source)
                .await?;
            return Err(why.into());
        }
        let by = program.person.as_ref().unwrap_or(&request.requester);
        let command = Command::Withdraw { by: by.clone() };
        self.advance_or_record(stored, &command, "withdraw", &actor, source, &[])
            .await
            .map(Some)
    }

    /// Decides a request in the name of whoever a program acts for, as the policy judges them. A
    /// request that the program made, it never decides. `None` for one that it may not know of.
    pub async fn decide_by(
        &self,
        program: &Program,
        reference: &Reference,
        choice: Choice,
        comment: Option<Comment>,
        source: Option<IpAddr>,
    ) -> Result<Option<Request>, ReviewError> {
        let Some(stored) = self.stored(reference).await? else {
            return Ok(None);
        };
        let (request, actor) = (&stored.request, program.actor());
        if !program.may_see(request) {
            return Ok(None);
        }
        let person = program.person.as_ref();
        let seat = person.and_then(|person| request.seat_of(&person.id).cloned());
        let asked = person.is_some_and(|person| request.askers().any(|it| it.is_same_as(person)));
        let (Some(seat), false) = (seat, asked || program.made(request)) else {
            let name = match choice {
                Choice::Approve => "approve",
                Choice::Decline => "decline",
            };
            let why = Refusal::NotConcerned;
            self.record_refusal(request, name, why, &actor, source)
                .await?;
            return Err(why.into());
        };
        self.decide_in(stored, &seat, choice, comment, &actor, source)
            .await
            .map(Some)
    }

    /// Rows of the log about requests, those after a place, oldest first and at most `limit`.
    pub async fn events_after(&self, after: i64, limit: usize) -> Result<Events, Unavailable> {
        let mut events = Events {
            rows: Vec::new(),
            next: after,
            more: true,
        };
        for _ in 0..PAGES {
            let query = LogQuery {
                after: events.next,
                limit: PAGE,
                ..LogQuery::default()
            };
            let page = self.parts.store.log(&query).await?;
            if page.is_empty() {
                events.more = false;
                break;
            }
            for row in page {
                events.next = row.seq;
                if row.entry.request.is_some() {
                    events.rows.push(row);
                }
                if events.rows.len() >= limit {
                    return Ok(events);
                }
            }
        }
        Ok(events)
    }

    async fn try_ask_by(
        &self,
        program: &Program,
        ask: ProgramAsk,
        source: Option<IpAddr>,
    ) -> Result<Request, ProgramAskError> {
        let mut concerns = Concerned::default();
        let asked = self.parties_of(program, &ask, &mut concerns).await;
        let (requester, beneficiary) = match asked {
            Ok(parties) => parties,
            Err(error) => {
                if let Some(why) = error.why() {
                    let asset = ask.ask.asset.as_str().to_owned();
                    let event = Event::RequestRefused {
                        asset,
                        why,
                        concerns,
                    };
                    let actor = program.actor();
                    let entry = LogEntry::of_nothing(event, actor, source, self.now());
                    self.record(entry).await?;
                }
                return Err(error);
            }
        };
        let id = self.new_request_id();
        let answered = Answered {
            program: program.name.clone(),
            key: ask.once.key,
            asked: ask.once.asked,
            request: id,
            until: self.now() + KEPT,
        };
        let origin = Origin {
            actor: program.actor(),
            source,
            ticket: None,
            also: vec![Write::KeepAnswer(Box::new(answered))],
        };
        let ask = ask.ask;
        let made = self.ask_for_id(&requester, &beneficiary.id, Asked { id, ask, origin });
        Ok(made.await?)
    }

    /// Who asks, and who is to get the key.
    async fn parties_of(
        &self,
        program: &Program,
        ask: &ProgramAsk,
        concerns: &mut Concerned,
    ) -> Result<(Party, Person), ProgramAskError> {
        let beneficiary = self.one_person(&ask.beneficiary).await?;
        let beneficiary = beneficiary.ok_or(AskError::UnfitBeneficiary)?;
        concerns.beneficiary = Some(beneficiary.id.clone());
        let requester = match &ask.requester {
            None => None,
            Some(query) => {
                let found = self.one_person(query).await?;
                concerns.requester = found.as_ref().map(|person| person.id.clone());
                let party = found.and_then(|person| person.party().ok());
                Some(party.ok_or(AskError::Unfit)?)
            }
        };
        let requester = match (&program.person, requester) {
            (Some(person), Some(other)) if other.id != person.id => {
                return Err(ProgramAskError::NotInTheirName);
            }
            (Some(person), _) => person.clone(),
            (None, Some(requester)) => requester,
            (None, None) => {
                let party = beneficiary.party();
                party.map_err(|_| AskError::UnfitBeneficiary)?
            }
        };
        Ok((requester, beneficiary))
    }

    /// The request that came of the same question before, where it was asked.
    async fn answer(
        &self,
        program: &Program,
        once: Once,
    ) -> Result<Option<Request>, ProgramAskError> {
        let store = &self.parts.store;
        let answered = store.answered(&program.name, &once.key).await;
        let Some(answered) = answered.map_err(Unavailable::from)? else {
            return Ok(None);
        };
        if answered.asked != once.asked {
            return Err(ProgramAskError::OtherQuestion);
        }
        let stored = store.request(answered.request).await;
        let stored = stored.map_err(Unavailable::from)?;
        Ok(stored.map(|stored| stored.request))
    }
}

impl ProgramAskError {
    /// Why nobody could be asked for, where that is something for the log.
    fn why(&self) -> Option<WhyNoRequest> {
        match self {
            Self::OtherQuestion => None,
            Self::NotInTheirName => Some(WhyNoRequest::UnfitPerson),
            Self::Ask(error) => Some(error.why()),
        }
    }
}
