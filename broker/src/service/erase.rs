//! Erasing what names people, from the log and from everything else that is kept; the log's proofs
//! hold afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::prove::page;
use super::{Broker, Unavailable, allowances, before};
use crate::audit::{Actor, Event, LogEntry, WhyErased};
use crate::lifecycle::{Request, RequestId};
use crate::people::{MailAddress, PersonId};
use crate::ports::{Change, CommitError, Job, StoredRequest, StoredRow, Write};
use crate::proof::leaf::{Field, LeafError, Placed, check, replaced, texts_of, write_fields};
use crate::proof::tally::Tally;
use crate::proof::theirs::{Text, Whose, theirs};
use crate::tokens::{Reference, new_id};

/// How many rows are read at once.
const PAGE: usize = 1000;
/// After how many rows what was found is committed: one change is not to hold up others for long.
const AT_ONCE: u64 = 2000;

/// What was erased of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// From how many rows of the log.
    pub rows: u64,
    /// How many fields of those.
    pub fields: u64,
    /// From how many closed requests.
    pub requests: u64,
    /// How many jobs of the outbox were dropped.
    pub jobs: u64,
    /// Rows that do not hold together, of which nothing was erased.
    pub left_out: Vec<i64>,
    /// Whether copies are left beside the store for a while, as others were reading.
    pub leaves_traces: bool,
}

/// Nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Nothing that is kept names them.
    #[error(
        "nothing that is kept names them; write the mail address, or the ID as `clavis audit export` \
         has it as the `id` of a person"
    )]
    Unknown,
    /// Several people have had the address.
    #[error("several people have had this address; say which by the ID: {}", .0.join(", "))]
    Several(Vec<String>),
    /// Open requests name them.
    #[error(
        "open requests name them: {}; wait for their end, or end them with `clavis revoke`",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Open(Vec<Reference>),
    /// Alarms that name them are still to be told, so many: nobody is to erase what somebody has to
    /// look at.
    #[error(
        "alarms that name them were not told yet: {0}; wait until they are, or see with \
         `clavis outbox list` why not, mend that, and try them again with `clavis outbox retry`"
    )]
    Untold(usize),
    /// Rows of the log were not looked at for alarms yet.
    #[error(
        "the log was not looked through for alarms up to its end, so nobody knows whether one names them; \
         wait until the daemon has, or see in its journal why not"
    )]
    Unwatched,
    /// It could not be done. What was erased by then stays so.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Up to which row nothing is left that is too old.
#[derive(Debug, Default)]
pub(super) struct Aged(pub(super) AtomicI64);

/// Rows whose fields are about to be erased together.
struct Batch {
    erasure: Uuid,
    tally: Tally,
    writes: Change,
}

impl Broker {
    /// Erases a person, by a mail address or an ID that they have or had: from rows of the log,
    /// closed requests, links, jobs, sign-ins, sessions, tokens in their name and what was said of stand-ins. That it was
    /// done is in the log, and not of whom.
    ///
    /// # Errors
    /// Why nothing was erased, or not all.
    pub async fn erase_person(&self, who: &str, operator: &str) -> Result<Forgotten, EraseError> {
        // What an alarm would name is not to be gone when it is told.
        if !self.watch_up_to_now().await? {
            return Err(EraseError::Unwatched);
        }
        let whose = self.whose(who).await?;
        let (mut first, requests, theirs_as_beneficiary) = self.requests_of_whose(&whose).await?;
        let jobs = self.jobs_naming(&whose).await?;
        let mut forgotten = Forgotten {
            requests,
            jobs: jobs.len() as u64,
            ..Forgotten::default()
        };
        first.extend(jobs);
        first.extend(self.standing_in(&whose).await?);
        for id in &whose.ids {
            let id = PersonId(id.clone());
            first.push(Write::EraseApprover(id.clone()));
            first.push(Write::EndChallengesOf(id.clone()));
            first.push(Write::EndSessionsOf(id.clone()));
            first.push(Write::EndTokensOf(id));
        }
        for mail in whose
            .mails
            .iter()
            .filter_map(|it| MailAddress::parse(it).ok())
        {
            first.push(allowances::forget_codes_for(&mail));
            first.push(Write::EndChallengesFor(mail));
        }
        let actor = Actor::Operator {
            name: operator.to_owned(),
        };
        let mut batch = self.batch(first);
        let mut after = i64::MIN;
        loop {
            let rows = page(self.ledger(), after)
                .await
                .map_err(Unavailable::from)?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in &rows {
                let Ok((entry, fields)) = checked(row) else {
                    forgotten.left_out.push(row.seq);
                    continue;
                };
                let about = entry.request.as_ref().map(|request| request.id);
                let device = about.is_some_and(|id| theirs_as_beneficiary.contains(&id));
                let numbers = theirs(&texts(&fields), &whose, device);
                batch.erase(row, fields, &numbers);
            }
            if batch.tally.rows() >= AT_ONCE {
                forgotten.add(&batch.tally);
                let full = std::mem::replace(&mut batch, self.batch(Change::new()));
                let committed = self.commit_batch(full, WhyErased::Person, actor.clone());
                committed.await.map_err(Unavailable::from)?;
            }
        }
        forgotten.add(&batch.tally);
        if forgotten.is_of_nothing() {
            return Err(EraseError::Unknown);
        }
        if !batch.writes.is_empty() {
            let committed = self.commit_batch(batch, WhyErased::Person, actor);
            committed.await.map_err(Unavailable::from)?;
        }
        let cleared = self.ledger().clear_traces().await;
        forgotten.leaves_traces = !cleared.map_err(Unavailable::from)?;
        Ok(forgotten)
    }

