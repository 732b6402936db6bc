//! Who is told of what is odd.

use std::path::PathBuf;

use clavis_broker::alarms::Usual;
use clavis_broker::people::MailAddress;
use jiff::SignedDuration;
use secrecy::SecretSlice;

/// Who is told, and of what.
#[derive(Debug, Clone, Default)]
pub struct Alarms {
    /// By mail.
    pub mail: Vec<MailAddress>,
    /// Which program.
    pub webhook: Option<Webhook>,
    /// What is still usual.
    pub usual: Usual,
}

/// A program elsewhere that is told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its address, https:// or, on this machine, http://.
    pub url: String,
    /// What messages are signed with: 24 to 64 bytes, read from a file.
    pub secret: SecretSlice<u8>,
    /// The authorities to trust, and no others; those of the machine without it.
    pub ca_file: Option<PathBuf>,
    /// How long it may take to answer.
    pub timeout: SignedDuration,
}

impl Alarms {
    /// Whether nobody is told.
    pub fn is_nobody(&self) -> bool {
        self.mail.is_empty() && self.webhook.is_none()
    }
}
