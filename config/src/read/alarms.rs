//! `[alarms]`: who is told of what is odd, and what is still usual.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clavis_broker::alarms::Usual;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretSlice};
use toml::de::DeValue;

use super::Origin;
use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Alarms, Webhook};
use crate::values::{duration, mail, number, text};

/// How a secret of a webhook begins, as Standard Webhooks has it.
const PREFIX: &str = "whsec_";

/// Reads `[alarms]`, which may be missing.
pub(super) fn alarms(section: Option<&Section<'_>>, origin: &Origin<'_>) -> Alarms {
    let Some(section) = section else {
        return Alarms::default();
    };
    let usual = Usual::default();
    let or_usual = |key, usual: Option<usize>| section.optional(key, count).unwrap_or(usual);
    Alarms {
        mail: section.list("mail", mail),
        webhook: webhook(section, origin),
        usual: Usual {
            redemptions: or_usual("redemptions_an_hour", usual.redemptions),
            devices: or_usual("devices_a_day", usual.devices),
            devices_for_others: or_usual("devices_a_day_for_others", usual.devices_for_others),
        },
    }
}

fn webhook(section: &Section<'_>, origin: &Origin<'_>) -> Option<Webhook> {
    let url = section.optional("webhook", url);
    let secret = section.optional("webhook_secret_file", |value| secret(value, origin));
    let ca_file = section.optional("webhook_ca_file", |value| origin.path(value));
    let range = SignedDuration::from_secs(1)..=SignedDuration::from_secs(15);
    let timeout = section.optional("webhook_timeout", duration(range));
    if !section.has("webhook") {
        for key in ["webhook_secret_file", "webhook_ca_file", "webhook_timeout"] {
            if section.has(key) {
                section.problem(
                    key,
                    format!("`{key}` is there without `webhook`"),
                    "Add `webhook = \"https://…\"`, or take it out.",
                );
            }
        }
        return None;
    }
    if !section.has("webhook_secret_file") {
        section.problem(
            "webhook",
            "`webhook` is there without `webhook_secret_file`",
            "Name a file with a secret that the other side has as well, so that it can tell who \
             calls: `(printf whsec_; openssl rand -base64 32) > alarms.secret`.",
        );
    }
    Some(Webhook {
        url: url?,
        secret: secret?,
        ca_file,
        timeout: timeout.unwrap_or(SignedDuration::from_secs(10)),
    })
}

/// A number from 1 on, or "never": `None`.
fn count(value: &DeValue<'_>) -> Result<Option<usize>, Wrong> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    let count = number(1..=100_000)(value).map_err(|wrong| Wrong {
        remedy: format!("{} Or write \"never\".", wrong.remedy),
        ..wrong
    })?;
    Ok(usize::try_from(count).ok())
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
                "Make one: `(printf whsec_; openssl rand -base64 32) > alarms.secret`, and give it \
                 to the other side.",
            )
        })
}
