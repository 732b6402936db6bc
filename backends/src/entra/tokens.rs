//! Tokens, each kept until shortly before its end and fetched once for all that wait for it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::login::Fetched;
use super::{Scope, Trouble};

/// How long before its end a token is replaced, unless it is a short one.
const MARGIN: Duration = Duration::from_mins(5);

/// A token, as it was given out.
pub(super) struct Token {
    secret: SecretString,
    replace_at: Instant,
}

/// The tokens of one application, one for each service.
#[derive(Default)]
pub(super) struct Tokens {
    graph: Mutex<Slot>,
    outlook: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    held: Option<Arc<Token>>,
    failed: Option<(Instant, Trouble)>,
}

impl Token {
    /// The token itself.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }
}

impl Tokens {
    /// The token that is kept, or the one that `fetch` gets.
    pub(super) async fn get<F>(&self, scope: Scope, fetch: F) -> Result<Arc<Token>, Trouble>
    where
        F: Future<Output = Result<Fetched, Trouble>> + Send,
    {
        let asked_at = Instant::now();
        // Held while fetching, so that one token is fetched for all that wait.
        let mut slot = self.slot(scope).lock().await;
        if let Some(held) = &slot.held
            && Instant::now() < held.replace_at
        {
            return Ok(Arc::clone(held));
        }
        // Who waited while somebody else failed would only fail after them.
        if let Some((failed_at, trouble)) = &slot.failed
            && *failed_at >= asked_at
        {
            return Err(trouble.clone());
        }
        slot.held = None;
        match fetch.await {
            Ok(fetched) => {
                let margin = MARGIN.min(fetched.good_for / 4);
                let token = Arc::new(Token {
                    secret: fetched.secret,
                    replace_at: Instant::now() + (fetched.good_for - margin),
                });
                slot.held = Some(Arc::clone(&token));
                slot.failed = None;
                Ok(token)
            }
            Err(trouble) => {
                slot.failed = Some((Instant::now(), trouble.clone()));
                Err(trouble)
            }
        }
    }

    /// Forgets a token that was refused, unless another has taken its place already.
    pub(super) async fn forget(&self, scope: Scope, token: &Arc<Token>) {
        let mut slot = self.slot(scope).lock().await;
        slot.held.take_if(|held| Arc::ptr_eq(held, token));
    }

    /// Forgets the token for a service.
    pub(super) async fn clear(&self, scope: Scope) {
        self.slot(scope).lock().await.held = None;
    }

    fn slot(&self, scope: Scope) -> &Mutex<Slot> {
        match scope {
            Scope::Graph => &self.graph,
            Scope::Outlook => &self.outlook,
        }
    }
}
