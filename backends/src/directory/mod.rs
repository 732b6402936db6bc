//! Who people are: implementations of the `Directory` port.

mod active_directory;
mod entra;
mod file;

pub use active_directory::ActiveDirectoryPeople;
pub use entra::EntraPeople;
pub use file::FileDirectory;
