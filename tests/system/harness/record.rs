//! What an installation keeps and says: its audit log, and the places where a secret could lie.

use std::fs;

use clavis_backends::store::SqliteStore;
use clavis_broker::ports::{Ledger, Store};
use serde_json::Value;

use super::{Daemon, Installation, until};

impl Installation {
    /// The audit log, an object a row.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let text = self.audit();
        let rows = text.lines();
        rows.map(|row| serde_json::from_str(row).expect("a row is JSON"))
            .collect()
    }

    /// What happened to a request, but for its mails: `opened`, `review_opened`, `approved`, …
    pub(crate) fn history(&self, reference: &str) -> Vec<String> {
        let words = self.rows_of(reference).into_iter().map(|row| {
            let event = &row["event"];
            let name = event.get("step").unwrap_or(&event["event"]);
            name.as_str().expect("a name").to_owned()
        });
        words.filter(|name| name != "mail_sent").collect()
    }

    /// The letters of a request that were recorded as sent, in alphabetical order: `key_link to
    /// anna.berg@example.com`.
    pub(crate) fn letters_sent(&self, reference: &str) -> Vec<String> {
        let rows = self.rows_of(reference).into_iter();
        let sent = rows
            .filter(|row| row["event"]["event"] == "mail_sent")
            .map(|row| {
                let (letter, to) = (&row["event"]["mail"]["letter"], &row["event"]["to"]);
                format!(
                    "{} to {}",
                    letter.as_str().expect("a letter"),
                    to.as_str().expect("an address")
                )
            });
        let mut sent: Vec<_> = sent.collect();
        sent.sort();
        sent
    }

    /// How many rows there are of an event.
    pub(crate) fn count(&self, event: &str) -> usize {
        let is_it = |row: &Value| row["event"]["event"] == event || row["event"]["step"] == event;
        self.rows().iter().filter(|row| is_it(row)).count()
    }

    /// Brings all that was written into the one file of the database, while nobody has it open.
    pub(crate) fn write_into_one_file(&self) {
        let (store, runtime) = self.store();
        let is_done = runtime.block_on(store.clear_traces()).expect("an answer");
        assert!(is_done, "nobody else has it open");
    }

    /// Waits until no letter and no request waits for anything.
    pub(crate) fn wait_until_nothing_is_due(&self) {
        let (store, runtime) = self.store();
        let next = || runtime.block_on(store.next_due()).expect("an answer");
        until("nothing is due", || next().is_none().then_some(()));
    }

    /// Waits until a feed has this row behind it.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn wait_until_fed(&self, feed: &str, seq: i64) {
        let store = SqliteStore::open(&self.path().join("clavis.db")).expect("the database");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let name = format!("feed {feed}");
        let place = || runtime.block_on(store.cursor(&name)).expect("an answer");
        until("the feed has the row behind it", || {
            (place() >= seq).then_some(())
        });
    }

    /// Everything that Clavis has written so far.
    pub(crate) fn written(&self, daemon: &Daemon) -> Written {
        let mut places = vec![
            ("audit".to_owned(), self.audit().into_bytes()),
            ("log".to_owned(), daemon.log().into_bytes()),
        ];
        for entry in fs::read_dir(self.path())
            .expect("its folder")
            .map_while(Result::ok)
        {
            // The database is several files.
            if entry.file_name().to_string_lossy().starts_with("clavis.db") {
                places.push((
                    "database".to_owned(),
                    fs::read(entry.path()).expect("a file"),
                ));
            }
        }
        for letter in self.mails.all() {
            let subject = letter.subject.split(':').next().unwrap_or_default();
            let whole = [&*letter.subject, &letter.text, &letter.html, &letter.raw].join("\n");
            places.push((format!("mail {subject}"), whole.into_bytes()));
        }
        Written(places)
    }

    fn store(&self) -> (SqliteStore, tokio::runtime::Runtime) {
        let store = SqliteStore::open(&self.path().join("clavis.db")).expect("the database");
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        (store, runtime.enable_all().build().expect("a runtime"))
    }

    fn rows_of(&self, reference: &str) -> Vec<Value> {
        let mut rows = self.rows();
        rows.retain(|row| row["request"]["reference"] == reference);
        rows
    }
}

/// Everything that was written, by the place where it lies: `audit`, `log`, `database`, and mails
/// by the beginnings of their subjects.
pub(crate) struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    /// Where a text lies.
    pub(crate) fn places_of(&self, text: &str) -> Vec<&str> {
        let places = self
            .0
            .iter()
            .filter(|(_, bytes)| has(bytes, text.as_bytes()));
        places.map(|(place, _)| place.as_str()).collect()
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
