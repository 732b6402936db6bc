//! Which tickets have changed, page by page: those that changed longest ago first, so that what was
//! read is worth something wherever it ends.

use clavis_broker::ports::{Changes, TicketError};
use clavis_broker::tickets::TicketId;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use super::HaloDesk;
use super::api::Call;
use super::budget::Haste;
use super::list::{good, rows};
use super::values::{id, moment};

/// How many tickets are asked for at once.
const PAGE: usize = 100;

/// The most pages that are read at once.
const MOST_PAGES: usize = 20;

/// How far we have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// All that changed before has been read.
    since: Timestamp,
    /// The page to read next of what has changed since.
    page: usize,
    /// How many tickets were on the pages before that one.
    seen: usize,
}

impl HaloDesk {
    /// The tickets of ours that have changed since then. Each page has the time of the settings, and
    /// once that has passed for all together no further one is begun. What goes wrong after the first
    /// page ends the reading there.
    pub(super) async fn changes(&self, since: Timestamp) -> Result<Changes, TicketError> {
        let until = Instant::now() + self.settings.timeout.unsigned_abs();
        let mut place = Place::new(since);
        let mut tickets: Vec<TicketId> = Vec::new();
        let mut is_whole = false;
        for number in 0..MOST_PAGES {
            if number > 0 && Instant::now() >= until {
                break;
            }
            let (found, total) = match self.api.in_time(self.page(place)).await {
                Ok(page) => page,
                Err(error) if number == 0 => return Err(error),
                Err(_) => break,
            };
            tickets.extend(found.iter().filter_map(|row| self.ours(row)));
            let Some(next) = place.after(&found, total) else {
                is_whole = true;
                break;
            };
            place = next;
        }
        tickets.sort();
        tickets.dedup();
        Ok(Changes {
            tickets,
            all_up_to: (!is_whole).then_some(place.since),
        })
    }

    async fn page(&self, place: Place) -> Result<(Vec<Value>, Option<usize>), TicketError> {
        let since = place.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (size, number) = (PAGE.to_string(), place.page.to_string());
        let kind = self.settings.ticket_type.to_string();
        let query = [
            ("lastupdatefromdate", since.as_str()),
            ("requesttype_id", &kind),
            ("pageinate", "true"),
            ("page_size", &size),
            ("page_no", &number),
            ("order", "last_update"),
            ("orderdesc", "false"),
        ];
        let call = Call::get(&["Tickets"], &query);
        let answer = good(self.api.ask(&call, Haste::None).await?, "read:tickets")?;
        let (rows, total) = answer
            .as_ref()
            .and_then(rows)
            .ok_or_else(|| TicketError::Nonsense("it is not a list of tickets".to_owned()))?;
        Ok((rows.to_vec(), total))
    }

    /// The ID of a row, unless it says that it is of another type.
    fn ours(&self, row: &Value) -> Option<TicketId> {
        let kind = id(row, "tickettype_id");
        let is_other = kind.is_some_and(|kind| kind != self.settings.ticket_type.to_string());
        TicketId::parse(&id(row, "id").filter(|_| !is_other)?).ok()
    }
}

impl Place {
    fn new(since: Timestamp) -> Self {
        Self {
            since,
            page: 1,
            seen: 0,
        }
    }

    /// Where to read on after these rows; `None` where they were the last. It goes by the last change
    /// rather than by pages, which tickets leave that change meanwhile; by pages where many changed in
    /// one second, or Halo does not keep the order.
    fn after(self, rows: &[Value], total: Option<usize>) -> Option<Self> {
        let seen = self.seen + rows.len();
        if rows.is_empty() || total.map_or(rows.len() < PAGE, |total| seen >= total) {
            return None;
        }
        let last = last_change(rows).filter(|last| *last > self.since);
        Some(last.map_or(
            Self {
                page: self.page + 1,
                seen,
                ..self
            },
            Self::new,
        ))
    }
}

/// The whole second before the last change of rows, where they are in its order.
fn last_change(rows: &[Value]) -> Option<Timestamp> {
    let changes = rows.iter().map(|row| moment(row, "last_update"));
    let changes: Vec<_> = changes.collect::<Option<_>>()?;
    let last = changes.last().filter(|_| changes.is_sorted())?;
    let second = Timestamp::from_second(last.as_second()).ok()?;
    second.checked_sub(SignedDuration::from_secs(1)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rows_until(minutes: usize) -> Vec<Value> {
        let row = |it: usize| {
            let minute = it * minutes / PAGE;
            json!({ "id": it + 1, "last_update": format!("2026-11-23T09:{minute:02}:30.5") })
        };
        (1..=PAGE).map(row).collect()
    }

    #[test]
    fn it_is_read_on_from_the_last_change() {
        let place = Place::new(at("2026-11-23T09:00:00Z"));
        let rows = rows_until(30);
        let next = place.after(&rows, Some(101)).unwrap();
        assert_eq!(next, Place::new(at("2026-11-23T09:30:29Z")));
        assert_eq!(place.after(&rows, None), Some(next));
        for (rows, total) in [(&rows[..], Some(100)), (&rows[..99], None), (&[], Some(7))] {
            assert_eq!(place.after(rows, total), None, "{total:?}");
        }
    }

    #[test]
    fn without_an_order_it_is_read_on_by_pages_and_nothing_is_taken_for_read() {
        let place = Place::new(at("2026-11-23T09:00:00Z"));
        let mut mixed = rows_until(30);
        mixed.reverse();
        let bare: Vec<_> = (1..=PAGE).map(|id| json!({ "id": id })).collect();
        // All changed in the second that is asked for.
        let at_once = rows_until(0);
        let now = Place::new(at("2026-11-23T09:00:29Z"));
        for (place, rows) in [(place, mixed), (place, bare), (now, at_once)] {
            let next = place.after(&rows, Some(500)).unwrap();
            assert_eq!((next.since, next.page, next.seen), (place.since, 2, PAGE));
            let again = next.after(&rows, Some(500)).unwrap();
            assert_eq!((again.page, again.seen), (3, 2 * PAGE));
        }
    }
}
