//! The feeds: rows of the log go to where others collect them, each feed at its own pace.
//!
//! A feed reads the rows after its cursor, sends them, and moves the cursor; so a row arrives at
//! least once, and in order. It reads the store and writes its cursor, and nothing else of Clavis
//! waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Broker, Unavailable};
use crate::causes::with_causes;
use crate::ports::{Change, CommitError, LogQuery, LogSink, Store, Write};

/// How many rows are sent at once.
const BATCH: usize = 2000;
/// How many where sending has failed: one that takes little at a time gets on all the same.
const SMALL_BATCH: usize = 100;
/// How long sending them may take.
const SENDING: Duration = Duration::from_mins(1);
/// How often new rows are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Another process feeds, as long as it has moved the cursor in this time.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(90);

/// The name of the cursor of a feed.
pub fn feed_cursor(feed: &str) -> String {
    format!("feed {feed}")
}

impl Broker {
    /// Feeds these sinks until `stop` turns true. What is being sent then is sent again by whoever
    /// feeds next.
    pub async fn feed(
        self: Arc<Self>,
        sinks: Vec<Arc<dyn LogSink>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut feeds = JoinSet::new();
        for sink in sinks {
            let broker = Arc::clone(&self);
            let feed = async move {
                let put_back = |name: &str, seen, to| broker.cursor_put_back(name, seen, to);
                Feed::new(broker.store(), &*sink, &put_back).run().await;
            };
            feeds.spawn(feed.in_current_span());
        }
        // Whoever would tell it is gone: that is an end, too.
        let _ = stop.wait_for(|stopped| *stopped).await;
        feeds.shutdown().await;
    }
}

/// What puts back the cursor of this name from one place to another, and tells of it.
type PutBack<'f> = &'f (dyn Fn(&str, i64, i64) -> Change + Send + Sync);

/// One feed in this process.
struct Feed<'f> {
    store: &'f dyn Store,
    sink: &'f dyn LogSink,
    cursor: String,
    standing: Standing,
    /// How often sending has failed in a row.
    failures: u32,
    /// The last row that this process has sent.
    last: i64,
    put_back: PutBack<'f>,
}

/// Whether this process feeds. Several may share a store; of two that send at once, the one that
/// does not move the cursor stands by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Feeding,
    /// The cursor was seen here, and has stood still with rows behind it since then.
    StandingBy {
        at: i64,
        since: Instant,
    },
}

impl Standing {
    /// What becomes of it, with the cursor here, and rows that wait behind it or none.
    fn next(self, cursor: i64, are_waiting: bool, now: Instant) -> Self {
        match self {
            Self::Feeding => Self::Feeding,
            Self::StandingBy { at, since } if at == cursor && are_waiting => {
                if now.duration_since(since) >= TAKE_OVER_AFTER {
                    Self::Feeding
                } else {
                    self
                }
            }
            Self::StandingBy { .. } => Self::StandingBy {
                at: cursor,
                since: now,
            },
        }
    }
}

/// Why a feed did not get on.
#[derive(Debug, thiserror::Error)]
enum Held {
    #[error("{0}")]
    Sink(String),
    #[error(transparent)]
    Store(#[from] Unavailable),
}

impl<'f> Feed<'f> {
    fn new(store: &'f dyn Store, sink: &'f dyn LogSink, put_back: PutBack<'f>) -> Self {
        Self {
            store,
            sink,
            cursor: feed_cursor(sink.name()),
            standing: Standing::Feeding,
            failures: 0,
            last: 0,
            put_back,
        }
    }

