//! Who people are: implementations of the `Directory` port.

mod active_directory;
mod file;

pub use active_directory::ActiveDirectoryPeople;
pub use file::FileDirectory;
