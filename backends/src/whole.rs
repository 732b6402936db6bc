//! Files that come to be whole: under its name, nobody ever sees half of one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

/// So many names are tried for an unfinished file.
const TRIES: usize = 100;

/// Writes a file in a folder, which is made where it is missing, and over what has the name; with this
/// mode, less the umask. With `is_durable`, its bytes are on the disk when it has its name.
///
/// The folder may be somebody else's than whoever writes: the daemon's, where root runs a command. So
/// nothing that lies there is opened, whatever it is called and wherever it leads, and the folder is no
/// link itself.
///
/// # Errors
/// Those of the file system, and where a link is in the place of the folder.
pub(crate) async fn write(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    mode: u32,
    is_durable: bool,
) -> io::Result<()> {
    let (name, bytes) = (name.to_owned(), bytes.to_owned());
    within(folder, move |folder| {
        put(folder, &name, &bytes, mode, is_durable)
    })
    .await
}

/// Writes an empty file in a folder, and takes it away again.
///
/// # Errors
/// Those of [`write`].
pub(crate) async fn try_out(folder: &Path, name: &str) -> io::Result<()> {
    let name = name.to_owned();
    within(folder, move |folder| {
        put(folder, &name, b"", 0o600, true)?;
        Ok(unlinkat(folder, &*name, AtFlags::empty())?)
    })
    .await
}

/// Works in a folder, which stays the same whatever is put into its place meanwhile.
async fn within(
    folder: &Path,
    work: impl FnOnce(&OwnedFd) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let path = folder.to_owned();
    let worked = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&path)?;
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(io::Error::other(
                "it is a link, which could be led elsewhere; name the folder that it leads to",
            ));
        }
        // A folder that may be written into need not be one that may be listed.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty())?;
        work(&folder)
    });
    worked
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn put(folder: &OwnedFd, name: &str, bytes: &[u8], mode: u32, is_durable: bool) -> io::Result<()> {
    let (unfinished, mut file) = new_file(folder, name, Mode::from_raw_mode(mode))?;
    let written = file.write_all(bytes);
    let written = written.and_then(|()| if is_durable { file.sync_all() } else { Ok(()) });
    let put = written.and_then(|()| Ok(renameat(folder, &*unfinished, folder, name)?));
    if put.is_err() {
        let _ = unlinkat(folder, &*unfinished, AtFlags::empty());
    }
    put
}

/// An unfinished file, and its name, which is nobody else's: others may be at the same one, and what one
/// who died has left is not taken up.
fn new_file(folder: &OwnedFd, name: &str, mode: Mode) -> io::Result<(String, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // New, and so no link (open(2), O_EXCL).
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!(".{name}.{}-{next}.part", std::process::id());
        match openat(folder, &*unfinished, flags, mode) {
            Err(Errno::EXIST) => {}
            opened => return Ok((unfinished, File::from(opened?))),
        }
    }
    Err(io::Error::other("too many unfinished files lie in it"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[tokio::test]
    async fn what_lies_in_the_folder_is_not_followed_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "of root").unwrap();
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).unwrap();
        // Those that are tried first.
        for next in 0..20 {
            let part = kept.join(format!(".a.{}-{next}.part", std::process::id()));
            symlink(&elsewhere, part).unwrap();
        }
        symlink(&elsewhere, kept.join("a")).unwrap();
        write(&kept, "a", b"ours", 0o600, true).await.unwrap();
        assert_eq!(fs::read_to_string(kept.join("a")).unwrap(), "ours");
        try_out(&kept, "check").await.unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "of root");
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 21);
        let mode = fs::symlink_metadata(kept.join("a")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, kept) = (folder.path().join("elsewhere"), folder.path().join("kept"));
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, &kept).unwrap();
        let error = write(&kept, "a", b"ours", 0o600, true).await.unwrap_err();
        assert!(error.to_string().contains("it is a link"), "{error}");
        try_out(&kept, "a").await.unwrap_err();
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn of_those_who_write_one_name_at_once_each_writes_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let texts: Vec<_> = (0..8).map(|n| vec![n; 100_000]).collect();
        let writing = texts
            .iter()
            .map(|text| write(folder.path(), "a", text, 0o600, false));
        for written in futures_util::future::join_all(writing).await {
            written.unwrap();
        }
        let there = fs::read(folder.path().join("a")).unwrap();
        assert!(texts.contains(&there));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
