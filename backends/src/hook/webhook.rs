//! A webhook over HTTP.

use async_trait::async_trait;
use clavis_broker::causes::with_causes;
use clavis_broker::ports::{Finding, Hook, HookError};
use clavis_config::settings;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretSlice};

use super::signature::sign;
use super::target::{Target, Unheard};

/// What a webhook is told, by which it is spoken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Alarms.
    Alarms,
    /// Checkpoints of the log.
    Checkpoints,
    /// What becomes of requests, for the program of this name.
    Requests(String),
}

/// A program elsewhere that is told by HTTP.
pub struct Webhook {
    purpose: Purpose,
    /// What messages are signed with: one secret, or two while the other side changes from one to the
    /// other.
    secrets: Vec<SecretSlice<u8>>,
    target: Target,
}

impl Webhook {
    /// Touches nothing.
    pub fn new(purpose: Purpose, settings: settings::Webhook) -> Self {
        let target = Target::new(
            "the webhook",
            settings.url.into(),
            settings.ca_file,
            settings.timeout,
            settings.allow_private,
        );
        let secrets = [Some(settings.secret), settings.previous_secret];
        Self {
            purpose,
            secrets: secrets.into_iter().flatten().collect(),
            target,
        }
    }

    fn head(&self, id: &str, at: Timestamp, body: &str) -> HeaderMap {
        let signatures: Vec<_> = (self.secrets.iter())
            .map(|secret| sign(secret.expose_secret(), id, at, body))
            .collect();
        let fields = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.as_second().to_string()),
            ("webhook-signature", signatures.join(" ")),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = HeaderValue::try_from(value).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        fields.collect()
    }
}

#[async_trait]
impl Hook for Webhook {
    /// 410 says that the other side never wants to be told again (Standard Webhooks, "Deliverability and
    /// reliability").
    async fn send(&self, id: &str, at: Timestamp, body: &str) -> Result<(), HookError> {
        let head = self.head(id, at, body);
        let answer = self.target.post(head, body.to_owned(), at).await?;
        if answer.status == StatusCode::GONE {
            let why = "it answered 410: it wants no more messages";
            return Err(HookError::Permanent(why.to_owned()));
        }
        answer.taken()
    }

    /// Looks whether a connection can be had; there is no message that would mean nothing.
    async fn check(&self) -> Vec<Finding> {
        let (what, setting, allow) = match &self.purpose {
            Purpose::Alarms => (
                "The webhook for alarms".to_owned(),
                "`webhook` in [alarms]",
                "webhook_allow_private",
            ),
            Purpose::Checkpoints => (
                "The webhook for checkpoints".to_owned(),
                "`checkpoint_webhook` in [audit]",
                "checkpoint_webhook_allow_private",
            ),
            Purpose::Requests(name) => (
                format!("The webhook {name}"),
                "`url` in its section [[webhooks]]",
                "allow_private",
            ),
        };
        vec![match self.target.reach().await {
            Ok(()) => Finding::ok(format!("{what} can be reached.")),
            Err(refused @ Unheard::NotPublic(_)) => Finding::failure(
                format!("{what} is told nothing: {refused}."),
                format!(
                    "Correct {setting}, or where that is meant, write `{allow} = true` beside it."
                ),
            ),
            Err(trouble) => Finding::failure(
                format!("{what} cannot be reached: {}.", with_causes(&trouble)),
                format!(
                    "Correct {setting}, or name the file with the authority of its certificate \
                     beside it."
                ),
            ),
        }]
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn webhook(secret: u8, previous: Option<u8>) -> Webhook {
        let key = |byte: u8| SecretSlice::from(vec![byte; 24]);
        let settings = settings::Webhook {
            url: "https://hooks.example.com/clavis".to_owned(),
            secret: key(secret),
            previous_secret: previous.map(key),
            ca_file: None,
            timeout: SignedDuration::from_secs(1),
            allow_private: false,
        };
        Webhook::new(Purpose::Alarms, settings)
    }

    #[test]
    fn while_a_secret_is_changed_whoever_knows_either_can_tell_who_calls() {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signatures = |webhook: &Webhook| {
            let head = webhook.head("msg_1", at, "{}");
            assert_eq!(head["webhook-id"], "msg_1");
            assert_eq!(head["webhook-timestamp"], "1614265330");
            let value = head["webhook-signature"].to_str().unwrap();
            value.split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        let (old, new) = (signatures(&webhook(1, None)), signatures(&webhook(2, None)));
        assert_eq!((old.len(), new.len()), (1, 1));
        let both = signatures(&webhook(2, Some(1)));
        assert_eq!(both, [&new[..], &old[..]].concat());
    }
}
