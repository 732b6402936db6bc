//! Keeping watch: going through the log behind everybody's back, and telling those who get alarms.
//!
//! Nothing waits for it. How far it has come is a cursor in the store, and what it has told is in the
//! log, so that several daemons tell once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Broker, Unavailable, before};
use crate::alarms::{
    AN_HOUR, Alarm, Usual, WATCHED, is_asking, is_of_link, is_redemption, many_devices,
    many_redemptions, person_of, told_by,
};
use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::lifecycle::{Request, RequestId};
use crate::people::{MailAddress, Party, PersonId};
use crate::policy::PolicyFault;
use crate::ports::{Change, CommitError, Hook, Job, LogQuery, StoredRow, Write};
use crate::search::LogSearch;

/// The name of the cursor.
const CURSOR: &str = "alarms";
/// How many rows are looked at in one go, and how many goes there are at once.
const BATCH: usize = 500;
const BATCHES: usize = 20;
/// What goes on is told once in this time; each time that it happens has its row in the log.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// The most requests of one person that are counted.
const COUNTED: usize = 1000;

/// Who is told of alarms, and of what.
#[derive(Clone, Default)]
pub struct Alarms {
    /// By mail.
    pub mail: Vec<MailAddress>,
    /// Which program.
    pub hook: Option<Arc<dyn Hook>>,
    /// What is still usual.
    pub usual: Usual,
}

/// What was looked up for rows before: somebody may have opened one link very often.
#[derive(Default)]
struct Known {
    requests: HashMap<RequestId, Option<Request>>,
    /// The rows by which keys were shown.
    shown: HashMap<RequestId, Option<LogRow>>,
}

impl Broker {
    /// Whether there is anybody who is told: pages say so.
    pub fn has_alarms(&self) -> bool {
        !self.parts.alarms.mail.is_empty() || self.parts.alarms.hook.is_some()
    }

    /// The jobs that tell everybody who gets alarms.
    pub(super) fn alarm(&self, alarm: &Alarm) -> Vec<Write> {
        let now = self.now();
        let alarms = &self.parts.alarms;
        let mails = alarms.mail.iter().map(|to| Job::Alarm {
            to: to.clone(),
            alarm: Box::new(alarm.clone()),
        });
        let hook = alarms.hook.as_ref().map(|_| Job::Hook {
            alarm: Box::new(alarm.clone()),
            at: now,
        });
        let jobs = mails.chain(hook);
        jobs.map(|job| self.enqueue_job(job, now)).collect()
    }

    /// The policy could not be carried out: an operator has to mend it.
    pub(super) async fn policy_failed(&self, fault: &PolicyFault) -> Result<(), Unavailable> {
        tracing::error!(
            policy.rule = fault.rule,
            fault = %fault.which,
            "nobody can approve until the policy is mended; run `clavis check`"
        );
        let event = Event::PolicyFailed {
            fault: fault.clone(),
        };
        self.record(LogEntry::of_nothing(event, Actor::Clavis, None, self.now()))
            .await
    }

    /// Looks at what has come into the log since it was last looked at, and tells what somebody has
    /// to look at; gives how much that was. Where much has come, the rest is for the next time.
    pub(super) async fn watch(&self) -> Result<usize, Unavailable> {
        let mut told = 0;
        if self.has_alarms() {
            for _ in 0..BATCHES {
                let (count, is_all) = self.watch_some().await?;
                told += count;
                if is_all {
                    break;
                }
            }
        }
        Ok(told)
    }

    /// Looks at all that is in the log by now; false where something is left that was not looked at.
    pub(super) async fn watch_up_to_now(&self) -> Result<bool, Unavailable> {
        if !self.has_alarms() {
            return Ok(true);
        }
        let store = &self.parts.store;
        let newest = store.newest().await?;
        let mut seen = store.cursor(CURSOR).await?;
        loop {
            self.watch().await?;
            let now = store.cursor(CURSOR).await?;
            if now >= newest {
                return Ok(now <= store.newest().await?);
            }
            // Another process may look at the same rows; where neither gets on, nobody does.
            if now == seen {
                return Ok(false);
            }
            seen = now;
        }
    }

