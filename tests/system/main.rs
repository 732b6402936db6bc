//! The whole system: the real binary, driven over HTTP and read through its mails.

#[path = "../../src/demo/client.rs"]
mod client;
mod harness;

mod checks;
mod documentation;
mod domain;
mod browser;
mod journey;
mod scanner;
mod outages;
mod races;
mod crashes;
mod daemon;
