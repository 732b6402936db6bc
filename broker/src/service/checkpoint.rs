//! Checkpoints of the log: made when they are due, and brought to where the operator says.

use std::sync::Arc;

use jiff::SignedDuration;

use super::prove::{ProofError, consistency, root_of};
use super::{Broker, Unavailable};
use crate::audit::{Event, MailName};
use crate::people::MailAddress;
use crate::ports::{
    CheckpointSink, CheckpointTo, CommitError, Job, KeptCheckpoint, Lease, LogQuery, Write,
};
use crate::proof::checkpoint::Checkpoint;
use crate::proof::note::Signer;
use crate::proof::tree::continues;

/// How checkpoints are made, and how long personal fields are kept.
#[derive(Clone)]
pub struct AuditTerms {
    /// Who signs; without it no checkpoints are made.
    pub signer: Option<Arc<Signer>>,
    /// How often one is made, where rows have come.
    pub every: SignedDuration,
    /// Who gets them by mail.
    pub mail: Vec<MailAddress>,
    /// Where else they are brought.
    pub sinks: Vec<Arc<dyn CheckpointSink>>,
    /// How long personal fields of rows are kept; for ever where there is no end.
    pub keep_for: Option<SignedDuration>,
}

impl Default for AuditTerms {
    fn default() -> Self {
        Self {
            signer: None,
            every: SignedDuration::from_hours(1),
            mail: Vec::new(),
            sinks: Vec::new(),
            keep_for: None,
        }
    }
}

/// No checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is no key to sign with.
    #[error(
        "there is no key to sign with: make one with `clavis audit new-key`, and name it in \
         `signing_key_file` of [audit]"
    )]
    NoKey,
    /// The log has no rows.
    #[error("the log has no rows yet")]
    Empty,
    /// The log is not the one that was signed before: nothing more is signed.
    #[error(
        "the log is not the one that was signed when it had {0} rows, so nothing more is signed: \
         run `clavis audit verify`"
    )]
    NotTheSame(u64),
    /// It could not be made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// Makes a checkpoint of the log as it is now, unless the latest is of it already; gives it
    /// either way. It is kept in the store, and a job for everywhere else that it goes.
    ///
    /// # Errors
    /// Why none was made.
    pub async fn make_checkpoint(&self) -> Result<KeptCheckpoint, CheckpointError> {
        let signer = self.parts.audit.signer.clone();
        let signer = signer.ok_or(CheckpointError::NoKey)?;
        loop {
            let store = &self.parts.store;
            let latest = store.latest_checkpoint().await.map_err(Unavailable::from)?;
            let size = store.log_size().await.map_err(Unavailable::from)?;
            if let Some(latest) = &latest {
                self.continues(latest, size).await?;
            }
            match latest {
                Some(latest) if latest.size == size => return Ok(latest),
                None if size == 0 => return Err(CheckpointError::Empty),
                _ => {}
            }
            let root = root_of(self.ledger(), size)
                .await
                .map_err(Unavailable::from)?;
            let kept = KeptCheckpoint {
                size,
                made_at: self.now(),
                note: Checkpoint::signed(size, &root, &signer),
            };
            let mut change = vec![Write::KeepCheckpoint {
                kept: Box::new(kept.clone()),
                after: latest.map(|latest| latest.size),
            }];
            change.extend(self.bring_everywhere(&kept));
            match self.commit(change).await {
                Ok(()) => return Ok(kept),
                // Another process has made one meanwhile.
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(Unavailable::from(error).into()),
            }
        }
    }

    /// Makes a checkpoint where one is due.
    pub(super) async fn checkpoint_where_due(&self) -> Result<(), CheckpointError> {
        if self.parts.audit.signer.is_none() {
            return Ok(());
        }
        let store = &self.parts.store;
        let latest = store.latest_checkpoint().await.map_err(Unavailable::from)?;
        let (size, is_early) = latest.map_or((0, false), |latest| {
            let due_at = latest.made_at.saturating_add(self.parts.audit.every);
            (latest.size, due_at.is_ok_and(|due_at| self.now() < due_at))
        });
        if !is_early && self.has_news_after(size).await? {
            self.make_checkpoint().await?;
        }
        Ok(())
    }

    /// Brings a checkpoint to one place. It is tried until it is there.
    pub(super) async fn bring_checkpoint(
        &self,
        lease: Lease,
        name: &str,
        kept: &KeptCheckpoint,
    ) -> Result<(), Unavailable> {
        let mut sinks = self.parts.audit.sinks.iter();
        let outcome = match sinks.find(|sink| sink.name() == name) {
            Some(sink) => sink.keep(kept).await,
            // The configuration does not name it any more.
            None => Ok(()),
        };
        let settled = match outcome {
            Ok(()) => Write::Finish(lease),
            Err(error) => {
                let why = error.to_string();
                tracing::warn!(job.id = %lease.job.0, why, "a checkpoint of the log could not be kept outside of it; it will be tried again");
                self.postpone(lease, self.now(), why)
            }
        };
        self.settle_lease(vec![settled]).await
    }

    fn bring_everywhere(&self, kept: &KeptCheckpoint) -> impl Iterator<Item = Write> {
        let audit = &self.parts.audit;
        let by_mail = audit.mail.iter().cloned().map(CheckpointTo::Mail);
        let sinks = audit.sinks.iter();
        let to_sinks = sinks.map(|sink| CheckpointTo::Sink(sink.name().to_owned()));
        by_mail.chain(to_sinks).map(|to| {
            let kept = Box::new(kept.clone());
            self.enqueue_job(Job::Checkpoint { kept, to }, self.now())
        })
    }

    /// Whether rows have come that say more than that checkpoints were mailed: those would make
    /// one checkpoint after another of a log in which nothing happens.
    async fn has_news_after(&self, size: u64) -> Result<bool, Unavailable> {
        let mails = self.parts.audit.mail.len();
        let query = LogQuery {
            request: None,
            events: &[],
            after: i64::try_from(size).unwrap_or(i64::MAX),
            limit: mails + 1,
        };
        let rows = self.parts.store.log(&query).await?;
        let is_news = |event: &Event| {
            let mail = match event {
                Event::MailSent { mail, .. } | Event::MailDead { mail, .. } => Some(mail),
                _ => None,
            };
            mail != Some(&MailName::Checkpoint)
        };
        Ok(rows.len() > mails || rows.iter().any(|row| is_news(&row.entry.event)))
    }

    /// Signing over a log that was changed would hide the change from whoever sees the new
    /// checkpoint alone.
    async fn continues(&self, latest: &KeptCheckpoint, size: u64) -> Result<(), CheckpointError> {
        let broken = CheckpointError::NotTheSame(latest.size);
        let Ok(latest) = Checkpoint::claimed(&latest.note) else {
            return Err(broken);
        };
        let proof = match consistency(self.ledger(), latest.size, size).await {
            Ok(proof) if latest.size <= size => proof,
            Ok(_) | Err(ProofError::Damaged | ProofError::Shorter { .. }) => return Err(broken),
            Err(error) => return Err(Unavailable::from(error).into()),
        };
        let root = match root_of(self.ledger(), size).await {
            Ok(root) => root,
            Err(ProofError::Store(error)) => return Err(Unavailable::from(error).into()),
            Err(_) => return Err(broken),
        };
        if continues((latest.size, &latest.root), (size, &root), &proof) {
            Ok(())
        } else {
            Err(broken)
        }
    }
}
