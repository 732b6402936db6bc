//! What the log costs as it grows, in one run: `cargo bench -p clavis-backends --bench log`.
//!
//! Two logs on disk, one of a thousand rows and one of a million, get rows in turn, in changes of
//! one and of a hundred rows; then proofs are made from the large one, and all of it is verified.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use clavis_backends::store::SqliteStore;
use clavis_broker::audit::{Actor, Event, LogEntry};
use clavis_broker::lifecycle::{Request, RequestId};
use clavis_broker::ports::{Change, KeptCheckpoint, Ledger, Store, Write};
use clavis_broker::proof::bundle::Bundle;
use clavis_broker::proof::checkpoint::Checkpoint;
use clavis_broker::proof::leaf::seal;
use clavis_broker::proof::note::Signer;
use clavis_broker::service::{consistency, examine, prove_rows, root_of};
use clavis_broker::testing::CountingRandom;
use clavis_broker::testing::sample::{monday, person, request_numbered};
use uuid::Uuid;

const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;
/// How many rows a request has.
const ROWS: u64 = 20;

/// A log that grows.
struct Log {
    store: SqliteStore,
    size: u64,
    request: Request,
    random: CountingRandom,
}

impl Log {
    fn open(path: &Path) -> Self {
        Self {
            store: SqliteStore::open(path).unwrap(),
            size: 0,
            request: request_numbered(1),
            random: CountingRandom::default(),
        }
    }

    /// Rows of one request after the other, each with a person in it.
    fn rows(&mut self, count: u64) -> Change {
        let rows = (0..count).map(|_| {
            let number = self.size / ROWS;
            self.request.id = RequestId(Uuid::from_u128(number.into()));
            let actor = Actor::Person(person("anna").party().unwrap());
            let event = Event::ReviewOpened;
            let entry = LogEntry::of_request(&self.request, event, actor, None, monday());
            self.size += 1;
            Write::Log(Box::new(seal(&entry, &self.random)))
        });
        rows.collect()
    }

    async fn append(&mut self, count: u64) -> Duration {
        let change = self.rows(count);
        let begun = Instant::now();
        self.store.commit(change).await.unwrap();
        begun.elapsed()
    }

    async fn fill(&mut self, size: u64) {
        while self.size < size {
            self.append((size - self.size).min(1000)).await;
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("large.db");
    let mut small = Log::open(&folder.path().join("small.db"));
    let mut large = Log::open(&file);
    small.fill(SMALL).await;
    let begun = Instant::now();
    large.fill(LARGE).await;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{LARGE} rows, written by 1,000: {seconds:.0} s");
    for (count, times) in [(1, 300), (100, 30)] {
        append_in_turn(&mut small, &mut large, count, times).await;
    }
    large.store.clear_traces().await.unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    println!("the file: {} bytes a row", bytes / large.size);
    let note = prove(&large).await;
    verify(&large, note).await;
}

async fn append_in_turn(small: &mut Log, large: &mut Log, count: u64, times: usize) {
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..times {
        few.push(small.append(count).await);
        many.push(large.append(count).await);
    }
    let (few, many) = (median(few), median(many));
    println!(
        "a change of {count} rows: {few:.2?} at {SMALL} rows, {many:.2?} at {LARGE} (medians of \
         {times}, in turn): ratio {:.2}",
        many.as_secs_f64() / few.as_secs_f64()
    );
}

/// Makes and checks proofs; gives the checkpoint that they are under.
async fn prove(log: &Log) -> String {
    let (store, size) = (&log.store, log.size);
    let begun = Instant::now();
    let root = root_of(store, size).await.unwrap();
    let note = Checkpoint::signed(size, &root, &signer());
    println!("a checkpoint: {:.2?}", begun.elapsed());

    let known = [signer().verifier().clone()];
    let (mut proved, mut checked) = (Vec::new(), Vec::new());
    for number in (0..LARGE / ROWS).step_by(250) {
        let id = RequestId(Uuid::from_u128(number.into()));
        let begun = Instant::now();
        let of = (id, &log.request.reference);
        let bundle = prove_rows(store, of, (&note, size)).await.unwrap();
        proved.push(begun.elapsed());
        assert!(matches!(&bundle, Bundle::Rows { rows, .. } if rows.len() as u64 == ROWS));
        let begun = Instant::now();
        bundle.check(&known).unwrap();
        checked.push(begun.elapsed());
    }
    println!(
        "a request of {ROWS} rows: proved in {:.2?}, checked in {:.2?} (medians)",
        median(proved),
        median(checked)
    );
    let mut times = Vec::new();
    for earlier in (1..size).step_by(4999) {
        let begun = Instant::now();
        consistency(store, earlier, size).await.unwrap();
        times.push(begun.elapsed());
    }
    println!("a consistency proof: {:.2?} (median)", median(times));
    note
}

async fn verify(log: &Log, note: String) {
    let (store, size) = (&log.store, log.size);
    let kept = Box::new(KeptCheckpoint {
        size,
        made_at: monday(),
        note,
    });
    let keep = Write::KeepCheckpoint { kept, after: None };
    store.commit(vec![keep]).await.unwrap();
    let known = [signer().verifier().clone()];
    let begun = Instant::now();
    let report = examine(store, &known, Vec::new(), monday()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let found = (report.rows, report.fitting, report.problems.len());
    assert_eq!(found, (size, 1, 0));
    println!("all {size} rows verified: {seconds:.1} s");
}

fn signer() -> Signer {
    let random = CountingRandom::default();
    Signer::parse(&Signer::generate("log.example.com", &random).unwrap()).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
