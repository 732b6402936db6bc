//! What auditors see of the log, and what is left of their looking.

use super::{World, boss};
use crate::audit::{Event, LogRow};
use crate::export::Format;
use crate::people::Party;
use crate::search::LogFilters;
use crate::service::{LogExport, Unavailable};

fn auditor() -> Party {
    boss().party().unwrap()
}

impl World {
    async fn search(&self, filters: &LogFilters, limit: usize) -> Result<Vec<LogRow>, Unavailable> {
        self.broker
            .search_log(&auditor(), filters, limit, None)
            .await
    }

    async fn export(&self, filters: &LogFilters) -> Result<LogExport, Unavailable> {
        let format = Format::Csv;
        self.broker
            .begin_export(&auditor(), filters, format, None)
            .await
    }
}

fn seqs(rows: &[LogRow]) -> Vec<i64> {
    rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn a_search_is_in_the_log_and_not_among_its_own_rows() {
    let world = World::new();
    let request = world.ask().await;
    let rows = world.log().await.len();
    let filters = LogFilters {
        request: Some(request.reference),
        ..LogFilters::default()
    };
    let found = world.search(&filters, 50).await.unwrap();
    assert_eq!(found.len(), rows);
    assert!(found.is_sorted_by(|one, next| one.seq > next.seq));
    assert_eq!(world.last_event().await, Event::AuditSearched { filters });
}

#[tokio::test]
async fn a_request_that_is_not_there_has_no_rows() {
    let world = World::new();
    world.ask().await;
    let filters = LogFilters {
        request: "XXX-XXXX".parse().ok(),
        ..LogFilters::default()
    };
    assert!(filters.request.is_some());
    assert!(world.search(&filters, 50).await.unwrap().is_empty());
    let mut export = world.export(&filters).await.unwrap();
    assert!(
        world
            .broker
            .next_rows(&mut export)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(export.cut(), None);
}

#[tokio::test]
async fn nothing_is_seen_that_is_not_written_down() {
    let world = World::new();
    world.ask().await;
    world.store.break_after(0);
    let all = LogFilters::default();
    world.search(&all, 50).await.unwrap_err();
    world.export(&all).await.unwrap_err();
}

#[tokio::test]
async fn an_export_gives_every_row_once_and_says_where_it_was_cut() {
    let world = World::new();
    for _ in 0..7 {
        let nothing = world.search(&LogFilters::default(), 0).await.unwrap();
        assert!(nothing.is_empty());
    }
    for (longest, expected, cut) in [
        (8, &[7, 6, 5, 4, 3, 2, 1][..], None),
        (7, &[7, 6, 5, 4, 3, 2, 1], None),
        (6, &[7, 6, 5, 4, 3, 2], Some(2)),
        (1, &[7], Some(7)),
    ] {
        let mut export = world
            .broker
            .prepare_export(&LogFilters::default(), longest)
            .await
            .unwrap();
        let mut given = Vec::new();
        loop {
            let rows = world.broker.next_rows(&mut export).await.unwrap();
            if rows.is_empty() {
                break;
            }
            given.extend(seqs(&rows));
        }
        assert_eq!(given, expected, "{longest}");
        assert_eq!(export.cut().map(|row| row.seq), cut, "{longest}");
    }
}
