//! Mails into a folder, one file for each, for demonstrations and tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::letters::Mail;
use clavis_broker::ports::{Clock, Finding, MailError, Mailer};
use clavis_config::settings;

use super::compose::compose;
use crate::whole;

/// Writes each mail to `MESSAGE-ID.eml` in a folder; the same mail again takes the same name.
pub struct FolderMailer {
    sender: settings::Mail,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl FolderMailer {
    /// A mailer that writes to `folder`, which is made when the first mail is written.
    pub fn new(sender: settings::Mail, folder: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            sender,
            folder,
            clock,
        }
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender, self.clock.now())?;
        write_whole(&self.folder, &mail.message_id, &message.formatted())
            .await
            .map_err(|error| MailError::Transient(format!("not written: {}", error.kind())))
    }

    async fn check(&self) -> Vec<Finding> {
        let shown = self.folder.display();
        let name = format!("check-{}", std::process::id());
        // Whoever checks is not always whoever is to own it.
        let tried = match tokio::fs::try_exists(&self.folder).await {
            Ok(false) => Ok(()),
            _ => whole::try_out(&self.folder, &name).await,
        };
        vec![match tried {
            Ok(()) => Finding::warning(
                format!("Mails are written to the folder {shown} and sent to nobody"),
                "This is for demonstrations; write `kind = \"smtp\"` in [mail] to send them.",
            ),
            Err(error) => Finding::failure(
                format!("Mails cannot be written to the folder {shown}: {error}"),
                "Let the user that Clavis runs as write to it.",
            ),
        }]
    }
}

/// Writes `NAME.eml`. Links and codes are in it: for our account only.
async fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    whole::write(folder, &format!("{name}.eml"), bytes, 0o600, false).await
}
