//! A store in memory: every change is applied to a copy, which takes the place of the whole.

mod ledger;
mod write;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{INTERNALS, locked};
use crate::audit::LogRow;
use crate::lifecycle::RequestId;
use crate::people::PersonId;
use crate::policy::StandIn;
use crate::ports::{
    Answered, Challenge, Change, ClaimedJob, CommitError, DeadJob, FailingJob, Finding, Job, JobId,
    KeptCheckpoint, Lease, Link, LogQuery, PickUp, ProviderSignIn, REMEMBERED, RefusedTicket,
    Session, Store, StoreError, StoredRequest, StoredRow,
};
use crate::programs::{ProgramName, ProgramToken};
use crate::proof::tree::Hash;
use crate::search::LogSearch;
use crate::tickets::TicketName;
use crate::tokens::{Reference, TokenHash};

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    memory: Memory,
    /// How many more commits there are before everything fails; `None` for ever.
    commits_left: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Memory {
    requests: Vec<StoredRequest>,
    log: Vec<StoredRow>,
    tree: Vec<Hash>,
    checkpoints: Vec<KeptCheckpoint>,
    jobs: Vec<StoredJob>,
    links: Vec<Link>,
    challenges: Vec<Challenge>,
    provider_sign_ins: Vec<ProviderSignIn>,
    sessions: Vec<Session>,
    /// How often something was done until when.
    allowances: HashMap<(String, Timestamp), i64>,
    stand_ins: Vec<StandIn>,
    /// The code of each request, and how often codes were typed from where.
    pick_ups: HashMap<RequestId, (TokenHash, HashMap<String, i64>)>,
    cursors: HashMap<String, i64>,
    refused_tickets: HashMap<TicketName, RefusedTicket>,
    tokens: Vec<ProgramToken>,
    answers: Vec<Answered>,
}

#[derive(Debug, Clone)]
struct StoredJob {
    id: JobId,
    job: Job,
    queued_at: Timestamp,
    attempts: i64,
    error: Option<String>,
    stage: Stage,
}

/// Where a job stands.
#[derive(Debug, Clone)]
enum Stage {
    /// Free for whoever comes at or after this moment.
    Free(Timestamp),
    /// Held by its latest attempt, and free again at this moment.
    Held(Timestamp),
    /// Given up.
    Dead,
}

impl StoredJob {
    fn due_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Free(due_at) | Stage::Held(due_at) => Some(due_at),
            Stage::Dead => None,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at().is_some_and(|due| due <= now)
    }
}

impl MemoryStore {
    /// Lets so many more commits through, and fails at everything after them.
    pub fn break_after(&self, commits: usize) {
        locked(&self.0).commits_left = Some(commits);
    }

    /// Works again.
    pub fn mend(&self) {
        locked(&self.0).commits_left = None;
    }

    /// Puts something into the place of a row's personal fields, past everything.
    pub fn overwrite(&self, seq: i64, personal: &str) {
        let memory = &mut locked(&self.0).memory;
        let rows = memory.log.iter_mut();
        for row in rows.filter(|row| row.seq == seq) {
            personal.clone_into(&mut row.personal);
        }
    }

    /// Has a row be searched by the name of another event, past everything.
    pub fn hide(&self, seq: i64, event: &str) {
        let memory = &mut locked(&self.0).memory;
        let rows = memory.log.iter_mut();
        for row in rows.filter(|row| row.seq == seq) {
            event.clone_into(&mut row.event);
        }
    }

    /// Has the latest checkpoint be another one, past everything.
    pub fn forge_checkpoint(&self, forge: impl FnOnce(&mut KeptCheckpoint)) {
        let memory = &mut locked(&self.0).memory;
        forge(memory.checkpoints.last_mut().expect("a checkpoint"));
    }

    /// Puts a cursor somewhere, past everything.
    pub fn put_cursor(&self, name: &str, position: i64) {
        let memory = &mut locked(&self.0).memory;
        memory.cursors.insert(name.to_owned(), position);
    }

    /// Everything but the log, as text: the same text means that nothing has changed.
    pub fn picture(&self) -> String {
        let memory = locked(&self.0).memory.clone();
        let without_log = Memory {
            log: Vec::new(),
            tree: Vec::new(),
            ..memory
        };
        format!("{without_log:?}")
    }

    async fn read<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        let mut inner = locked(&self.0);
        match inner.commits_left {
            Some(0) => Err(broken()),
            _ => Ok(look(&mut inner.memory)),
        }
    }
}

fn restored(row: &StoredRow) -> LogRow {
    LogRow::read(row.seq, row.at, Some(&row.leaf), Some(&row.personal))
}

