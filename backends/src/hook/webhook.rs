//! A webhook over HTTP.

use async_trait::async_trait;
use clavis_broker::causes::with_causes;
use clavis_broker::ports::{Finding, Hook, HookError};
use clavis_config::settings;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use super::signature::sign;
use crate::entra::{Trouble, wire};

/// What a webhook is told, by which it is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Alarms.
    Alarms,
    /// Checkpoints of the log.
    Checkpoints,
}

/// A program elsewhere that is told by HTTP.
pub struct Webhook {
    purpose: Purpose,
    settings: settings::Webhook,
    client: OnceCell<Client>,
}

impl Webhook {
    /// Touches nothing.
    pub fn new(purpose: Purpose, settings: settings::Webhook) -> Self {
        Self {
            purpose,
            settings,
            client: OnceCell::new(),
        }
    }

    async fn client(&self) -> Result<&Client, Trouble> {
        // The settings allow http for loopback addresses alone.
        let only_tls = self.settings.url.starts_with("https://");
        let ca_file = self.settings.ca_file.clone();
        self.client
            .get_or_try_init(|| async move {
                // Reading certificates blocks.
                tokio::task::spawn_blocking(move || wire::client(only_tls, ca_file.as_deref()))
                    .await
                    .unwrap_or_else(|_| Err(Trouble::Unusable("there is no way to TLS".into())))
            })
            .await
    }

    async fn call(&self, id: &str, at: Timestamp, body: &str) -> Result<StatusCode, Trouble> {
        let request = self
            .client()
            .await?
            .post(&self.settings.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.as_second().to_string())
            .header(
                "webhook-signature",
                sign(self.settings.secret.expose_secret(), id, at, body),
            )
            .timeout(self.settings.timeout.unsigned_abs())
            .body(body.to_owned());
        let answer = request.send().await;
        let answer = answer.map_err(|error| Trouble::of(error, "the webhook"))?;
        Ok(answer.status())
    }
}

#[async_trait]
impl Hook for Webhook {
    async fn send(&self, id: &str, at: Timestamp, body: &str) -> Result<(), HookError> {
        match self.call(id, at, body).await {
            Ok(status) => taken(status),
            Err(trouble) => Err(HookError::Transient(with_causes(&trouble))),
        }
    }

    /// Looks whether a connection can be had; there is no message that would mean nothing.
    async fn check(&self) -> Vec<Finding> {
        let found = async {
            let request = self.client().await?.head(&self.settings.url);
            let request = request.timeout(self.settings.timeout.unsigned_abs());
            let answer = request.send().await;
            answer.map_err(|error| Trouble::of(error, "the webhook"))
        };
        let (what, setting) = match self.purpose {
            Purpose::Alarms => ("alarms", "`webhook` in [alarms]"),
            Purpose::Checkpoints => ("checkpoints", "`checkpoint_webhook` in [audit]"),
        };
        vec![match found.await {
            Ok(_) => Finding::ok(format!("The webhook for {what} can be reached.")),
            Err(trouble) => Finding::failure(
                format!(
                    "The webhook for {what} cannot be reached: {}.",
                    with_causes(&trouble)
                ),
                format!(
                    "Correct {setting}, or name the file with the authority of its certificate \
                     beside it."
                ),
            ),
        }]
    }
}

/// What an answer means: 2xx is taken, 410 never wants to be called again, anything else is tried
/// again (Standard Webhooks, "Deliverability and reliability").
fn taken(status: StatusCode) -> Result<(), HookError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(HookError::Permanent(
            "it answered 410: it wants no more messages".to_owned(),
        )),
        status => Err(HookError::Transient(format!(
            "it answered {}",
            status.as_u16()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_or_tried_again_or_the_last() {
        assert!(taken(StatusCode::NO_CONTENT).is_ok());
        for status in [301, 400, 401, 404, 429, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(matches!(taken(status), Err(HookError::Transient(_))));
        }
        assert!(matches!(
            taken(StatusCode::GONE),
            Err(HookError::Permanent(_))
        ));
    }
}
