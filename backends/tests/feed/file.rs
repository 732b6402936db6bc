//! Rows into a file.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clavis_backends::feed::FileSink;
use clavis_broker::export::Format;
use clavis_broker::ports::LogSink;
use clavis_broker::testing::contract::sink::{FarSide, row, whole_suite};

/// A folder that can be taken away from under the sink.
struct Folder(PathBuf);

impl Folder {
    fn file(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    fn elsewhere(&self) -> PathBuf {
        self.0.with_extension("elsewhere")
    }
}

#[async_trait]
impl FarSide for Folder {
    async fn seqs_up_to(&self, _: i64) -> Vec<i64> {
        seqs(&self.file())
    }

    async fn go_away(&self) {
        std::fs::rename(&self.0, self.elsewhere()).expect("it is moved");
    }

    async fn come_back(&self) {
        std::fs::rename(self.elsewhere(), &self.0).expect("it is moved");
    }
}

/// The numbers of the rows in a file of JSON lines.
fn seqs(file: &Path) -> Vec<i64> {
    let text = std::fs::read_to_string(file).expect("a file");
    let rows = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    rows.map(|row: serde_json::Value| row["seq"].as_i64().expect("a number"))
        .collect()
}

fn sink(file: &Path, format: Format) -> FileSink {
    FileSink::new("archive".to_owned(), file.to_owned(), format)
}

#[tokio::test]
async fn a_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder(folder.path().join("logs"));
    std::fs::create_dir_all(&folder.0).unwrap();
    whole_suite(&sink(&folder.file(), Format::Json), &folder).await;
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        1,
        "a check leaves nothing"
    );
}

#[tokio::test]
async fn a_line_that_was_left_half_done_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let sink = sink(&file, Format::Json);
    sink.send(&[row(1), row(2)]).await.unwrap();
    // A process dies within the second row.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() - 30]).unwrap();
    assert_eq!(seqs(&file), [1]);
    sink.send(&[row(2), row(3)]).await.unwrap();
    assert_eq!(seqs(&file), [1, 2, 3]);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn a_file_that_was_rotated_away_is_made_anew_for_our_group() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let sink = sink(&file, Format::Json);
    sink.send(&[row(1)]).await.unwrap();
    let rotated = folder.path().join("audit.jsonl.1");
    std::fs::rename(&file, &rotated).unwrap();
    sink.send(&[row(2)]).await.unwrap();
    assert_eq!((seqs(&rotated), seqs(&file)), (vec![1], vec![2]));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o137, 0, "{mode:o}");
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(folder.path(), Format::Cef);
    sink.send(&[row(1)]).await.unwrap_err();
    assert!(sink.check().await[0].remedy.is_some());
    let device = self::sink(Path::new("/dev/null"), Format::Cef);
    let refused = device.send(&[row(1)]).await.unwrap_err().to_string();
    assert!(refused.contains("no regular file"), "{refused}");
}
