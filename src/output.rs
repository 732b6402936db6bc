//! What commands print. Whoever reads it may have seen enough, as `head` has: what comes after that is
//! dropped, and the command ends as it would have.

use std::fmt;
use std::io::{self, ErrorKind, Write};

/// What a command ends with that could not say what it is to say. It is none of 0 and 1, by which some
/// say whether what they looked at is sound.
pub(crate) const UNSAID: u8 = 2;

/// Prints a line, like `println!`; nothing where nobody reads any more.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

pub(crate) use say;

/// Prints a line; see [`say!`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let written = writeln!(io::stdout().lock(), "{text}");
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // What was to be printed is lost, and is said to nobody else.
        aside(&format!("clavis: the output cannot be written: {error}"));
        std::process::exit(UNSAID.into());
    }
}

/// Prints a text as it is; false where nobody reads any more.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn text(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Prints a line beside the output. Where even that has no reader, there is nobody to tell.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
