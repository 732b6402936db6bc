//! A tenant that can be asked, as one application.

use std::sync::Arc;

use clavis_broker::ports::{Clock, Random};
use clavis_config::settings::{Entra, EntraIdentity};
use reqwest::{Client, Url};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::call::{Call, Service};
use super::client::{Body, Question};
use super::credentials::Credential;
use super::endpoints::Endpoints;
use super::identity::ManagedIdentity;
use super::login::{Application, Fetched};
use super::retry;
use super::roles::Uses;
use super::throttle::Gate;
use super::tokens::{Token, Tokens};
use super::transport::Transport;
use super::wire::{self, ROOM};
use super::{Scope, Trouble};

/// One application in one tenant, shared by all parts that use it: they share its tokens and its
/// pauses.
pub struct Tenant {
    settings: Shown,
    who: Who,
    endpoints: Endpoints,
    uses: Uses,
    wires: OnceCell<Wires>,
    tokens: Tokens,
    gates: Gates,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// An order that was not answered as one that was taken.
#[derive(Debug)]
pub struct FailedOrder {
    /// What went wrong.
    pub trouble: Trouble,
    /// Whether it may have been carried out nevertheless.
    pub may_be_done: bool,
}

/// Of the settings, what is asked for later.
struct Shown {
    name: String,
    tenant: Option<String>,
    timeout: std::time::Duration,
}

/// As whom tokens are asked for.
enum Who {
    Application(Application),
    Managed(ManagedIdentity),
}

/// The two ways out: to Graph, and to whoever gives out tokens.
pub(super) struct Wires {
    pub(super) graph: Transport,
    login: Client,
}

/// What one service asks for is no other's pause: a mailbox that sends too much stops no key.
#[derive(Default)]
struct Gates {
    login: Gate,
    directory: Gate,
    owners: Gate,
    keys: Gate,
    intune: Gate,
    mail: Gate,
}

impl Tenant {
    /// A tenant to be reached when it is first asked: touches neither network nor disk.
    pub fn new(
        settings: Entra,
        uses: Uses,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let endpoints = Endpoints::new(&settings);
        let (who, tenant) = match settings.identity {
            EntraIdentity::App {
                tenant,
                client_id,
                credential,
            } => {
                let credential = Credential::new(credential);
                let application = Application {
                    client_id,
                    credential,
                };
                (Who::Application(application), Some(tenant))
            }
            EntraIdentity::Managed { client_id } => {
                let url = settings.identity_url;
                let variable = |name: &str| std::env::var(name).ok();
                let managed = ManagedIdentity::new(client_id, url, variable);
                (Who::Managed(managed), None)
            }
        };
        Self {
            settings: Shown {
                name: settings.name,
                tenant,
                timeout: settings.timeout.unsigned_abs(),
            },
            who,
            endpoints,
            uses,
            wires: OnceCell::new(),
            tokens: Tokens::default(),
            gates: Gates::default(),
            clock,
            random,
        }
    }

    /// What is asked for; `None` where it is not there.
    pub async fn get<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, Trouble> {
        let Some(url) = self.address(call)? else {
            return Ok(None);
        };
        let question = Question::new(url, call);
        let reply = self.ask(&question, self.deadline()).await?;
        reply.map(|reply| parse(&reply.body, call)).transpose()
    }

    /// The answer to a question with something sent along; `None` where what it is about is not
    /// there.
    pub async fn inquire<T: DeserializeOwned>(
        &self,
        call: &Call,
        body: Body<'_>,
    ) -> Result<Option<T>, Trouble> {
        let Some(url) = self.address(call)? else {
            return Ok(None);
        };
        let question = Question {
            body,
            ..Question::new(url, call)
        };
        let reply = self.ask(&question, self.deadline()).await?;
        reply.map(|reply| parse(&reply.body, call)).transpose()
    }

    /// An answer with a key in it, as it came, in a buffer that wipes itself. Its connection is
    /// ended, so that the buffers of the libraries, which nobody wipes, are at least freed and not
    /// kept for the next call. `None` where it is not there.
    pub async fn read_secret(&self, call: &Call) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
        let Some(url) = self.address(call)? else {
            return Ok(None);
        };
        let question = Question {
            limit: ROOM,
            last: true,
            ..Question::new(url, call)
        };
        let reply = self.ask(&question, self.deadline()).await?;
        Ok(reply.map(|reply| reply.body))
    }

