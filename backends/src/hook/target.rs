//! Somebody elsewhere who is told by HTTP: how they are reached, and what they answer.

use std::path::PathBuf;
use std::sync::Arc;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::HookError;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::reach::{Lookup, NotPublic, OfThisMachine, OnlyPublic, literal, not_public};
use crate::entra::{Trouble, wire};

/// Somebody elsewhere who is told.
pub(crate) struct Target {
    pub(crate) url: SecretString,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) timeout: SignedDuration,
    pub(crate) allow_private: bool,
    /// How they are spoken of in errors, which never name the address.
    pub(crate) called: &'static str,
    client: OnceCell<Client>,
    lookup: Arc<dyn Lookup>,
}

/// What they answered; the body is not read.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// How long they want to be left alone.
    pub(crate) wait: Option<SignedDuration>,
}

/// They did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unheard {
    /// They may not be connected to.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// No connection, or no answer.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Target {
    /// Touches nothing.
    pub(crate) fn new(
        called: &'static str,
        url: SecretString,
        ca_file: Option<PathBuf>,
        timeout: SignedDuration,
        allow_private: bool,
    ) -> Self {
        Self {
            url,
            ca_file,
            timeout,
            allow_private,
            called,
            client: OnceCell::new(),
            lookup: Arc::new(OfThisMachine),
        }
    }

    #[cfg(test)]
    pub(super) fn looking_up(self, lookup: Arc<dyn Lookup>) -> Self {
        Self { lookup, ..self }
    }

    /// Posts JSON.
    pub(crate) async fn post(
        &self,
        head: HeaderMap,
        body: String,
        now: Timestamp,
    ) -> Result<Answer, Unheard> {
        self.call(Method::POST, head, Some(body), now).await
    }

    /// Looks whether a connection can be had, without a message.
    pub(crate) async fn reach(&self) -> Result<(), Unheard> {
        let now = Timestamp::UNIX_EPOCH;
        let answer = self.call(Method::HEAD, HeaderMap::new(), None, now).await;
        answer.map(drop)
    }

    async fn call(
        &self,
        method: Method,
        head: HeaderMap,
        body: Option<String>,
        now: Timestamp,
    ) -> Result<Answer, Unheard> {
        let unusable = |_| Trouble::Unusable("the address cannot be read".to_owned());
        let url: Url = self.url.expose_secret().parse().map_err(unusable)?;
        if !self.allow_private {
            literal(&url)?;
        }
        let mut request = (self.client().await?)
            .request(method, url)
            .headers(head)
            .timeout(self.timeout.unsigned_abs());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        match request.send().await {
            Ok(answer) => {
                let wait = wire::retry_after(answer.headers(), now);
                Ok(Answer {
                    status: answer.status(),
                    wait: wait.and_then(|wait| wait.try_into().ok()),
                })
            }
            Err(error) => Err(match not_public(&error) {
                Some(refused) => refused.into(),
                None => Trouble::of(error, self.called).into(),
            }),
        }
    }

    async fn client(&self) -> Result<&Client, Trouble> {
        // The settings allow http for loopback addresses alone.
        let only_tls = self.url.expose_secret().starts_with("https://");
        let ca_file = self.ca_file.clone();
        // What a proxy connects to cannot be looked at: it is gone past.
        let guard = (!self.allow_private).then(|| OnlyPublic(Arc::clone(&self.lookup)));
        let build = move || {
            let builder = wire::builder(only_tls, ca_file.as_deref())?;
            wire::built(match guard {
                Some(guard) => builder.no_proxy().dns_resolver(Arc::new(guard)),
                None => builder,
            })
        };
        self.client
            .get_or_try_init(|| async move {
                // Reading certificates blocks.
                tokio::task::spawn_blocking(build)
                    .await
                    .unwrap_or_else(|_| Err(Trouble::Unusable("there is no way to TLS".into())))
            })
            .await
    }
}

impl Answer {
    /// What an answer means that is none of those that only some give: 2xx is taken, anything else is
    /// tried again, and not before the other side wants that.
    pub(crate) fn taken(&self) -> Result<(), HookError> {
        let is_busy = matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        match self.wait {
            _ if self.status.is_success() => Ok(()),
            Some(wait) if is_busy => Err(HookError::Busy { wait }),
            _ => Err(HookError::Transient(self.told())),
        }
    }

    /// The status in words.
    pub(crate) fn told(&self) -> String {
        format!("it answered {}", self.status.as_u16())
    }
}

impl From<Unheard> for HookError {
    fn from(error: Unheard) -> Self {
        Self::Transient(with_causes(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::Ordering;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::reach::tests::Turning;
    use super::*;

    fn target(url: String, allow_private: bool) -> Target {
        let timeout = SignedDuration::from_secs(5);
        Target::new("the webhook", url.into(), None, timeout, allow_private)
    }

    async fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        at
    }

    async fn post(target: &Target) -> Result<Answer, Unheard> {
        let now = Timestamp::UNIX_EPOCH;
        target.post(HeaderMap::new(), "{}".to_owned(), now).await
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_gets_no_connection_unless_that_is_allowed() {
        let at = server("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
        // As a name that was public when it was looked up before.
        let url = format!("http://hooks.example.com:{}/", at.port());
        let lookup = Turning::new(&[&["127.0.0.1"]]);
        let guarded = target(url, false).looking_up(Arc::clone(&lookup) as _);
        let refused = post(&guarded).await.err().expect("no connection");
        assert!(matches!(refused, Unheard::NotPublic(_)), "{refused:?}");
        assert_eq!(lookup.asked.load(Ordering::Relaxed), 1);

        for (host, allowed) in [
            ("127.0.0.1", false),
            ("127.0.0.1", true),
            ("localhost", false),
        ] {
            let url = format!("http://{host}:{}/", at.port());
            let answer = post(&target(url, allowed)).await;
            assert_eq!(answer.is_ok(), allowed, "{host}");
        }
    }

    #[tokio::test]
    async fn a_redirection_is_an_answer_and_is_not_followed() {
        let away = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{away}/\r\ncontent-length: 0\r\n\r\n"
        );
        let at = server(answer.leak()).await;
        let answer = post(&target(format!("http://{at}/"), true)).await.unwrap();
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
        assert!(matches!(answer.taken(), Err(HookError::Transient(_))));
    }

    #[tokio::test]
    async fn one_that_is_busy_says_for_how_long() {
        let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
        let at = server(busy).await;
        let answer = post(&target(format!("http://{at}/"), true)).await.unwrap();
        let wait = SignedDuration::from_secs(7);
        assert!(matches!(answer.taken(), Err(HookError::Busy { wait: it }) if it == wait));
    }

    #[test]
    fn an_answer_is_taken_or_tried_again() {
        let answer = |status: u16| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            wait: None,
        };
        assert!(answer(204).taken().is_ok());
        for status in [301, 400, 401, 404, 410, 429, 500, 503] {
            let taken = answer(status).taken();
            assert!(matches!(taken, Err(HookError::Transient(_))), "{status}");
        }
    }
}
