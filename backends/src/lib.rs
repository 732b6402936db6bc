//! The far side of each port, one folder a port.

mod active_directory;
mod authorities;
pub mod checkpoints;
pub mod directory;
pub mod entra;
pub mod escrow;
pub mod feed;
pub mod hook;
pub mod identity;
pub mod mail;
pub mod notice;
pub mod store;
pub mod tickets;

mod supplies;
mod whole;

pub use supplies::Supplies;

#[cfg(test)]
mod tests;
