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
    order: Order,
}

/// In which order pages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By the last change: those that change meanwhile leave for the end.
    Changes,
    /// By their IDs: those that change meanwhile stay where they are.
    Ids,
}

impl HaloDesk {
    /// The tickets of ours that have changed since then, from a page by their IDs on where that is not 0.
    /// Each page has the
    /// time of the settings, and once that has passed for all together no further one is begun, unless
    /// nothing new was read so far. What goes wrong after the first page ends the reading there.
    pub(super) async fn changes(
        &self,
        since: Timestamp,
        page: u32,
    ) -> Result<Changes, TicketError> {
        let until = Instant::now() + self.settings.timeout.unsigned_abs();
        let mut place = Place::at(since, page);
        let least = if page > 1 { 2 } else { 1 };
        let mut tickets: Vec<TicketId> = Vec::new();
        let mut is_whole = false;
        for number in 0..MOST_PAGES {
            if number >= least && Instant::now() >= until {
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
            page: match place.order {
                Order::Ids => u32::try_from(place.page).unwrap_or(0),
                Order::Changes => 0,
            },
        })
    }

    async fn page(&self, place: Place) -> Result<(Vec<Value>, Option<usize>), TicketError> {
        let since = place.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (size, number) = (PAGE.to_string(), place.page.to_string());
        let kind = self.settings.ticket_type.to_string();
        let order = match place.order {
            Order::Changes => "last_update",
            Order::Ids => "id",
        };
        let query = [
            ("lastupdatefromdate", since.as_str()),
            ("requesttype_id", &kind),
            ("pageinate", "true"),
            ("page_size", &size),
            ("page_no", &number),
            ("order", order),
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
            order: Order::Changes,
        }
    }

    /// Where to go on with a page by IDs: at the one before it, for tickets that were deleted since move
    /// those after them up.
    fn at(since: Timestamp, page: u32) -> Self {
        let Ok(page @ 1..) = usize::try_from(page) else {
            return Self::new(since);
        };
        let passed = page.saturating_sub(2);
        Self {
            since,
            page: passed + 1,
            seen: passed * PAGE,
            order: Order::Ids,
        }
    }

    /// Where to read on after these rows; `None` where they were the last. It goes by the last change
    /// rather than by pages, which tickets leave that change meanwhile. Where more changed in one second
    /// than a page has, it goes by IDs until all of that second is read; by pages as they come where
    /// Halo does not keep the order.
    fn after(self, rows: &[Value], total: Option<usize>) -> Option<Self> {
        let seen = self.seen + rows.len();
        let is_last = rows.is_empty() || total.map_or(rows.len() < PAGE, |total| seen >= total);
        let next = Self {
            page: self.page + 1,
            seen,
            ..self
        };
        match (self.order, is_last) {
            (Order::Changes, true) => None,
            (Order::Changes, false) => Some(match last_change(rows) {
                Some(last) if last > self.since => Self::new(last),
                Some(_) => Self::at(self.since, 1),
                None => next,
            }),
            (Order::Ids, false) => Some(next),
            (Order::Ids, true) => {
                let second = SignedDuration::from_secs(2);
                self.since.checked_add(second).ok().map(Self::new)
            }
        }
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
        for rows in [mixed, bare] {
            let next = place.after(&rows, Some(500)).unwrap();
            assert_eq!((next.since, next.page, next.seen), (place.since, 2, PAGE));
            let again = next.after(&rows, Some(500)).unwrap();
            assert_eq!((again.page, again.seen), (3, 2 * PAGE));
        }
    }

    #[test]
    fn what_changed_in_one_second_is_read_by_ids_and_then_what_changed_after_it() {
        let since = at("2026-11-23T09:00:29Z");
        let rows = rows_until(0);
        let first = Place::new(since).after(&rows, Some(250)).unwrap();
        let expected = (Order::Ids, since, 1, 0);
        assert_eq!((first.order, first.since, first.page, first.seen), expected);
        let second = first.after(&rows, Some(250)).unwrap();
        let third = second.after(&rows, Some(250)).unwrap();
        assert_eq!((third.order, third.page, third.seen), (Order::Ids, 3, 200));
        let after = third.after(&rows[..50], Some(250)).unwrap();
        assert_eq!(after, Place::new(at("2026-11-23T09:00:31Z")));
        // Another time it goes on a page before.
        assert_eq!(Place::at(since, 3), second);
        assert_eq!(Place::at(since, 1), first);
        assert_eq!(Place::at(since, 0), Place::new(since));
    }
}
