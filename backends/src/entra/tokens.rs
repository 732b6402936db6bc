//! Tokens, each kept until shortly before its end and fetched once for all that wait for it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::login::Fetched;
use super::{Scope, Trouble};

/// How long before its end a token is replaced, unless it is a short one.
const MARGIN: Duration = Duration::from_mins(5);

/// How long one that is still good is to wait for its successor; after that, it serves on.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it serves on before the next try.
const RESPITE: Duration = Duration::from_secs(15);

/// No token is taken to be good for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// A token, as it was given out.
pub(super) struct Token {
    secret: SecretString,
    replace_at: Instant,
    ends_at: Instant,
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

    fn serving_on(&self) -> Self {
        Self {
            secret: self.secret.clone(),
            replace_at: (Instant::now() + RESPITE).min(self.ends_at),
            ends_at: self.ends_at,
        }
    }
}

impl From<Fetched> for Token {
    fn from(fetched: Fetched) -> Self {
        let good_for = fetched.good_for.min(LONGEST);
        let margin = MARGIN.min(good_for / 4);
        let now = Instant::now();
        Self {
            secret: fetched.secret,
            replace_at: now + good_for.saturating_sub(margin),
            ends_at: now + good_for,
        }
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
        // It stays where it is until another takes its place: who fetches that may stop waiting.
        let good = slot
            .held
            .clone()
            .filter(|held| Instant::now() < held.ends_at);
        let fetched = match &good {
            Some(_) => timeout(PATIENCE, fetch)
                .await
                .unwrap_or(Err(Trouble::TooLate)),
            None => fetch.await,
        };
        let outcome = match (fetched, good) {
            (Ok(fetched), _) => Ok(Arc::new(Token::from(fetched))),
            (Err(trouble), Some(held)) => {
                tracing::warn!(
                    error = &trouble as &dyn std::error::Error,
                    "A token of Entra ID could not be replaced before its end."
                );
                Ok(Arc::new(held.serving_on()))
            }
            (Err(trouble), None) => Err(trouble),
        };
        slot.held = outcome.as_ref().ok().map(Arc::clone);
        slot.failed = outcome
            .as_ref()
            .err()
            .map(|trouble| (Instant::now(), trouble.clone()));
        outcome
    }

    /// Forgets a token that was refused, unless another has taken its place already.
    pub(super) async fn forget(&self, scope: Scope, token: &Token) {
        let refused = token.secret.expose_secret();
        let mut slot = self.slot(scope).lock().await;
        slot.held
            .take_if(|held| held.secret.expose_secret() == refused);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::{advance, sleep};

    use super::*;

    /// Gives out tokens that are called by their numbers, and counts.
    struct Source {
        tokens: Tokens,
        count: AtomicU32,
        good_for: Duration,
    }

    impl Source {
        fn new(good_for: u64) -> Arc<Self> {
            Arc::new(Self {
                tokens: Tokens::default(),
                count: AtomicU32::new(0),
                good_for: Duration::from_secs(good_for),
            })
        }

        async fn get(&self) -> Result<Arc<Token>, Trouble> {
            let fetch = async {
                sleep(Duration::from_millis(100)).await;
                let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
                Ok(Fetched {
                    secret: SecretString::from(number.to_string()),
                    good_for: self.good_for,
                })
            };
            self.tokens.get(Scope::Graph, fetch).await
        }

        async fn number(&self) -> String {
            let token = self.get().await.expect("a token");
            token.secret().expose_secret().to_owned()
        }

        async fn fail(&self) -> Result<Arc<Token>, Trouble> {
            let fetch = async {
                self.count.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_millis(100)).await;
                Err(Trouble::Unusable("broken".into()))
            };
            self.tokens.get(Scope::Graph, fetch).await
        }
    }

    async fn many<T, F>(source: &Arc<Source>, ask: fn(Arc<Source>) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut asking = JoinSet::new();
        for _ in 0..32 {
            asking.spawn(ask(Arc::clone(source)));
        }
        asking.join_all().await
    }

    #[tokio::test(start_paused = true)]
    async fn one_token_is_fetched_for_all_that_wait_and_kept_until_shortly_before_its_end() {
        let source = Source::new(3600);
        for number in many(&source, |source| async move { source.number().await }).await {
            assert_eq!(number, "1");
        }
        advance(Duration::from_secs(3600 - 300 - 1)).await;
        assert_eq!(source.number().await, "1");
        advance(Duration::from_secs(2)).await;
        assert_eq!(source.number().await, "2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_that_waited_and_by_nobody_later() {
        let source = Source::new(3600);
        for outcome in many(&source, |source| async move { source.fail().await }).await {
            assert!(outcome.is_err());
        }
        assert_eq!(source.count.load(Ordering::SeqCst), 1);
        advance(Duration::from_secs(1)).await;
        source.get().await.expect("a token");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_cannot_be_replaced_serves_to_its_end() {
        let source = Source::new(3600);
        source.get().await.expect("a token");
        advance(Duration::from_secs(3400)).await;
        let kept = source.fail().await.expect("the old one");
        assert_eq!(kept.secret().expose_secret(), "1");
        let hanging = source.tokens.get(Scope::Graph, std::future::pending());
        let kept = hanging.await.expect("the old one");
        assert_eq!(kept.secret().expose_secret(), "1");
        advance(Duration::from_secs(200)).await;
        assert!(source.fail().await.is_err(), "it has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_for_a_new_token_loses_none() {
        let source = Source::new(3600);
        source.get().await.expect("a token");
        advance(Duration::from_secs(3400)).await;
        let hanging = source.tokens.get(Scope::Graph, std::future::pending());
        let cancelled = timeout(PATIENCE / 2, hanging).await;
        assert!(cancelled.is_err(), "nobody waits any more");
        let kept = source.fail().await.expect("the old one");
        assert_eq!(kept.secret().expose_secret(), "1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_forgotten_once() {
        let source = Source::new(3600);
        let first = source.get().await.expect("a token");
        source.tokens.forget(Scope::Graph, &first).await;
        assert_eq!(source.number().await, "2");
        // Somebody else was refused with the first one, too.
        source.tokens.forget(Scope::Graph, &first).await;
        assert_eq!(source.number().await, "2");
    }
}
