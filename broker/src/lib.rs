//! The domain of Clavis: who may have which recovery key, and what is remembered of it.
//!
//! Read in this order: the words (`people`, `mail_domains`, `devices`, `keys`, `tickets`, `programs`,
//! `tokens`), the
//! lifecycle of a request as a pure function, the policy that says who approves, the roles that say
//! who else may do what, the ports to the world, and the shell that carries decisions through the
//! ports.

pub mod beginnings;
pub mod causes;
pub mod devices;
pub mod identity;
pub mod keys;
pub mod mail_domains;
pub mod networks;
pub mod people;
pub mod programs;
pub mod text;
pub mod tickets;
pub mod tokens;
pub mod units;

pub mod lifecycle;
pub mod policy;
pub mod roles;

pub mod alarms;
pub mod audit;
pub mod export;
pub mod letters;
pub mod news;
pub mod ports;
pub mod proof;
pub mod search;

pub mod service;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(test)]
mod fuzz;