    /// Gives an order; `None` where what it is about is not there. An order that may have been
    /// carried out is not given again.
    pub async fn post(&self, call: &Call, body: Body<'_>) -> Result<Option<()>, Trouble> {
        let outcome = self.order(call, body).await;
        outcome.map_err(|failed| failed.trouble)
    }

    /// Gives an order like [`post`](Self::post), for those to whom it matters whether one that
    /// failed may have been carried out.
    pub async fn order(&self, call: &Call, body: Body<'_>) -> Result<Option<()>, FailedOrder> {
        let undone = |trouble| FailedOrder {
            trouble,
            may_be_done: false,
        };
        let Some(url) = self.address(call).map_err(undone)? else {
            return Ok(None);
        };
        let question = Question {
            body,
            ..Question::new(url, call)
        };
        let outcome = self.ask(&question, self.deadline()).await;
        let outcome = outcome.and_then(|reply| match reply {
            // A redirection to the same address ends as a question, with an answer of its own.
            Some(reply) if !matches!(reply.status, 202 | 204) => Err(Trouble::Nonsense(format!(
                "{} did not say that it took an order",
                wire::host(&question.url)
            ))),
            reply => Ok(reply.map(drop)),
        });
        outcome.map_err(|trouble| FailedOrder {
            trouble,
            may_be_done: question.sent.may_be_done(),
        })
    }

    /// A token for a service, to be used at once.
    pub async fn token_for(&self, scope: Scope) -> Result<SecretString, Trouble> {
        let token = self.token(scope, self.deadline()).await?;
        Ok(token.secret().clone())
    }

    /// Forgets the token for a service, which has refused it.
    pub async fn forget_token(&self, scope: Scope) {
        self.tokens.clear(scope).await;
    }

    /// What its section is named.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The tenant of the settings, where they name one.
    pub(super) fn tenant(&self) -> Option<&str> {
        self.settings.tenant.as_deref()
    }

    /// Which parts use the application.
    pub(crate) fn uses(&self) -> Uses {
        self.uses
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.timeout
    }

    /// Where a call goes; `None` where nothing can be there.
    pub(super) fn address(&self, call: &Call) -> Result<Option<Url>, Trouble> {
        Ok(call.url(&self.endpoints.graph()?))
    }

    pub(super) async fn token(
        &self,
        scope: Scope,
        deadline: Instant,
    ) -> Result<Arc<Token>, Trouble> {
        let token = self.tokens.get(scope, self.fetch(scope, deadline));
        timeout_at(deadline, token)
            .await
            .unwrap_or(Err(Trouble::TooLate))
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(super) fn gate(&self, service: Service) -> &Gate {
        match service {
            Service::Directory => &self.gates.directory,
            Service::Owners => &self.gates.owners,
            Service::Keys => &self.gates.keys,
            Service::Intune => &self.gates.intune,
            Service::Mail => &self.gates.mail,
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(super) async fn wires(&self) -> Result<&Wires, Trouble> {
        self.wires
            .get_or_try_init(|| async {
                let base = self.endpoints.graph()?;
                let only_tls = match &self.who {
                    Who::Managed(_) => false,
                    Who::Application(_) => self.token_url()?.scheme() != "http",
                };
                // Reading certificates blocks.
                tokio::task::spawn_blocking(move || {
                    // The way to Graph panics where this one fails, so this one comes first.
                    let login = wire::client(only_tls, None)?;
                    let graph = Transport::open(&base);
                    Ok(Wires { graph, login })
                })
                .await
                .unwrap_or_else(|_| Err(Trouble::Unusable("there is no way to TLS".into())))
            })
            .await
    }

    async fn fetch(&self, scope: Scope, deadline: Instant) -> Result<Fetched, Trouble> {
        let login = &self.wires().await?.login;
        let resource = self.endpoints.resource(scope);
        let (clock, random) = (self.clock(), self.random());
        let gate = &self.gates.login;
        match &self.who {
            Who::Application(application) => {
                let url = self.token_url()?;
                let once = || application.token(login, &url, resource, clock, random);
                retry::until(deadline, gate, true, random, once).await
            }
            Who::Managed(managed) => {
                let once = || managed.token(login, resource, clock);
                retry::until(deadline, gate, true, random, once).await
            }
        }
    }

    fn token_url(&self) -> Result<Url, Trouble> {
        self.endpoints.token(self.tenant().unwrap_or_default())
    }
}

/// Reads an answer. What is wrong with it is told by its place alone.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], call: &Call) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        Trouble::Nonsense(format!(
            "an answer about {} is not as agreed (line {}, column {})",
            call.service(),
            error.line(),
            error.column()
        ))
    })
}