    /// Looks at the next rows; gives how much was told, and whether there are no more rows.
    async fn watch_some(&self) -> Result<(usize, bool), Unavailable> {
        let store = &self.parts.store;
        let seen = store.cursor(CURSOR).await?;
        let newest = store.newest().await?;
        if newest < seen {
            let back_to = self.row_before(before(self.now(), AGAIN_AFTER), newest);
            let back_to = back_to.await?;
            let change = self.cursor_put_back(CURSOR, seen, back_to);
            return match self.commit(change).await {
                Ok(()) => Ok((1, false)),
                Err(CommitError::Conflict) => Ok((0, true)),
                Err(error) => Err(error.into()),
            };
        }
        if newest == seen {
            return Ok((0, true));
        }
        // Every row, and what its leaf says: the columns that rows are searched by are not what is
        // signed.
        let query = LogQuery {
            after: seen,
            limit: BATCH,
            ..LogQuery::default()
        };
        let stored = store.stored_rows(&query).await?;
        let rows: Vec<LogRow> = stored.iter().map(StoredRow::read).collect();
        let last = rows.last().map_or(0, |row| row.seq);
        let is_all = rows.len() < BATCH;
        let next = if is_all { last.max(newest) } else { last };
        let mut change = vec![Write::MoveCursor {
            name: CURSOR.to_owned(),
            expected: seen,
            next,
        }];
        let hidden = stored.iter().zip(&rows);
        let hidden = hidden.filter(|(stored, row)| is_hidden(stored, row));
        let hidden: Vec<_> = hidden.map(|(_, row)| row.seq).collect();
        let alarms = self.alarms_in(&rows, &hidden).await?;
        let count = alarms.len();
        for (alarm, about) in alarms {
            let event = Event::AlarmRaised {
                alarm: Box::new(alarm.clone()),
            };
            let now = self.now();
            let entry = match &about {
                Some(request) => LogEntry::of_request(request, event, Actor::Clavis, None, now),
                None => LogEntry::of_nothing(event, Actor::Clavis, None, now),
            };
            tracing::warn!(alarm = alarm.name(), "an alarm was raised");
            change.push(self.log(&entry));
            change.extend(self.alarm(&alarm));
        }
        match self.commit(change).await {
            Ok(()) => Ok((count, is_all)),
            // Another daemon has looked at the same rows, and told.
            Err(CommitError::Conflict) => Ok((0, true)),
            Err(error) => Err(error.into()),
        }
    }

    /// What puts back a cursor that is beyond the end of the log, which only somebody does who writes
    /// in the database, and tells of it.
    pub(super) fn cursor_put_back(&self, name: &str, seen: i64, back_to: i64) -> Change {
        tracing::error!(
            cursor = name,
            position = seen,
            back_to,
            "the place up to which the log was gone through is beyond its end: somebody has written \
             in the database; run `clavis audit verify`"
        );
        let alarm = Alarm::CursorAhead {
            reader: name.to_owned(),
            back_to,
        };
        let event = Event::AlarmRaised {
            alarm: Box::new(alarm.clone()),
        };
        let entry = LogEntry::of_nothing(event, Actor::Clavis, None, self.now());
        let mut change = vec![
            Write::MoveCursor {
                name: name.to_owned(),
                expected: seen,
                next: back_to,
            },
            self.log(&entry),
        ];
        change.extend(self.alarm(&alarm));
        change
    }

    /// Raises an alarm that no row of the log tells of, unless it was told lately.
    pub(super) async fn raise(&self, alarm: Alarm) -> Result<(), Unavailable> {
        if !self.has_alarms() {
            return Ok(());
        }
        let told = self.told_since(before(self.now(), AGAIN_AFTER)).await?;
        if told.iter().any(|other| alarm.is_of_the_same(other)) {
            return Ok(());
        }
        let event = Event::AlarmRaised {
            alarm: Box::new(alarm.clone()),
        };
        let entry = LogEntry::of_nothing(event, Actor::Clavis, None, self.now());
        tracing::warn!(alarm = alarm.name(), "an alarm was raised");
        let mut change = vec![self.log(&entry)];
        change.extend(self.alarm(&alarm));
        Ok(self.commit(change).await?)
    }

    /// A row that was written before this moment, not long before it where the log is long: some rows
    /// are looked at, backwards, each twice as far from the newest.
    async fn row_before(&self, since: Timestamp, newest: i64) -> Result<i64, Unavailable> {
        let mut back = i64::try_from(BATCH).unwrap_or(i64::MAX);
        loop {
            let seq = newest.saturating_sub(back).max(0);
            let query = LogQuery {
                after: seq,
                limit: 1,
                ..LogQuery::default()
            };
            let rows = self.parts.store.log(&query).await?;
            let is_before = |row: &LogRow| !row.is_unreadable() && row.entry.at <= since;
            if seq == 0 || rows.first().is_some_and(is_before) {
                return Ok(seq);
            }
            back = back.saturating_mul(2);
        }
    }

