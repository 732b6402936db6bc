//! One write as SQL statements inside an open transaction.

use clavis_broker::lifecycle::State;
use clavis_broker::ports::{ChallengeState, Lease, LinkKind, Write};
use rusqlite::{Connection, ToSql, params};

use super::ledger::append;
use super::rows::{RowError, job_id, json, millis, place, request_id, ticket};
use super::sql;

/// A change whose precondition does not hold, or one that could not be written.
pub(super) enum NotApplied {
    Conflict,
    Failed(RowError),
}

impl<E: Into<RowError>> From<E> for NotApplied {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Applies one write; its precondition is part of its statement, which changes exactly one row
/// where it holds.
#[expect(clippy::too_many_lines, reason = "one statement a write, side by side")]
pub(super) fn apply(connection: &Connection, write: &Write) -> Result<(), NotApplied> {
    let one_row = |statement: &str, parameters: &[&dyn ToSql]| -> Result<(), NotApplied> {
        match connection.prepare_cached(statement)?.execute(parameters)? {
            1 => Ok(()),
            _ => Err(NotApplied::Conflict),
        }
    };
    let any_rows = |statement: &str, parameters: &[&dyn ToSql]| -> Result<(), NotApplied> {
        connection.prepare_cached(statement)?.execute(parameters)?;
        Ok(())
    };
    match write {
        Write::Open(request) => one_row(
            sql::OPEN,
            params![
                request_id(request.id),
                request.reference.to_string(),
                request.requester.id.0,
                request.beneficiary.id.0,
                request.device.identity(),
                millis(request.made_at),
                due(&request.state),
                request.ticket_name().map(ticket).transpose()?,
                json(request)?,
                json(&request.state)?,
            ],
        ),
        Write::Advance {
            request,
            expected,
            next,
        } => one_row(
            sql::ADVANCE,
            params![json(next)?, due(next), request_id(*request), expected.0],
        ),
        Write::Log(sealed) => Ok(append(connection, sealed)?),
        Write::Enqueue { id, job, at } => {
            one_row(sql::ENQUEUE, params![job_id(*id), millis(*at), json(job)?])
        }
        Write::AddLink(link) => one_row(
            sql::ADD_LINK,
            params![link.token.0, request_id(link.request), json(&link.kind)?],
        ),
        Write::Finish(Lease { job, attempt }) => {
            one_row(sql::FINISH, params![job_id(*job), attempt])
        }
        Write::Postpone {
            lease,
            due_at,
            error,
        } => one_row(
            sql::POSTPONE,
            params![millis(*due_at), error, job_id(lease.job), lease.attempt],
        ),
        Write::Bury { lease, error } => one_row(
            sql::POSTPONE,
            params![None::<i64>, error, job_id(lease.job), lease.attempt],
        ),
        Write::Revive { job, at } => one_row(sql::REVIVE, params![millis(*at), job_id(*job)]),
        Write::RefuseTicket {
            ticket: name,
            expected: None,
            facts,
            why,
            until,
        } => one_row(
            sql::FIRST_REFUSAL,
            params![ticket(name)?, facts, json(why)?, millis(*until)],
        ),
        Write::RefuseTicket {
            ticket: name,
            expected: Some(expected),
            facts,
            why,
            until,
        } => one_row(
            sql::ANOTHER_REFUSAL,
            params![
                facts,
                json(why)?,
                millis(*until),
                ticket(name)?,
                millis(*expected)
            ],
        ),
        Write::SetStandIn(said) => one_row(sql::SET_STAND_IN, params![said.of.id.0, json(said)?]),
        Write::EndStandIn(person) => any_rows(sql::END_STAND_IN, params![person.0]),
        Write::SetPickUp { request, code } => {
            one_row(sql::SET_PICK_UP, params![request_id(*request), code.0])
        }
        Write::CountPickUp {
            request,
            code,
            from,
            expected: 0,
        } => one_row(sql::FIRST_TRY, params![from, request_id(*request), code.0]),
        Write::CountPickUp {
            request,
            code,
            from,
            expected,
        } => one_row(
            sql::ANOTHER_TRY,
            params![request_id(*request), code.0, from, expected],
        ),
        Write::Spend {
            what,
            until,
            at_most,
        } => one_row(sql::SPEND, params![what, millis(*until), at_most]),
        Write::OpenChallenge(challenge) => {
            let (code, person) = match &challenge.state {
                ChallengeState::Waiting => (None, None),
                ChallengeState::Sent { code, to } => (Some(code.0), Some(json(to)?)),
            };
            one_row(
                sql::OPEN_CHALLENGE,
                params![
                    challenge.token.0,
                    challenge.mail.as_str().to_lowercase(),
                    challenge.mail.as_str(),
                    millis(challenge.begun_at),
                    challenge.attempts,
                    millis(challenge.expires_at),
                    code,
                    person,
                ],
            )
        }
        Write::SetCode {
            challenge,
            code,
            to,
            expires_at,
        } => one_row(
            sql::SET_CODE,
            params![code.0, json(to)?, millis(*expires_at), challenge.0],
        ),
        Write::CountAttempt {
            challenge,
            expected,
        } => one_row(sql::COUNT_ATTEMPT, params![challenge.0, expected]),
        Write::EndChallenge(token) => one_row(sql::END_CHALLENGE, params![token.0]),
        Write::OpenProviderSignIn(begun) => one_row(
            sql::OPEN_PROVIDER_SIGN_IN,
            params![
                begun.token.0,
                begun.provider.as_str(),
                begun.next,
                millis(begun.expires_at),
            ],
        ),
        Write::EndProviderSignIn(token) => one_row(sql::END_PROVIDER_SIGN_IN, params![token.0]),
        Write::OpenSession(session) => one_row(
            sql::OPEN_SESSION,
            params![
                session.token.0,
                session.person.id.0,
                json(&session.person)?,
                millis(session.used_at),
                millis(session.ends_at),
                json(&session.by)?,
                json(&session.claims)?,
            ],
        ),
        Write::TouchSession { token, at } => {
            one_row(sql::TOUCH_SESSION, params![millis(*at), token.0])
        }
        Write::EndSession(token) => any_rows(sql::END_SESSION, params![token.0]),
        Write::EndSessionsOf(person) => any_rows(sql::END_SESSIONS_OF, params![person.0]),
        Write::MakeToken(token) => one_row(
            sql::MAKE_TOKEN,
            params![
                token.token.0,
                token.name.as_str(),
                json(&token.scopes)?,
                token.person.as_ref().map(|person| &person.id.0),
                token.person.as_ref().map(json).transpose()?,
                millis(token.made_at),
                millis(token.ends_at),
                token.used_on.map(millis),
            ],
        ),
        Write::TouchToken { token, day } => {
            one_row(sql::TOUCH_TOKEN, params![millis(*day), token.0])
        }
        Write::EndToken(name) => one_row(sql::END_TOKEN, params![name.as_str()]),
        Write::EndTokensOf(person) => any_rows(sql::END_TOKENS_OF, params![person.0]),
        Write::KeepAnswer(answered) => one_row(
            sql::KEEP_ANSWER,
            params![
                answered.program.as_str(),
                answered.key.0,
                answered.asked.0,
                request_id(answered.request),
                millis(answered.until),
            ],
        ),
        Write::MoveCursor {
            name,
            expected: 0,
            next,
        } => one_row(sql::FIRST_MOVE, params![name, next]),
        Write::MoveCursor {
            name,
            expected,
            next,
        } => one_row(sql::ANOTHER_MOVE, params![next, name, expected]),
        Write::KeepCheckpoint { kept, after } => {
            let after = after.map_or(Ok(-1), place)?;
            one_row(
                sql::KEEP_CHECKPOINT,
                params![place(kept.size)?, millis(kept.made_at), kept.note, after],
            )
        }
        Write::EraseFields {
            seq,
            expected,
            left,
        } => one_row(sql::ERASE_FIELDS, params![left, seq, expected]),
        Write::EraseRequest { left, expected } => {
            let id = request_id(left.id);
            any_rows(sql::FORGET_TRIES, params![id])?;
            one_row(
                sql::ERASE_REQUEST,
                params![
                    left.requester.id.0,
                    left.beneficiary.id.0,
                    left.device.identity(),
                    json(left)?,
                    json(&left.state)?,
                    id,
                    expected.0,
                ],
            )
        }
        Write::EraseApprover(person) => {
            let theirs = LinkKind::Review {
                approver: person.clone(),
            };
            let left = json(&LinkKind::erased())?;
            any_rows(sql::ERASE_APPROVER, params![left, json(&theirs)?])
        }
        Write::EndChallengesFor(mail) => any_rows(
            sql::END_CHALLENGES_FOR,
            params![mail.as_str().to_lowercase()],
        ),
        Write::EndChallengesOf(person) => any_rows(sql::END_CHALLENGES_OF, params![json(person)?]),
        Write::Unspend(what) => any_rows(sql::UNSPEND, params![what]),
        Write::DropJob(job) => any_rows(sql::DROP_JOB, params![job_id(*job)]),
    }
}

fn due(state: &State) -> Option<i64> {
    state.due_at().map(millis)
}
