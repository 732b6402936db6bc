//! A program elsewhere that is told by HTTP: its address, and the secret that messages to it are signed
//! with.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretSlice};
use toml::de::DeValue;

use super::Origin;
use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Webhook;
use crate::values::{duration, text};

/// How a secret of a webhook begins, as Standard Webhooks has it.
const PREFIX: &str = "whsec_";

/// What the settings of a webhook are called where it is.
pub(super) struct Keys {
    pub(super) url: &'static str,
    pub(super) secret_file: &'static str,
    pub(super) ca_file: &'static str,
    pub(super) timeout: &'static str,
}

/// Reads a webhook, if its section names one.
pub(super) fn webhook(section: &Section<'_>, keys: &Keys, origin: &Origin<'_>) -> Option<Webhook> {
    let url = section.optional(keys.url, url);
    let secret = section.optional(keys.secret_file, |value| secret(value, origin));
    let ca_file = section.optional(keys.ca_file, |value| origin.path(value));
    let range = SignedDuration::from_secs(1)..=SignedDuration::from_secs(15);
    let timeout = section.optional(keys.timeout, duration(range));
    if !section.has(keys.url) {
        for key in [keys.secret_file, keys.ca_file, keys.timeout] {
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
            "Name a file with a secret that the other side has as well, so that it can tell who \
             calls: `(printf whsec_; openssl rand -base64 32) > webhook.secret`.",
        );
    }
    Some(Webhook {
        url: url?,
        secret: secret?,
        ca_file,
        timeout: timeout.unwrap_or(SignedDuration::from_secs(10)),
    })
}

/// An address with a path: over TLS, or on this machine.
fn url(value: &DeValue<'_>) -> Result<String, Wrong> {
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
fn secret(value: &DeValue<'_>, origin: &Origin<'_>) -> Result<SecretSlice<u8>, Wrong> {
    let secret = origin.secret(value)?;
    let encoded = secret.expose_secret().trim().strip_prefix(PREFIX);
    let bytes = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    bytes
        .filter(|bytes| (24..=64).contains(&bytes.len()))
        .map(SecretSlice::from)
        .ok_or_else(|| {
            Wrong::new(
                "names a file that holds no secret for a webhook",
                "Make one: `(printf whsec_; openssl rand -base64 32) > webhook.secret`, and give it \
                 to the other side.",
            )
        })
}