    /// Erases the personal fields of rows that are older than they are kept. Where another process
    /// does so at the same time, what is left is done by it, or the next time.
    pub(super) async fn erase_aged(&self) -> Result<(), Unavailable> {
        let Some(keep_for) = self.parts.audit.keep_for else {
            return Ok(());
        };
        let end = before(self.now(), keep_for).as_millisecond();
        let mut after = self.aged.0.load(Ordering::Relaxed);
        let mut has_erased = false;
        loop {
            let rows = page(self.ledger(), after)
                .await
                .map_err(Unavailable::from)?;
            let mut batch = self.batch(Change::new());
            for row in rows.iter().filter(|row| row.at < end) {
                if let Ok((_, fields)) = checked(row) {
                    let all = (0..fields.len()).collect();
                    batch.erase(row, fields, &all);
                } else {
                    tracing::error!(
                        log.row = row.seq,
                        "a row of the log does not hold together, so nothing of it is erased; run `clavis audit verify`"
                    );
                }
            }
            if !batch.writes.is_empty() {
                let committed = self.commit_batch(batch, WhyErased::Age, Actor::Clavis);
                match committed.await {
                    Ok(()) => has_erased = true,
                    Err(CommitError::Conflict) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            let aged = rows.iter().take_while(|row| row.at < end);
            let Some(last) = aged.last() else { break };
            after = last.seq;
            self.aged.0.store(after, Ordering::Relaxed);
            if rows.last() != Some(last) {
                break;
            }
        }
        if has_erased {
            self.ledger().clear_traces().await?;
        }
        Ok(())
    }

    /// By what somebody is known, as far as anything that is kept tells.
    async fn whose(&self, who: &str) -> Result<Whose, EraseError> {
        let mut whose = Whose::default();
        if let Ok(mail) = MailAddress::parse(who) {
            whose.mails.insert(mail.as_str().to_lowercase());
            let mut ids = BTreeSet::new();
            self.each_kept(|texts| ids.append(&mut whose.ids_beside(texts)))
                .await?;
            if ids.len() > 1 {
                return Err(EraseError::Several(ids.into_iter().collect()));
            }
            whose.ids = ids;
        } else if who.trim().is_empty() {
            return Err(EraseError::Unknown);
        } else {
            whose.ids.insert(who.trim().to_owned());
            let mut is_somebodys = false;
            self.each_kept(|texts| is_somebodys |= whose.has_id_in(texts))
                .await?;
            if !is_somebodys {
                return Err(EraseError::Unknown);
            }
        }
        self.each_kept(|texts| whose.learn(texts)).await?;
        Ok(whose)
    }

    /// Comes to the texts of every request, of every row, and of what was said of stand-ins.
    async fn each_kept(&self, mut visit: impl FnMut(&[Text])) -> Result<(), EraseError> {
        let mut last = None;
        loop {
            let requests = self.requests_after(&mut last).await?;
            if requests.is_empty() {
                break;
            }
            for stored in &requests {
                visit(&texts_of(&mut as_json(&stored.request)));
            }
        }
        let said = self.parts.store.stand_ins().await;
        for said in said.map_err(Unavailable::from)? {
            visit(&texts_of(&mut as_json(&said)));
        }
        let tokens = self.parts.store.program_tokens().await;
        for token in tokens.map_err(Unavailable::from)? {
            visit(&texts_of(&mut as_json(&token.person)));
        }
        let mut after = i64::MIN;
        loop {
            let rows = page(self.ledger(), after)
                .await
                .map_err(Unavailable::from)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.seq;
            for row in &rows {
                // One that does not hold together tells nothing, and holds up nobody's erasure.
                if let Ok((_, fields)) = checked(row) {
                    visit(&texts(&fields));
                }
            }
        }
    }

    /// The next requests after the last one that was looked at, which moves on; none at the end.
    async fn requests_after(
        &self,
        last: &mut Option<RequestId>,
    ) -> Result<Vec<StoredRequest>, Unavailable> {
        let requests = self.parts.store.requests_after(*last, PAGE).await?;
        *last = requests.last().map(|end| end.request.id);
        Ok(requests)
    }

    /// What erases them from requests, how many those are, and which were for them.
    async fn requests_of_whose(
        &self,
        whose: &Whose,
    ) -> Result<(Change, u64, BTreeSet<RequestId>), EraseError> {
        let (mut change, mut for_them, mut open) = (Change::new(), BTreeSet::new(), Vec::new());
        let mut last = None;
        loop {
            let requests = self.requests_after(&mut last).await?;
            if requests.is_empty() {
                break;
            }
            for stored in requests {
                let request = &stored.request;
                let is_for_them = whose.ids.contains(&request.beneficiary.id.0);
                if is_for_them {
                    for_them.insert(request.id);
                }
                let mut value = as_json(request);
                let numbers = theirs(&texts_of(&mut value), whose, is_for_them);
                if numbers.is_empty() {
                    continue;
                }
                if request.state.due_at().is_some() {
                    open.push(request.reference.clone());
                    continue;
                }
                change.push(Write::EraseRequest {
                    left: Box::new(of_json::<Request>(replaced(value, &numbers))?),
                    expected: stored.version,
                });
            }
        }
        if !open.is_empty() {
            return Err(EraseError::Open(open));
        }
        let count = change.len() as u64;
        Ok((change, count, for_them))
    }

    /// What drops the jobs that name them; none of those may be an alarm.
    async fn jobs_naming(&self, whose: &Whose) -> Result<Change, EraseError> {
        let (mut change, mut untold) = (Change::new(), 0);
        let mut last = None;
        loop {
            let jobs = self.parts.store.jobs_after(last, PAGE).await;
            let jobs = jobs.map_err(Unavailable::from)?;
            let Some((end, _)) = jobs.last() else {
                break;
            };
            last = Some(*end);
            for (id, job) in &jobs {
                if theirs(&texts_of(&mut as_json(job)), whose, false).is_empty() {
                    continue;
                }
                untold += usize::from(matches!(job, Job::Alarm { .. } | Job::Hook { .. }));
                change.push(Write::DropJob(*id));
            }
        }
        if untold > 0 {
            return Err(EraseError::Untold(untold));
        }
        Ok(change)
    }

    async fn standing_in(&self, whose: &Whose) -> Result<Change, EraseError> {
        let said = self.parts.store.stand_ins().await;
        let said = said.map_err(Unavailable::from)?.into_iter();
        let names = |it: &_| !theirs(&texts_of(&mut as_json(it)), whose, false).is_empty();
        let theirs = said.filter(names);
        Ok(theirs.map(|it| Write::EndStandIn(it.of.id)).collect())
    }

    fn batch(&self, writes: Change) -> Batch {
        Batch {
            erasure: new_id(self.now(), &*self.parts.random),
            tally: Tally::default(),
            writes,
        }
    }

    /// Commits what is erased together with the row that accounts for it.
    async fn commit_batch(
        &self,
        batch: Batch,
        why: WhyErased,
        actor: Actor,
    ) -> Result<(), CommitError> {
        let event = Event::FieldsErased {
            erasure: batch.erasure,
            why,
            rows: batch.tally.rows(),
            fields: batch.tally.fields(),
            digest: batch.tally.digest(),
        };
        let entry = LogEntry::of_nothing(event, actor, None, self.now());
        let mut change = batch.writes;
        change.push(self.log(&entry));
        self.commit(change).await
    }
}

impl Batch {
    /// Erases those of a row's fields that have these numbers and are not erased yet.
    fn erase(&mut self, row: &StoredRow, fields: Vec<Placed>, numbers: &BTreeSet<usize>) {
        let mut fields: Vec<_> = fields.into_iter().map(|placed| placed.field).collect();
        let before = self.tally.fields();
        for number in numbers {
            if let Some(field @ Field::Kept(..)) = fields.get_mut(*number) {
                *field = Field::Erased(self.erasure);
                self.tally.add(row.seq, *number);
            }
        }
        if self.tally.fields() > before {
            self.writes.push(Write::EraseFields {
                seq: row.seq,
                expected: row.personal.clone(),
                left: write_fields(&fields),
            });
        }
    }
}

impl Forgotten {
    fn is_of_nothing(&self) -> bool {
        [self.rows, self.fields, self.requests, self.jobs] == [0; 4]
    }

    fn add(&mut self, tally: &Tally) {
        self.rows += tally.rows();
        self.fields += tally.fields();
    }
}

fn checked(row: &StoredRow) -> Result<(LogEntry, Vec<Placed>), LeafError> {
    match row.unreadable {
        Some("leaf") => Err(LeafError::Leaf),
        Some("personal") => Err(LeafError::Fields),
        // Columns that are searched by have no part in it.
        Some(_) | None => check(&row.leaf, &row.personal),
    }
}

/// The fields as texts; of one that was erased, none.
fn texts(fields: &[Placed]) -> Vec<Text> {
    let text = |placed: &Placed| match &placed.field {
        Field::Kept(_, text) => (placed.path.clone(), text.clone()),
        Field::Erased(_) => (placed.path.clone(), String::new()),
    };
    fields.iter().map(text).collect()
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("whatever is kept can be written as JSON")
}

fn of_json<T: DeserializeOwned>(value: Value) -> Result<T, Unavailable> {
    serde_json::from_value(value).map_err(|error| Unavailable::new("erasing", error))
}
