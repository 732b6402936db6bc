//! A log in a real file that somebody lays hands on: by SQL, and by the bytes of the file.

use std::path::{Path, PathBuf};

use clavis_backends::store::SqliteStore;
use clavis_broker::audit::{Actor, Event, LogEntry, LogRow};
use clavis_broker::lifecycle::Request;
use clavis_broker::ports::{CommitError, KeptCheckpoint, Ledger, LogQuery, Store, Write};
use clavis_broker::proof::checkpoint::Checkpoint;
use clavis_broker::proof::examine::{Problem, Report};
use clavis_broker::proof::leaf::seal;
use clavis_broker::proof::note::{Signer, Verifier};
use clavis_broker::search::LogSearch;
use clavis_broker::service::{examine, root_of};
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::sample::{monday, person, request_numbered};
use rusqlite::Connection;
use tempfile::TempDir;

/// A log of a few rows with a checkpoint over them, in a file that nobody has open.
struct Kept {
    folder: TempDir,
    file: PathBuf,
    known: [Verifier; 1],
}

/// A row, as it is committed.
fn row(number: u8, random: &CountingRandom) -> Write {
    let actor = Actor::Person(
        person(&format!("p{number}"))
            .party()
            .expect("has an address"),
    );
    let entry = if number == 2 {
        let request: Request = request_numbered(1);
        LogEntry::of_request(&request, Event::ReviewOpened, actor, None, monday())
    } else {
        LogEntry::of_nothing(Event::SignedOut, actor, None, monday())
    };
    Write::Log(Box::new(seal(&entry, random)))
}

fn execute(path: &Path, statements: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(statements).expect("it is done");
}

impl Kept {
    async fn of(rows: u8) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("clavis.db");
        let random = CountingRandom::default();
        let signer = Signer::generate("log.example.com", &random).expect("a good name");
        let signer = Signer::parse(&signer).expect("a key");
        let store = SqliteStore::open(&path).expect("a store");
        for number in 1..=rows {
            store
                .commit(vec![row(number, &random)])
                .await
                .expect("committed");
        }
        let root = root_of(&store, rows.into()).await.expect("a root");
        let kept = Box::new(KeptCheckpoint {
            size: rows.into(),
            made_at: monday(),
            note: Checkpoint::signed(rows.into(), &root, &signer),
        });
        let keep = Write::KeepCheckpoint { kept, after: None };
        store.commit(vec![keep]).await.expect("committed");
        let file = folder.path().join("log.db");
        let copy = format!("PRAGMA page_size = 512; VACUUM INTO '{}'", file.display());
        execute(&path, &copy);
        Self {
            folder,
            file,
            known: [signer.verifier().clone()],
        }
    }

    /// Another copy, to lay hands on.
    fn copy(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::copy(&self.file, &path).expect("a copy");
        path
    }

    async fn examined(&self, store: &SqliteStore) -> Option<Report> {
        examine(store, &self.known, Vec::new(), monday()).await.ok()
    }

    /// What is found after these statements.
    async fn found(&self, statements: &str) -> Vec<String> {
        let path = self.copy("changed.db");
        execute(&path, statements);
        let report = self
            .examined(&SqliteStore::open(&path).expect("a store"))
            .await;
        let problems = report.expect("it can be read").problems;
        problems.iter().map(ToString::to_string).collect()
    }
}

/// Whether an examination has told of anything: that something is wrong, or of a checkpoint that the key
/// which has signed it has not, for all that it says.
fn is_told(report: &Report) -> bool {
    !(report.problems.is_empty() && report.unjudged.is_empty())
}

