//! Files that come to be whole: under its name, nobody ever sees half of one.

use std::io;
use std::path::Path;

use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Writes a file in a folder, which is made where it is missing, and over what has the name; with this
/// mode, less the umask. With `is_durable`, its bytes are on the disk when it has its name.
///
/// The folder may be somebody else's than whoever writes: the daemon's, where root runs a command. So
/// nothing that lies there is opened, whatever it is called and wherever it leads.
///
/// # Errors
/// Those of the file system. What is unfinished is left behind then, and taken away by the next one of
/// its name.
pub(crate) async fn write(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    mode: u32,
    is_durable: bool,
) -> io::Result<()> {
    fs::create_dir_all(folder).await?;
    let unfinished = folder.join(format!(".{name}.part"));
    match fs::remove_file(&unfinished).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    // New, and so no link (open(2), O_EXCL).
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(&unfinished).await?;
    file.write_all(bytes).await?;
    if is_durable {
        file.sync_all().await?;
    } else {
        file.flush().await?;
    }
    fs::rename(&unfinished, folder.join(name)).await
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[tokio::test]
    async fn what_lies_in_the_place_of_the_unfinished_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "of root").unwrap();
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).unwrap();
        let part = kept.join(".a.part");
        let nowhere = folder.path().join("nowhere");
        let link = |to: &Path| symlink(to, &part);
        let plants: [&dyn Fn() -> io::Result<()>; 4] = [
            &|| Ok(()),
            &|| link(&elsewhere),
            &|| link(&nowhere),
            &|| fs::hard_link(&elsewhere, &part),
        ];
        for plant in plants {
            plant().unwrap();
            write(&kept, "a", b"ours", 0o600, true).await.unwrap();
            assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "of root");
            assert_eq!(fs::read_to_string(kept.join("a")).unwrap(), "ours");
        }
        assert!(!nowhere.exists());
        let mode = fs::metadata(kept.join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Nor is a link under the name itself.
        symlink(&elsewhere, kept.join("b")).unwrap();
        write(&kept, "b", b"ours", 0o600, false).await.unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "of root");
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
    }
}
