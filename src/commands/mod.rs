//! The commands that are not the daemon.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its terminal"
)]

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod outbox;
pub(crate) mod proof;
pub(crate) mod revoke;
pub(crate) mod sessions;

use std::path::Path;
use std::sync::Arc;

use clavis_broker::service::Broker;

use crate::assemble;
use crate::organisations::Organisation;

/// Says why a command failed.
pub(crate) fn complain(text: &str) {
    eprintln!("clavis: {text}");
}

/// Says something beside what a command prints, which may go on into a file.
fn remark(text: &str) {
    eprintln!("{text}");
}

/// Who runs the command, for the audit log.
fn operator() -> String {
    std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| "?".to_owned())
}

/// The broker of a configuration, for a command that is done at once.
fn broker(config: &Path) -> Result<Arc<Broker>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Organisation::of(&assemble::load(config)?)?.broker)
}