/// Every byte of every column of the log, of its tree, and of its checkpoints, one after the other:
/// a single bit is found, or the file cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_every_column_counts() {
    let kept = Kept::of(4).await;
    let path = kept.copy("bytes.db");
    let store = SqliteStore::open(&path).unwrap();
    let hands = Connection::open(&path).unwrap();
    hands.execute_batch("PRAGMA synchronous = off").unwrap();
    let mut tried = 0;
    for (table, key, columns) in [
        ("log", "seq", &["leaf", "personal", "event", "request"][..]),
        ("tree", "place", &["hash"]),
        ("checkpoints", "size", &["note"]),
    ] {
        for column in columns {
            let all = format!(
                "SELECT {key}, CAST({column} AS BLOB) FROM {table} WHERE {column} IS NOT NULL"
            );
            let mut all = hands.prepare(&all).unwrap();
            let all = all.query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            });
            let all: Vec<_> = all.unwrap().map(Result::unwrap).collect();
            let kind = if *column == "hash" { "BLOB" } else { "TEXT" };
            let set = format!("UPDATE {table} SET {column} = CAST($1 AS {kind}) WHERE {key} = $2");
            for (row, bytes) in all {
                for at in 0..bytes.len() {
                    let mut wrong = bytes.clone();
                    wrong[at] ^= 1;
                    hands.execute(&set, (&wrong, row)).unwrap();
                    let report = kept.examined(&store).await;
                    let is_found = report.is_none_or(|report| is_told(&report));
                    assert!(is_found, "byte {at} of {column} of row {row} of {table}");
                    tried += 1;
                }
                hands.execute(&set, (&bytes, row)).unwrap();
            }
        }
    }
    assert!(tried > 2000, "only {tried} bytes were tried");
    assert_eq!(kept.examined(&store).await.unwrap().problems, []);
}

/// Every bit of every number by which the log, its tree and its checkpoints are placed or searched.
/// When a checkpoint was made is none of those: of that, only the future is found.
#[tokio::test(flavor = "multi_thread")]
async fn every_bit_of_every_number_counts() {
    let kept = Kept::of(4).await;
    let path = kept.copy("numbers.db");
    let store = SqliteStore::open(&path).unwrap();
    let hands = Connection::open(&path).unwrap();
    hands.execute_batch("PRAGMA synchronous = off").unwrap();
    let mut tried = 0;
    for (table, key, column) in [
        ("log", "seq", "seq"),
        ("log", "seq", "at"),
        ("tree", "place", "place"),
        ("checkpoints", "size", "size"),
    ] {
        let all = format!("SELECT {key}, {column} FROM {table}");
        let mut all = hands.prepare(&all).unwrap();
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let all: Vec<(i64, i64)> = all.unwrap().map(Result::unwrap).collect();
        let set = format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2");
        for (row, number) in all {
            for bit in 0..64 {
                let wrong = number ^ (1 << bit);
                if hands.execute(&set, (wrong, row)).is_err() {
                    // Another row has this number.
                    continue;
                }
                let report = kept.examined(&store).await;
                let is_found = report.is_none_or(|report| is_told(&report));
                assert!(is_found, "bit {bit} of {column} of row {row} of {table}");
                tried += 1;
                let row = if column == key { wrong } else { row };
                hands.execute(&set, (number, row)).unwrap();
            }
        }
    }
    assert!(tried > 900, "only {tried} bits were tried");
    assert_eq!(kept.examined(&store).await.unwrap().problems, []);
    drop(hands);
    let found = kept.found("UPDATE checkpoints SET made_at = made_at + 600000");
    let found = found.await;
    assert!(
        found.len() == 1 && found[0].contains("is from the future"),
        "{found:?}"
    );
}

/// What is read of the log from a file; none where it cannot be.
fn read_from(path: &Path) -> Option<Vec<String>> {
    let connection = Connection::open(path).ok()?;
    let mut read = Vec::new();
    for statement in [
        "SELECT quote(seq) || quote(at) || quote(event) || quote(request) || quote(leaf) || quote(personal)
         FROM log WHERE seq > -9000000000000000000 ORDER BY seq",
        "SELECT quote(place) || quote(hash) FROM tree WHERE place >= 0 ORDER BY place",
        "SELECT quote(size) || quote(note) FROM checkpoints ORDER BY size",
    ] {
        let mut statement = connection.prepare(statement).ok()?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).ok()?;
        read.extend(rows.collect::<Result<Vec<_>, _>>().ok()?);
    }
    Some(read)
}

