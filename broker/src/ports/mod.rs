//! The ports: what the domain needs of the world. Small, object-safe, in the domain's own words;
//! `Ok(None)` where something is not found. Each has an in-memory twin in [`crate::testing`] and
//! a contract suite that the twin and every real implementation pass.

mod check;
mod checkpoints;
mod directory;
mod escrow;
mod hook;
mod identity;
mod jobs;
mod ledger;
mod mail;
mod notifier;
mod records;
mod sender;
mod sink;
mod store;
mod tickets;
mod world;
mod writes;

pub use crate::people::{GroupName, PersonQuery};
pub use check::{Finding, Severity};
pub use checkpoints::{CheckpointSink, KeepError};
pub use directory::{Directory, DirectoryError, MOST_FOUND};
pub use escrow::{EscrowBackend, EscrowError, EscrowFault, Rotation};
pub use hook::{Hook, HookError};
pub use identity::{Identified, IdentityError, IdentityProvider};
pub use jobs::{CheckpointTo, ClaimedJob, DeadJob, FailingJob, Job, JobId, Lease};
pub use ledger::{KeptCheckpoint, Ledger, StoredRow};
pub use mail::{MailError, MailRenderer, Mailer};
pub use notifier::{Notice, Notifier};
pub use records::{
    Answered, Challenge, ChallengeState, Link, LinkKind, PickUp, ProviderSignIn, REMEMBERED,
    RefusedTicket, Session, StoredRequest, Version,
};
pub use sender::{Sender, Signed, Unsigned};
pub use sink::{LogSink, SinkError};
pub use store::{CommitError, LogQuery, Store, StoreError};
pub use tickets::{Changes, EventError, TicketError, TicketSystem};
pub use world::{Clock, Random};
pub use writes::{Change, Write};