fn broken() -> StoreError {
    StoreError {
        what: INTERNALS.to_owned(),
        source: None,
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        tokio::task::yield_now().await;
        let mut inner = locked(&self.0);
        if inner.commits_left == Some(0) {
            return Err(broken().into());
        }
        let mut next = inner.memory.clone();
        for write in change {
            next.apply(write)?;
        }
        inner.memory = next;
        inner.commits_left = inner.commits_left.map(|left| left - 1);
        Ok(())
    }

    async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError> {
        self.read(|memory| memory.request(id).cloned()).await
    }

    async fn request_of_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<StoredRequest>, StoreError> {
        self.read(|memory| {
            let is_of = |stored: &&StoredRequest| stored.request.ticket_name() == Some(ticket);
            memory.requests.iter().find(is_of).cloned()
        })
        .await
    }

    async fn refused_ticket(
        &self,
        ticket: &TicketName,
    ) -> Result<Option<RefusedTicket>, StoreError> {
        self.read(|memory| memory.refused_tickets.get(ticket).cloned())
            .await
    }

    async fn request_by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, StoreError> {
        self.read(|memory| {
            let mut requests = memory.requests.iter();
            requests
                .find(|stored| stored.request.reference == *reference)
                .cloned()
        })
        .await
    }

    async fn link(&self, token: &TokenHash) -> Result<Option<(Link, StoredRequest)>, StoreError> {
        self.read(|memory| {
            let link = memory.links.iter().find(|link| link.token == *token)?;
            Some((link.clone(), memory.request(link.request)?.clone()))
        })
        .await
    }

    async fn requests_of(
        &self,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        self.read(|memory| {
            let mut theirs: Vec<_> = memory
                .requests
                .iter()
                .rev()
                .filter(|stored| stored.request.askers().any(|asker| asker.id == *person))
                .cloned()
                .collect();
            theirs.sort_by_key(|stored| std::cmp::Reverse(stored.request.made_at));
            theirs.truncate(limit);
            theirs
        })
        .await
    }

    async fn open_requests(&self, limit: usize) -> Result<Vec<StoredRequest>, StoreError> {
        self.read(|memory| {
            let is_open = |stored: &&StoredRequest| stored.request.state.due_at().is_some();
            let mut open: Vec<_> = memory.requests.iter().filter(is_open).cloned().collect();
            open.sort_by_key(|stored| stored.request.made_at);
            open.truncate(limit);
            open
        })
        .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError> {
        self.read(|memory| {
            let requests = memory.requests.iter().map(|stored| &stored.request);
            let due = requests.filter_map(|request| Some((request.state.due_at()?, request.id)));
            let mut due: Vec<_> = due.filter(|(at, _)| *at <= now).collect();
            due.sort_by_key(|(at, _)| *at);
            due.into_iter().take(limit).map(|(_, id)| id).collect()
        })
        .await
    }

    async fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.read(|memory| {
            let rows = memory.rows(query);
            rows.map(restored).collect()
        })
        .await
    }

    async fn search_log(&self, search: &LogSearch) -> Result<Vec<LogRow>, StoreError> {
        self.read(|memory| {
            let rows = memory.log.iter().rev().map(restored);
            let fits = |row: &LogRow| search.fits(row);
            rows.filter(fits).take(search.limit).collect()
        })
        .await
    }

    async fn newest(&self) -> Result<i64, StoreError> {
        self.read(|memory| memory.log.last().map_or(0, |row| row.seq))
            .await
    }

    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|memory| {
            let last = memory.log.last().map(restored);
            last.map(|row| row.entry.at)
        })
        .await
    }

    async fn cursor(&self, name: &str) -> Result<i64, StoreError> {
        self.read(|memory| memory.cursor(name)).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.read(|memory| {
            let jobs = memory.jobs.iter_mut();
            let mut due: Vec<_> = jobs.filter(|job| job.is_due(now)).collect();
            due.sort_by_key(|job| job.due_at());
            due.into_iter()
                .take(limit)
                .map(|job| {
                    job.attempts += 1;
                    job.stage = Stage::Held(now + lease);
                    ClaimedJob {
                        lease: Lease {
                            job: job.id,
                            attempt: job.attempts,
                        },
                        queued_at: job.queued_at,
                        job: job.job.clone(),
                    }
                })
                .collect()
        })
        .await
    }

    async fn bring_back(&self, now: Timestamp, later_than: Timestamp) -> Result<usize, StoreError> {
        self.read(|memory| {
            let mut count = 0;
            for job in &mut memory.jobs {
                let is_later = job.due_at().is_some_and(|due_at| due_at > later_than);
                if is_later && !matches!(job.job, Job::Rotate { .. }) {
                    job.stage = match job.stage {
                        Stage::Held(_) => Stage::Held(now),
                        Stage::Free(_) | Stage::Dead => Stage::Free(now),
                    };
                    job.queued_at = job.queued_at.min(now);
                    count += 1;
                }
            }
            count
        })
        .await
    }

    async fn dead(&self, limit: usize) -> Result<Vec<DeadJob>, StoreError> {
        let dead = |job: &StoredJob| match &job.stage {
            Stage::Dead => Some(DeadJob {
                id: job.id,
                job: job.job.clone(),
                attempts: job.attempts,
                error: job.error.clone().unwrap_or_default(),
            }),
            Stage::Free(_) | Stage::Held(_) => None,
        };
        self.read(|memory| {
            let jobs = memory.jobs.iter().filter_map(dead);
            jobs.take(limit).collect()
        })
        .await
    }

    async fn failing(&self, limit: usize) -> Result<Vec<FailingJob>, StoreError> {
        let failing = |job: &StoredJob| {
            Some(FailingJob {
                job: job.job.clone(),
                attempts: job.attempts,
                error: job.error.clone()?,
                next_try: job.due_at(),
            })
        };
        self.read(|memory| {
            let mut jobs: Vec<_> = memory.jobs.iter().rev().collect();
            jobs.sort_by_key(|job| std::cmp::Reverse(job.queued_at));
            jobs.into_iter().filter_map(failing).take(limit).collect()
        })
        .await
    }

    async fn stand_in(&self, person: &PersonId) -> Result<Option<StandIn>, StoreError> {
        self.read(|memory| {
            let mut said = memory.stand_ins.iter();
            said.find(|it| it.of.id == *person).cloned()
        })
        .await
    }

    async fn pick_up(&self, request: RequestId, from: &str) -> Result<Option<PickUp>, StoreError> {
        self.read(|memory| {
            let (code, tries) = memory.pick_ups.get(&request)?;
            Some(PickUp {
                code: *code,
                attempts: tries.get(from).copied().unwrap_or(0),
            })
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|memory| {
            let requests = memory.requests.iter();
            let requests = requests.filter_map(|stored| stored.request.state.due_at());
            let jobs = memory.jobs.iter().filter_map(StoredJob::due_at);
            requests.chain(jobs).min()
        })
        .await
    }

    async fn challenge(&self, token: &TokenHash) -> Result<Option<Challenge>, StoreError> {
        self.read(|memory| {
            let mut challenges = memory.challenges.iter();
            challenges.find(|it| it.token == *token).cloned()
        })
        .await
    }

    async fn provider_sign_in(
        &self,
        token: &TokenHash,
    ) -> Result<Option<ProviderSignIn>, StoreError> {
        self.read(|memory| {
            let mut begun = memory.provider_sign_ins.iter();
            begun.find(|it| it.token == *token).cloned()
        })
        .await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, StoreError> {
        self.read(|memory| {
            let mut sessions = memory.sessions.iter();
            sessions.find(|it| it.token == *token).cloned()
        })
        .await
    }

    async fn program_token(&self, token: &TokenHash) -> Result<Option<ProgramToken>, StoreError> {
        self.read(|memory| {
            let mut tokens = memory.tokens.iter();
            tokens.find(|it| it.token == *token).cloned()
        })
        .await
    }

    async fn program_tokens(&self) -> Result<Vec<ProgramToken>, StoreError> {
        self.read(|memory| {
            let mut tokens = memory.tokens.clone();
            tokens.sort_by(|one, other| one.name.cmp(&other.name));
            tokens
        })
        .await
    }

    async fn answered(
        &self,
        program: &ProgramName,
        key: &TokenHash,
    ) -> Result<Option<Answered>, StoreError> {
        self.read(|memory| {
            let mut answers = memory.answers.iter();
            answers
                .find(|it| it.program == *program && it.key == *key)
                .cloned()
        })
        .await
    }

    async fn forget_ended(&self, before: Timestamp) -> Result<(), StoreError> {
        self.read(|memory| {
            memory.challenges.retain(|it| it.expires_at >= before);
            memory
                .provider_sign_ins
                .retain(|it| it.expires_at >= before);
            memory.sessions.retain(|it| it.ends_at >= before);
            memory.allowances.retain(|(_, until), _| *until >= before);
            memory
                .refused_tickets
                .retain(|_, it| it.until >= before - REMEMBERED);
            memory.answers.retain(|it| it.until >= before);
        })
        .await
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("The store is in memory")]
    }
}
