//! The whole system: the real binary, driven over HTTP and read through its mails.

#[path = "../../src/demo/client.rs"]
mod client;
mod harness;

mod checks;
mod domain;
mod browser;
mod journey;
mod outages;
mod races;
mod documentation;
mod crashes;
