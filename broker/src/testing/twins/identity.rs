//! An identity provider in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::{INTERNALS, locked};
use crate::audit::WhyNoSignIn;
use crate::identity::{ProviderName, SignInSecrets};
use crate::ports::{Finding, Identified, IdentityError, IdentityProvider, PersonQuery};
use crate::testing::contract::identity::{SentBack, Visitor};

/// An identity provider in memory, at which everybody signs in as whom it was told last.
pub struct MemoryProvider {
    name: ProviderName,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    begun: Vec<SignInSecrets>,
    codes: Vec<Code>,
    given_out: usize,
    person: Option<Identified>,
    is_broken: bool,
}

struct Code {
    text: String,
    of: SignInSecrets,
    person: Identified,
}

impl MemoryProvider {
    /// A provider of this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: ProviderName::parse(name).expect("a name"),
            inner: Mutex::default(),
        }
    }

    /// From now on it is this person who signs in.
    pub fn expect(&self, person: PersonQuery) {
        self.expect_with(person, &[]);
    }

    /// From now on it is this person who signs in, with these groups and roles.
    pub fn expect_with(&self, query: PersonQuery, claims: &[&str]) {
        let claims = claims.iter().map(|&claim| claim.to_owned()).collect();
        locked(&self.inner).person = Some(Identified { query, claims });
    }

    /// Fails at everything from now, or works again.
    pub fn break_down(&self, is_broken: bool) {
        locked(&self.inner).is_broken = is_broken;
    }

    fn issuer(&self) -> String {
        format!("https://{}.example.com", self.name.slug())
    }

    async fn answering(&self) -> Result<(), IdentityError> {
        tokio::task::yield_now().await;
        if locked(&self.inner).is_broken {
            return Err(IdentityError::Unavailable(INTERNALS.into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Visitor for MemoryProvider {
    async fn sign_in(&self, address: &str) -> SentBack {
        let mut inner = locked(&self.inner);
        let begun = inner.begun.iter();
        let mut asked = begun.filter(|it| address.contains(it.state.expose()));
        let of = asked.next().expect("an address of this provider").clone();
        inner.given_out += 1;
        let text = format!("code-{}", inner.given_out);
        let person = inner.person.clone().expect("a person to sign in as");
        let state = of.state.expose().to_owned();
        inner.codes.push(Code {
            text: text.clone(),
            of,
            person,
        });
        SentBack {
            state,
            code: text.into(),
            issuer: Some(self.issuer()),
        }
    }
}

#[async_trait]
impl IdentityProvider for MemoryProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    async fn begin(&self, secrets: &SignInSecrets) -> Result<String, IdentityError> {
        self.answering().await?;
        locked(&self.inner).begun.push(secrets.clone());
        let (state, nonce) = (secrets.state.expose(), secrets.nonce.expose());
        let issuer = self.issuer();
        Ok(format!("{issuer}/authorize?state={state}&nonce={nonce}"))
    }

    async fn finish(
        &self,
        secrets: &SignInSecrets,
        code: &SecretString,
        issuer: Option<&str>,
    ) -> Result<Identified, IdentityError> {
        self.answering().await?;
        if issuer.is_some_and(|issuer| issuer != self.issuer()) {
            let why = WhyNoSignIn::WrongIssuer;
            return Err(IdentityError::refused(why, "another issuer"));
        }
        let mut inner = locked(&self.inner);
        let mut codes = inner.codes.iter();
        let place = codes.position(|it| it.text == code.expose_secret());
        let Some(code) = place.map(|place| inner.codes.remove(place)) else {
            let why = WhyNoSignIn::ProviderRefused;
            return Err(IdentityError::refused(why, "no such code"));
        };
        if code.of.verifier != secrets.verifier {
            let why = WhyNoSignIn::ProviderRefused;
            return Err(IdentityError::refused(why, "another verifier"));
        }
        if code.of.nonce != secrets.nonce {
            let why = WhyNoSignIn::WrongNonce;
            return Err(IdentityError::refused(why, "another nonce"));
        }
        Ok(code.person)
    }

    async fn sign_out(&self) -> Option<String> {
        Some(format!("{}/sign-out", self.issuer()))
    }

    async fn check(&self) -> Vec<Finding> {
        match self.answering().await {
            Ok(()) => vec![Finding::ok("The provider is in memory")],
            Err(_) => vec![Finding::failure("The provider is broken", "Mend it")],
        }
    }
}