/// Bytes of the file itself: where what is read of the log is not what it was, it is found. Every byte
/// is changed, in four tests that run beside each other.
async fn every_fourth_byte(first: usize) {
    let kept = Kept::of(3).await;
    let whole = std::fs::read(&kept.file).expect("a file");
    let before = read_from(&kept.file).expect("a log");
    let (mut found, mut same) = (0, 0);
    for at in (first..whole.len()).step_by(4) {
        // A name of its own: who had the last one open may still be closing it.
        let path = kept.folder.path().join(format!("{at}.db"));
        let mut wrong = whole.clone();
        wrong[at] ^= 1 << (at % 8);
        std::fs::write(&path, &wrong).expect("written");
        if read_from(&path).as_ref() == Some(&before) {
            std::fs::remove_file(&path).expect("removed");
            same += 1;
            continue;
        }
        let is_found = match SqliteStore::open_to_read(&path) {
            Err(_) => true,
            Ok(store) => {
                let report = kept.examined(&store).await;
                report.is_none_or(|report| is_told(&report))
            }
        };
        std::fs::remove_file(&path).expect("removed");
        assert!(is_found, "byte {at}");
        found += 1;
    }
    assert!(
        found > 100 && same > 100,
        "{found} were found, {same} changed nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_bytes_of_the_file_the_first_is_found_where_it_changes_what_is_read() {
    every_fourth_byte(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_bytes_of_the_file_the_second_is_found_where_it_changes_what_is_read() {
    every_fourth_byte(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_bytes_of_the_file_the_third_is_found_where_it_changes_what_is_read() {
    every_fourth_byte(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_bytes_of_the_file_the_fourth_is_found_where_it_changes_what_is_read() {
    every_fourth_byte(3).await;
}

/// SQLite keeps whatever a column is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_something_else_in_a_column_is_named_and_the_rest_is_looked_at() {
    let kept = Kept::of(5).await;
    for column in ["leaf", "personal", "event", "request", "at"] {
        let found = kept
            .found(&format!(
                "UPDATE log SET {column} = CAST({column} AS BLOB) WHERE seq = 2;
                 UPDATE log SET at = at + 1 WHERE seq = 4"
            ))
            .await;
        assert!(
            found[0].starts_with(&format!("row 2 cannot be read: its column `{column}`"))
                && found[1].starts_with("row 4 was changed: its column `at`")
                && found.len() == 2,
            "{found:?}"
        );
    }
    for value in ["x'00ff'", "CAST(x'ff' AS TEXT)"] {
        let found = kept
            .found(&format!("UPDATE log SET leaf = {value} WHERE seq = 2"))
            .await;
        assert!(
            found[0].starts_with("row 2 cannot be read: its column `leaf`"),
            "{found:?}"
        );
        assert_eq!(found[1..], ["row 2 was changed"], "{value}");
    }
    let found = kept
        .found("UPDATE checkpoints SET note = CAST(note AS BLOB)")
        .await;
    assert!(
        found.len() == 1 && found[0].contains("cannot be believed"),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_told_in_its_place() {
    let kept = Kept::of(5).await;
    for hands in [
        "personal = CAST(personal AS BLOB)",
        "leaf = x'00ff'",
        "personal = '[]'",
        "leaf = CAST(x'ff' AS TEXT), at = 'x'",
    ] {
        let path = kept.copy("changed.db");
        execute(&path, &format!("UPDATE log SET {hands} WHERE seq = 2"));
        let store = SqliteStore::open(&path).unwrap();
        let query = LogQuery {
            limit: 10,
            ..LogQuery::default()
        };
        let rows = store.log(&query).await.unwrap();
        let seqs = |rows: &[LogRow]| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
        assert_eq!(seqs(&rows), [1, 2, 3, 4, 5], "{hands}");
        let odd: Vec<_> = rows.into_iter().filter(LogRow::is_unreadable).collect();
        assert_eq!(seqs(&odd), [2], "{hands}");
        for event in [None, Some("audit.unreadable".to_owned())] {
            let search = LogSearch {
                event,
                limit: 10,
                ..LogSearch::default()
            };
            let rows = store.search_log(&search).await.unwrap();
            assert!(rows.contains(&odd[0]), "{hands}");
        }
    }
}

/// Whoever reads by an index does not come to what it has lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_has_lost_rows_is_told() {
    let kept = Kept::of(5).await;
    let found = kept
        .found(
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET rootpage =
                 (SELECT rootpage FROM sqlite_schema WHERE name = 'jobs_dead')
             WHERE name = 'log_of_request'",
        )
        .await;
    assert!(
        found
            .iter()
            .any(|it| it.starts_with("the database is damaged: ")
                && it.contains("missing from index log_of_request")),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_taken_out_put_in_and_swapped_are_named() {
    let kept = Kept::of(9).await;
    let renumber = |from: &str, by: i64| {
        format!(
            "UPDATE log SET seq = -seq WHERE seq {from}; UPDATE log SET seq = -seq + {by} WHERE seq < 0;"
        )
    };
    let copy_of = |row: i64| {
        format!(
            "INSERT INTO log SELECT 5, at, event, request, leaf, personal FROM log WHERE seq = {row};"
        )
    };
    let swap = "UPDATE log SET seq = 100 WHERE seq = 3; UPDATE log SET seq = 3 WHERE seq = 6;
                UPDATE log SET seq = 6 WHERE seq = 100";
    for (statements, found) in [
        (String::new(), &[][..]),
        (
            "DELETE FROM log WHERE seq = 4".to_owned(),
            &["row 4 is missing"],
        ),
        (
            format!("DELETE FROM log WHERE seq = 4; {}", renumber("> 4", -1)),
            &["row 4 is missing", "the log has 8 rows"],
        ),
        (
            format!("{} {}", renumber(">= 5", 1), copy_of(2)),
            &["row 5 was inserted"],
        ),
        (
            swap.to_owned(),
            &[
                "row 3 is out of order: it holds what was written as row 6",
                "row 6 is out of order: it holds what was written as row 3",
            ],
        ),
        (
            "DELETE FROM tree WHERE place = 2".to_owned(),
            &["the hash over rows 1 to 2 is missing"],
        ),
        (
            "UPDATE log SET at = at + 1 WHERE seq = 7".to_owned(),
            &["row 7 was changed: its column `at` is not what its leaf says"],
        ),
    ] {
        let told = kept.found(&statements).await;
        let are_these = told
            .iter()
            .zip(found)
            .all(|(told, found)| told.starts_with(found));
        assert!(
            told.len() == found.len() && are_these,
            "{statements}: {told:?}"
        );
    }
    let cut = "DELETE FROM log WHERE seq > 7; DELETE FROM tree WHERE place > 10";
    let found = kept.found(cut).await;
    assert!(
        found[0].starts_with("the log has 7 rows, and the checkpoint of 2026-11-23T"),
        "{found:?}"
    );
}

/// Nothing is done that the log cannot hold.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_row_or_a_hash_cannot_be_written_the_change_fails() {
    let kept = Kept::of(3).await;
    for (number, hands) in [
        // An index that no further row can be put into: the number has no positive counterpart.
        "CREATE INDEX no ON tree (abs(place * 0 - 9223372036854775807 - 1)) WHERE place > 4",
        "CREATE INDEX no ON log (abs(seq * 0 - 9223372036854775807 - 1)) WHERE seq > 3",
        // The hash beside which the new one comes.
        "DELETE FROM tree WHERE place = 3",
        // A row whose hash is still there.
        "DELETE FROM log WHERE seq = 3",
    ]
    .into_iter()
    .enumerate()
    {
        let path = kept.copy(&format!("{number}.db"));
        execute(&path, hands);
        let store = SqliteStore::open(&path).unwrap();
        let request = request_numbered(7);
        let size = store.log_size().await.unwrap();
        let open = Write::Open(Box::new(request.clone()));
        let change = vec![open, row(9, &CountingRandom::default())];
        let failed = store.commit(change).await;
        assert!(
            matches!(failed, Err(CommitError::Store(_))),
            "{hands}: {failed:?}"
        );
        assert_eq!(store.request(request.id).await.unwrap(), None, "{hands}");
        assert_eq!(store.log_size().await.unwrap(), size, "{hands}");
    }
}

/// Two processes on one file build one tree.
#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_write_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clavis.db");
    let stores = [0, 1].map(|_| SqliteStore::open(&path).unwrap());
    let random = CountingRandom::default();
    for number in 0..40 {
        let rows = [row(number, &random), row(number, &random)];
        let [one, other] = rows.map(|row| vec![row]);
        let (one, other) = tokio::join!(stores[0].commit(one), stores[1].commit(other));
        one.and(other).unwrap();
    }
    let report = examine(&stores[0], &[], Vec::new(), monday())
        .await
        .unwrap();
    assert_eq!((report.rows, report.problems), (80, Vec::<Problem>::new()));
}
