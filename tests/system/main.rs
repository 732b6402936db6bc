//! The whole system: the real binary, driven over HTTP and read through its mails.

#[path = "../../src/demo/client.rs"]
mod client;
#[path = "../collector/mod.rs"]
mod collector;
mod harness;

mod alarms;
mod api;
mod arrows;
mod browser;
mod checks;
mod clock;
mod cloud;
mod crashes;
mod daemon;
mod documentation;
mod domain;
mod door;
mod feeds;
mod hardening;
mod hooks;
mod hybrid;
mod journey;
mod memory;
mod odd_cases;
mod organisations;
mod outages;
mod people;
mod provable;
mod races;
mod roles;
mod scanner;
mod sign_in;
mod tickets;
mod told;
mod webhook;
