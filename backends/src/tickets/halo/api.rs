//! Asking Halo: within what is left of the budget, with a token, and without following it anywhere.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::{Clock, EscrowFault, TicketError};
use clavis_config::settings::Halo;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::budget::{Budget, Haste};
use super::token::Token;
use crate::entra::{Trouble, wire};

/// No answer that is needed is longer: a page of tickets is some hundred kilobytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// How long nobody asks where Halo has had enough and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_secs(30);

/// The way to Halo.
pub(super) struct Api {
    settings: Halo,
    clock: Arc<dyn Clock>,
    client: OnceCell<Client>,
    token: Mutex<Option<Token>>,
    budget: Budget,
    /// How far Halo's clock was ahead of ours when it last told the time.
    ahead: std::sync::Mutex<Option<SignedDuration>>,
}

/// What is asked.
pub(super) struct Call<'c> {
    pub(super) method: Method,
    /// The path below `/api`.
    pub(super) path: &'c [&'c str],
    pub(super) query: &'c [(&'c str, &'c str)],
    pub(super) body: Option<&'c Value>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// This.
    Good(Value),
    /// There is nothing of that kind.
    Missing,
    /// The token was not taken.
    Unsigned(Value),
    /// It was refused, and surely not done.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What was said.
        body: Value,
    },
}

impl<'c> Call<'c> {
    /// A question.
    pub(super) fn get(path: &'c [&'c str], query: &'c [(&'c str, &'c str)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }

    /// An order. Halo takes arrays alone.
    pub(super) fn post(path: &'c [&'c str], body: &'c Value) -> Self {
        Self {
            method: Method::POST,
            path,
            query: &[],
            body: Some(body),
        }
    }
}

impl Api {
    pub(super) fn new(settings: Halo, clock: Arc<dyn Clock>) -> Self {
        Self {
            budget: Budget::new(settings.calls),
            client: OnceCell::new(),
            token: Mutex::default(),
            ahead: std::sync::Mutex::default(),
            settings,
            clock,
        }
    }

    pub(super) fn settings(&self) -> &Halo {
        &self.settings
    }

    /// Our own time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How far Halo's clock was ahead of ours when it last told the time; below zero, behind.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        *locked(&self.ahead)
    }

    /// Whether TLS alone is spoken. The settings allow http for loopback addresses alone.
    pub(super) fn only_tls(&self) -> bool {
        !self.settings.url.starts_with("http://")
    }

    /// Awaits an operation for as long as the settings let it take.
    pub(super) async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, TicketError>>,
    ) -> Result<T, TicketError> {
        let timeout = self.settings.timeout.unsigned_abs();
        let done = tokio::time::timeout(timeout, operation).await;
        done.unwrap_or_else(|_| Err(TicketError::Unavailable(Trouble::TooLate.to_string())))
    }

    /// The answer to a call, with a token; with a new one where the one that was kept is not taken.
    pub(super) async fn ask(&self, call: &Call<'_>, haste: Haste) -> Result<Answer, TicketError> {
        let (token, is_new) = self.token(haste, None).await?;
        let answer = self.ask_with(call, &token, haste).await?;
        if !matches!(answer, Answer::Unsigned(_)) {
            return Ok(answer);
        }
        let refused = || TicketError::Denied("it does not take the token that it gave".to_owned());
        if is_new {
            return Err(refused());
        }
        let (token, _) = self.token(haste, Some(&token)).await?;
        match self.ask_with(call, &token, haste).await? {
            Answer::Unsigned(_) => Err(refused()),
            answer => Ok(answer),
        }
    }

    /// What the token is good for, where that was said.
    pub(super) async fn scopes(&self) -> Result<Option<Vec<String>>, TicketError> {
        self.token(Haste::SomebodyWaits, None).await?;
        let kept = self.token.lock().await;
        Ok(kept.as_ref().and_then(|token| token.scopes.clone()))
    }

    /// The token that is kept, unless it is over or the `refused` one; else a new one, and that it is.
    /// One sign-in serves all that wait.
    async fn token(
        &self,
        haste: Haste,
        refused: Option<&SecretString>,
    ) -> Result<(SecretString, bool), TicketError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = &*kept {
            let is_refused = refused
                .is_some_and(|refused| refused.expose_secret() == token.secret.expose_secret());
            if !is_refused && Instant::now() < token.until {
                return Ok((token.secret.clone(), false));
            }
        }
        *kept = None;
        let token = self.sign_in(haste).await?;
        let secret = token.secret.clone();
        *kept = Some(token);
        Ok((secret, true))
    }

    async fn ask_with(
        &self,
        call: &Call<'_>,
        token: &SecretString,
        haste: Haste,
    ) -> Result<Answer, TicketError> {
        let mut url = self.url(&["api"])?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let client = self.client().await?;
        let mut asking = client
            .request(call.method.clone(), url)
            .header(ACCEPT, "application/json")
            .bearer_auth(token.expose_secret());
        if let Some(body) = call.body {
            asking = asking
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        self.exchange(asking, haste).await
    }

    /// Sends what was put together, where there is a call left.
    pub(super) async fn exchange(
        &self,
        asking: RequestBuilder,
        haste: Haste,
    ) -> Result<Answer, TicketError> {
        self.budget.take(Instant::now(), haste).map_err(busy)?;
        let host = "the service desk";
        let response = asking.send().await;
        let response = response.map_err(|error| failed(&Trouble::of(error, host)))?;
        let reply = wire::read(response, LONGEST, &*self.clock).await;
        let reply = reply.map_err(|trouble| failed(&trouble))?;
        if let Some(date) = reply.date {
            let ahead = date.duration_since(self.clock.now());
            *locked(&self.ahead) = Some(ahead);
        }
        if reply.status == 429 {
            let pause = reply.retry_after.unwrap_or(USUAL_PAUSE);
            self.budget.close(Instant::now(), pause);
            return Err(busy(pause));
        }
        judged(reply.status, &reply.body)
    }

    /// An address of Halo's.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, TicketError> {
        let wrong = || TicketError::Denied("its address in the settings is none".to_owned());
        let mut url = Url::parse(&self.settings.url).map_err(|_| wrong())?;
        url.path_segments_mut()
            .map_err(|()| wrong())?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    pub(super) async fn client(&self) -> Result<&Client, TicketError> {
        let (only_tls, ca_file) = (self.only_tls(), self.settings.ca_file.clone());
        let client = self.client.get_or_try_init(|| async move {
            // Reading certificates blocks.
            tokio::task::spawn_blocking(move || wire::client(only_tls, ca_file.as_deref()))
                .await
                .unwrap_or_else(|_| Err(Trouble::Unusable("there is no way to TLS".into())))
        });
        client.await.map_err(|trouble| failed(&trouble))
    }
}

