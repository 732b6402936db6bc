//! Rows of the log into a file that grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clavis_broker::audit::LogRow;
use clavis_broker::export::Format;
use clavis_broker::ports::{Finding, LogSink, SinkError};
use rustix::fs::OFlags;

const NO_FILE: &str = "it is no regular file";

/// Appends rows to a file, each a line, and flushes them to disk before they count as delivered.
/// The file is found by its path each time, so that whoever rotates it may take it away.
pub struct FileSink {
    name: String,
    path: PathBuf,
    format: Format,
}

impl FileSink {
    /// A sink that writes to this file, which is made where it is missing.
    pub fn new(name: String, path: PathBuf, format: Format) -> Self {
        Self { name, path, format }
    }
}

#[async_trait]
impl LogSink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, rows: &[LogRow]) -> Result<(), SinkError> {
        let mut lines = String::new();
        for row in rows {
            let line = self.format.line(row);
            lines +=
                &line.map_err(|error| SinkError(format!("a row cannot be written: {error}")))?;
        }
        let path = self.path.clone();
        let written = blocking(move || append(&path, &lines)).await;
        written.map_err(|error| SinkError(format!("{} cannot be written: {error}", self.shown())))
    }

    async fn check(&self) -> Vec<Finding> {
        let path = self.path.clone();
        vec![match blocking(move || try_out(&path)).await {
            Ok(()) => Finding::ok(format!("{} can be written", self.shown())),
            Err(error) => Finding::failure(
                format!("{} cannot be written: {error}", self.shown()),
                "Make its folder, and let the account that Clavis runs as write there.",
            ),
        }]
    }
}

impl FileSink {
    fn shown(&self) -> impl std::fmt::Display {
        self.path.display()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn append(path: &Path, lines: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = open(path, true)?;
    if ends_within_a_line(&mut file)? {
        // What a process that died left half done stands alone; its row comes again.
        file.write_all(b"\n")?;
    }
    file.write_all(lines.as_bytes())?;
    file.sync_data()?;
    if is_new {
        // The name of a new file is on disk only once its folder is.
        File::open(folder_of(path))?.sync_all()?;
    }
    Ok(())
}

fn open(path: &Path, make: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // For our account and its group: whoever ships the file is in that.
    options.read(true).append(true).create(make).mode(0o640);
    // The folder may be somebody else's than whoever opens it, as where root checks: no link is
    // followed, no pipe is waited for, and no terminal becomes that of this process.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed());
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => {
            return Err(io::Error::other(
                "it is a link, which could be led elsewhere; name the file that it leads to",
            ));
        }
        Ok(about) if !about.is_file() => return Err(io::Error::other(NO_FILE)),
        _ => {}
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(NO_FILE))
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Opens the file without writing to it, or makes another one beside it where it is missing.
fn try_out(path: &Path) -> io::Result<()> {
    match open(path, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let beside = folder_of(path).join(format!(".clavis-check-{}", std::process::id()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(&beside)?;
            std::fs::remove_file(&beside)
        }
        opened => opened.map(drop),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use clavis_broker::ports::Severity;

    use super::*;

    #[tokio::test]
    async fn what_is_no_regular_file_itself_is_neither_opened_nor_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        let sink = FileSink::new("siem".to_owned(), path.clone(), Format::Json);
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "of root").unwrap();
        let pipe = || {
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.unwrap().success());
        };
        let plants: [(&dyn Fn(), &str); 4] = [
            (&|| symlink(&elsewhere, &path).unwrap(), "it is a link"),
            (&|| symlink("/dev/zero", &path).unwrap(), "it is a link"),
            (&pipe, "no regular file"),
            (&|| std::fs::create_dir(&path).unwrap(), "no regular file"),
        ];
        for (plant, why) in plants {
            plant();
            let found = sink.check().await;
            assert_eq!(found[0].severity, Severity::Failure, "{found:?}");
            assert!(found[0].what.contains(why), "{found:?}");
            let error = sink.send(&[]).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
        }
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "of root");
        assert_eq!(sink.check().await[0].severity, Severity::Ok);
        sink.send(&[]).await.unwrap();
        assert!(path.is_file());
    }
}
