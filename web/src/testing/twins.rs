//! In-memory twins of the ports, just good enough for the tests of pages.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use clavis_broker::audit::LogRow;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId, RecoveryKey};
use clavis_broker::letters::Mail;
use clavis_broker::lifecycle::{Request, RequestId};
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::ports::{
    Challenge, ChallengeState, Change, ClaimedJob, CommitError, DeadJob, Directory, DirectoryError,
    EscrowBackend, EscrowError, EscrowFault, Finding, GroupName, Job, JobId, Lease, Link, LogQuery,
    MailError, Mailer, PersonQuery, Session, Store, StoreError, StoredRequest, Version, Write,
};
use clavis_broker::text::Asset;
use clavis_broker::tokens::{Reference, TokenHash};
use jiff::{SignedDuration, Timestamp};

#[derive(Clone, Default)]
struct Memory {
    requests: Vec<(Request, i64)>,
    log: Vec<LogRow>,
    jobs: Vec<(JobId, Job, Timestamp, Timestamp, i64)>,
    links: Vec<Link>,
    challenges: Vec<Challenge>,
    sessions: Vec<Session>,
}

#[derive(Default)]
pub(crate) struct MemoryStore {
    memory: Mutex<Memory>,
    pub(crate) broken: AtomicBool,
}

impl MemoryStore {
    fn read(&self) -> Result<Memory, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError {
                what: "SECRET-INTERNALS reading".into(),
                source: None,
            });
        }
        Ok(self.memory.lock().unwrap().clone())
    }
    /// Everything that a page may change.
    pub(crate) fn picture(&self) -> String {
        let m = self.memory.lock().unwrap();
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            m.requests, m.jobs, m.links, m.challenges, m.sessions
        )
    }
}

fn apply(m: &mut Memory, write: Write) -> Result<(), CommitError> {
    match write {
        Write::Open(r) => {
            if m.requests.iter().any(|(o, _)| {
                o.state.due_at().is_some()
                    && o.device.id == r.device.id
                    && o.beneficiary.id == r.beneficiary.id
            }) {
                return Err(CommitError::Conflict);
            }
            m.requests.push((*r, 1));
        }
        Write::Advance {
            request,
            expected,
            next,
        } => {
            let Some((r, v)) = m
                .requests
                .iter_mut()
                .find(|(r, v)| r.id == request && *v == expected.0)
            else {
                return Err(CommitError::Conflict);
            };
            r.state = *next;
            *v += 1;
        }
        Write::Log(e) => {
            let seq = i64::try_from(m.log.len()).unwrap() + 1;
            m.log.push(LogRow { seq, entry: *e });
        }
        Write::Enqueue { id, job, at } => m.jobs.push((id, *job, at, at, 0)),
        Write::AddLink(l) => m.links.push(l),
        Write::Finish(l) | Write::Bury { lease: l, .. } => m.jobs.retain(|j| j.0 != l.job),
        Write::Postpone { lease, due_at, .. } => {
            for j in &mut m.jobs {
                if j.0 == lease.job {
                    j.2 = due_at;
                }
            }
        }
        Write::Revive { .. } => {}
        Write::OpenChallenge(c) => m.challenges.push(*c),
        Write::SetCode {
            challenge,
            code,
            to,
            expires_at,
        } => {
            for c in &mut m.challenges {
                if c.token == challenge {
                    c.state = ChallengeState::Sent {
                        code,
                        to: to.clone(),
                    };
                    c.expires_at = expires_at;
                }
            }
        }
        Write::CountAttempt {
            challenge,
            expected,
        } => {
            let Some(c) = m
                .challenges
                .iter_mut()
                .find(|c| c.token == challenge && c.attempts == expected)
            else {
                return Err(CommitError::Conflict);
            };
            c.attempts += 1;
        }
        Write::EndChallenge(t) => {
            if !m.challenges.iter().any(|c| c.token == t) {
                return Err(CommitError::Conflict);
            }
            m.challenges.retain(|c| c.token != t);
        }
        Write::OpenSession(s) => m.sessions.push(*s),
        Write::TouchSession { token, at } => {
            for s in &mut m.sessions {
                if s.token == token {
                    s.used_at = at;
                }
            }
        }
        Write::EndSession(t) => m.sessions.retain(|s| s.token != t),
    }
    Ok(())
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let mut next = self.read()?;
        for write in change {
            apply(&mut next, write)?;
        }
        *self.memory.lock().unwrap() = next;
        Ok(())
    }
    async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError> {
        Ok(self
            .read()?
            .requests
            .iter()
            .find(|(r, _)| r.id == id)
            .map(stored))
    }
    async fn request_by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<StoredRequest>, StoreError> {
        Ok(self
            .read()?
            .requests
            .iter()
            .find(|(r, _)| r.reference == *reference)
            .map(stored))
    }
    async fn link(&self, token: &TokenHash) -> Result<Option<(Link, StoredRequest)>, StoreError> {
        let m = self.read()?;
        Ok(m.links.iter().find(|l| l.token == *token).and_then(|l| {
            Some((
                l.clone(),
                m.requests
                    .iter()
                    .find(|(r, _)| r.id == l.request)
                    .map(stored)?,
            ))
        }))
    }
    async fn requests_of(
        &self,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        Ok(self
            .read()?
            .requests
            .iter()
            .rev()
            .filter(|(r, _)| r.requester.id == *person || r.beneficiary.id == *person)
            .take(limit)
            .map(stored)
            .collect())
    }
    async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError> {
        Ok(self
            .read()?
            .requests
            .iter()
            .filter(|(r, _)| r.state.is_overdue(now))
            .take(limit)
            .map(|(r, _)| r.id)
            .collect())
    }
    async fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        Ok(self
            .read()?
            .log
            .into_iter()
            .filter(|row| {
                query
                    .request
                    .is_none_or(|id| row.entry.request.as_ref().is_some_and(|r| r.id == id))
            })
            .collect())
    }
    async fn claim(
        &self,
        now: Timestamp,
        _: SignedDuration,
        limit: usize,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.read()?;
        let mut m = self.memory.lock().unwrap();
        Ok(m.jobs
            .iter_mut()
            .filter(|j| j.2 <= now)
            .take(limit)
            .map(|j| {
                j.4 += 1;
                j.2 = now + SignedDuration::from_secs(30);
                ClaimedJob {
                    lease: Lease {
                        job: j.0,
                        attempt: j.4,
                    },
                    queued_at: j.3,
                    job: j.1.clone(),
                }
            })
            .collect())
    }
    async fn dead(&self, _: usize) -> Result<Vec<DeadJob>, StoreError> {
        Ok(vec![])
    }
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read()?;
        Ok(None)
    }
    async fn challenge(&self, token: &TokenHash) -> Result<Option<Challenge>, StoreError> {
        Ok(self
            .read()?
            .challenges
            .into_iter()
            .find(|c| c.token == *token))
    }
    async fn challenges_since(&self, _: &MailAddress, _: Timestamp) -> Result<usize, StoreError> {
        self.read()?;
        Ok(0)
    }
    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, StoreError> {
        Ok(self
            .read()?
            .sessions
            .into_iter()
            .find(|s| s.token == *token))
    }
    async fn forget_ended(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
    async fn check(&self) -> Vec<Finding> {
        vec![]
    }
}

