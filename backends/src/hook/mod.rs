//! Webhooks: messages by HTTP, signed as Standard Webhooks has it.

mod signature;
mod webhook;

pub use webhook::{Purpose, Webhook};
