//! How rows of the log are written for others: for spreadsheets, for programs, and for systems that
//! watch many others.
//!
//! One concept for the auditor's page, the command line and the feeds. Whatever people typed, it
//! ends no line, no field and no header of any of these formats.

mod cef;
mod csv;
mod facts;
mod meaning;
mod ocsf;
mod severity;
mod syslog;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::audit::LogRow;

pub use severity::Severity;
pub use syslog::{HostName, announcement, message};

/// How rows of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object with every field of the row.
    #[serde(alias = "jsonl")]
    Json,
    /// A table (RFC 4180), safe to open in a spreadsheet.
    Csv,
    /// The Common Event Format, version 0.
    Cef,
    /// The Open Cybersecurity Schema Framework, version 1.8.0, in JSON.
    Ocsf,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Cef, Self::Ocsf];

    /// Its name in settings and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Cef => "cef",
            Self::Ocsf => "ocsf",
        }
    }

    /// What stands before the first row, with its line's end; nothing in most formats.
    pub fn head(self) -> String {
        match self {
            Self::Csv => self.ended(csv::head()),
            Self::Json | Self::Cef | Self::Ocsf => String::new(),
        }
    }

    /// A row, without a line's end. It has no line break in it, but for those in quoted cells of CSV.
    ///
    /// # Errors
    /// Where a part of the row has no form in JSON, which no row that was read has.
    pub fn record(self, row: &LogRow) -> Result<String, serde_json::Error> {
        match self {
            Self::Json => Ok(in_one_line(serde_json::to_string(row)?)),
            Self::Csv => csv::record(row),
            Self::Cef => cef::record(row),
            Self::Ocsf => Ok(in_one_line(ocsf::record(row)?)),
        }
    }

    /// A row as a line of a file.
    ///
    /// # Errors
    /// Those of [`Self::record`].
    pub fn line(self, row: &LogRow) -> Result<String, serde_json::Error> {
        Ok(self.ended(self.record(row)?))
    }

    /// The last line of what is not the whole: `what` says so, and `last` is the row that it ends at.
    pub fn cut(self, what: &str, last: &LogRow) -> String {
        let record = match self {
            Self::Json => serde_json::json!({ "cut": what, "before": last.seq }).to_string(),
            Self::Csv => csv::cut(what),
            Self::Cef => cef::cut(what),
            Self::Ocsf => ocsf::cut(what, last.entry.at),
        };
        self.ended(record)
    }

    fn ended(self, mut record: String) -> String {
        record.push_str(match self {
            Self::Csv => "\r\n",
            Self::Json | Self::Cef | Self::Ocsf => "\n",
        });
        record
    }
}

/// JSON with what some readers take for the end of a line escaped in it: serde leaves alone whatever JSON
/// does (RFC 8259, section 7), which are U+007F to U+009F, U+2028 and U+2029. They stand in texts alone.
fn in_one_line(json: String) -> String {
    let is_raw = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !json.contains(is_raw) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_raw(c) {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Who made the rows, as all formats name it.
const PRODUCT: &str = "Clavis";
/// Which version of it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
