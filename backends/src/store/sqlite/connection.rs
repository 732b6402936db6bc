//! Opening the file, and bringing its tables up to date.

use std::fs::OpenOptions;
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::trouble::{OpenError, is_there};

/// The tables, version by version, from [`FIRST`] on. A released version is never edited; a change
/// is a new one.
const VERSIONS: &[&str] = &[include_str!("schema.sql")];
/// The number of the first version. Those below it were never released.
const FIRST: i64 = 6;

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the file for writing, makes it where it is missing, and brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    if path.is_symlink() {
        return Err(OpenError::Link);
    }
    create_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let opened = connect(&place_of(path), flags).map_err(OpenError::Sql);
    let opened = opened.and_then(up_to_date);
    opened.map_err(|error| error.explained(path))
}

/// Opens a database that is there for writing, and brings its tables up to date.
pub(super) fn open_existing(path: &Path) -> Result<Connection, OpenError> {
    is_there(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let opened = connect(&place_of(path), flags).map_err(OpenError::Sql);
    let opened = opened.and_then(|connection| match version_of(&connection)? {
        0 => Err(OpenError::Foreign),
        _ => up_to_date(connection),
    });
    opened.map_err(|error| error.explained(path))
}

/// Opens a database that is there for reading, and changes nothing of it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    is_there(path)?;
    let opened = open_as_it_is(path).map_err(OpenError::Sql);
    let opened = opened.and_then(|connection| {
        let version = version_of(&connection)?;
        judge(version)?;
        match version {
            0 => Err(OpenError::Foreign),
            version if version < latest() => Err(OpenError::Older(version)),
            _ => Ok(connection),
        }
    });
    opened.map_err(|error| match error.explained(path) {
        OpenError::ForReadingAlone if has_more_beside(path) => OpenError::Unfinished,
        error => error,
    })
}

/// Opens the file for reading, beside the daemon's writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    // Opened for writing all the same: a reader takes part in the write-ahead log.
    let connection = connect(&place_of(path), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    only_read(connection)
}

/// Opens the file for reading as it lies there, also where nobody can write to it or beside it, as a
/// reader otherwise does: a copy, say, on a file system that is mounted for reading alone.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, rusqlite::Error> {
    match open_reader(path) {
        // All there is lies in the one file, which nobody changes.
        Err(error) if is_unwritable(&error) && !has_more_beside(path) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            only_read(connect(&unchanging(&place_of(path)), flags)?)
        }
        opened => opened,
    }
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Whether a write-ahead log or a journal lies beside the file, with what is not in it yet.
fn has_more_beside(path: &Path) -> bool {
    ["-wal", "-journal"].into_iter().any(|ending| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        let length = Path::new(&beside).metadata().map(|file| file.len());
        length.is_ok_and(|length| length > 0)
    })
}

/// The file itself, whatever stands in its place: the folder is the daemon's, and root runs commands
/// on it. The way to the folder may have links, as that to `/var/lib/private` has.
fn place_of(path: &Path) -> PathBuf {
    let folder = folder_of(path).and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The place as SQLite's name of a file that nobody changes while it is open
/// (<https://www.sqlite.org/uri.html>).
fn unchanging(place: &Path) -> PathBuf {
    let mut name = "file:".to_owned();
    for byte in place.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._".contains(byte) {
            name.push(char::from(*byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16));
            name.extend(iter::once('%').chain(digits.into_iter().flatten()));
        }
    }
    PathBuf::from(name + "?immutable=1")
}

fn connect(place: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(place, flags)?;
    connection.busy_timeout(BUSY)?;
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

/// The connection for reading alone, once something was read: only then is it known that it can be.
fn only_read(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// The connection for writing, to tables of the latest version.
fn up_to_date(mut connection: Connection) -> Result<Connection, OpenError> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    migrate(&mut connection)?;
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
pub(super) fn folder_of(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    let is_here = folder.as_os_str().is_empty();
    Some(if is_here { Path::new(".") } else { folder })
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    // Immediate, so that of two processes that start together one waits for the other.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let version = version_of(&transaction)?;
    judge(version)?;
    let known = (FIRST..).zip(VERSIONS);
    for (number, statements) in known.filter(|(number, _)| *number > version) {
        transaction.execute_batch(statements)?;
        let done = "INSERT INTO schema_version (version) VALUES ($1)";
        transaction.execute(done, [number])?;
    }
    Ok(transaction.commit()?)
}

/// The version of the tables; 0 where there are none of Clavis.
fn version_of(connection: &Connection) -> Result<i64, rusqlite::Error> {
    if !connection.table_exists(None, "schema_version")? {
        return Ok(0);
    }
    let version = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    connection.query_row(version, [], |row| row.get(0))
}

/// Whether this program knows tables of this version, or makes them where there are none.
fn judge(version: i64) -> Result<(), OpenError> {
    if (1..FIRST).contains(&version) {
        Err(OpenError::Preview(version))
    } else if version > latest() {
        Err(OpenError::Newer(version))
    } else {
        Ok(())
    }
}

/// The number of the latest version.
fn latest() -> i64 {
    let numbers = (FIRST..).zip(VERSIONS).map(|(number, _)| number);
    numbers.last().unwrap_or(FIRST)
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

    #[test]
    fn what_has_to_be_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let [none, empty, other] = ["none", "empty", "other"].map(|name| folder.path().join(name));
        std::fs::write(&empty, "").unwrap();
        let table = "CREATE TABLE theirs (it BIGINT)";
        Connection::open(&other)
            .unwrap()
            .execute_batch(table)
            .unwrap();
        let whole = std::fs::read(&other).unwrap();
        for open in [open_existing, open_to_read] {
            assert!(matches!(open(&none), Err(OpenError::Missing)));
            assert!(matches!(open(&empty), Err(OpenError::Empty)));
            assert!(matches!(open(&other), Err(OpenError::Foreign)));
        }
        let text = folder.path().join("text");
        std::fs::write(
            &text,
            "no database at all, in more than a hundred bytes\n".repeat(9),
        )
        .unwrap();
        assert!(matches!(open_existing(&text), Err(OpenError::Foreign)));
        assert!(matches!(open_to_read(&text), Err(OpenError::Foreign)));
        assert!(!none.exists());
        assert_eq!(std::fs::read(&empty).unwrap(), b"");
        assert_eq!(std::fs::read(&other).unwrap(), whole);
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 3, "nothing lies beside them");
    }

    /// What SQLite takes for a name of its own is one with a beginning that none of these has.
    #[test]
    fn a_file_that_nobody_changes_is_read_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a 100% odd?folder#");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("cl\u{e0}vis & co.db");
        drop(open(&path).unwrap());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = only_read(connect(&unchanging(&place_of(&path)), flags).unwrap()).unwrap();
        assert_eq!(version_of(&connection).unwrap(), latest());
        let files = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(files, 1, "nothing was put beside it");

        assert!(!has_more_beside(&path));
        let beside = |ending: &str| folder.join(format!("cl\u{e0}vis & co.db{ending}"));
        std::fs::write(beside("-wal"), "").unwrap();
        assert!(!has_more_beside(&path), "there is nothing in it");
        std::fs::write(beside("-journal"), "a page").unwrap();
        assert!(has_more_beside(&path));
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
            for opened in [open(&path), open_existing(&path), open_to_read(&path)] {
                let refused = opened.unwrap_err().to_string();
                assert!(refused.contains(remedy), "{refused}");
            }
            assert_eq!(versions(&path), [version]);
        }
    }
}
