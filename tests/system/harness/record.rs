//! What an installation keeps and says: its audit log, and the places where a secret could lie.

use std::fs;

use clavis_backends::store::SqliteStore;
use clavis_broker::ports::Store;
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

    /// Waits until every job is done, or given up.
    pub(crate) fn wait_for_an_empty_outbox(&self) {
        let store = SqliteStore::open(&self.path().join("clavis.db")).expect("the database");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let next = || runtime.block_on(store.next_due()).expect("an answer");
        until("the outbox is empty", || next().is_none().then_some(()));
    }

    /// Where a text lies, of everything that Clavis writes: `audit`, `log`, the files of the
    /// database, and mails by their subjects' beginnings.
    pub(crate) fn places_of(&self, text: &str, daemon: &Daemon) -> Vec<String> {
        let mut places = Vec::new();
        if self.audit().contains(text) {
            places.push("audit".to_owned());
        }
        if daemon.log().contains(text) {
            places.push("log".to_owned());
        }
        for entry in fs::read_dir(self.path())
            .expect("its folder")
            .map_while(Result::ok)
        {
            let name = entry.file_name().into_string().expect("UTF-8");
            let is_database = name.starts_with("clavis.db");
            if is_database && has(&fs::read(entry.path()).expect("a file"), text.as_bytes()) {
                places.push("database".to_owned());
            }
        }
        for letter in self.mails.all() {
            if [&letter.subject, &letter.text, &letter.html, &letter.raw]
                .iter()
                .any(|part| part.contains(text))
            {
                let subject = letter.subject.split(':').next().unwrap_or_default();
                places.push(format!("mail {subject}"));
            }
        }
        places
    }

    fn rows_of(&self, reference: &str) -> Vec<Value> {
        let mut rows = self.rows();
        rows.retain(|row| row["request"]["reference"] == reference);
        rows
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
