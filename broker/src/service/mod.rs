//! The shell: carries the decisions of the core through the ports.
//!
//! For each command: load → decide → commit the next state, its log row and its effects as one,
//! and on a conflict load and decide again. What is to be done afterwards lies in the outbox.

mod advance;
mod ahead;
mod alarms;
mod allowances;
mod announce;
mod ask;
mod checkpoint;
mod desk;
mod erase;
mod escrow;
mod feed;
mod fetch;
mod follow;
mod gates;
mod log;
mod lookup;
mod messages;
mod outbox;
mod panel;
mod pick_up;
mod program_tokens;
mod programs;
mod prove;
mod provider;
mod receivers;
mod redeem;
mod retry;
mod review;
mod rights;
mod roles;
mod rotate;
mod sessions;
mod sign_in;
mod stand_in;
mod tend;
mod tickets;
mod wait;

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::Notify;

pub use alarms::Alarms;
pub use ask::{Ask, AskError};
pub use checkpoint::{AuditTerms, CheckpointError};
pub use desk::{DeskView, Queued};
pub use erase::{EraseError, Forgotten};
pub use escrow::Source;
pub use feed::feed_cursor;
pub use fetch::{DisclosedKey, Unfetched};
pub use gates::{Gates, KeyGate, ReviewGate, Visitor};
pub use log::LogExport;
pub use lookup::{Found, FoundDevice, PersonView};
pub use messages::{ALARMS, Subscriber};
pub use program_tokens::{MakeTokenError, NewToken, TokenRefusal};
pub use programs::{Events, Once, ProgramAsk, ProgramAskError, Sent};
pub use prove::{ProofError, consistency, cursors_ahead, examine, prove_rows, root_of};
pub use provider::{Arrival, ArrivalError, Departure};
pub use redeem::{LinkEnd, LinkError, LinkView, RedeemError, Redemption};
pub use retry::Undone;
pub use review::{Choice, Ownership, Review, ReviewError};
pub use sign_in::{BeginError, SignInError, SignInTerms};
pub use stand_in::StandInError;
pub use tickets::{Desk, HearError};

use sessions::Newcomer;

use crate::lifecycle::{Refusal, Terms};
use crate::policy::Policy;
use crate::ports::{
    Clock, CommitError, Directory, EscrowBackend, IdentityProvider, MailRenderer, Mailer, Notifier,
    Random, Sender, Store, StoreError,
};
use crate::roles::RoleGroups;

/// What a broker is made of.
pub struct Parts {
    /// Where requests and the log are kept.
    pub store: Arc<dyn Store>,
    /// Who people are.
    pub directory: Arc<dyn Directory>,
    /// Where recovery keys lie.
    pub escrow: Vec<Source>,
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// How letters are put into words.
    pub renderer: Arc<dyn MailRenderer>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where tokens come from.
    pub random: Arc<dyn Random>,
    /// Who approves.
    pub policy: Policy,
    /// What is needed beside a link.
    pub gates: Gates,
    /// Who is told of alarms, and of what.
    pub alarms: Alarms,
    /// Programs elsewhere that are told what becomes of requests, each with a name of its own.
    pub subscribers: Vec<Subscriber>,
    /// Channels that are told of reviews that wait, each with a name of its own.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// How long things may take.
    pub terms: Terms,
    /// Whether codes are sent, and how long sign-ins last.
    pub sign_in: SignInTerms,
    /// The identity providers that people may sign in at, in the order of their buttons.
    pub providers: Vec<Arc<dyn IdentityProvider>>,
    /// Who has which role.
    pub roles: RoleGroups,
    /// Programs elsewhere that send messages.
    pub senders: Vec<Arc<dyn Sender>>,
    /// The service desks whose tickets ask for keys.
    pub desks: Vec<Desk>,
    /// Checkpoints of the log, and how long it names people.
    pub audit: AuditTerms,
}

/// The broker: everything that can be done with requests.
pub struct Broker {
    parts: Parts,
    /// Rung when a change has put something into the outbox.
    work: Notify,
    /// Who lately had which role.
    standings: roles::Standings,
    /// Up to which row all personal fields that are too old are erased.
    aged: erase::Aged,
    /// Up to where it has signed the log.
    signed: checkpoint::Signed,
    /// How those who are told by HTTP lately took it.
    receivers: receivers::Receivers,
}

/// Something that Clavis relies on did not answer: nothing has changed, and trying again later
/// is right. The details are in the server's log.
#[derive(Debug, thiserror::Error)]
#[error("{part} did not answer")]
pub struct Unavailable {
    /// Which part, in a word that can be shown.
    pub part: String,
    /// What lies under it, for the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Broker {
    /// How long an outside call may take before it counts as failed. The parts have deadlines of
    /// their own; this one holds whatever they do.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

    /// Makes a broker of its parts. Nothing is tried yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            work: Notify::new(),
            standings: roles::Standings::default(),
            aged: erase::Aged::default(),
            signed: checkpoint::Signed::default(),
            receivers: receivers::Receivers::default(),
        }
    }

    /// The store, for those who only read: the command line, the readiness probe.
    pub fn store(&self) -> &dyn Store {
        &*self.parts.store
    }

    /// What time it is for this broker.
    pub fn now(&self) -> jiff::Timestamp {
        self.parts.clock.now()
    }

    fn backend(&self, name: &crate::devices::BackendName) -> Option<&Arc<dyn EscrowBackend>> {
        self.parts
            .escrow
            .iter()
            .map(|source| &source.backend)
            .find(|backend| backend.name() == name)
    }
}

impl Unavailable {
    fn new(
        part: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            part: part.into(),
            source: Some(Box::new(source)),
        }
    }

    fn late(part: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            source: None,
        }
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self::new("the store", error)
    }
}

impl From<CommitError> for Unavailable {
    fn from(error: CommitError) -> Self {
        Self::new("the store", error)
    }
}

/// A command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// The request does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be carried out.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Awaits an outside call for [`Broker::DEADLINE`] at the most.
async fn in_time<T, E>(
    part: &str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, Unavailable>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(Broker::DEADLINE, call).await {
        Ok(answer) => answer.map_err(|error| Unavailable::new(part, error)),
        Err(_) => Err(Unavailable::late(part)),
    }
}

/// A term subtracted from a moment; the beginning of time where there is none before it.
fn before(now: jiff::Timestamp, term: SignedDuration) -> jiff::Timestamp {
    now.saturating_sub(term).unwrap_or(jiff::Timestamp::MIN)
}

#[cfg(test)]
mod tests;
