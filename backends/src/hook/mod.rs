//! Webhooks: messages by HTTP, signed as Standard Webhooks has it.

mod reach;
mod signature;
mod target;
mod webhook;

pub(crate) use target::{Answer, Target, Unheard};
pub use webhook::{Purpose, Webhook};
