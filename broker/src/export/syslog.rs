//! Rows of the log as syslog messages (RFC 5424), framed for a stream.

use std::fmt::Write as _;

use super::severity::Severity;
use super::{Format, meaning};
use crate::audit::LogRow;

/// The name of a host in a syslog message: 1 to 255 visible ASCII characters (RFC 5424, section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The name, or the sign for none where the text can be no name.
    pub fn new(text: &str) -> Self {
        let is_visible = |c: u8| c.is_ascii_graphic();
        let sound = (1..=255).contains(&text.len()) && text.bytes().all(is_visible);
        Self(if sound { text } else { NIL }.to_owned())
    }
}

/// The field that says nothing.
const NIL: &str = "-";

/// The facility "log audit" (RFC 5424, section 6.2.1).
const FACILITY: u8 = 13;

/// The name of the structured data. 32473 is the number that RFC 5612 keeps for examples; Clavis has
/// none of its own.
const DATA: &str = "clavis@32473";

/// A row as a message with its length in front (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
///
/// The text is UTF-8 without a byte order mark, since what reads JSON or CEF stumbles over one; by
/// the letter of RFC 5424, section 6.4, it so is text of an encoding that is not told.
///
/// # Errors
/// Those of [`Format::record`].
pub fn message(row: &LogRow, format: Format, host: &HostName) -> Result<String, serde_json::Error> {
    let entry = &row.entry;
    let mut data = format!("[{DATA} seq=\"{}\"", row.seq);
    if let Some(request) = &entry.request {
        // Writing to a text cannot fail.
        let _ = write!(data, " reference=\"{}\"", value(request.reference.as_str()));
    }
    data.push(']');
    let severity = meaning::meaning(&entry.event).severity;
    let at = format!("{:.3}", entry.at);
    let text = format.record(row)?;
    Ok(framed(
        severity,
        &at,
        host,
        entry.event.name(),
        &data,
        &text,
    ))
}

/// A message that says that somebody tries the way to the collector, and nothing of the log.
pub fn announcement(host: &HostName) -> String {
    let data = format!("[{DATA} test=\"true\"]");
    let text = "Clavis tries whether this collector is reached. This is no row of its log.";
    framed(Severity::Informational, NIL, host, "test", &data, text)
}

fn framed(
    severity: Severity,
    at: &str,
    host: &HostName,
    id: &str,
    data: &str,
    text: &str,
) -> String {
    let priority = FACILITY * 8 + severity.in_syslog();
    let host = &host.0;
    let message = format!("<{priority}>1 {at} {host} clavis {NIL} {id} {data} {text}");
    format!("{} {message}", message.len())
}

/// The value of a parameter: `"`, `\` and `]` are escaped (RFC 5424, section 6.3.3).
fn value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
