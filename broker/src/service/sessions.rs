//! Sessions: how one begins, what it holds by, and every way in which it ends.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Broker, SignInTerms, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry};
use crate::identity::Way;
use crate::lifecycle::has_ended;
use crate::people::{MailAddress, Party};
use crate::ports::{CommitError, PersonQuery, Session, Write};
use crate::tokens::PlainToken;

/// A session's last use is written at most so often.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);

/// Somebody for whom a session is to be opened.
pub(super) struct Newcomer<'a> {
    pub(super) person: &'a Party,
    pub(super) by: Way,
    pub(super) claims: Vec<String>,
    /// The session that their browser had, if it had one.
    pub(super) leaves: Option<&'a PlainToken>,
}

impl Broker {
    /// Who is signed in with this cookie; `None` once the session has ended in any way. `named` is
    /// whom a trusted proxy names in this very request: a session that was opened by its word holds
    /// only as long as it says the same.
    pub async fn session(
        &self,
        token: &PlainToken,
        named: Option<&str>,
    ) -> Result<Option<Session>, Unavailable> {
        let now = self.now();
        let Some(session) = self.parts.store.session(&token.hash()).await? else {
            return Ok(None);
        };
        let SignInTerms { idle, at_most, .. } = self.parts.sign_in;
        let is_idle = has_ended(session.used_at + idle, idle, now);
        if is_idle || has_ended(session.ends_at, at_most, now) {
            return Ok(None);
        }
        if matches!(&session.by, Way::Proxy(name) if named != Some(name)) {
            return Ok(None);
        }
        if now >= session.used_at + TOUCH {
            match self
                .commit(vec![Write::TouchSession {
                    token: session.token,
                    at: now,
                }])
                .await
            {
                Ok(()) => {}
                // It was ended this moment, elsewhere.
                Err(CommitError::Conflict) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(session))
    }

    /// Signs out.
    pub async fn end_session(
        &self,
        session: &Session,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let actor = Actor::Person(session.person.clone());
        let end = Write::EndSession(session.token);
        self.end_and_record(end, Event::SignedOut, actor, source)
            .await
    }

    /// Signs a person out of every browser, this session's included.
    pub async fn end_sessions(
        &self,
        session: &Session,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let person = &session.person;
        let actor = Actor::Person(person.clone());
        self.end_all(person.clone(), actor, source).await
    }

    /// Signs a person out of every browser, at the word of an operator of the server. `None` where
    /// the directory knows nobody by this address; whether the account is enabled does not matter.
    pub async fn end_sessions_of(
        &self,
        mail: &MailAddress,
        operator: &str,
    ) -> Result<Option<Party>, Unavailable> {
        let query = PersonQuery::Mail(mail.clone());
        let found = in_time("the directory", self.parts.directory.person(&query)).await?;
        let Some(person) = found else { return Ok(None) };
        let whose = Party {
            id: person.id,
            name: person.name,
            mail: person.mail.unwrap_or_else(|| mail.clone()),
        };
        let actor = Actor::Operator {
            name: operator.to_owned(),
        };
        self.end_all(whose.clone(), actor, None).await?;
        Ok(Some(whose))
    }

    /// A session with a new token, and its row of the log, to be committed. Whatever session the
    /// browser had ends in the same change: nobody who knows that one gets into this.
    pub(super) fn new_session(
        &self,
        who: Newcomer<'_>,
        now: Timestamp,
        source: Option<IpAddr>,
    ) -> (PlainToken, Vec<Write>) {
        let token = PlainToken::new(&*self.parts.random);
        let session = Session {
            token: token.hash(),
            person: who.person.clone(),
            by: who.by.clone(),
            claims: who.claims,
            used_at: now,
            ends_at: now + self.parts.sign_in.at_most,
        };
        let event = Event::SignedIn { by: who.by };
        let actor = Actor::Person(who.person.clone());
        let entry = LogEntry::of_nothing(event, actor, source, now);
        let left = who.leaves.map(|left| Write::EndSession(left.hash()));
        let opened = [Write::OpenSession(Box::new(session)), self.log(&entry)];
        (token, left.into_iter().chain(opened).collect())
    }

    async fn end_all(
        &self,
        whose: Party,
        actor: Actor,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let end = Write::EndSessionsOf(whose.id.clone());
        let event = Event::SignedOutEverywhere { whose };
        self.end_and_record(end, event, actor, source).await
    }

    async fn end_and_record(
        &self,
        end: Write,
        event: Event,
        actor: Actor,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let entry = LogEntry::of_nothing(event, actor, source, self.now());
        let change = vec![end, self.log(&entry)];
        Ok(self.commit(change).await?)
    }
}
