//! Signing in at an identity provider. The browser that begins holds a token; state, nonce and
//! verifier are derived from it, and the store knows its hash alone. Whatever comes back with it
//! ends the sign-in, before anything of the answer is believed. Whom a trusted proxy names is signed
//! in here, too: from where on somebody has said who it is, the way is the same.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;

use super::{BeginError, Broker, Newcomer, Unavailable, allowances, in_time};
use crate::audit::{Actor, Event, LogEntry, WhyNoSignIn};
use crate::causes::with_causes;
use crate::identity::{ProviderName, SignInSecrets, Way};
use crate::lifecycle::has_ended;
use crate::people::Party;
use crate::ports::{
    CommitError, DirectoryError, Identified, IdentityError, IdentityProvider, PersonQuery,
    ProviderSignIn, Session, Write,
};
use crate::tokens::PlainToken;

/// How long somebody may take at a provider.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(10);

/// A sign-in that begins at a provider.
#[derive(Debug)]
pub struct Departure {
    /// For the cookie of the browser that asked, and nobody else.
    pub token: PlainToken,
    /// The provider.
    pub provider: ProviderName,
    /// The address to send the browser to.
    pub address: String,
}

/// What a browser has brought back from a provider.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// The provider that it says it comes from, as its name is in addresses.
    pub slug: &'a str,
    /// The state, as it came.
    pub state: &'a str,
    /// The code, where there is one.
    pub code: Option<SecretString>,
    /// Who the answer says that it is from, where it says so (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// The answer signs nobody in. Why is in the audit log, and for nobody else.
    #[error("nobody is signed in by this")]
    NotTaken,
    /// Something did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// The providers that people may sign in at, in the order of their buttons.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderName> {
        self.parts.providers.iter().map(|provider| provider.name())
    }

    /// Begins a sign-in at a provider; `None` where there is no such provider. `next` is the page
    /// to go on to afterwards.
    pub async fn depart(
        &self,
        slug: &str,
        next: &str,
        source: Option<IpAddr>,
    ) -> Result<Option<Departure>, BeginError> {
        let mut providers = self.parts.providers.iter();
        let Some(provider) = providers.find(|it| it.name().slug() == slug) else {
            return Ok(None);
        };
        let token = PlainToken::new(&*self.parts.random);
        let secrets = SignInSecrets::of(&token);
        let address = in_time(provider.name().as_str(), provider.begin(&secrets)).await?;
        let now = self.now();
        let name = provider.name().clone();
        let begun = ProviderSignIn {
            token: token.hash(),
            provider: name.clone(),
            next: next.to_owned(),
            expires_at: now + VALID_FOR,
        };
        let event = Event::ProviderSignInRequested {
            provider: name.clone(),
        };
        let entry = LogEntry::of_nothing(event, Actor::Stranger, source, now);
        let change = vec![
            allowances::sign_in(self.parts.sign_in.begun_a_minute, now),
            Write::OpenProviderSignIn(Box::new(begun)),
            self.log(&entry),
        ];
        match self.commit(change).await {
            Ok(()) => Ok(Some(Departure {
                token,
                provider: name,
                address,
            })),
            Err(CommitError::Conflict) => Err(BeginError::TooMany {
                wait: allowances::until_next_sign_in(now),
            }),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Ends a sign-in with what the browser has brought back. The token is the new session's, for
    /// a cookie; the text is the page to go on to. The session that the browser had, `leaves`, is
    /// over with it.
    ///
    /// Who made up a token, or comes again, leaves no row in the log: it is not for strangers to
    /// fill.
    pub async fn arrive(
        &self,
        token: &PlainToken,
        arrival: &Arrival<'_>,
        leaves: Option<&PlainToken>,
        source: Option<IpAddr>,
    ) -> Result<(PlainToken, String), ArrivalError> {
        let found = self.parts.store.provider_sign_in(&token.hash()).await;
        let begun = found.map_err(Unavailable::from)?;
        let begun = begun.ok_or(ArrivalError::NotTaken)?;
        // Of two that bring the same answer one goes on, and the code is exchanged once at most.
        match self
            .commit(vec![Write::EndProviderSignIn(begun.token)])
            .await
        {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Err(ArrivalError::NotTaken),
            Err(error) => return Err(Unavailable::from(error).into()),
        }
        let (party, claims) = match self.who_arrives(token, &begun, arrival).await {
            Ok(arrived) => arrived,
            Err(not_taken) => {
                return Err(self
                    .turn_away(not_taken, Some(begun.provider), source)
                    .await);
            }
        };
        let who = Newcomer {
            person: &party,
            by: Way::Provider(begun.provider),
            claims,
            leaves,
        };
        Ok((self.let_in(who, source).await?, begun.next))
    }

    /// Signs in whom a trusted proxy names: `query` is what to ask the directory, `named` what the
    /// proxy said, to the letter. The token is the new session's, for a cookie; the session that
    /// the browser had, `leaves`, is over with it.
    pub async fn enter(
        &self,
        query: &PersonQuery,
        named: &str,
        leaves: Option<&PlainToken>,
        source: Option<IpAddr>,
    ) -> Result<PlainToken, ArrivalError> {
        let party = match self.party_of(query).await {
            Ok(party) => party,
            Err(not_taken) => return Err(self.turn_away(not_taken, None, source).await),
        };
        let who = Newcomer {
            person: &party,
            by: Way::Proxy(named.to_owned()),
            claims: Vec::new(),
            leaves,
        };
        self.let_in(who, source).await
    }

    /// Where somebody signs out at the provider that they signed in at, if that is possible.
    pub async fn sign_out_at_provider(&self, session: &Session) -> Option<(ProviderName, String)> {
        let Way::Provider(name) = &session.by else {
            return None;
        };
        let provider = self.provider(name)?;
        // Signing out here waits for nobody.
        let address = tokio::time::timeout(Duration::from_secs(1), provider.sign_out()).await;
        Some((name.clone(), address.ok()??))
    }

    async fn let_in(
        &self,
        who: Newcomer<'_>,
        source: Option<IpAddr>,
    ) -> Result<PlainToken, ArrivalError> {
        let (session, opened) = self.new_session(who, self.now(), source);
        let committed = self.commit(opened).await;
        committed.map_err(Unavailable::from)?;
        Ok(session)
    }

    /// Records why nobody is signed in.
    async fn turn_away(
        &self,
        not_taken: NotTaken,
        provider: Option<ProviderName>,
        source: Option<IpAddr>,
    ) -> ArrivalError {
        let (why, named) = match not_taken {
            NotTaken::Because { why, named } => (why, named),
            NotTaken::Unavailable(error) => return error.into(),
        };
        let event = Event::SignInRefused {
            why,
            provider,
            named,
        };
        let entry = LogEntry::of_nothing(event, Actor::Stranger, source, self.now());
        match self.record(entry).await {
            Ok(()) => ArrivalError::NotTaken,
            Err(error) => error.into(),
        }
    }

    async fn who_arrives(
        &self,
        token: &PlainToken,
        begun: &ProviderSignIn,
        arrival: &Arrival<'_>,
    ) -> Result<(Party, Vec<String>), NotTaken> {
        if has_ended(begun.expires_at, VALID_FOR, self.now()) {
            return Err(WhyNoSignIn::Ended.into());
        }
        if arrival.slug != begun.provider.slug() {
            return Err(WhyNoSignIn::OtherProvider.into());
        }
        let secrets = SignInSecrets::of(token);
        if PlainToken::parse(arrival.state).as_ref() != Some(&secrets.state) {
            return Err(WhyNoSignIn::ForgedState.into());
        }
        let code = arrival.code.as_ref();
        let code = code.ok_or(WhyNoSignIn::ProviderRefused)?;
        // One that was taken out of the configuration meanwhile is none any more.
        let provider = self.provider(&begun.provider);
        let provider = provider.ok_or(WhyNoSignIn::OtherProvider)?;
        let finish = provider.finish(&secrets, code, arrival.issuer);
        let Identified { query, claims } = match tokio::time::timeout(Self::DEADLINE, finish).await
        {
            Ok(Ok(identified)) => identified,
            Ok(Err(IdentityError::Refused { why, what })) => {
                tracing::warn!(provider = %begun.provider, what, "a sign-in was refused");
                return Err(why.into());
            }
            Ok(Err(error)) => {
                return Err(Unavailable::new(begun.provider.as_str(), error).into());
            }
            Err(_) => return Err(Unavailable::late(begun.provider.as_str()).into()),
        };
        Ok((self.party_of(&query).await?, claims))
    }

    async fn party_of(&self, query: &PersonQuery) -> Result<Party, NotTaken> {
        let because = |why| NotTaken::Because {
            why,
            named: Some(named(query)),
        };
        let looking = self.parts.directory.person(query);
        let looked_up = tokio::time::timeout(Self::DEADLINE, looking)
            .await
            .map_err(|_| Unavailable::late("the directory"))?;
        let person = match looked_up {
            Ok(Some(person)) => person,
            Ok(None) | Err(DirectoryError::Ambiguous) => {
                return Err(because(WhyNoSignIn::UnknownPerson));
            }
            Err(error) => return Err(Unavailable::new("the directory", error).into()),
        };
        person.party().map_err(|unfit| {
            tracing::info!(
                why = with_causes(&unfit),
                "somebody who is not fit signed in"
            );
            because(WhyNoSignIn::UnfitPerson)
        })
    }

    fn provider(&self, name: &ProviderName) -> Option<&Arc<dyn IdentityProvider>> {
        let mut providers = self.parts.providers.iter();
        providers.find(|provider| provider.name() == name)
    }
}

/// Why an answer signs nobody in.
enum NotTaken {
    Because {
        why: WhyNoSignIn,
        named: Option<String>,
    },
    Unavailable(Unavailable),
}

impl From<WhyNoSignIn> for NotTaken {
    fn from(why: WhyNoSignIn) -> Self {
        Self::Because { why, named: None }
    }
}

impl From<Unavailable> for NotTaken {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

/// Whom a query is about, for the audit log: no longer than a mail address may be.
fn named(query: &PersonQuery) -> String {
    let text = match query {
        PersonQuery::Id(id) => &id.0,
        PersonQuery::Mail(mail) => mail.as_str(),
        PersonQuery::Login(login) => login,
    };
    text.chars().take(254).collect()
}
