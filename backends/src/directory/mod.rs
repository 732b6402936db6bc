//! Who people are: implementations of the `Directory` port.

mod active_directory;
mod entra;
mod file;
#[cfg(test)]
mod tests;
mod within;

pub use active_directory::ActiveDirectoryPeople;
pub use entra::EntraPeople;
pub use file::FileDirectory;
pub use within::WithinDomains;
