//! Checkpoints of the log: made when they are due, and brought to where the operator says.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;

use super::outbox::{SENDING, Tried};
use super::prove::{ProofError, consistency, root_of};
use super::{Broker, Unavailable};
use crate::alarms::Alarm;
use crate::audit::{Actor, Event, LogEntry, MailName};
use crate::people::MailAddress;
use crate::ports::{
    CheckpointSink, CheckpointTo, CommitError, Job, KeepError, KeptCheckpoint, LogQuery, Write,
};
use crate::proof::checkpoint::{Checkpoint, NotACheckpoint};
use crate::proof::note::{Signer, Verifier};
use crate::proof::tree::{Hash, continues};

/// How often it is tried anew where another process has made one meanwhile.
const TRIES: usize = 10;

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
    /// A checkpoint that the log is to go on from is signed by nobody who is believed.
    #[error(
        "the latest checkpoint {place} cannot be believed ({why}), so nothing more is signed: run \
         `clavis audit verify`; where the key was replaced, run `clavis audit checkpoint --key` with the \
         public line of the one before"
    )]
    Unbelieved {
        /// Where it is kept.
        place: String,
        /// Why not.
        why: NotACheckpoint,
    },
    /// What is kept elsewhere cannot be told apart from what others have put there.
    #[error(
        "the checkpoints {place} cannot be held against the log, so nothing more is signed: {why}"
    )]
    Unread {
        /// Where it is kept.
        place: String,
        /// Why not, and what to do.
        why: String,
    },
    /// Nothing has come since the checkpoint that another key has signed.
    #[error(
        "the log is as it was when the key before signed it, so there is nothing to sign yet: try again \
         when a row has come"
    )]
    NothingNew,
    /// It could not be made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl CheckpointError {
    /// What is told where nothing more is signed before somebody has looked.
    pub(super) fn alarm(&self) -> Option<Alarm> {
        match self {
            Self::NotTheSame(rows) => Some(Alarm::SigningStopped { rows: Some(*rows) }),
            Self::Unbelieved { .. } | Self::Unread { .. } => {
                Some(Alarm::SigningStopped { rows: None })
            }
            Self::NoKey | Self::Empty | Self::NothingNew | Self::Unavailable(_) => None,
        }
    }
}

/// What this process has signed last, or has found in a folder outside of the store when it first
/// signed. It is not in the store, so that whoever can write there cannot have the process sign another
/// past.
#[derive(Default)]
pub(super) struct Signed(Mutex<Option<(u64, Hash)>>);

impl Signed {
    fn last(&self) -> Option<(u64, Hash)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, size: u64, root: Hash) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((size, root));
    }
}

impl Broker {
    /// Makes a checkpoint of the log as it is now, unless the latest is of it already; gives it
    /// either way. It is kept in the store, and a job for everywhere else that it goes.
    ///
    /// # Errors
    /// Why none was made.
    pub async fn make_checkpoint(&self) -> Result<KeptCheckpoint, CheckpointError> {
        self.make_checkpoint_after(&[]).await
    }

