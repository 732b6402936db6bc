//! Webhooks: messages by HTTP, signed as Standard Webhooks has it, and whether those of others are.

mod incoming;
mod reach;
mod signature;
mod target;
mod webhook;

pub use incoming::SignedSender;
pub(crate) use target::{Answer, Target, Unheard};
pub use webhook::{Purpose, Webhook};