    /// What these rows give rise to, and was not told lately; with the request that it is about.
    async fn alarms_in(
        &self,
        rows: &[LogRow],
        hidden: &[i64],
    ) -> Result<Vec<(Alarm, Option<Request>)>, Unavailable> {
        // What is older was found when alarms were switched on, or after a long outage.
        let since = before(self.now(), AGAIN_AFTER);
        // When a row was written that cannot be read, nobody knows.
        let is_new = |row: &&LogRow| row.entry.at > since || row.is_unreadable();
        let watched = |row: &&LogRow| WATCHED.contains(&row.entry.event.name());
        let late = rows.iter().filter(watched);
        let late = late.filter(|row| !is_new(row)).count();
        if late > 0 {
            tracing::warn!(
                rows = late,
                "rows of the log were looked at too late to raise an alarm; look through it with `clavis audit show`"
            );
        }
        for row in rows.iter().filter(|row| row.is_unreadable()) {
            tracing::error!(
                log.row = row.seq,
                "a row of the log cannot be read, so nobody knows whether it tells of an alarm; run `clavis audit verify`"
            );
        }
        let rows = || rows.iter().filter(is_new);
        let (mut found, mut known) = (Vec::new(), Known::default());
        for row in hidden {
            tracing::error!(
                log.row = row,
                "a column of a row of the log is not what the row says, so that searches pass it over; run `clavis audit verify`"
            );
            found.push((Alarm::RowUnreadable { row: *row }, None));
        }
        for row in rows() {
            found.extend(self.told_by(row, &mut known).await?);
        }
        if rows().any(|row| is_redemption(&row.entry)) {
            found.extend(self.redemptions().await?.map(|alarm| (alarm, None)));
        }
        let asking = rows().filter(|row| is_asking(&row.entry));
        let people = asking.filter_map(|row| person_of(&row.entry.actor));
        let people: HashMap<&PersonId, &Party> = people.map(|it| (&it.id, it)).collect();
        for person in people.into_values() {
            let alarms = self.devices_asked_for(person).await?;
            found.extend(alarms.into_iter().map(|alarm| (alarm, None)));
        }
        if found.is_empty() {
            return Ok(found);
        }
        let mut told = self.told_since(since).await?;
        found.retain(|(alarm, _)| {
            let is_new = !told.iter().any(|other| alarm.is_of_the_same(other));
            if is_new {
                told.push(alarm.clone());
            }
            is_new
        });
        Ok(found)
    }

    /// What a row tells by itself.
    async fn told_by(
        &self,
        row: &LogRow,
        known: &mut Known,
    ) -> Result<Option<(Alarm, Option<Request>)>, Unavailable> {
        let Some(name) = &row.entry.request else {
            return Ok(told_by(row, None, None).map(|alarm| (alarm, None)));
        };
        let store = &self.parts.store;
        if is_of_link(&row.entry)
            && let Entry::Vacant(place) = known.shown.entry(name.id)
        {
            let search = LogSearch {
                request: Some(name.id),
                event: Some("link.redeemed".to_owned()),
                limit: 1,
                ..LogSearch::default()
            };
            place.insert(store.search_log(&search).await?.pop());
        }
        if let Entry::Vacant(place) = known.requests.entry(name.id) {
            let stored = store.request(name.id).await?;
            place.insert(stored.map(|stored| stored.request));
        }
        let shown = known.shown.get(&name.id).and_then(Option::as_ref);
        let Some(request) = known.requests.get(&name.id).and_then(Option::as_ref) else {
            return Ok(None);
        };
        let alarm = told_by(row, Some(request), shown);
        Ok(alarm.map(|alarm| (alarm, Some(request.clone()))))
    }

    async fn redemptions(&self) -> Result<Option<Alarm>, Unavailable> {
        let usual = &self.parts.alarms.usual;
        let Some(enough) = usual.redemptions else {
            return Ok(None);
        };
        let search = LogSearch {
            event: Some("link.redeemed".to_owned()),
            from: Some(before(self.now(), AN_HOUR)),
            to: Some(self.ahead()),
            limit: enough.saturating_add(1),
            ..LogSearch::default()
        };
        let rows = self.parts.store.search_log(&search).await?;
        Ok(many_redemptions(rows.len(), usual))
    }

    async fn devices_asked_for(&self, person: &Party) -> Result<Vec<Alarm>, Unavailable> {
        let stored = self.parts.store.requests_of(&person.id, COUNTED).await?;
        let requests: Vec<Request> = stored.into_iter().map(|stored| stored.request).collect();
        let usual = &self.parts.alarms.usual;
        Ok(many_devices(&requests, person, self.now(), usual))
    }

    /// What was told since then. Rows that a clock wrote that was ahead are not of that time, and keep
    /// nothing from being told until then.
    async fn told_since(&self, since: Timestamp) -> Result<Vec<Alarm>, Unavailable> {
        let search = LogSearch {
            event: Some("alarm.raised".to_owned()),
            from: Some(since),
            to: Some(self.ahead()),
            limit: BATCH,
            ..LogSearch::default()
        };
        let rows = self.parts.store.search_log(&search).await?;
        let rows = rows.into_iter().filter(|row| row.entry.at > since);
        let alarms = rows.filter_map(|row| match row.entry.event {
            Event::AlarmRaised { alarm } => Some(*alarm),
            _ => None,
        });
        Ok(alarms.collect())
    }
}

/// Whether a row that can be read is stored so that searches pass it over.
fn is_hidden(stored: &StoredRow, row: &LogRow) -> bool {
    let is_odd = stored.odd_columns(&row.entry).next().is_some();
    !row.is_unreadable() && (is_odd || stored.unreadable.is_some())
}

/// What the webhook is told of an alarm: JSON with `type`, `timestamp` and `data`.
pub(super) fn message(alarm: &Alarm, at: Timestamp) -> String {
    let told = json!({
        "type": format!("alarm.{}", alarm.name()),
        "timestamp": at,
        "data": alarm,
    });
    told.to_string()
}
