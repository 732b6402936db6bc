//! Opening the file, and bringing its tables up to date.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// The tables, version by version, from [`FIRST`] on. A released version is never edited; a change
/// is a new one.
const VERSIONS: &[&str] = &[include_str!("schema.sql")];
/// The number of the first version. Those below it were never released.
const FIRST: i64 = 5;

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
        "its tables are version {0}, written before the first release, and cannot be read: name \
         another file in `path` of [store], and keep this one for its log"
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
    if (1..FIRST).contains(&version) {
        return Err(OpenError::Preview(version));
    }
    let known = (FIRST..).zip(VERSIONS);
    if version >= FIRST && known.clone().all(|(number, _)| number < version) {
        return Err(OpenError::Newer(version));
    }
    for (number, statements) in known.filter(|(number, _)| *number > version) {
        transaction.execute_batch(statements)?;
        let done = "INSERT INTO schema_version (version) VALUES ($1)";
        transaction.execute(done, [number])?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(path: &Path) -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut all = connection
            .prepare("SELECT version FROM schema_version ORDER BY version")
            .unwrap();
        let all = all.query_map([], |row| row.get(0)).unwrap();
        all.map(Result::unwrap).collect()
    }

    fn of_version(folder: &Path, version: i64) -> std::path::PathBuf {
        let path = folder.join(format!("{version}.db"));
        let other = Connection::open(&path).unwrap();
        other
            .execute_batch(&format!(
                "CREATE TABLE schema_version (version BIGINT NOT NULL);
                 INSERT INTO schema_version VALUES ({version})"
            ))
            .unwrap();
        path
    }

    #[test]
    fn a_file_is_brought_up_to_date_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        for _ in 0..2 {
            open(&path).unwrap();
            assert_eq!(versions(&path), [FIRST]);
        }
    }

    #[test]
    fn what_was_written_before_the_first_release_or_by_a_newer_one_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for (version, remedy) in [
            (1, "name another file in `path`"),
            (4, "name another file in `path`"),
            (FIRST + 1, "install that version or a later one"),
        ] {
            let path = of_version(folder.path(), version);
            let refused = open(&path).unwrap_err().to_string();
            assert!(refused.contains(remedy), "{refused}");
            assert_eq!(versions(&path), [version]);
        }
    }
}
