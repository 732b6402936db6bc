//! Rows become domain types here, and domain types rows. An impossible row is an error.

use clavis_broker::audit::LogRow;
use clavis_broker::identity::ProviderName;
use clavis_broker::lifecycle::{Request, RequestId};
use clavis_broker::people::MailAddress;
use clavis_broker::ports::{
    Answered, Challenge, ChallengeState, ClaimedJob, DeadJob, FailingJob, Job, JobId,
    KeptCheckpoint, Lease, Link, PickUp, ProviderSignIn, RefusedTicket, Session, StoreError,
    StoredRequest, StoredRow, Version,
};
use clavis_broker::programs::{ProgramName, ProgramToken};
use clavis_broker::proof::tree::Hash;
use clavis_broker::tickets::TicketName;
use clavis_broker::tokens::TokenHash;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What goes wrong with one statement or one row.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("a row does not hold what it should")]
    Json(#[from] serde_json::Error),
    #[error("a row holds an impossible {0}")]
    Impossible(&'static str),
    #[error("the tree over the log does not fit its rows: `clavis audit verify` says where")]
    Tree,
}

impl RowError {
    pub(super) fn while_doing(self, what: &str) -> StoreError {
        StoreError {
            what: what.to_owned(),
            source: Some(Box::new(self)),
        }
    }
}

pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, RowError> {
    Ok(serde_json::to_string(value)?)
}

/// A place in the log or its tree, or a size, for SQL, which knows only signed numbers.
pub(super) fn place(number: u64) -> Result<i64, RowError> {
    i64::try_from(number).map_err(|_| RowError::Impossible("size"))
}

pub(super) fn request_id(id: RequestId) -> String {
    id.to_string()
}

pub(super) fn job_id(id: JobId) -> String {
    id.0.to_string()
}

pub(super) fn text<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<T, RowError> {
    Ok(serde_json::from_str(
        row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)?,
    )?)
}

fn moment(row: &Row<'_>, at: usize) -> Result<Timestamp, RowError> {
    Timestamp::from_millisecond(row.get(at)?).map_err(|_| RowError::Impossible("time"))
}

fn uuid(row: &Row<'_>, at: usize) -> Result<uuid::Uuid, RowError> {
    let text = row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)?;
    uuid::Uuid::parse_str(text).map_err(|_| RowError::Impossible("identifier"))
}

/// `body, state, version`. The body is the request as it was made; its state stands beside it.
pub(super) fn stored_request(row: &Row<'_>) -> Result<StoredRequest, RowError> {
    let request: Request = text(row, 0)?;
    let request = Request {
        state: text(row, 1)?,
        ..request
    };
    Ok(StoredRequest {
        request,
        version: Version(row.get(2)?),
    })
}

/// A ticket as a column has it.
pub(super) fn ticket(name: &TicketName) -> Result<String, RowError> {
    json(name)
}

/// `facts, why, until`
pub(super) fn refused_ticket(row: &Row<'_>) -> Result<RefusedTicket, RowError> {
    Ok(RefusedTicket {
        facts: row.get(0)?,
        why: text(row, 1)?,
        until: moment(row, 2)?,
    })
}

/// `body, state, version, request, kind`
pub(super) fn link(row: &Row<'_>, token: &TokenHash) -> Result<(Link, StoredRequest), RowError> {
    let link = Link {
        token: *token,
        request: RequestId(uuid(row, 3)?),
        kind: text(row, 4)?,
    };
    Ok((link, stored_request(row)?))
}

/// `id`
pub(super) fn id_of_request(row: &Row<'_>) -> Result<RequestId, RowError> {
    Ok(RequestId(uuid(row, 0)?))
}

/// `seq, at, leaf, personal`
pub(super) fn log_row(row: &Row<'_>) -> Result<LogRow, RowError> {
    let at = row.get(1).unwrap_or_default();
    let (leaf, personal) = (str(row, 2).ok(), str(row, 3).ok());
    Ok(LogRow::read(row.get(0)?, at, leaf, personal))
}

/// `seq, at, event, request, leaf, personal`. A column can hold what is none of its kind: SQLite keeps
/// whatever it is given.
pub(super) fn stored_row(row: &Row<'_>) -> Result<StoredRow, RowError> {
    let mut unreadable = None;
    let mut text = |at: usize, column: &'static str| {
        let value = row.get_ref(at)?;
        if !matches!(value, ValueRef::Text(text) if std::str::from_utf8(text).is_ok()) {
            unreadable = unreadable.or(Some(column));
        }
        let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = value else {
            return Ok(String::new());
        };
        Ok::<_, RowError>(String::from_utf8_lossy(bytes).into_owned())
    };
    let (leaf, personal) = (text(4, "leaf")?, text(5, "personal")?);
    let event = text(2, "event")?;
    let request = match row.get_ref(3)? {
        ValueRef::Null => None,
        _ => Some(text(3, "request")?),
    };
    let at = row.get_ref(1)?.as_i64();
    if at.is_err() {
        unreadable = unreadable.or(Some("at"));
    }
    Ok(StoredRow {
        seq: row.get(0)?,
        at: at.unwrap_or_default(),
        event,
        request,
        leaf,
        personal,
        unreadable,
    })
}

/// `hash`; none where it is not one.
pub(super) fn hash(row: &Row<'_>, at: usize) -> Option<Hash> {
    row.get_ref(at).ok()?.as_blob().ok()?.try_into().ok()
}

