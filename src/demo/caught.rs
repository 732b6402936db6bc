//! A mailer that keeps every mail for a page to show.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use clavis_broker::letters::Mail;
use clavis_broker::ports::{Finding, MailError, Mailer};
use tokio::sync::Notify;

/// The mails of a demonstration, oldest first.
#[derive(Default)]
pub(crate) struct CaughtMails {
    mails: Mutex<Vec<Mail>>,
    arrived: Notify,
}

impl CaughtMails {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Mail> {
        self.mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The first mail from the `since`-th on whose subject begins like this; waits for it.
    pub(crate) async fn first(&self, subject: &str, since: usize) -> Mail {
        loop {
            let arrived = self.arrived.notified();
            let found = self
                .all()
                .into_iter()
                .skip(since)
                .find(|mail| mail.subject.starts_with(subject));
            if let Some(mail) = found {
                return mail;
            }
            arrived.await;
        }
    }
}

#[async_trait]
impl Mailer for CaughtMails {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail.clone());
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("mails are caught in a page")]
    }
}
