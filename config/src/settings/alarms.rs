//! Who is told of what is odd.

use clavis_broker::alarms::Usual;
use clavis_broker::people::MailAddress;

use super::Webhook;

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

impl Alarms {
    /// Whether nobody is told.
    pub fn is_nobody(&self) -> bool {
        self.mail.is_empty() && self.webhook.is_none()
    }
}
