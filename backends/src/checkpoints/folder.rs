//! Checkpoints of the log into a folder, one file for each.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clavis_broker::ports::{CheckpointSink, Finding, KeepError, KeptCheckpoint};
use clavis_broker::proof::checkpoint::Checkpoint;
use clavis_config::read_at_most;
use sha2::{Digest, Sha256};

use crate::whole;

/// How a folder is refused whose names cannot be brought to the disk by themselves.
const CANNOT_SYNC: [io::ErrorKind; 3] = [
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::InvalidInput,
    io::ErrorKind::Unsupported,
];

/// The longest file that is compared with a checkpoint, in bytes. A note has less than 4096.
const LONGEST: u64 = 64 * 1024;
/// So many files are read for the largest checkpoints, by what their names say.
const MOST: usize = 100;

/// Writes each checkpoint to `SIZE.checkpoint` in a folder, so that nobody ever sees half of it. What
/// is there is never written over. A checkpoint of another log of that size, such as one that was
/// restored, is what shows that there are two: it is kept beside it.
pub struct CheckpointFolder {
    folder: PathBuf,
}

impl CheckpointFolder {
    /// A sink that writes to this folder, which is made with the first checkpoint.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The files of the largest checkpoint in it, several where it keeps some of other logs of that size,
    /// and before them those that are not the larger ones that their names say: each with its note, or why
    /// it has none. Nothing of them is believed. None where the folder is not there.
    ///
    /// # Errors
    /// Where it cannot be told what is in the folder.
    pub async fn largest_files(&self) -> io::Result<Vec<(PathBuf, io::Result<String>)>> {
        let files = match largest(&self.folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files?,
        };
        let size = files.iter().find(|file| file.note.is_ok());
        let size = size.map_or(0, |file| file.size);
        let files = files.into_iter().take_while(|file| file.size >= size);
        Ok(files.map(|file| (file.path, file.note)).collect())
    }
}

/// A file that its name calls a checkpoint.
struct Named {
    path: PathBuf,
    /// The size that the name says.
    size: u64,
    /// What is in it, where that is a checkpoint of this size.
    note: io::Result<String>,
}

impl CheckpointFolder {
    /// The notes of those files that are what their names say. Others may add files here, and one that is
    /// no checkpoint of its size is to stand before none that is: it is passed over, and told.
    fn checkpoints_among(&self, files: Vec<Named>) -> Result<Vec<String>, KeepError> {
        let folder = self.folder.display();
        let (mut notes, mut others) = (Vec::new(), Vec::new());
        for Named { path, note, .. } in files {
            match note {
                Ok(note) => notes.push(note),
                Err(why) => others.push((path, why)),
            }
        }
        if let Some((first, why)) = others.first() {
            tracing::error!(
                %folder,
                files = others.len(),
                first = ?first,
                why = ?why.to_string(),
                "files among the checkpoints of the folder are not the checkpoints that their names say, and \
                 were passed over; find out who has put them there, and move them away"
            );
        }
        if others.len() == MOST {
            return Err(KeepError::Permanent(format!(
                "of the {MOST} files of the folder {folder} with the largest numbers none is the checkpoint \
                 that its name says, so nobody knows which is the largest: move away what Clavis has not \
                 written there"
            )));
        }
        Ok(notes)
    }
}

#[async_trait]
impl CheckpointSink for CheckpointFolder {
    fn name(&self) -> &'static str {
        "folder"
    }

    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), KeepError> {
        let kept = keep(&self.folder, checkpoint).await;
        kept.map_err(|error| {
            let folder = self.folder.display();
            KeepError::Transient(format!("not written to the folder {folder}: {error}"))
        })
    }

    async fn largest(&self) -> Result<Vec<String>, KeepError> {
        match largest(&self.folder).await {
            Ok(files) => self.checkpoints_among(files),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            // One that is written into and read by others alone.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(
                    folder = %self.folder.display(),
                    "the checkpoints of the folder cannot be read, so the log was not held against them"
                );
                Ok(Vec::new())
            }
            Err(error) => {
                let folder = self.folder.display();
                let why = format!("the folder {folder} cannot be read: {error}");
                Err(KeepError::Transient(why))
            }
        }
    }

    async fn check(&self) -> Vec<Finding> {
        let shown = self.folder.display();
        // Whoever checks is not always whoever is to own it.
        if let Ok(false) = tokio::fs::try_exists(&self.folder).await {
            return vec![Finding::ok(format!(
                "the folder {shown} is not there yet; the daemon makes it with the first checkpoint"
            ))];
        }
        let name = format!("check-{}", std::process::id());
        vec![match whole::try_out(&self.folder, &name).await {
            Ok(()) => Finding::ok(format!("checkpoints can be written to the folder {shown}")),
            Err(error) => Finding::failure(
                format!("checkpoints cannot be written to the folder {shown}: {error}"),
                "Let the user that Clavis runs as write to the folder `checkpoint_folder` of [audit].",
            ),
        }]
    }
}

