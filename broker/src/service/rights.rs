//! Whether what Clavis reads with may do more than it needs, looked at from time to time.

use std::collections::BTreeSet;

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
            let before = self.rights_before(&place).await?;
            if before.as_ref() == Some(&rights) {
                continue;
            }
            let added = before.map_or_else(Vec::new, |before| {
                rights.difference(&before).cloned().collect()
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

    /// What was seen the last time; `None` where nobody had looked.
    async fn rights_before(&self, place: &str) -> Result<Option<BTreeSet<String>>, Unavailable> {
        let search = LogSearch {
            event: Some("rights.seen".to_owned()),
            limit: REMEMBERED,
            ..LogSearch::default()
        };
        let rows = self.parts.store.search_log(&search).await?;
        let mut seen = rows.into_iter().filter_map(|row| match row.entry.event {
            Event::RightsSeen {
                place: of, rights, ..
            } if of == place => Some(rights.into_iter().collect()),
            _ => None,
        });
        Ok(seen.next())
    }
}

fn rights_in(findings: &[Finding]) -> BTreeSet<String> {
    let too_wide = findings.iter().flat_map(|finding| &finding.too_wide);
    too_wide.cloned().collect()
}
