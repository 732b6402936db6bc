//! Mails through an SMTP server, always over TLS.

mod check;
mod connect;
mod pool;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clavis_broker::letters::Mail;
use clavis_broker::ports::{Clock, Finding, MailError, Mailer};
use clavis_config::settings::{self, Smtp};

use self::connect::Door;
use self::pool::Pool;
use self::trouble::Trouble;
use super::compose::{compose, domain_of};
use crate::entra::Tenant;

/// Sends mails through one SMTP server, over a few connections that are kept for the next mail.
pub struct SmtpMailer {
    sender: settings::Mail,
    pool: Pool,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl SmtpMailer {
    /// A mailer from these settings, with the tenant that they name for tokens. Nothing is read
    /// and nobody is called before the first mail.
    pub fn new(
        sender: settings::Mail,
        server: Smtp,
        tenant: Option<Arc<Tenant>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let timeout = server.timeout.unsigned_abs();
        let connections = server.connections;
        let hello = domain_of(&sender.from).to_owned();
        Self {
            sender,
            pool: Pool::new(Door::new(server, tenant, hello), connections),
            timeout,
            clock,
        }
    }

    async fn hand_over(&self, mail: &Mail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender, self.clock.now())?;
        let bytes = message.formatted();
        let mut connection = self.pool.take().await.map_err(Trouble::before_the_mail)?;
        connection
            .smtp()
            .send(message.envelope(), &bytes)
            .await
            .map_err(|error| Trouble::of(&error).with_the_mail())?;
        self.pool.keep(connection);
        Ok(())
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        // A connection that is given up half-way is closed, not kept: its next answer would be
        // taken for that to another mail.
        tokio::time::timeout(self.timeout, self.hand_over(mail))
            .await
            .unwrap_or_else(|_| Err(Trouble::Slow.with_the_mail()))
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self.pool.door(), self.timeout).await
    }
}
