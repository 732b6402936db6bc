//! In-memory twins of the ports, and the contract suites that twins and real implementations pass.

pub mod contract;
mod fixed;
pub mod sample;
mod spelled;
mod twins;

pub use fixed::{CountingRandom, SetClock};
pub use spelled::{altered, spelled};
pub use twins::{
    MailTrouble, MemoryDesk, MemoryDirectory, MemoryEscrow, MemoryHook, MemoryMailer,
    MemoryNotifier, MemoryProvider, MemorySink, MemoryStore, PlainLetters,
};
