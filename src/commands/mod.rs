//! The commands that are not the daemon.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod outbox;
pub(crate) mod proof;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod token;

use std::path::Path;
use std::sync::Arc;

use clavis_broker::service::Broker;
use clavis_broker::tokens::Reference;

use crate::assemble;
use crate::organisations::Organisation;
use crate::output::aside;

/// Says why a command failed.
pub(crate) fn complain(text: &str) {
    aside(&format!("clavis: {}", shown(text)));
}

/// Says something beside what a command prints, which may go on into a file.
fn remark(text: &str) {
    aside(&shown(text));
}

/// A text as it can be shown in a terminal: what would steer it, or turn round what is read, is
/// written out. People and files say what they like.
fn shown(text: &str) -> String {
    let steers = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = matches!(c, '\u{2028}' | '\u{2029}');
        turns || breaks || (c.is_control() && c != '\n')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Who runs the command, for the audit log.
fn operator() -> String {
    std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| "?".to_owned())
}

/// The broker of a configuration, for a command that is done at once on what the daemon keeps.
fn broker(config: &Path) -> Result<Arc<Broker>, Box<dyn std::error::Error + Send + Sync>> {
    let settings = assemble::load(config)?;
    let store = assemble::existing_store(&settings)?;
    Ok(Organisation::of(&settings, store)?.broker)
}

/// What is said where no request has a reference.
fn no_request(reference: &Reference) -> String {
    format!(
        "there is no request {reference}: `clavis audit show` has the references of all that there are"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(shown("Zoë\nRow 2"), "Zoë\nRow 2");
        assert_eq!(shown("a\u{1b}[2K\r"), "a\\u{1b}[2K\\u{d}");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
    }
}
