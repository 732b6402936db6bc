//! Checkpoints of the log into a folder, one file for each.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clavis_broker::ports::{CheckpointSink, Finding, KeepError, KeptCheckpoint};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

/// Writes each checkpoint to `SIZE.checkpoint` in a folder, so that nobody ever sees half of it. One
/// of another log of that size, such as one that was restored, is never written over: it is what
/// shows that there are two.
pub struct CheckpointFolder {
    folder: PathBuf,
}

impl CheckpointFolder {
    /// A sink that writes to this folder, which is made with the first checkpoint.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl CheckpointSink for CheckpointFolder {
    fn name(&self) -> &'static str {
        "folder"
    }

    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), KeepError> {
        let note = checkpoint.note.as_bytes();
        let mut name = format!("{:012}.checkpoint", checkpoint.size);
        let there = tokio::fs::read(self.folder.join(&name)).await;
        if there.is_ok_and(|there| there != note) {
            let digest = Sha256::digest(note);
            let part = digest[..4].iter().map(|byte| format!("{byte:02x}"));
            let part: String = part.collect();
            name = format!("{:012}-{part}.checkpoint", checkpoint.size);
        }
        let written = write_whole(&self.folder, &name, note).await;
        written.map_err(|error| {
            let folder = self.folder.display();
            KeepError::Transient(format!("not written to the folder {folder}: {error}"))
        })
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
        let tried = match write_whole(&self.folder, &name, b"").await {
            Ok(()) => tokio::fs::remove_file(self.folder.join(name)).await,
            Err(error) => Err(error),
        };
        vec![match tried {
            Ok(()) => Finding::ok(format!("checkpoints can be written to the folder {shown}")),
            Err(error) => Finding::failure(
                format!("checkpoints cannot be written to the folder {shown}: {error}"),
                "Let the user that Clavis runs as write to the folder `checkpoint_folder` of [audit].",
            ),
        }]
    }
}

/// Writes a file whole: it has its name once all of it is on the disk.
async fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = tokio::fs::File::create(&unfinished).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(&unfinished, folder.join(name)).await
}

#[cfg(test)]
mod tests {
    use clavis_broker::ports::Severity;
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
        assert!(!missing.exists(), "it is not for whoever checks to make it");
    }
}