fn stored((request, version): &(Request, i64)) -> StoredRequest {
    StoredRequest {
        request: request.clone(),
        version: Version(*version),
    }
}

#[derive(Default)]
pub(crate) struct MemoryDirectory {
    pub(crate) people: Vec<(Person, Option<PersonId>)>,
    pub(crate) devices: Vec<Device>,
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        Ok(self
            .people
            .iter()
            .map(|(p, _)| p)
            .find(|p| match query {
                PersonQuery::Id(id) => p.id == *id,
                PersonQuery::Mail(mail) => p.mail.as_ref() == Some(mail),
                PersonQuery::Login(login) => p.name == *login,
            })
            .cloned())
    }
    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        let manager = self
            .people
            .iter()
            .find(|(p, _)| p.id == *of)
            .and_then(|(_, m)| m.clone());
        Ok(manager.and_then(|id| {
            self.people
                .iter()
                .map(|(p, _)| p)
                .find(|p| p.id == id)
                .cloned()
        }))
    }
    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        Ok(self
            .devices
            .iter()
            .filter(|d| d.owner.as_ref() == Some(person))
            .cloned()
            .collect())
    }
    async fn members(&self, _: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        Ok(None)
    }
    async fn check(&self) -> Vec<Finding> {
        vec![]
    }
}

pub(crate) struct MemoryEscrow {
    pub(crate) name: BackendName,
    pub(crate) devices: Vec<Device>,
    pub(crate) records: HashMap<DeviceId, Vec<(EscrowRecord, String)>>,
    pub(crate) broken: AtomicBool,
}

#[async_trait]
impl EscrowBackend for MemoryEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }
    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        Ok(self
            .devices
            .iter()
            .filter(|d| d.name.eq_ignore_ascii_case(asset.as_str()))
            .cloned()
            .collect())
    }
    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        Ok(self
            .records
            .get(device)
            .into_iter()
            .flatten()
            .map(|(r, _)| r.clone())
            .collect())
    }
    async fn keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, EscrowError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(EscrowError {
                backend: self.name.clone(),
                fault: EscrowFault::Unavailable,
                source: None,
            });
        }
        Ok(self
            .records
            .get(device)
            .into_iter()
            .flatten()
            .filter(|(r, _)| ids.contains(&r.key_id))
            .map(|(r, k)| EscrowedKey {
                id: r.key_id,
                key: RecoveryKey::parse(k),
            })
            .collect())
    }
    async fn check(&self) -> Vec<Finding> {
        vec![]
    }
}

#[derive(Default)]
pub(crate) struct MemoryMailer(pub(crate) Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
    async fn check(&self) -> Vec<Finding> {
        vec![]
    }
}
