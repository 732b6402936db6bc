//! Opening the file, and bringing its tables up to date.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// The tables, version by version. A released version is never edited; a change is a new one.
const VERSIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(
        "its tables are version {0}, written by a newer Clavis: install that version or a later one"
    )]
    Newer(i64),
    #[error(
        "its tables are version {0}, written before the first release, and its requests cannot be \
         read: name another file in `path` of [store], and keep this one for its log"
    )]
    Preview(i64),
}

/// Opens the file for writing, makes it where it is missing, and brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    create_private(path);
    let mut connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    // Opened for writing all the same: a reader takes part in the write-ahead log.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // FULL: a commit has reached the disk when it returns, also in the write-ahead log.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: an address that is gone from a table is gone from the file.
    connection.pragma_update(None, "secure_delete", true)?;
    // Sorting that does not fit its buffers goes on in memory: in files that others could write to
    // there may be no room for it, nor any right to make some.
    connection.pragma_update(None, "temp_store", "memory")?;
    // One plan for a statement whatever its parameters: without this, SQLite plans those that use
    // a partial index anew for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A new file is for one account only: that of its folder, also where root runs a command before
/// the daemon has ever run. SQLite gives the files beside it the same permissions and owner.
fn create_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Where this fails, opening the database says why.
    #[cfg(unix)]
    if let Ok(file) = options.open(path) {
        use std::os::unix::fs::{MetadataExt, fchown};
        let folder = path.parent().map(std::fs::metadata);
        if let Some(Ok(folder)) = folder {
            let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
        }
    }
}

/// The first version whose requests can be read.
const FIRST_READABLE: usize = 3;

fn has_requests(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let any = "SELECT EXISTS (SELECT 1 FROM requests)";
    connection.query_row(any, [], |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    // Immediate, so that of two processes that start together one waits for the other.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let version: i64 = transaction.query_row(
        "SELECT COALESCE(MAX(version), 0) FROM schema_version",
        [],
        |row| row.get(0),
    )?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > VERSIONS.len() {
        return Err(OpenError::Newer(version));
    }
    if (1..FIRST_READABLE).contains(&done) && has_requests(&transaction)? {
        return Err(OpenError::Preview(version));
    }
    for (number, statements) in VERSIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(statements)?;
        transaction.execute(
            "INSERT INTO schema_version (version) VALUES ($1)",
            [i64::try_from(number + 1).unwrap_or(i64::MAX)],
        )?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 2 with this in it.
    fn earlier(folder: &Path, content: &str) -> std::path::PathBuf {
        let path = folder.join("old.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch("CREATE TABLE schema_version (version BIGINT NOT NULL)")
            .unwrap();
        for statements in &VERSIONS[..2] {
            old.execute_batch(statements).unwrap();
        }
        old.execute_batch("INSERT INTO schema_version VALUES (1), (2)")
            .unwrap();
        old.execute_batch(content).unwrap();
        path
    }

    #[test]
    fn sessions_of_an_earlier_version_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let session =
            "INSERT INTO sessions (token, person, used_at, ends_at) VALUES (x'00', '{}', 1, 2)";
        let new = open(&earlier(folder.path(), session)).unwrap();
        let count = |sql: &str| new.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT COUNT(*) FROM sessions"), 0);
        let newest = i64::try_from(VERSIONS.len()).unwrap();
        assert_eq!(count("SELECT MAX(version) FROM schema_version"), newest);
    }

    #[test]
    fn requests_that_cannot_be_read_any_more_are_not_opened_and_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let request = "INSERT INTO requests VALUES ('a', 'b', 'c', 'd', 'e', 1, 2, 1, '{}', '{}')";
        let path = earlier(folder.path(), request);
        let refused = open(&path).unwrap_err().to_string();
        assert!(refused.contains("name another file in `path`"), "{refused}");
        let old = Connection::open(&path).unwrap();
        let version = "SELECT MAX(version) FROM schema_version";
        let version: i64 = old.query_row(version, [], |row| row.get(0)).unwrap();
        assert_eq!(version, 2);
    }
}
