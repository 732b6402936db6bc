//! Tokens of programs: making and ending them, and who it is that shows one.

use std::net::IpAddr;

use jiff::SignedDuration;

use super::{Broker, Unavailable, allowances, in_time};
use crate::audit::{Actor, Event, LogEntry, WhyNoToken};
use crate::people::{MailAddress, Party, PersonQuery};
use crate::ports::{CommitError, Write};
use crate::programs::{Program, ProgramName, ProgramToken, Scope, day_of};
use crate::tokens::PlainToken;

/// The shortest time that a token may hold.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// A token that is to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What the program is called.
    pub name: ProgramName,
    /// What the token is good for.
    pub scopes: Vec<Scope>,
    /// In whose name the program acts, where it does so.
    pub person: Option<MailAddress>,
    /// How long it holds.
    pub valid_for: SignedDuration,
}

/// No token was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeTokenError {
    /// It is good for nothing.
    #[error("a token needs a scope: name at least one with --scope")]
    NoScope,
    /// A decision is always a person's.
    #[error("requests:decide is for the token of a person: name them with --person")]
    NobodysDecision,
    /// It holds too long, or too shortly.
    #[error("a token holds for a minute at the least and for two years (730d) at the most")]
    WrongTime,
    /// The directory knows nobody by that address who may take part in a request.
    #[error(
        "the directory knows no one person by the address {0} whose account is enabled and has a \
         mail address"
    )]
    UnfitPerson(MailAddress),
    /// The program has a token.
    #[error(
        "there is a token of the name {0} already: choose another name, or end that one with \
         `clavis token revoke {0}`"
    )]
    Taken(ProgramName),
    /// Something did not answer; nothing has happened.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A token does not do.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// There is no such token, or it has ended, or its person is not fit: the same for everybody who
    /// shows one.
    #[error("the token is not valid")]
    Invalid,
    /// It is not good for what is wanted.
    #[error("the token is not good for this")]
    WrongScope,
    /// Something did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// Makes a token for a program, at the word of an operator of the server. The token in plain is
    /// nowhere but in the answer.
    pub async fn make_token(
        &self,
        new: NewToken,
        operator: &str,
    ) -> Result<(PlainToken, ProgramToken), MakeTokenError> {
        let mut scopes = new.scopes;
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(MakeTokenError::NoScope);
        }
        if !(SHORTEST..=ProgramToken::LONGEST).contains(&new.valid_for) {
            return Err(MakeTokenError::WrongTime);
        }
        let person = match new.person {
            None if scopes.contains(&Scope::Decide) => {
                return Err(MakeTokenError::NobodysDecision);
            }
            None => None,
            Some(mail) => Some(self.owner(mail).await?),
        };
        let now = self.now();
        let token = PlainToken::new(&*self.parts.random);
        let made = ProgramToken {
            token: token.hash(),
            name: new.name,
            scopes,
            person,
            made_at: now,
            ends_at: now.saturating_add(new.valid_for).unwrap_or(now),
            used_on: None,
        };
        let event = Event::TokenMade {
            token: made.name.to_string(),
            scopes: made.scopes.clone(),
            person: made.person.clone(),
            until: made.ends_at,
        };
        let write = Write::MakeToken(Box::new(made.clone()));
        match self.commit_as_operator(write, event, operator).await {
            Ok(()) => Ok((token, made)),
            Err(CommitError::Conflict) => Err(MakeTokenError::Taken(made.name)),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// All tokens of programs, ended by time or not, by the programs' names.
    pub async fn tokens(&self) -> Result<Vec<ProgramToken>, Unavailable> {
        Ok(self.parts.store.program_tokens().await?)
    }

    /// Ends the token of a program, at the word of an operator of the server; false where there is
    /// none.
    pub async fn revoke_token(
        &self,
        name: &ProgramName,
        operator: &str,
    ) -> Result<bool, Unavailable> {
        let event = Event::TokenRevoked {
            token: name.to_string(),
        };
        let end = Write::EndToken(name.clone());
        match self.commit_as_operator(end, event, operator).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Which program shows this token, for something that needs a scope. Whoever it acts for is looked
    /// up anew. `None` is a token that cannot be one.
    ///
    /// # Errors
    /// Where the token does not do; that is in the log then.
    pub async fn program(
        &self,
        token: Option<&PlainToken>,
        scope: Scope,
        source: Option<IpAddr>,
    ) -> Result<Program, TokenRefusal> {
        let known = match token {
            None => None,
            Some(token) => {
                let found = self.parts.store.program_token(&token.hash()).await;
                found.map_err(Unavailable::from)?
            }
        };
        let Some(known) = known else {
            self.refuse_token(None, WhyNoToken::Unknown, source).await?;
            return Err(TokenRefusal::Invalid);
        };
        let why = if self.now() >= known.ends_at {
            WhyNoToken::Ended
        } else if known.scopes.contains(&scope) {
            match self.as_of_now(known.person.as_ref()).await? {
                Ok(person) => {
                    self.touch(&known).await?;
                    let name = known.name;
                    return Ok(Program { name, person });
                }
                Err(why) => why,
            }
        } else {
            WhyNoToken::WrongScope
        };
        self.refuse_token(Some(known.name), why, source).await?;
        Err(match why {
            WhyNoToken::WrongScope => TokenRefusal::WrongScope,
            _ => TokenRefusal::Invalid,
        })
    }

    async fn owner(&self, mail: MailAddress) -> Result<Party, MakeTokenError> {
        let found = self.one_person(&PersonQuery::Mail(mail.clone())).await?;
        let party = found.and_then(|person| person.party().ok());
        party.ok_or(MakeTokenError::UnfitPerson(mail))
    }

    /// The person that a token is of, as the directory knows them now.
    async fn as_of_now(
        &self,
        person: Option<&Party>,
    ) -> Result<Result<Option<Party>, WhyNoToken>, Unavailable> {
        let Some(person) = person else {
            return Ok(Ok(None));
        };
        let query = PersonQuery::Id(person.id.clone());
        let found = in_time("the directory", self.parts.directory.person(&query)).await?;
        let party = found.and_then(|person| person.party().ok());
        Ok(party.map(Some).ok_or(WhyNoToken::UnfitPerson))
    }

    /// Notes the day on which a token was used.
    async fn touch(&self, known: &ProgramToken) -> Result<(), TokenRefusal> {
        let today = day_of(self.now());
        if known.used_on == Some(today) {
            return Ok(());
        }
        let touch = Write::TouchToken {
            token: known.token,
            day: today,
        };
        match self.commit(vec![touch]).await {
            Ok(()) => Ok(()),
            // It was ended this moment, elsewhere.
            Err(CommitError::Conflict) => Err(TokenRefusal::Invalid),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Writes down that a token did not do, but not without end: whoever has none can show as many as
    /// they like.
    async fn refuse_token(
        &self,
        token: Option<ProgramName>,
        why: WhyNoToken,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let now = self.now();
        let spend = allowances::refused_token(token.as_ref(), now);
        let token = token.map(|name| name.to_string());
        let actor = match &token {
            Some(name) => Actor::Program { name: name.clone() },
            None => Actor::Stranger,
        };
        let event = Event::TokenRefused { token, why };
        let entry = LogEntry::of_nothing(event, actor, source, now);
        let change = vec![spend, self.log(&entry)];
        match self.commit(change).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn commit_as_operator(
        &self,
        write: Write,
        event: Event,
        operator: &str,
    ) -> Result<(), CommitError> {
        let actor = Actor::Operator {
            name: operator.to_owned(),
        };
        let entry = LogEntry::of_nothing(event, actor, None, self.now());
        let change = vec![write, self.log(&entry)];
        self.commit(change).await
    }
}