/// What a status and a body come to.
pub(super) fn judged(status: u16, body: &[u8]) -> Result<Answer, TicketError> {
    let value = || serde_json::from_slice(body).unwrap_or_default();
    match status {
        200..300 if body.trim_ascii().is_empty() => Ok(Answer::Good(Value::Null)),
        200..300 => serde_json::from_slice(body)
            .map(Answer::Good)
            .map_err(|_| TicketError::Nonsense("it is not JSON".to_owned())),
        300..400 => Err(TicketError::Nonsense("it leads elsewhere".to_owned())),
        404 | 410 => Ok(Answer::Missing),
        401 => Ok(Answer::Unsigned(value())),
        408 | 425 | 500.. => Err(TicketError::Unavailable(format!("it answered {status}"))),
        400..500 => Ok(Answer::Refused {
            status,
            body: value(),
        }),
        _ => Err(TicketError::Nonsense(format!("it answered {status}"))),
    }
}

fn locked<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn busy(wait: Duration) -> TicketError {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(5));
    TicketError::Busy(wait)
}

fn failed(trouble: &Trouble) -> TicketError {
    let words = with_causes(trouble);
    match trouble.fault() {
        EscrowFault::Unavailable => TicketError::Unavailable(words),
        EscrowFault::Denied => TicketError::Denied(words),
        EscrowFault::Nonsense => TicketError::Nonsense(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_done_not_done_or_unknown() {
        assert!(matches!(judged(200, b"{}"), Ok(Answer::Good(_))));
        assert!(matches!(judged(201, b""), Ok(Answer::Good(Value::Null))));
        assert!(matches!(judged(404, b"x"), Ok(Answer::Missing)));
        assert!(matches!(judged(401, b""), Ok(Answer::Unsigned(_))));
        for refused in [400, 403, 409, 422] {
            let answer = judged(refused, b"<html>");
            assert!(matches!(answer, Ok(Answer::Refused { status, .. }) if status == refused));
        }
        for passing in [408, 500, 502, 503, 504] {
            let answer = judged(passing, b"{}");
            assert!(matches!(answer, Err(TicketError::Unavailable(_))));
        }
        for (status, body) in [(200, &b"<html>"[..]), (302, b""), (100, b"")] {
            let answer = judged(status, body);
            assert!(matches!(answer, Err(TicketError::Nonsense(_))), "{status}");
        }
    }
}
