//! Where rows of the log go beside the store: implementations of `LogSink`.

mod file;
mod syslog;
mod trouble;

pub use file::FileSink;
pub use syslog::SyslogSink;
