//! Why the file cannot be used, and what to do about it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::connection::folder_of;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(
        "there is no database there, and only `clavis serve` and `clavis check` make one: see that \
         `path` of [store] names the file that the daemon keeps. If it does, and the daemon has run, \
         somebody has taken the file away: restore a backup"
    )]
    Missing,
    #[error(
        "the file is empty, so there is no log in it: see that `path` of [store] names the file that the \
         daemon keeps. If it does, somebody has emptied it: restore a backup"
    )]
    Empty,
    #[error("it is no database of Clavis: name another file in `path` of [store]")]
    Foreign,
    #[error("it is no regular file: name the file of the database in `path` of [store]")]
    NoFile,
    #[error("it is a link: name the file that it leads to in `path` of [store]")]
    Link,
    #[error(
        "there is no folder {}: make it, for the account that the daemon runs as, or name another file \
         in `path` of [store]", .0.display()
    )]
    NoFolder(PathBuf),
    #[error(
        "this account may not read it: run the command with sudo, or as the account that the daemon runs \
         as"
    )]
    NoRights,
    #[error(
        "this account cannot make it in its folder: run the command with sudo, or as the account that the \
         daemon runs as, and see that the file system is not mounted for reading alone"
    )]
    NotMade,
    #[error(
        "this account cannot write to it and beside it: run the command with sudo, or as the account that \
         the daemon runs as, and see that the file system is not mounted for reading alone"
    )]
    ForReadingAlone,
    #[error(
        "beside it lies what was written last, which cannot be read where nothing can be written: copy \
         the file and those beside it to a folder that this account can write to, and name the copy in \
         `path` of [store]"
    )]
    Unfinished,
    #[error(
        "its tables are version {0}, written by a newer Clavis: install that version or a later one"
    )]
    Newer(i64),
    #[error(
        "its tables are version {0}, which this version brings up to date before it reads them: run \
         `clavis check`, or start the daemon"
    )]
    Older(i64),
    #[error(
        "its tables are version {0}, written before the first release, and cannot be read: name \
         another file in `path` of [store], and keep this one for its log"
    )]
    Preview(i64),
}

impl OpenError {
    /// The same, in the words of the file system, where it says more than that the file could not be
    /// opened.
    pub(super) fn explained(self, path: &Path) -> Self {
        let Self::Sql(error) = &self else { return self };
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                why_unopened(path).unwrap_or(self)
            }
            _ => self,
        }
    }
}

/// Whether there is a file with something in it: to read none is no fault to SQLite, which takes it for a
/// new database and drops what lies beside it.
pub(super) fn is_there(path: &Path) -> Result<(), OpenError> {
    if path.is_symlink() {
        return Err(OpenError::Link);
    }
    match path.metadata() {
        Ok(file) if !file.is_file() => Err(OpenError::NoFile),
        Ok(file) if file.len() == 0 => Err(OpenError::Empty),
        Ok(_) => Ok(()),
        Err(_) => Err(match why_unopened(path) {
            Some(OpenError::NotMade) | None => OpenError::Missing,
            Some(why) => why,
        }),
    }
}

/// What the file system says of a file that could not be opened, or not for writing.
fn why_unopened(path: &Path) -> Option<OpenError> {
    let folder = folder_of(path)?;
    match folder.metadata().map(|folder| folder.is_dir()) {
        Ok(true) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Some(OpenError::NoRights);
        }
        _ => return Some(OpenError::NoFolder(folder.to_owned())),
    }
    let file = match path.metadata() {
        Ok(file) => file,
        Err(error) => {
            return Some(match error.kind() {
                ErrorKind::PermissionDenied => OpenError::NoRights,
                _ => OpenError::NotMade,
            });
        }
    };
    if !file.is_file() {
        return Some(OpenError::NoFile);
    }
    Some(match File::open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => OpenError::NoRights,
        _ => OpenError::ForReadingAlone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_database_with_something_in_it_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        File::create(at("empty.db")).unwrap();
        std::fs::write(at("other.db"), "x").unwrap();
        std::fs::create_dir(at("folder.db")).unwrap();
        std::os::unix::fs::symlink(at("other.db"), at("link.db")).unwrap();
        let told = |name: &str| is_there(&at(name)).map_err(|why| why.to_string());
        assert_eq!(told("other.db"), Ok(()));
        for (name, why) in [
            ("none.db", "there is no database there"),
            ("empty.db", "the file is empty"),
            ("folder.db", "it is no regular file"),
            ("link.db", "it is a link"),
            ("none/clavis.db", "there is no folder "),
            ("other.db/clavis.db", "there is no folder "),
        ] {
            let told = told(name).unwrap_err();
            assert!(told.starts_with(why), "{name}: {told}");
        }
    }
}
