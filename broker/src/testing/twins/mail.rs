//! A mailer that keeps what it is given, and letters without any wording.

use std::sync::Mutex;

use async_trait::async_trait;

use super::{INTERNALS, locked};
use crate::alarms::Alarm;
use crate::letters::{Letter, Mail};
use crate::ports::{Finding, MailError, MailRenderer, Mailer};

/// How a mailer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTrouble {
    /// For now.
    Transient,
    /// For good.
    Permanent,
}

/// A mailer that keeps what it is given.
#[derive(Default)]
pub struct MemoryMailer(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    sent: Vec<Mail>,
    refused: Vec<Mail>,
    trouble: Option<MailTrouble>,
}

impl MemoryMailer {
    /// The mails that were taken, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        locked(&self.0).sent.clone()
    }

    /// The mails that were not taken, oldest first.
    pub fn refused(&self) -> Vec<Mail> {
        locked(&self.0).refused.clone()
    }

    /// Refuses every mail like this from now, or takes them again.
    pub fn break_down(&self, trouble: Option<MailTrouble>) {
        locked(&self.0).trouble = trouble;
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        tokio::task::yield_now().await;
        let mut inner = locked(&self.0);
        let Some(trouble) = inner.trouble else {
            inner.sent.push(mail.clone());
            return Ok(());
        };
        inner.refused.push(mail.clone());
        Err(match trouble {
            MailTrouble::Transient => MailError::Transient(INTERNALS.to_owned()),
            MailTrouble::Permanent => MailError::Permanent(INTERNALS.to_owned()),
        })
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("The mails stay in memory")]
    }
}

/// Letters without wording: the subject is the name of the kind of letter, the text is the plain
/// token or the code, if there is one.
#[derive(Debug, Default)]
pub struct PlainLetters;

impl MailRenderer for PlainLetters {
    fn render(&self, letter: &Letter<'_>, message_id: String) -> Mail {
        let (to_name, to, subject, text) = match letter {
            Letter::OfRequest { kind, to, link, .. } => (
                &to.name,
                &to.mail,
                format!("{kind:?}"),
                link.map(|token| token.expose().to_owned()),
            ),
            Letter::SignIn { to, code, .. } => (
                &to.name,
                &to.mail,
                "SignInCode".to_owned(),
                Some(code.expose()),
            ),
            Letter::StandIn { to, .. } => (&to.name, &to.mail, "StandIn".to_owned(), None),
            Letter::Alarm { to, alarm } => {
                let kind = match alarm {
                    Alarm::Policy(_) => "PolicyAlarm",
                    Alarm::GlassBroken { .. } => "GlassAlarm",
                    Alarm::UsedLinkOpened { .. } => "UsedLinkAlarm",
                    Alarm::OwnApproval { .. } => "OwnApprovalAlarm",
                    Alarm::ManyRedemptions { .. } => "RedemptionsAlarm",
                    Alarm::ManyDevices { .. } => "DevicesAlarm",
                    Alarm::RightsWidened { .. } => "RightsAlarm",
                    Alarm::RowUnreadable { .. } => "UnreadableAlarm",
                    Alarm::CursorAhead { .. } => "CursorAlarm",
                    Alarm::SigningStopped { .. } => "SigningAlarm",
                };
                (&String::new(), *to, kind.to_owned(), None)
            }
            Letter::Checkpoint { to, kept } => {
                let note = Some(kept.note.clone());
                (&String::new(), *to, "Checkpoint".to_owned(), note)
            }
        };
        let text = text.unwrap_or_default();
        Mail {
            to_name: to_name.clone(),
            to: to.clone(),
            subject,
            html: text.clone(),
            text,
            message_id,
        }
    }
}