/// `size, made_at, note`. A note that is no text is one that nobody has signed.
pub(super) fn checkpoint(row: &Row<'_>) -> Result<KeptCheckpoint, RowError> {
    let size: i64 = row.get(0)?;
    Ok(KeptCheckpoint {
        size: size.try_into().map_err(|_| RowError::Impossible("size"))?,
        made_at: moment(row, 1)?,
        note: str(row, 2).unwrap_or_default().to_owned(),
    })
}

/// `id, job`
pub(super) fn job(row: &Row<'_>) -> Result<(JobId, Job), RowError> {
    Ok((JobId(uuid(row, 0)?), text(row, 1)?))
}

/// A text as it lies there.
pub(super) fn str<'r>(row: &'r Row<'_>, at: usize) -> Result<&'r str, RowError> {
    Ok(row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)?)
}

/// `id, attempt, queued_at, job`
pub(super) fn claimed_job(row: &Row<'_>) -> Result<ClaimedJob, RowError> {
    let lease = Lease {
        job: JobId(uuid(row, 0)?),
        attempt: row.get(1)?,
    };
    Ok(ClaimedJob {
        lease,
        queued_at: moment(row, 2)?,
        job: text(row, 3)?,
    })
}

/// `id, job, attempt, error`
pub(super) fn dead_job(row: &Row<'_>) -> Result<DeadJob, RowError> {
    let error = row.get::<_, Option<String>>(3)?.unwrap_or_default();
    Ok(DeadJob {
        id: JobId(uuid(row, 0)?),
        job: text(row, 1)?,
        attempts: row.get(2)?,
        error,
    })
}

/// `job, attempt, error, due_at`
pub(super) fn failing_job(row: &Row<'_>) -> Result<FailingJob, RowError> {
    Ok(FailingJob {
        job: text(row, 0)?,
        attempts: row.get(1)?,
        error: row.get(2)?,
        next_try: optional_moment(row, 3)?,
    })
}

/// `code, tries`
pub(super) fn pick_up(row: &Row<'_>) -> Result<PickUp, RowError> {
    Ok(PickUp {
        code: TokenHash(row.get(0)?),
        attempts: row.get::<_, Option<i64>>(1)?.unwrap_or(0),
    })
}

/// `address, begun_at, attempts, expires_at, code, person`
pub(super) fn challenge(row: &Row<'_>, token: &TokenHash) -> Result<Challenge, RowError> {
    let state = match row.get::<_, Option<[u8; 32]>>(4)? {
        Some(code) => ChallengeState::Sent {
            code: TokenHash(code),
            to: text(row, 5)?,
        },
        None => ChallengeState::Waiting,
    };
    let address: String = row.get(0)?;
    Ok(Challenge {
        token: *token,
        mail: MailAddress::parse(&address).map_err(|_| RowError::Impossible("mail address"))?,
        begun_at: moment(row, 1)?,
        attempts: row.get(2)?,
        expires_at: moment(row, 3)?,
        state,
    })
}

/// `provider, next, expires_at`
pub(super) fn provider_sign_in(
    row: &Row<'_>,
    token: &TokenHash,
) -> Result<ProviderSignIn, RowError> {
    let provider: String = row.get(0)?;
    Ok(ProviderSignIn {
        token: *token,
        provider: ProviderName::parse(&provider).map_err(|_| RowError::Impossible("provider"))?,
        next: row.get(1)?,
        expires_at: moment(row, 2)?,
    })
}

/// `person, used_at, ends_at, way, claims`
pub(super) fn session(row: &Row<'_>, token: &TokenHash) -> Result<Session, RowError> {
    Ok(Session {
        token: *token,
        person: text(row, 0)?,
        by: text(row, 3)?,
        used_at: moment(row, 1)?,
        ends_at: moment(row, 2)?,
        claims: text(row, 4)?,
    })
}

/// `token, name, scopes, person, made_at, ends_at, used_on`
pub(super) fn program_token(row: &Row<'_>) -> Result<ProgramToken, RowError> {
    let name = ProgramName::parse(str(row, 1)?);
    let has_person = row.get::<_, Option<String>>(3)?.is_some();
    Ok(ProgramToken {
        token: TokenHash(row.get(0)?),
        name: name.map_err(|_| RowError::Impossible("name of a program"))?,
        scopes: text(row, 2)?,
        person: has_person.then(|| text(row, 3)).transpose()?,
        made_at: moment(row, 4)?,
        ends_at: moment(row, 5)?,
        used_on: optional_moment(row, 6)?,
    })
}

/// `asked, request, until`
pub(super) fn answered(
    row: &Row<'_>,
    program: &ProgramName,
    key: &TokenHash,
) -> Result<Answered, RowError> {
    Ok(Answered {
        program: program.clone(),
        key: *key,
        asked: TokenHash(row.get(0)?),
        request: RequestId(uuid(row, 1)?),
        until: moment(row, 2)?,
    })
}

/// A moment of a column that may be empty.
pub(super) fn optional_moment(row: &Row<'_>, at: usize) -> Result<Option<Timestamp>, RowError> {
    if row.get::<_, Option<i64>>(at)?.is_none() {
        Ok(None)
    } else {
        moment(row, at).map(Some)
    }
}