/// Writes a checkpoint under the first of its names that is free, unless it is there already. Where
/// it cannot be told what is there, nothing is written.
async fn keep(folder: &Path, checkpoint: &KeptCheckpoint) -> io::Result<()> {
    let note = checkpoint.note.as_bytes();
    let size = checkpoint.size;
    let digest = Sha256::digest(note);
    let part = digest[..4].iter().map(|byte| format!("{byte:02x}"));
    let part: String = part.collect();
    for name in names(size, &part) {
        match read(folder.join(&name)).await {
            Ok(there) if there == note => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return write_whole(folder, &name, note).await;
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{size:012}-{part}.checkpoint is there, and is not what it was"
    )))
}

/// What is there. Others may write to the folder, so it can be anything: it is waited for no pipe, and
/// nothing without an end is read.
async fn read(path: PathBuf) -> io::Result<Vec<u8>> {
    let read = tokio::task::spawn_blocking(move || read_at_most(&path, LONGEST));
    read.await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The names that a checkpoint may have: its size, and where that is taken a part of its digest as
/// well.
fn names(size: u64, part: &str) -> [String; 2] {
    [
        format!("{size:012}.checkpoint"),
        format!("{size:012}-{part}.checkpoint"),
    ]
}

/// The files whose names say the largest sizes, the largest first.
async fn largest(folder: &Path) -> io::Result<Vec<Named>> {
    let mut found = BTreeSet::new();
    let mut files = tokio::fs::read_dir(folder).await?;
    while let Some(file) = files.next_entry().await? {
        let name = file.file_name().to_string_lossy().into_owned();
        if let Some(size) = size_in(&name) {
            found.insert((size, name));
            if found.len() > MOST {
                found.pop_first();
            }
        }
    }
    let mut files = Vec::new();
    for (size, name) in found.into_iter().rev() {
        let path = folder.join(name);
        let note = checkpoint_of(path.clone(), size).await;
        files.push(Named { path, size, note });
    }
    Ok(files)
}

/// The size that the name of a checkpoint's file says.
fn size_in(name: &str) -> Option<u64> {
    let stem = name.strip_suffix(".checkpoint")?;
    let number = stem.split('-').next()?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// The note in a file, where it says that it is of this size.
async fn checkpoint_of(path: PathBuf, size: u64) -> io::Result<String> {
    let bytes = read(path).await?;
    let note = String::from_utf8(bytes).map_err(|_| io::Error::other("it is no text"))?;
    match Checkpoint::claimed(&note) {
        Ok(claimed) if claimed.size == size => Ok(note),
        Ok(claimed) => Err(io::Error::other(format!(
            "it is a checkpoint of {} rows",
            claimed.size
        ))),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Writes a file, and brings its name to the disk as well.
async fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    whole::write(folder, name, bytes, 0o666, true).await?;
    let synced = match tokio::fs::File::open(folder).await {
        Ok(folder) => folder.sync_all().await,
        Err(error) => Err(error),
    };
    match synced {
        // A folder that may be written into and not listed, or one of a file system that syncs
        // files alone: the name is there all the same.
        Err(error) if CANNOT_SYNC.contains(&error.kind()) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::ports::Severity;
    use clavis_broker::proof::note::Signer;
    use clavis_broker::testing::CountingRandom;
    use jiff::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_checkpoint_is_a_file_and_the_same_again_is_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let sink = CheckpointFolder::new(folder.path().join("kept"));
        let kept = KeptCheckpoint {
            size: 17,
            made_at: Timestamp::UNIX_EPOCH,
            note: "a note\n".to_owned(),
        };
        for _ in 0..2 {
            sink.keep(&kept).await.unwrap();
        }
        let files = std::fs::read_dir(folder.path().join("kept")).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["000000000017.checkpoint"]);
        let path = folder.path().join("kept/000000000017.checkpoint");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a note\n");

        let note = "of another log\n".to_owned();
        let other = KeptCheckpoint { note, ..kept };
        for _ in 0..2 {
            sink.keep(&other).await.unwrap();
        }
        let files = std::fs::read_dir(folder.path().join("kept")).unwrap();
        let files = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let mut files: Vec<_> = files.collect();
        files.sort();
        assert_eq!(files, ["a note\n", "of another log\n"]);
    }

    /// A checkpoint of so many rows, whoever has signed it.
    fn checkpoint(size: u64, root: u8) -> String {
        let random = CountingRandom::default();
        let key = Signer::generate("log.example.com", &random).unwrap();
        let signer = Signer::parse(&key).unwrap();
        Checkpoint::signed(size, &[root; 32], &signer)
    }

    async fn put(sink: &CheckpointFolder, size: u64, note: &str) {
        let kept = KeptCheckpoint {
            size,
            made_at: Timestamp::UNIX_EPOCH,
            note: note.to_owned(),
        };
        sink.keep(&kept).await.unwrap();
    }

    #[tokio::test]
    async fn the_largest_come_first_and_two_of_one_size_are_both_among_them() {
        let folder = tempfile::tempdir().unwrap();
        let sink = CheckpointFolder::new(folder.path().to_owned());
        let sizes = [17, 3, 1_000_000_000_000];
        for size in sizes {
            put(&sink, size, &checkpoint(size, 1)).await;
        }
        put(&sink, 17, &checkpoint(17, 2)).await;
        let names = ["notes.txt", "18", "x.checkpoint", "+18.checkpoint"];
        for name in names {
            std::fs::write(folder.path().join(name), checkpoint(18, 1)).unwrap();
        }
        let mut largest = sink.largest().await.unwrap();
        largest[1..3].sort();
        let mut both = [checkpoint(17, 1), checkpoint(17, 2)];
        both.sort();
        let [one, other] = both;
        let expected = [checkpoint(sizes[2], 1), one, other, checkpoint(3, 1)];
        assert_eq!(largest, expected);

        // Of many, the largest.
        for size in 100..300 {
            put(&sink, size, &checkpoint(size, 1)).await;
        }
        let largest = sink.largest().await.unwrap();
        assert_eq!(largest.len(), MOST);
        assert_eq!(largest[..2], [checkpoint(sizes[2], 1), checkpoint(299, 1)]);
    }

    /// Whoever can only add files is not to hide a checkpoint behind them, nor to stop the signing by one.
    #[tokio::test]
    async fn a_file_that_is_not_the_checkpoint_that_its_name_says_stands_before_none() {
        let folder = tempfile::tempdir().unwrap();
        let sink = CheckpointFolder::new(folder.path().to_owned());
        let genuine = checkpoint(5, 1);
        put(&sink, 5, &genuine).await;
        let path = |size: u64| folder.path().join(format!("{size:012}.checkpoint"));
        std::fs::write(path(100), checkpoint(1, 1)).unwrap();
        std::fs::write(path(999_999_999_999), "x").unwrap();
        std::fs::write(path(101), [0xff; 9]).unwrap();
        std::fs::write(path(102), vec![b'x'; 70_000]).unwrap();
        std::fs::create_dir(path(u64::MAX)).unwrap();
        std::os::unix::fs::symlink(path(103), path(103)).unwrap();
        std::os::unix::fs::symlink(path(7777), path(104)).unwrap();
        assert_eq!(sink.largest().await.unwrap(), [&*genuine]);
        let files = sink.largest_files().await.unwrap();
        let (last, others) = files.split_last().unwrap();
        assert_eq!(
            (&last.0, last.1.as_deref().ok()),
            (&path(5), Some(&*genuine))
        );
        assert!(others.len() == 7 && others.iter().all(|(_, note)| note.is_err()));
        for size in 1000..1000 + MOST as u64 {
            std::fs::write(path(size), "x").unwrap();
        }
        let refused = sink.largest().await.unwrap_err();
        assert!(
            matches!(&refused, KeepError::Permanent(why) if why.contains("move away")),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn what_is_there_and_cannot_be_read_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let sink = CheckpointFolder::new(folder.path().to_owned());
        let kept = KeptCheckpoint {
            size: 17,
            made_at: Timestamp::UNIX_EPOCH,
            note: "a note\n".to_owned(),
        };
        // Nobody can read what leads to itself, whoever they are.
        let path = folder.path().join("000000000017.checkpoint");
        std::os::unix::fs::symlink(&path, &path).unwrap();
        sink.keep(&kept).await.unwrap_err();
        assert!(path.is_symlink());
        std::fs::remove_file(&path).unwrap();
        sink.keep(&kept).await.unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a note\n");
    }

    /// A pipe that nobody writes into would be waited for without an end, and a device has none.
    #[tokio::test]
    async fn what_is_no_regular_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let sink = CheckpointFolder::new(folder.path().to_owned());
        let kept = KeptCheckpoint {
            size: 17,
            made_at: Timestamp::UNIX_EPOCH,
            note: "a note\n".to_owned(),
        };
        let path = folder.path().join("000000000017.checkpoint");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let error = sink.keep(&kept).await.unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
        // It is told of by its name, and stands before none.
        let files = sink.largest_files().await.unwrap();
        assert!(
            matches!(&files[..], [(file, Err(_))] if *file == path),
            "{files:?}"
        );
        assert_eq!(sink.largest().await.unwrap(), [""; 0]);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let error = sink.keep(&kept).await.unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
        assert!(path.is_symlink(), "it is not written over");
    }

    /// Root checks, in a folder that is the daemon's.
    #[tokio::test]
    async fn a_check_follows_no_link_that_lies_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("of root");
        std::fs::write(&file, "as it was").unwrap();
        let kept = folder.path().join("kept");
        std::fs::create_dir(&kept).unwrap();
        for name in ["check-PID", ".check-PID.PID-0.part"] {
            let name = name.replace("PID", &std::process::id().to_string());
            std::os::unix::fs::symlink(&file, kept.join(name)).unwrap();
        }
        let found = CheckpointFolder::new(kept.clone()).check().await;
        assert_eq!(found[0].severity, Severity::Ok, "{found:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "as it was");
        let left = std::fs::read_dir(&kept).unwrap().count();
        assert_eq!(left, 1, "what is not its own is left");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_to_is_told_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        std::fs::write(&file, "").unwrap();
        let sink = CheckpointFolder::new(file);
        let found = sink.check().await;
        assert!(found[0].what.contains("cannot be written"), "{found:?}");
        let missing = folder.path().join("missing");
        let found = CheckpointFolder::new(missing.clone()).check().await;
        assert_eq!(found[0].severity, Severity::Ok);
        let none = CheckpointFolder::new(missing.clone()).largest().await;
        assert!(none.unwrap().is_empty());
        assert!(!missing.exists(), "it is not for whoever checks to make it");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn a_name_says_the_size_that_it_was_given_and_another_says_none() {
        let pieces = [
            ".checkpoint",
            "-",
            "+",
            "0",
            "18446744073709551616",
            ".",
            "/",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let (mut eight, length) = ([0; 8], bytes.len().min(8));
            eight[..length].copy_from_slice(&bytes[..length]);
            let size = u64::from_le_bytes(eight);
            for name in names(size, "0a1b2c3d") {
                assert_eq!(size_in(&name), Some(size));
            }
            let name = spelled(bytes, &pieces);
            if let Some(size) = size_in(&name) {
                let digits = name.trim_start_matches('0');
                let is_said = size == 0 || digits.starts_with(&size.to_string());
                assert!(is_said && name.ends_with(".checkpoint"), "{name:?}");
            }
        });
    }
}
