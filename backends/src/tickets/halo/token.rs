//! Tokens: where Halo says that they are had, with client credentials, kept until shortly before their
//! end.

use std::time::Duration;

use clavis_broker::ports::TicketError;
use reqwest::Url;
use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::api::{Answer, Api};
use super::budget::Haste;
use super::values::{id, text};
use crate::entra::wire;

/// What is asked for: to read tickets, assets and users, and to write to tickets.
pub(super) const SCOPES: [&str; 4] = [
    "read:tickets",
    "edit:tickets",
    "read:customers",
    "read:assets",
];

/// How long before its end a token is not used any more.
const EARLY: Duration = Duration::from_mins(1);

/// How long a token is kept that does not say when it ends.
const USUAL: Duration = Duration::from_mins(10);

/// No token is kept longer.
const LONGEST: Duration = Duration::from_hours(12);

/// A token.
pub(super) struct Token {
    pub(super) secret: SecretString,
    pub(super) until: Instant,
    /// What it is good for, where that was said.
    pub(super) scopes: Option<Vec<String>>,
}

impl Api {
    /// A new token.
    pub(super) async fn sign_in(&self, haste: Haste) -> Result<Token, TicketError> {
        let about = self.url(&["api", "authinfo"])?;
        let client = self.client().await?;
        let asking = client.get(about).header(ACCEPT, "application/json");
        let Answer::Good(about) = self.exchange(asking, haste).await? else {
            return Err(nonsense("it does not say where tokens are had"));
        };
        let address = self.token_address(&about)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.settings().client_id),
            (
                "client_secret",
                self.settings().client_secret.expose_secret(),
            ),
            ("scope", &SCOPES.join(" ")),
        ];
        let asking = client.post(address).form(&form);
        let now = Instant::now();
        match self.exchange(asking, haste).await? {
            Answer::Good(answer) => token(&answer, now).ok_or_else(|| nonsense("it gave no token")),
            Answer::Missing => Err(nonsense("there are no tokens where it says")),
            Answer::Unsigned(body) | Answer::Refused { body, .. } => {
                let code = wire::plain(text(&body, "error").unwrap_or_default());
                Err(TicketError::Denied(format!("the sign-in failed ({code})")))
            }
        }
    }

    /// Where tokens are had: as Halo says, over TLS where it is reached so.
    fn token_address(&self, about: &Value) -> Result<Url, TicketError> {
        let wrong = || nonsense("it says that tokens are had where nobody can ask");
        let base = text(about, "auth_url").ok_or_else(wrong)?;
        let base = base.trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}/token")).map_err(|_| wrong())?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && !self.only_tls());
        if !is_safe || url.host_str().is_none() || !url.username().is_empty() {
            return Err(wrong());
        }
        let tenant = self.settings().tenant.as_deref();
        if let Some(tenant) = tenant.or_else(|| text(about, "tenant_id")) {
            url.query_pairs_mut().append_pair("tenant", tenant);
        }
        Ok(url)
    }
}

/// The token of an answer.
pub(super) fn token(answer: &Value, now: Instant) -> Option<Token> {
    let secret = text(answer, "access_token")?;
    let is_sound = |byte: u8| byte.is_ascii_graphic();
    if !secret.bytes().all(is_sound) {
        return None;
    }
    let seconds = id(answer, "expires_in").and_then(|seconds| seconds.parse().ok());
    let life = seconds.map_or(USUAL, Duration::from_secs).min(LONGEST);
    let scopes = text(answer, "scope").map(|scopes| {
        let scopes = scopes.split_whitespace();
        scopes.map(str::to_owned).collect()
    });
    Some(Token {
        secret: SecretString::from(secret),
        until: now + life.saturating_sub(EARLY),
        scopes,
    })
}

fn nonsense(what: &str) -> TicketError {
    TicketError::Nonsense(what.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_kept_until_shortly_before_its_end() {
        let now = Instant::now();
        let kept = |answer: Value| token(&answer, now).map(|token| token.until - now);
        let minutes = Duration::from_mins;
        let with = |end: Value| json!({ "access_token": "t", "expires_in": end });
        assert_eq!(kept(with(json!(3600))), Some(minutes(59)));
        assert_eq!(kept(with(json!("3600"))), Some(minutes(59)));
        assert_eq!(kept(with(json!(30))), Some(Duration::ZERO));
        assert_eq!(kept(with(json!(u64::MAX))), Some(minutes(12 * 60 - 1)));
        assert_eq!(kept(json!({ "access_token": "t" })), Some(minutes(9)));
        for none in [json!({}), json!({ "access_token": "a\nb" }), json!([])] {
            assert_eq!(kept(none), None);
        }
    }
}
