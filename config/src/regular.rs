//! Regular files, and nothing else: whoever opened a pipe would wait for somebody to write into it, and
//! whoever read a device would come to no end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

const NO_FILE: &str = "it is no regular file";

/// Opens a regular file, or one that a link leads to, for reading.
///
/// # Errors
/// Those of the file system, and where it is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // To open some devices is to do something to them, so what is none of these is not opened.
    if FileType::from_raw_mode(rustix::fs::stat(path)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other(NO_FILE));
    }
    // Another thing may have taken its place. A pipe is opened at once so (fifo(7)), a terminal does
    // not become that of this process, and both are told from a file by what was opened.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(NO_FILE))
    }
}

/// The bytes of a regular file that has at most so many.
///
/// # Errors
/// Those of [`open`], and where it has more.
pub fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(limit.saturating_add(1));
    if file.read_to_end(&mut bytes)? as u64 > limit {
        return Err(io::Error::other(format!(
            "it is longer than {limit} bytes, so it is another file than is wanted"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_regular_file_of_some_length_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| folder.path().join(name));
        fs::write(&file, "12345").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        for path in [&file, &link] {
            assert_eq!(read_at_most(path, 5).unwrap(), b"12345");
            let error = read_at_most(path, 4).unwrap_err().to_string();
            assert!(error.contains("longer than 4 bytes"), "{error}");
        }
        for path in [&*pipe, folder.path(), Path::new("/dev/zero")] {
            let error = read_at_most(path, 5).unwrap_err().to_string();
            assert!(error.contains("no regular file"), "{error}");
        }
        let missing = read_at_most(&folder.path().join("missing"), 5).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
