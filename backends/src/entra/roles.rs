//! Which permissions the parts of Clavis need, and what a token says that it has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The parts that use an application.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one part whether it is there"
)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// Recovery keys.
    pub escrow: bool,
    /// New keys after a disclosure.
    pub rotation: bool,
    /// People, groups and whose device is whose.
    pub directory: bool,
    /// Mails through Graph.
    pub mail: bool,
    /// Mails by SMTP with a token.
    pub smtp: bool,
}

/// One of the parts that use an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Recovery keys.
    Escrow,
    /// New keys after a disclosure.
    Rotation,
    /// People, groups and whose device is whose.
    Directory,
    /// Mails through Graph.
    Mail,
    /// Mails by SMTP with a token.
    Smtp,
}

/// What a token says about itself.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Claims {
    /// The application permissions.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// The tenant.
    #[serde(default)]
    pub(super) tid: String,
}

/// Reads the claims of a token without verifying its signature. That is enough: it is our own
/// token, which came over TLS from whoever gives it out, and nothing is allowed by what it says.
/// Graph verifies it, and decides.
pub(super) fn claims(token: &SecretString) -> Option<Claims> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}
