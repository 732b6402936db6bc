//! Whether what Clavis reads with may do more than it needs, looked at from time to time.

use std::collections::{BTreeSet, HashMap};

use super::{Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry};
use crate::ports::Finding;
use crate::search::LogSearch;

/// What the directory is called beside the names of backends.
const DIRECTORY: &str = "directory";
/// How many rows are looked through for what was seen before. Each place has one for each change.
const REMEMBERED: usize = 1000;

impl Broker {
    /// Tries all backends and the directory, and writes down where what they may do beyond what is
    /// needed differs from what was seen before. Takes as long as the slowest of them.
    pub(super) async fn look_at_rights(&self) -> Result<(), Unavailable> {
        let mut places = vec![(DIRECTORY.to_owned(), self.parts.directory.check().await)];
        for source in &self.parts.escrow {
            let findings = source.backend.check().await;
            places.push((source.backend.name().to_string(), findings));
        }
        let seen = self.rights_seen().await?;
        for (place, findings) in places {
            // Where something failed, less was seen than there may be.
            if findings.iter().any(Finding::is_failure) {
                tracing::warn!(
                    place,
                    "nobody knows whether rights became wider; run `clavis check`"
                );
                continue;
            }
            let rights = rights_in(&findings);
            let before = seen.get(&place);
            if before == Some(&rights) {
                continue;
            }
            let added = before.map_or_else(Vec::new, |before| {
                rights.difference(before).cloned().collect()
            });
            let rights = rights.into_iter().collect();
            let event = Event::RightsSeen {
                place,
                rights,
                added,
            };
            self.record(LogEntry::of_nothing(event, Actor::Clavis, None, self.now()))
                .await?;
        }
        Ok(())
    }

    /// What was seen the last time at each place where somebody had looked.
    async fn rights_seen(&self) -> Result<HashMap<String, BTreeSet<String>>, Unavailable> {
        let search = LogSearch {
            event: Some("rights.seen".to_owned()),
            limit: REMEMBERED,
            ..LogSearch::default()
        };
        let rows = self.parts.store.search_log(&search).await?;
        let mut seen = HashMap::new();
        for row in rows {
            // The newest comes first.
            if let Event::RightsSeen { place, rights, .. } = row.entry.event {
                seen.entry(place)
                    .or_insert_with(|| rights.into_iter().collect());
            }
        }
        Ok(seen)
    }
}

fn rights_in(findings: &[Finding]) -> BTreeSet<String> {
    let too_wide = findings.iter().flat_map(|finding| &finding.too_wide);
    too_wide.cloned().collect()
}
