//! A domain that can be searched, whichever of its controllers answers.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use clavis_config::settings::AdDomain;
use rustls::ClientConfig;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::controllers::{Controller, Roster, share};
use super::{Entry, Search, Trouble};
use crate::authorities::client_config;

/// After how long without use the kept connection is tried before it is used: a firewall may
/// have forgotten it without a word.
const TRUSTED_IDLE: Duration = Duration::from_secs(10);

/// A domain and the connection to it that is kept for look-ups.
pub(crate) struct Domain {
    settings: AdDomain,
    roster: Roster,
    trust: OnceCell<Arc<ClientConfig>>,
    kept: Mutex<Option<Arc<Kept>>>,
    root: OnceCell<String>,
}

struct Kept {
    connection: Connection,
    last_answer: StdMutex<Instant>,
}

impl Domain {
    /// A domain to be reached when it is first asked: touches neither network nor disk.
    pub(crate) fn new(settings: AdDomain) -> Self {
        Self {
            roster: Roster::new(&settings.controllers, settings.security),
            settings,
            trust: OnceCell::new(),
            kept: Mutex::default(),
            root: OnceCell::new(),
        }
    }

    /// Searches on the kept connection; once more on a new one where the kept one has died.
    pub(crate) async fn search(&self, search: &Search) -> Result<Vec<Entry>, Trouble> {
        let deadline = self.deadline();
        let (kept, fresh) = within(deadline, self.kept(deadline)).await?;
        let first = self.search_kept(&kept, search, deadline).await;
        match first {
            Err(trouble) if trouble.ends_connection() && !fresh => {
                let (kept, _) = within(deadline, self.kept(deadline)).await?;
                self.search_kept(&kept, search, deadline).await
            }
            outcome => outcome,
        }
    }

    /// Searches on a connection of its own that is gone before the answer is given back: its
    /// buffers, which LDAP and TLS do not wipe, are at least freed and not kept for hours.
    pub(crate) async fn search_once(&self, search: &Search) -> Result<Vec<Entry>, Trouble> {
        let deadline = self.deadline();
        let connection = within(deadline, self.connect(deadline)).await?;
        let outcome = self.search_on(&connection, search, deadline).await;
        connection.close().await;
        outcome
    }

    /// The DN of the domain itself (`defaultNamingContext`).
    pub(crate) async fn root(&self) -> Result<&str, Trouble> {
        let root = self.root.get_or_try_init(|| async {
            let own = Search::object("", &["defaultNamingContext"]);
            let entries = self.search(&own).await?;
            let root = entries
                .first()
                .and_then(|entry| entry.text("defaultNamingContext"));
            root.map(str::to_owned)
                .ok_or_else(|| Trouble::Nonsense("the controller does not name its domain".into()))
        });
        root.await.map(String::as_str)
    }

    /// Every controller on its own, for the self check: which, and what came of signing in. Ends
    /// where the account is refused: more tries would lock it.
    pub(super) async fn try_each(&self) -> Result<Vec<(Controller, Result<(), Trouble>)>, Trouble> {
        let mut outcomes = Vec::new();
        for controller in within(self.deadline(), self.roster.all()).await? {
            let deadline = self.deadline();
            let outcome = match within(deadline, self.open(&controller)).await {
                Ok(connection) => {
                    connection.close().await;
                    Ok(())
                }
                Err(trouble) => Err(trouble),
            };
            let refused = outcome.as_ref().is_err_and(Trouble::is_refusal);
            outcomes.push((controller, outcome));
            if refused {
                break;
            }
        }
        Ok(outcomes)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.settings.timeout.unsigned_abs()
    }

    /// The kept connection, and whether it was opened just now.
    async fn kept(&self, deadline: Instant) -> Result<(Arc<Kept>, bool), Trouble> {
        // Held while connecting, so that one connection is opened for all that wait.
        let mut slot = self.kept.lock().await;
        if let Some(kept) = slot.as_ref()
            && kept.is_alive(self.settings.timeout.unsigned_abs()).await
        {
            return Ok((Arc::clone(kept), false));
        }
        *slot = None;
        let kept = Arc::new(Kept {
            connection: self.connect(deadline).await?,
            last_answer: StdMutex::new(Instant::now()),
        });
        *slot = Some(Arc::clone(&kept));
        Ok((kept, true))
    }

    async fn search_kept(
        &self,
        kept: &Arc<Kept>,
        search: &Search,
        deadline: Instant,
    ) -> Result<Vec<Entry>, Trouble> {
        let outcome = self.search_on(&kept.connection, search, deadline).await;
        match &outcome {
            Err(trouble) if trouble.ends_connection() => {
                let mut slot = self.kept.lock().await;
                slot.take_if(|current| Arc::ptr_eq(current, kept));
            }
            _ => kept.answered(),
        }
        outcome
    }

    async fn search_on(
        &self,
        connection: &Connection,
        search: &Search,
        deadline: Instant,
    ) -> Result<Vec<Entry>, Trouble> {
        let outcome = within(deadline, connection.search(search)).await;
        outcome.map_err(|trouble| {
            // One that hangs or is too busy is not to be met again in the next call. A broken
            // connection is no such sign: idle ones are closed everywhere.
            if trouble.ends_connection() && !matches!(trouble, Trouble::Broken(_)) {
                self.roster.avoid(connection.controller());
            }
            trouble.at(connection.controller())
        })
    }

    /// Connects to the first controller that answers; each gets its share of the time left.
    async fn connect(&self, deadline: Instant) -> Result<Connection, Trouble> {
        let controllers = self.roster.to_try().await?;
        let mut last = Trouble::Discovery("none is configured".into());
        for (at, controller) in controllers.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = Instant::now() + share(left, controllers.len() - at);
            match within(limit, self.open(controller)).await {
                Ok(connection) => {
                    self.roster.prefer(controller);
                    return Ok(connection);
                }
                Err(trouble) if trouble.may_pass_elsewhere() => {
                    let trouble = trouble.at(controller);
                    tracing::warn!(
                        error = &trouble as &dyn std::error::Error,
                        "A domain controller cannot be used."
                    );
                    last = trouble;
                }
                Err(trouble) => return Err(trouble.at(controller)),
            }
        }
        Err(last)
    }

    async fn open(&self, controller: &Controller) -> Result<Connection, Trouble> {
        let trust = self
            .trust
            .get_or_try_init(async || {
                client_config(self.settings.ca_file.as_deref())
                    .await
                    .map_err(Trouble::Authorities)
            })
            .await?;
        // A handshake's state is large; boxed, it weighs on no caller's.
        Box::pin(Connection::open(
            controller,
            &self.settings,
            Arc::clone(trust),
        ))
        .await
    }
}

impl Kept {
    fn answered(&self) {
        *self
            .last_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether it can be used: open, and after a pause proven by a question.
    async fn is_alive(&self, patience: Duration) -> bool {
        if self.connection.is_closed() {
            return false;
        }
        let idle = self
            .last_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed();
        if idle < TRUSTED_IDLE {
            return true;
        }
        let question = Search::object("", &["1.1"]);
        matches!(
            timeout(patience / 4, self.connection.search(&question)).await,
            Ok(Ok(_))
        )
    }
}

async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    timeout_at(deadline, work)
        .await
        .unwrap_or(Err(Trouble::TooLate))
}
