//! Mails through Microsoft Graph, for tenants in which nobody sends by SMTP with a password.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clavis_broker::letters::Mail;
use clavis_broker::ports::{Clock, Finding, MailError, Mailer, Severity};
use clavis_config::settings;

use super::compose::compose;
use crate::entra::{Answer, Body, Call, Part, Tenant, Trouble, trouble_finding};

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

    async fn post(&self, mime: &str) -> Result<Option<()>, Trouble> {
        let call = Call::post("v1.0")
            .segment("users")
            .segment(self.mailbox.as_str())
            .segment("sendMail")
            .needs("Mail.Send");
        self.tenant.post(&call, Body::Mime(mime)).await
    }

    /// Hands over nothing in place of a mail: who may send is told that this is none, and who may
    /// not, or from where, is told that first.
    async fn try_nothing(&self) -> Finding {
        let mailbox = &self.mailbox;
        match self.post("").await {
            Err(Trouble::Refused(answer)) if answer.status == 400 && is_about_content(&answer) => {
                Finding::ok(format!("Graph takes mails from the mailbox {mailbox}."))
            }
            Err(Trouble::Refused(answer)) if answer.status == 400 => Finding::warning(
                format!(
                    "Nobody can tell whether Graph takes mails from the mailbox {mailbox}: it \
                         answers {answer}."
                ),
                "Send a mail to yourself (sign in to Clavis) to see that mails arrive. If they do \
                 not, see that `mailbox` in [mail] is one in Exchange Online.",
            ),
            Ok(None) => Finding::failure(
                format!("There is no mailbox {mailbox}."),
                "Write the user principal name of a user with a mailbox into `mailbox` in [mail].",
            ),
            Ok(Some(())) => Finding::warning(
                "Graph takes for a mail what is none.",
                "Send a mail to yourself (sign in to Clavis) to see that mails arrive.",
            ),
            Err(trouble) => {
                let what = format!("No mail can be sent from the mailbox {mailbox}");
                trouble_finding(&what, &trouble)
            }
        }
    }
}

/// Whether Graph refuses what was handed over for what it is, rather than for where it came from
/// or was to leave from.
fn is_about_content(answer: &Answer) -> bool {
    const CODES: [&str; 4] = [
        "ErrorMimeContent",
        "ErrorInvalidMimeContent",
        "UnableToDeserialize",
        "ErrorInvalidRequest",
    ];
    CODES.iter().any(|code| answer.code.starts_with(code))
}

#[async_trait]
impl Mailer for GraphMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender, self.clock.now())?;
        let mime = STANDARD.encode(message.formatted());
        match self.post(&mime).await? {
            Some(()) => Ok(()),
            // An operator has to name another mailbox, or to make this one.
            None => Err(MailError::Transient(
                "Graph knows no mailbox of that user principal name".into(),
            )),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        let mut findings = self.tenant.check(Part::Mail, None).await;
        if findings.iter().all(|it| it.severity != Severity::Failure) {
            findings.push(self.try_nothing().await);
        }
        findings
    }
}
