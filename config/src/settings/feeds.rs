//! Where rows of the log go beside the store.

use std::path::PathBuf;

use clavis_broker::export::Format;

/// A feed of the log.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Its name, by which it keeps its place in the log; unique.
    pub name: String,
    /// How rows are written.
    pub format: Format,
    /// Where they go.
    pub kind: FeedKind,
}

/// The kinds of feeds.
#[derive(Debug, Clone)]
pub enum FeedKind {
    /// A syslog collector.
    Syslog(Syslog),
    /// A file that grows.
    File {
        /// The file; made where it is missing, in a folder that must exist.
        path: PathBuf,
    },
}

/// A syslog collector.
#[derive(Debug, Clone)]
pub struct Syslog {
    /// Its name, checked against its certificate, or its IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SyslogSecurity,
}

/// How the connection to a syslog collector is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogSecurity {
    /// TLS from the first byte (RFC 5425).
    Tls {
        /// Certificates of the authorities to trust (PEM file); the system's when not set.
        ca_file: Option<PathBuf>,
    },
    /// None: whoever is on the way reads along.
    Plain,
}
