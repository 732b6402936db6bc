//! A program elsewhere that is told by HTTP: its address, and the secret that messages to it are signed
//! with.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clavis_broker::networks::is_public;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretSlice};
use toml::de::DeValue;

use super::Origin;
use super::address::{address, host_of};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Webhook;
use crate::values::{duration, text, truth};

/// How a secret of a webhook begins, as Standard Webhooks has it.
const PREFIX: &str = "whsec_";

/// How long a program may take to answer, where nothing else is said.
pub(super) const TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

const NO_SECRET: &str = "Name a file with a secret that the other side has as well, so that it can tell \
                         who calls: `(printf whsec_; openssl rand -base64 32) | sudo install -m 600 \
                         /dev/stdin /etc/clavis/credentials/webhook.secret`.";

/// What the settings of a webhook are called where it is.
pub(super) struct Keys {
    pub(super) url: &'static str,
    pub(super) secret_file: &'static str,
    pub(super) previous_secret_file: &'static str,
    pub(super) ca_file: &'static str,
    pub(super) timeout: &'static str,
    pub(super) allow_private: &'static str,
}

/// Reads a webhook, if its section names one.
pub(super) fn webhook(section: &Section<'_>, keys: &Keys, origin: &Origin<'_>) -> Option<Webhook> {
    let read = read(section, keys, origin);
    if !section.has(keys.url) {
        for key in [
            keys.secret_file,
            keys.previous_secret_file,
            keys.ca_file,
            keys.timeout,
            keys.allow_private,
        ] {
            if section.has(key) {
                section.problem(
                    key,
                    format!("`{key}` is there without `{}`", keys.url),
                    format!("Add `{} = \"https://…\"`, or take it out.", keys.url),
                );
            }
        }
        return None;
    }
    if !section.has(keys.secret_file) {
        section.problem(
            keys.url,
            format!("`{}` is there without `{}`", keys.url, keys.secret_file),
            NO_SECRET,
        );
    }
    read
}

/// Reads a webhook that its section has to name.
pub(super) fn required_webhook(
    section: &Section<'_>,
    keys: &Keys,
    origin: &Origin<'_>,
) -> Option<Webhook> {
    let read = read(section, keys, origin);
    for key in [keys.url, keys.secret_file] {
        if !section.has(key) {
            section.required(key, text);
        }
    }
    read
}

fn read(section: &Section<'_>, keys: &Keys, origin: &Origin<'_>) -> Option<Webhook> {
    let url = section.optional(keys.url, url);
    let secret = section.optional(keys.secret_file, |value| secret(value, origin));
    let previous_secret = section.optional(keys.previous_secret_file, |value| {
        self::secret(value, origin)
    });
    let ca_file = section.optional(keys.ca_file, |value| origin.path(value));
    let timeout = section.optional(keys.timeout, timeout());
    let allow_private = section.optional(keys.allow_private, truth).unwrap_or(false);
    if let Some(url) = url.as_deref().filter(|_| !allow_private) {
        public_or_allowed(section, keys.url, url, keys.allow_private);
    }
    Some(Webhook {
        url: url?,
        secret: secret?,
        previous_secret,
        ca_file,
        timeout: timeout.unwrap_or(TIMEOUT),
        allow_private,
    })
}

/// Reports an address that is seen to be none of the internet. Where a name leads is seen when it is
/// connected to.
pub(super) fn public_or_allowed(
    section: &Section<'_>,
    key: &'static str,
    url: &str,
    allow_private: &str,
) {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let place = rest.split(['/', '?']).next().and_then(host_of);
    let is_private = |host: &str| match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    if place.is_some_and(is_private) {
        section.problem(
            key,
            format!("`{key}` leads to this machine or into a private network"),
            format!("Where that is meant, write `{allow_private} = true` beside it."),
        );
    }
}

/// How long the other side may take to answer: less than the outbox waits.
pub(super) fn timeout() -> impl Fn(&DeValue<'_>) -> Result<SignedDuration, Wrong> {
    duration(SignedDuration::from_secs(1)..=SignedDuration::from_secs(15))
}

/// An address with a path: over TLS, or on this machine.
pub(super) fn url(value: &DeValue<'_>) -> Result<String, Wrong> {
    const EXAMPLE: &str = "https://alarms.example.com";
    let url = text(value)?;
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path_at = url[after_scheme..]
        .find('/')
        .map_or(url.len(), |at| at + after_scheme);
    let (server, path) = url.split_at(path_at);
    let server = address(
        &DeValue::String(server.into()),
        EXAMPLE,
        "would carry names and addresses in plain HTTP",
    )?;
    // `127.1`, `0x7f000001` and the like are addresses to those who read an URL as browsers do.
    let (_, place) = server.split_once("://").unwrap_or_default();
    let host = host_of(place).unwrap_or(place);
    let last = host.trim_end_matches('.').rsplit('.').next();
    if last.is_some_and(|label| label.starts_with(|c: char| c.is_ascii_digit()))
        && host.parse::<IpAddr>().is_err()
    {
        return Err(Wrong::new(
            "is neither a name nor an address as it is usually written",
            format!("Write it as \"{EXAMPLE}/clavis\", or with an address such as 192.0.2.7."),
        ));
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if !path.bytes().all(is_plain) {
        return Err(Wrong::new(
            "has characters in its path that an address cannot have",
            format!("Write it as \"{EXAMPLE}/clavis\", with other characters as %XX."),
        ));
    }
    Ok(server + path)
}

/// The bytes of the secret in a file: `whsec_` and 24 to 64 bytes in Base64, as Standard Webhooks has
/// it.
pub(super) fn secret(value: &DeValue<'_>, origin: &Origin<'_>) -> Result<SecretSlice<u8>, Wrong> {
    let secret = origin.secret(value)?;
    let encoded = secret.expose_secret().trim().strip_prefix(PREFIX);
    let bytes = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    bytes
        .filter(|bytes| (24..=64).contains(&bytes.len()))
        .map(SecretSlice::from)
        .ok_or_else(|| {
            Wrong::new(
                "names a file that holds no secret for a webhook",
                "Make one: `(printf whsec_; openssl rand -base64 32) | sudo install -m 600 /dev/stdin \
                 /etc/clavis/credentials/webhook.secret`, and give it to the other side.",
            )
        })
}
