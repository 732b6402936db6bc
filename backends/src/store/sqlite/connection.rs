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
const FIRST: i64 = 6;

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("it is a link: name the file that it leads to in `path` of [store]")]
    Link,
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
    if path.is_symlink() {
        return Err(OpenError::Link);
    }
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

/// The file itself, whatever stands in its place: the folder is the daemon's, and root runs commands
/// on it. The way to the folder may have links, as that to `/var/lib/private` has.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let folder = folder_of(path).and_then(|folder| folder.canonicalize().ok());
    let path = match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
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
    // What somebody else has put into the file is not run: the tables have no triggers and no views.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
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
        let folder = folder_of(path).map(std::fs::metadata);
        if let Some(Ok(folder)) = folder {
            let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
        }
    }
}

/// Where a file is: that of a mere name is in the working folder.
fn folder_of(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    let is_here = folder.as_os_str().is_empty();
    Some(if is_here { Path::new(".") } else { folder })
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

    #[test]
    fn a_mere_name_is_in_the_working_folder() {
        for (path, folder) in [
            ("clavis.db", Some(".")),
            ("./clavis.db", Some(".")),
            ("data/clavis.db", Some("data")),
            ("/clavis.db", Some("/")),
            ("/", None),
        ] {
            assert_eq!(folder_of(Path::new(path)), folder.map(Path::new), "{path}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [link, file] = ["clavis.db", "elsewhere.db"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(open(&link), Err(OpenError::Link)));
        assert!(open_reader(&link).is_err());
        assert!(!file.exists());
        // A link on the way there is one.
        let way = folder.path().join("way");
        std::os::unix::fs::symlink(folder.path(), &way).unwrap();
        open(&way.join("elsewhere.db")).unwrap();
    }

    #[test]
    fn a_trigger_of_somebody_elses_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clavis.db");
        open(&file).unwrap();
        let trigger =
            "CREATE TRIGGER theirs AFTER INSERT ON cursors BEGIN DELETE FROM cursors; END";
        Connection::open(&file)
            .unwrap()
            .execute_batch(trigger)
            .unwrap();
        let connection = open(&file).unwrap();
        let insert = "INSERT INTO cursors (name, position) VALUES ('a', 1)";
        connection.execute(insert, []).unwrap();
        let count = "SELECT COUNT(*) FROM cursors";
        let count: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }

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
