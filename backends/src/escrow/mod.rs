//! Where recovery keys lie: implementations of the `EscrowBackend` port.

mod active_directory;
mod file;

pub use active_directory::ActiveDirectoryEscrow;
pub use file::FileEscrow;
