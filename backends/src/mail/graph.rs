//! Mails through Microsoft Graph, for tenants in which nobody sends by SMTP with a password.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clavis_broker::letters::Mail;
use clavis_broker::ports::{Clock, Finding, MailError, Mailer};
use clavis_config::settings;

use super::compose::compose;
use crate::entra::{Body, Call, Part, Tenant};

/// Sends mails from one mailbox of a tenant.
pub struct GraphMailer {
    sender: settings::Mail,
    mailbox: String,
    tenant: Arc<Tenant>,
    clock: Arc<dyn Clock>,
}

impl GraphMailer {
    /// A mailer that sends from `mailbox`. Nobody is called before the first mail.
    pub fn new(
        sender: settings::Mail,
        mailbox: String,
        tenant: Arc<Tenant>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sender,
            mailbox,
            tenant,
            clock,
        }
    }
}

#[async_trait]
impl Mailer for GraphMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender, self.clock.now())?;
        let mime = STANDARD.encode(message.formatted());
        let call = Call::post("v1.0")
            .segment("users")
            .segment(self.mailbox.as_str())
            .segment("sendMail")
            .needs("Mail.Send");
        match self.tenant.post(&call, Body::Mime(&mime)).await? {
            Some(()) => Ok(()),
            // An operator has to name another mailbox, or to make this one.
            None => Err(MailError::Transient(
                "Graph knows no mailbox of that user principal name".into(),
            )),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        self.tenant.check(Part::Mail).await
    }
}