    async fn run(mut self) {
        loop {
            let pause = match self.step().await {
                Ok(sent) => {
                    if sent > 0 && self.failures > 0 {
                        let feed = self.sink.name();
                        tracing::info!(feed, "the feed of the log goes on");
                        self.failures = 0;
                    }
                    if sent > 0 { Duration::ZERO } else { LOOK_EVERY }
                }
                Err(held) => {
                    self.failures = self.failures.saturating_add(1);
                    if self.failures == 1 {
                        tracing::warn!(
                            feed = self.sink.name(),
                            error = with_causes(&held),
                            "the feed of the log is held up: its rows wait, and it is tried again; \
                             `clavis check` says what to mend"
                        );
                    }
                    wait_after(self.failures)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends the next rows, if there are any; gives how many.
    async fn step(&mut self) -> Result<usize, Held> {
        let cursor = self.store.cursor(&self.cursor);
        let cursor = cursor.await.map_err(Unavailable::from)?;
        let query = LogQuery {
            request: None,
            events: &[],
            after: cursor,
            limit: if self.failures == 0 {
                BATCH
            } else {
                SMALL_BATCH
            },
        };
        let rows = self.store.log(&query).await.map_err(Unavailable::from)?;
        let now = Instant::now();
        self.standing = self.standing.next(cursor, !rows.is_empty(), now);
        let Some(last) = rows.last() else {
            return self.put_back_where_ahead(cursor).await;
        };
        if self.standing != Standing::Feeding {
            return Ok(0);
        }
        for row in rows.iter().filter(|row| row.is_unreadable()) {
            tracing::error!(
                feed = self.sink.name(),
                log.row = row.seq,
                "a row of the log cannot be read: the feed says so in its place; run `clavis audit verify`"
            );
        }
        match tokio::time::timeout(SENDING, self.sink.send(&rows)).await {
            Ok(sent) => sent.map_err(|error| Held::Sink(error.to_string()))?,
            Err(_) => return Err(Held::Sink("the rows were not taken in time".to_owned())),
        }
        let moved = Write::MoveCursor {
            name: self.cursor.clone(),
            expected: cursor,
            next: last.seq,
        };
        match self.store.commit(vec![moved]).await {
            Ok(()) => {
                self.last = last.seq;
                Ok(rows.len())
            }
            Err(CommitError::Conflict) => {
                let (at, since) = (cursor, now);
                self.standing = Standing::StandingBy { at, since };
                let feed = self.sink.name();
                tracing::info!(feed, "another process feeds; this one stands by");
                Ok(0)
            }
            Err(CommitError::Store(error)) => Err(Unavailable::from(error).into()),
        }
    }

    /// Puts a cursor back that is beyond the end of the log, to the last row that this process has
    /// sent or to the beginning: rows may come again, and none is passed over.
    async fn put_back_where_ahead(&self, cursor: i64) -> Result<usize, Held> {
        let newest = self.store.newest().await.map_err(Unavailable::from)?;
        if cursor <= newest {
            return Ok(0);
        }
        let back_to = self.last.min(newest);
        let change = (self.put_back)(&self.cursor, cursor, back_to);
        match self.store.commit(change).await {
            // Or another process has put it back.
            Ok(()) | Err(CommitError::Conflict) => Ok(0),
            Err(CommitError::Store(error)) => Err(Unavailable::from(error).into()),
        }
    }
}

/// The wait after so many failures: a second, doubled up to [`LONGEST_WAIT`].
fn wait_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    Duration::from_secs(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Event, LogEntry, LogRow};
    use crate::ports::{Finding, SinkError};
    use crate::proof::leaf::seal;
    use crate::testing::contract::sink::once;
    use crate::testing::{CountingRandom, MemorySink, MemoryStore, sample::monday};

    /// A sink that takes the rows just before the store fails.
    struct Last<'t>(&'t MemorySink, &'t MemoryStore);

    #[async_trait::async_trait]
    impl LogSink for Last<'_> {
        fn name(&self) -> &str {
            self.0.name()
        }

        async fn send(&self, rows: &[LogRow]) -> Result<(), SinkError> {
            let sent = self.0.send(rows).await;
            self.1.break_after(0);
            sent
        }

        async fn check(&self) -> Vec<Finding> {
            self.0.check().await
        }
    }

    fn feed<'f>(store: &'f MemoryStore, sink: &'f dyn LogSink) -> Feed<'f> {
        Feed::new(store, sink, &|name, expected, next| {
            let name = name.to_owned();
            vec![Write::MoveCursor {
                name,
                expected,
                next,
            }]
        })
    }

    async fn write(store: &MemoryStore, count: usize) {
        for _ in 0..count {
            let row = LogEntry::of_nothing(Event::SignedOut, Actor::Stranger, None, monday());
            let row = seal(&row, &CountingRandom::default());
            store.commit(vec![Write::Log(Box::new(row))]).await.unwrap();
        }
    }

    /// Runs feeds until the sink has this row; time passes by itself.
    async fn until_row(store: &MemoryStore, sink: &MemorySink, seq: i64) {
        tokio::select! {
            () = feed(store, sink).run() => {}
            () = sink.wait_for(seq) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rows_come_in_order_through_failures_and_restarts() {
        let (store, sink) = (MemoryStore::default(), MemorySink::new("siem"));
        write(&store, 5).await;
        assert_eq!(feed(&store, &sink).step().await.unwrap(), 5);
        assert_eq!(sink.seqs(), [1, 2, 3, 4, 5]);

        // It takes the first rows of what it is sent, and fails.
        write(&store, 5).await;
        sink.take_only(Some(2));
        let fails = feed(&store, &sink).run();
        tokio::select! {
            () = fails => {}
            () = sink.wait_for_failures(3) => {}
        }
        assert_eq!(sink.seqs()[5..], [6, 7, 6, 7, 6, 7]);
        sink.take_only(None);
        until_row(&store, &sink, 10).await;
        assert_eq!(once(&sink.seqs()), (1..=10).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_loses_no_row() {
        let (store, sink) = (MemoryStore::default(), MemorySink::new("siem"));
        write(&store, 3).await;
        store.break_after(0);
        let mut one = feed(&store, &sink);
        one.step().await.unwrap_err();
        store.mend();
        // The rows go, and the cursor cannot be moved.
        let last = Last(&sink, &store);
        feed(&store, &last).step().await.unwrap_err();
        store.mend();
        assert_eq!(one.step().await.unwrap(), 3);
        assert_eq!(sink.seqs(), [1, 2, 3, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_cannot_be_read_is_told_in_its_place_and_the_rest_comes() {
        let (store, sink) = (MemoryStore::default(), MemorySink::new("siem"));
        write(&store, 3).await;
        store.overwrite(2, "no fields");
        assert_eq!(feed(&store, &sink).step().await.unwrap(), 3);
        assert_eq!(sink.seqs(), [1, 2, 3]);
        assert_eq!(
            sink.events(),
            ["sign_in.ended", "audit.unreadable", "sign_in.ended"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_cursor_beyond_the_end_is_put_back_and_no_row_is_passed_over() {
        let (store, sink) = (MemoryStore::default(), MemorySink::new("siem"));
        write(&store, 3).await;
        let mut one = feed(&store, &sink);
        assert_eq!(one.step().await.unwrap(), 3);
        store.put_cursor("feed siem", 4_000_000_000);
        write(&store, 1).await;
        assert_eq!(one.step().await.unwrap(), 0);
        assert_eq!(one.step().await.unwrap(), 1);
        assert_eq!(sink.seqs(), [1, 2, 3, 4]);
        // One that was started anew does not know what was sent.
        store.put_cursor("feed siem", 5);
        write(&store, 1).await;
        let mut other = feed(&store, &sink);
        assert_eq!(
            other.step().await.unwrap(),
            0,
            "where it is the newest, nobody can tell"
        );
        store.put_cursor("feed siem", 6);
        assert_eq!(other.step().await.unwrap(), 0);
        assert_eq!(other.step().await.unwrap(), 5);
        assert_eq!(once(&sink.seqs()), [1, 2, 3, 4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_processes_one_feeds_and_the_other_takes_over() {
        let (store, sink) = (MemoryStore::default(), MemorySink::new("siem"));
        write(&store, 3).await;
        let (mut one, mut other) = (feed(&store, &sink), feed(&store, &sink));
        let (first, second) = tokio::join!(one.step(), other.step());
        assert_eq!(
            first.unwrap() + second.unwrap(),
            3,
            "one of them moved the cursor"
        );
        assert_eq!(once(&sink.seqs()), [1, 2, 3]);
        if one.standing != Standing::Feeding {
            std::mem::swap(&mut one, &mut other);
        }
        assert_ne!(other.standing, Standing::Feeding);

        write(&store, 1).await;
        assert_eq!(other.step().await.unwrap(), 0);
        assert_eq!(one.step().await.unwrap(), 1);
        // The one that feeds is idle: nobody takes over.
        assert_eq!(other.step().await.unwrap(), 0);
        tokio::time::advance(TAKE_OVER_AFTER * 2).await;
        assert_eq!(other.step().await.unwrap(), 0);
        assert_ne!(other.standing, Standing::Feeding);
        // It is gone.
        drop(one);
        write(&store, 1).await;
        assert_eq!(other.step().await.unwrap(), 0);
        tokio::time::advance(TAKE_OVER_AFTER).await;
        assert_eq!(other.step().await.unwrap(), 1);
        assert_eq!(once(&sink.seqs()), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn waits_grow_to_a_minute() {
        let waits = [1, 2, 3, 7, 8, u32::MAX].map(|it| wait_after(it).as_secs());
        assert_eq!(waits, [1, 2, 4, 60, 60, 60]);
    }
}