    /// The same, where the checkpoints before may be signed by these keys as well: the first after the
    /// key was replaced.
    ///
    /// # Errors
    /// Why none was made.
    pub async fn make_checkpoint_after(
        &self,
        earlier: &[Verifier],
    ) -> Result<KeptCheckpoint, CheckpointError> {
        let signer = self.parts.audit.signer.clone();
        let signer = signer.ok_or(CheckpointError::NoKey)?;
        if self.signed.last().is_none() {
            let latest = self.latest_checkpoint(earlier).await?;
            let latest = latest.map(|(_, latest)| latest.size);
            self.hold_against_sinks(earlier, latest).await?;
        }
        for _ in 0..TRIES {
            let latest = self.latest_checkpoint(earlier).await?;
            let size = self
                .parts
                .store
                .log_size()
                .await
                .map_err(Unavailable::from)?;
            if let Some((_, latest)) = &latest {
                self.goes_on(latest.size, &latest.root, size).await?;
            }
            if let Some((before, root)) = self.signed.last() {
                self.goes_on(before, &root, size).await?;
            }
            match latest {
                Some((kept, _)) if kept.size == size => {
                    let is_own = self.opened(&kept.note, &[]).is_ok();
                    return is_own.then_some(kept).ok_or(CheckpointError::NothingNew);
                }
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
                after: latest.map(|(latest, _)| latest.size),
            }];
            change.extend(self.bring_everywhere(&kept));
            match self.commit(change).await {
                Ok(()) => {
                    self.signed.set(size, root);
                    return Ok(kept);
                }
                // Another process has made one meanwhile.
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(Unavailable::from(error).into()),
            }
        }
        Err(Unavailable::new("the checkpoints of the log", CommitError::Conflict).into())
    }

    /// Makes a checkpoint where one is due.
    pub(super) async fn checkpoint_where_due(&self) -> Result<(), CheckpointError> {
        if self.parts.audit.signer.is_none() {
            return Ok(());
        }
        let latest = self.latest_checkpoint(&[]).await?;
        let (size, is_early) = latest.map_or((0, false), |(latest, _)| {
            let (made_at, now) = (latest.made_at, self.now());
            let due_at = made_at.saturating_add(self.parts.audit.every);
            // When it was made is not signed: one from the future puts nothing off.
            let is_early = made_at <= now && due_at.is_ok_and(|due_at| now < due_at);
            (latest.size, is_early)
        });
        if !is_early && self.has_news_after(size).await? {
            self.make_checkpoint().await?;
        }
        Ok(())
    }

    /// Brings a checkpoint to one place. One that did not get there is not tried again where a later
    /// one is on its way: that one is over the same rows and more.
    pub(super) async fn bring_checkpoint(
        &self,
        name: String,
        kept: &KeptCheckpoint,
    ) -> Result<Tried, Unavailable> {
        let mut sinks = self.parts.audit.sinks.iter();
        let Some(sink) = sinks.find(|sink| sink.name() == name) else {
            // The configuration does not name it any more.
            return Ok(Tried::Moot(None));
        };
        let (for_now, why) = match tokio::time::timeout(SENDING, sink.keep(kept)).await {
            Ok(Ok(())) => return Ok(Tried::Moot(None)),
            Ok(Err(KeepError::Transient(why))) => (true, why),
            Ok(Err(KeepError::Permanent(why))) => (false, why),
            Err(_) => (true, format!("the {name} did not answer in time")),
        };
        let dead = Event::CheckpointDead { sink: name };
        let latest = match self.latest_checkpoint(&[]).await {
            Ok(latest) => latest,
            Err(CheckpointError::Unavailable(error)) => return Err(error),
            // One that is not what was signed takes the place of none.
            Err(_) => None,
        };
        if for_now && latest.is_some_and(|(latest, _)| latest.size > kept.size) {
            tracing::warn!(
                why,
                "a checkpoint of the log could not be kept outside of it; a later one takes its place"
            );
            let entry = LogEntry::of_nothing(dead, Actor::Clavis, None, self.now());
            return Ok(Tried::Moot(Some(entry)));
        }
        Ok(Tried::Failed {
            for_now,
            why,
            dead,
            about: None,
            not_before: None,
        })
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

    /// Whether rows have come that say more than what became of checkpoints: those would make one
    /// checkpoint after another of a log in which nothing happens.
    async fn has_news_after(&self, size: u64) -> Result<bool, Unavailable> {
        let places = self.parts.audit.mail.len() + self.parts.audit.sinks.len();
        let query = LogQuery {
            request: None,
            events: &[],
            after: i64::try_from(size).unwrap_or(i64::MAX),
            limit: places + 1,
        };
        let rows = self.parts.store.log(&query).await?;
        let is_news = |event: &Event| {
            !matches!(
                event,
                Event::MailSent {
                    mail: MailName::Checkpoint,
                    ..
                } | Event::MailDead {
                    mail: MailName::Checkpoint,
                    ..
                } | Event::CheckpointDead { .. }
            )
        };
        Ok(rows.len() > places || rows.iter().any(|row| is_news(&row.entry.event)))
    }

    /// The latest checkpoint, and what its note says. The columns beside the note are not signed, and
    /// whoever writes the database writes them: one that is not of the size that its note says, or of
    /// more rows than there are, is none that this log was signed with.
    async fn latest_checkpoint(
        &self,
        earlier: &[Verifier],
    ) -> Result<Option<(KeptCheckpoint, Checkpoint)>, CheckpointError> {
        let store = &self.parts.store;
        let latest = store.latest_checkpoint().await.map_err(Unavailable::from)?;
        let Some(latest) = latest else {
            return Ok(None);
        };
        let size = store.log_size().await.map_err(Unavailable::from)?;
        let said = self.opened(&latest.note, earlier);
        let said = said.map_err(|why| CheckpointError::Unbelieved {
            place: "in the database".to_owned(),
            why,
        })?;
        if said.size == latest.size && said.size <= size {
            Ok(Some((latest, said)))
        } else {
            Err(CheckpointError::NotTheSame(latest.size))
        }
    }

    /// Holds the log against what is kept outside of the store, where that can be read: whoever has
    /// written a log anew, with its checkpoints, is to have nothing of it signed by starting the daemon
    /// anew. `latest` is the size of the latest checkpoint in the store.
    async fn hold_against_sinks(
        &self,
        earlier: &[Verifier],
        latest: Option<u64>,
    ) -> Result<(), CheckpointError> {
        let mut newest = None;
        for sink in &self.parts.audit.sinks {
            let place = || format!("of the {}", sink.name());
            let notes = tokio::time::timeout(SENDING, sink.largest()).await;
            let notes = notes.map_err(|_| Unavailable::late(place()))?;
            let notes = notes.map_err(|error| match error {
                KeepError::Transient(_) => Unavailable::new(place(), error).into(),
                KeepError::Permanent(why) => CheckpointError::Unread {
                    place: place(),
                    why,
                },
            })?;
            newest = newest.max(self.hold_against(&notes, earlier, latest, place()).await?);
        }
        if let Some((size, root)) = newest {
            self.signed.set(size, root);
        }
        Ok(())
    }

    /// Holds the log against notes that are kept somewhere, the largest first: against each that can be
    /// believed, down to those of a size that is not larger than the latest in the store. Whoever can only
    /// add to what is kept there so neither hides one nor has the log signed past it. Gives the largest.
    async fn hold_against(
        &self,
        notes: &[String],
        earlier: &[Verifier],
        latest: Option<u64>,
        place: String,
    ) -> Result<Option<(u64, Hash)>, CheckpointError> {
        let (mut largest, mut unbelieved, mut down_to) = (None, Vec::new(), 0);
        for note in notes {
            if Checkpoint::claimed(note).is_ok_and(|claimed| claimed.size < down_to) {
                break;
            }
            let kept = match self.opened(note, earlier) {
                Ok(kept) => kept,
                Err(why) => {
                    unbelieved.push(why);
                    continue;
                }
            };
            let size = self.parts.store.log_size().await;
            let size = size.map_err(Unavailable::from)?;
            self.goes_on(kept.size, &kept.root, size).await?;
            largest = largest.max(Some((kept.size, kept.root)));
            if latest.is_some_and(|latest| kept.size <= latest) {
                down_to = kept.size;
            }
        }
        let count = unbelieved.len();
        match (unbelieved.into_iter().next(), largest) {
            (Some(why), None) => Err(CheckpointError::Unbelieved { place, why }),
            (Some(why), Some(_)) => {
                tracing::error!(
                    place,
                    checkpoints = count,
                    why = ?why.to_string(),
                    "checkpoints that are larger than those of the log's own key cannot be believed, and were \
                     passed over; find out who has put them there, and move them away"
                );
                Ok(largest)
            }
            (None, largest) => Ok(largest),
        }
    }

    /// Opens a note that the configured key has signed, or one of these.
    fn opened(&self, note: &str, earlier: &[Verifier]) -> Result<Checkpoint, NotACheckpoint> {
        let own = self.parts.audit.signer.as_ref();
        let own = own.map(|signer| signer.verifier().clone());
        let known: Vec<_> = own.into_iter().chain(earlier.iter().cloned()).collect();
        Checkpoint::open(note, &known)
    }

    /// Whether the log of so many rows now goes on as that of so many, with that root, before. Signing
    /// over a log that was changed would hide the change from whoever sees the new checkpoint alone.
    async fn goes_on(&self, before: u64, old: &Hash, size: u64) -> Result<(), CheckpointError> {
        let broken = CheckpointError::NotTheSame(before);
        if before > size {
            return Err(broken);
        }
        let proof = match consistency(self.ledger(), before, size).await {
            Ok(proof) => proof,
            Err(ProofError::Damaged | ProofError::Shorter { .. }) => return Err(broken),
            Err(error) => return Err(Unavailable::from(error).into()),
        };
        let root = match root_of(self.ledger(), size).await {
            Ok(root) => root,
            Err(ProofError::Store(error)) => return Err(Unavailable::from(error).into()),
            Err(_) => return Err(broken),
        };
        if continues((before, old), (size, &root), &proof) {
            Ok(())
        } else {
            Err(broken)
        }
    }
}
