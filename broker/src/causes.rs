//! An error with everything under it, in one line, for the log and the command line.

use std::error::Error;

/// `what failed: what lies under it: …`. For operators; never for a page.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Many errors repeat the words of what lies under them.
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
