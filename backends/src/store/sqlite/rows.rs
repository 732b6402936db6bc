//! Rows become domain types here, and domain types rows. An impossible row is an error.

use clavis_broker::audit::{LogEntry, LogRow};
use clavis_broker::identity::{ProviderName, Way};
use clavis_broker::lifecycle::{Request, RequestId};
use clavis_broker::people::MailAddress;
use clavis_broker::ports::{
    Challenge, ChallengeState, ClaimedJob, DeadJob, JobId, Lease, Link, ProviderSignIn, Session,
    StoreError, StoredRequest, Version,
};
use clavis_broker::tokens::TokenHash;
use jiff::Timestamp;
use rusqlite::Row;
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

/// `seq, entry`
pub(super) fn log_row(row: &Row<'_>) -> Result<LogRow, RowError> {
    Ok(LogRow {
        seq: row.get(0)?,
        entry: text::<LogEntry>(row, 1)?,
    })
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

/// `person, used_at, ends_at, way`
pub(super) fn session(row: &Row<'_>, token: &TokenHash) -> Result<Session, RowError> {
    Ok(Session {
        token: *token,
        person: text(row, 0)?,
        by: if row.get::<_, Option<String>>(3)?.is_some() {
            text(row, 3)?
        } else {
            Way::Mail
        },
        claims: Vec::new(),
        used_at: moment(row, 1)?,
        ends_at: moment(row, 2)?,
    })
}

/// The least moment of a column that may be empty.
pub(super) fn optional_moment(row: &Row<'_>) -> Result<Option<Timestamp>, RowError> {
    if row.get::<_, Option<i64>>(0)?.is_none() {
        Ok(None)
    } else {
        moment(row, 0).map(Some)
    }
}
