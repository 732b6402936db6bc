//! The way to the provider: no redirections, answers of bounded length, a deadline for each.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use clavis_broker::ports::Clock;
use clavis_config::settings::Provider;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use tokio::sync::OnceCell;

use crate::entra::{Answer, Trouble, wire};

/// No answer that is needed is longer.
const LONGEST: usize = 512 * 1024;

/// The way to the provider.
pub(super) struct Http {
    client: OnceCell<Client>,
    only_tls: bool,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Http {
    pub(super) fn new(settings: &Provider, clock: Arc<dyn Clock>) -> Self {
        Self {
            client: OnceCell::new(),
            // The settings allow http for loopback addresses alone.
            only_tls: !settings.issuer.starts_with("http://"),
            ca_file: settings.ca_file.clone(),
            timeout: settings.timeout.unsigned_abs(),
            clock,
        }
    }

    /// How long one question may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether an address of the provider's may be used: over TLS, where the provider itself is
    /// reached so.
    pub(super) fn may_use(&self, address: &reqwest::Url) -> bool {
        address.scheme() == "https" || (!self.only_tls && address.scheme() == "http")
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::TooLate),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let request = reqwest::Request::try_from(request)
            .map_err(|_| Trouble::Nonsense("the provider cannot be asked like this".into()))?;
        let host = wire::host(request.url());
        let response = self
            .client()
            .await?
            .execute(request)
            .await
            .map_err(|error| Trouble::of(error, &host))?;
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let reply = wire::read(response, LONGEST, &*self.clock).await?;
        if matches!(reply.status, 300..400 | 404 | 429 | 500..) {
            return Err(Trouble::Refused(Answer {
                status: reply.status,
                code: String::new(),
                request_id: reply.request_id,
            }));
        }
        let mut answer = HttpResponse::new(reply.body.to_vec());
        *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
        if let Some(kind) = kind {
            set(&mut answer, CONTENT_TYPE, kind);
        }
        Ok(answer)
    }

    async fn client(&self) -> Result<&Client, Trouble> {
        let (only_tls, ca_file) = (self.only_tls, self.ca_file.clone());
        self.client
            .get_or_try_init(|| async move {
                // Reading certificates blocks.
                tokio::task::spawn_blocking(move || wire::client(only_tls, ca_file.as_deref()))
                    .await
                    .unwrap_or_else(|_| Err(Trouble::Unusable("there is no way to TLS".into())))
            })
            .await
    }
}

fn set(answer: &mut HttpResponse, name: HeaderName, value: HeaderValue) {
    answer.headers_mut().insert(name, value);
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Trouble>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
