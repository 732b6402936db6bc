//! Where recovery keys lie: implementations of the `EscrowBackend` port, and the list of their
//! kinds.

mod active_directory;
mod command;
mod entra;
mod file;

use std::fmt;
use std::sync::Arc;

use clavis_broker::devices::BackendName;
use clavis_broker::ports::EscrowBackend;
use clavis_config::escrow::EscrowKind;
use clavis_config::needs::Needs;
use clavis_config::problems::Problems;

pub use active_directory::{ActiveDirectoryEscrow, AdEscrow};
pub use command::{CommandEscrow, CommandSettings, Reach, Variables};
pub use entra::EntraEscrow;
pub use file::FileEscrow;

use crate::Supplies;

/// Every kind that is built in. A further one is a folder beside this file, and a line here.
pub const KINDS: &[EscrowKind<Plan>] = &[
    active_directory::KIND,
    command::KIND,
    entra::KIND,
    file::KIND,
];

/// What a kind made of its section of the configuration.
pub type Plan = Arc<dyn EscrowPlan>;

/// A backend that has been configured and not yet made.
pub trait EscrowPlan: fmt::Debug + Send + Sync {
    /// Makes the backend. Reaches nothing on the network.
    ///
    /// # Errors
    /// What is wrong with files that the configuration names.
    fn backend(
        &self,
        name: &BackendName,
        supplies: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems>;

    /// The files and TCP ports that the backend reaches while it runs, beside those of a connection
    /// to Entra ID that it shares. The process may be kept to them.
    fn needs(&self) -> Needs;

    /// Whether it is for demonstrations: what holds of keys in memory does not hold of its keys.
    fn is_for_demonstrations(&self) -> bool {
        false
    }
}
