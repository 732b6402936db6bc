//! Each write to the memory, and its precondition.

use std::collections::HashMap;

use super::{Memory, Stage, StoredJob};
use crate::lifecycle::{Request, RequestId, State};
use crate::ports::{
    Answered, Challenge, ChallengeState, CommitError, Lease, LinkKind, RefusedTicket,
    StoredRequest, Version, Write,
};
use crate::programs::ProgramToken;
use crate::tokens::TokenHash;

impl Memory {
    pub(super) fn request(&self, id: RequestId) -> Option<&StoredRequest> {
        self.requests.iter().find(|stored| stored.request.id == id)
    }

    pub(super) fn cursor(&self, name: &str) -> i64 {
        self.cursors.get(name).copied().unwrap_or(0)
    }

    #[expect(clippy::too_many_lines, reason = "one arm a write, side by side")]
    pub(super) fn apply(&mut self, write: Write) -> Result<(), CommitError> {
        match write {
            Write::Open(request) => self.open(*request),
            Write::Advance {
                request,
                expected,
                next,
            } => self.advance(request, expected, *next),
            Write::Log(sealed) => {
                self.append(&sealed);
                Ok(())
            }
            Write::Enqueue { id, job, at } => {
                require(!self.jobs.iter().any(|other| other.id == id))?;
                self.jobs.push(StoredJob {
                    id,
                    job: *job,
                    queued_at: at,
                    attempts: 0,
                    error: None,
                    stage: Stage::Free(at),
                });
                Ok(())
            }
            Write::AddLink(link) => {
                require(!self.links.iter().any(|other| other.token == link.token))?;
                require(self.request(link.request).is_some())?;
                self.links.push(link);
                Ok(())
            }
            Write::Finish(lease) => {
                self.held(lease)?;
                self.jobs.retain(|job| job.id != lease.job);
                Ok(())
            }
            Write::Postpone {
                lease,
                due_at,
                error,
            } => self.failed(lease, error, Stage::Free(due_at)),
            Write::Bury { lease, error } => self.failed(lease, error, Stage::Dead),
            Write::Revive { job, at } => {
                let is_dead = |it: &&mut StoredJob| it.id == job && it.due_at().is_none();
                let dead = self
                    .jobs
                    .iter_mut()
                    .find(is_dead)
                    .ok_or(CommitError::Conflict)?;
                dead.stage = Stage::Free(at);
                dead.queued_at = at;
                Ok(())
            }
            Write::RefuseTicket {
                ticket,
                expected,
                facts,
                why,
                until,
            } => {
                let before = self.refused_tickets.get(&ticket).map(|it| it.until);
                require(before == expected)?;
                let refused = RefusedTicket { facts, why, until };
                self.refused_tickets.insert(ticket, refused);
                Ok(())
            }
            Write::SetStandIn(said) => {
                self.stand_ins.retain(|it| it.of.id != said.of.id);
                self.stand_ins.push(*said);
                Ok(())
            }
            Write::EndStandIn(person) => {
                self.stand_ins.retain(|it| it.of.id != person);
                Ok(())
            }
            Write::SetPickUp { request, code } => {
                require(self.request(request).is_some())?;
                self.pick_ups.insert(request, (code, HashMap::new()));
                Ok(())
            }
            Write::CountPickUp {
                request,
                code,
                from,
                expected,
            } => {
                let found = self.pick_ups.get_mut(&request);
                let (current, tries) = found.ok_or(CommitError::Conflict)?;
                let count = tries.entry(from).or_insert(0);
                require(*current == code && *count == expected)?;
                *count += 1;
                Ok(())
            }
            Write::Spend {
                what,
                until,
                at_most,
            } => {
                let spent = self.allowances.entry((what, until)).or_insert(0);
                require(*spent < at_most)?;
                *spent += 1;
                Ok(())
            }
            Write::OpenChallenge(challenge) => {
                require(self.challenge_mut(challenge.token).is_err())?;
                self.challenges.push(*challenge);
                Ok(())
            }
            Write::SetCode {
                challenge,
                code,
                to,
                expires_at,
            } => {
                let challenge = self.challenge_mut(challenge)?;
                challenge.state = ChallengeState::Sent { code, to };
                challenge.expires_at = expires_at;
                Ok(())
            }
            Write::CountAttempt {
                challenge,
                expected,
            } => {
                let challenge = self.challenge_mut(challenge)?;
                require(challenge.attempts == expected)?;
                challenge.attempts += 1;
                Ok(())
            }
            Write::EndChallenge(token) => {
                self.challenge_mut(token)?;
                self.challenges.retain(|it| it.token != token);
                Ok(())
            }
            Write::OpenProviderSignIn(begun) => {
                let mut others = self.provider_sign_ins.iter();
                require(!others.any(|it| it.token == begun.token))?;
                self.provider_sign_ins.push(*begun);
                Ok(())
            }
            Write::EndProviderSignIn(token) => {
                let mut all = self.provider_sign_ins.iter();
                require(all.any(|it| it.token == token))?;
                self.provider_sign_ins.retain(|it| it.token != token);
                Ok(())
            }
            Write::OpenSession(session) => {
                require(!self.sessions.iter().any(|it| it.token == session.token))?;
                self.sessions.push(*session);
                Ok(())
            }
            Write::TouchSession { token, at } => {
                let mut sessions = self.sessions.iter_mut();
                let session = sessions.find(|it| it.token == token);
                session.ok_or(CommitError::Conflict)?.used_at = at;
                Ok(())
            }
            Write::EndSession(token) => {
                self.sessions.retain(|it| it.token != token);
                Ok(())
            }
            Write::EndSessionsOf(person) => {
                self.sessions.retain(|it| it.person.id != person);
                Ok(())
            }
            Write::MakeToken(token) => {
                let is_taken = |it: &ProgramToken| it.token == token.token || it.name == token.name;
                require(!self.tokens.iter().any(is_taken))?;
                self.tokens.push(*token);
                Ok(())
            }
            Write::TouchToken { token, day } => {
                let mut tokens = self.tokens.iter_mut();
                let found = tokens.find(|it| it.token == token);
                found.ok_or(CommitError::Conflict)?.used_on = Some(day);
                Ok(())
            }
            Write::EndToken(name) => {
                require(self.tokens.iter().any(|it| it.name == name))?;
                self.tokens.retain(|it| it.name != name);
                Ok(())
            }
            Write::EndTokensOf(person) => {
                let is_theirs =
                    |it: &ProgramToken| it.person.as_ref().is_some_and(|it| it.id == person);
                self.tokens.retain(|it| !is_theirs(it));
                Ok(())
            }
            Write::KeepAnswer(answered) => {
                let is_used =
                    |it: &Answered| it.program == answered.program && it.key == answered.key;
                require(!self.answers.iter().any(is_used))?;
                self.answers.push(*answered);
                Ok(())
            }
            Write::MoveCursor {
                name,
                expected,
                next,
            } => {
                require(self.cursor(&name) == expected)?;
                self.cursors.insert(name, next);
                Ok(())
            }
            Write::KeepCheckpoint { kept, after } => {
                require(self.checkpoints.last().map(|it| it.size) == after)?;
                self.checkpoints.push(*kept);
                Ok(())
            }
            Write::EraseFields {
                seq,
                expected,
                left,
            } => {
                let mut rows = self.log.iter_mut();
                let row = rows.find(|row| row.seq == seq && row.personal == expected);
                row.ok_or(CommitError::Conflict)?.personal = left;
                Ok(())
            }
            Write::EraseRequest { left, expected } => self.erase_request(*left, expected),
            Write::EraseApprover(person) => {
                let kind = LinkKind::Review { approver: person };
                for link in self.links.iter_mut().filter(|link| link.kind == kind) {
                    link.kind = LinkKind::erased();
                }
                Ok(())
            }
            Write::EndChallengesFor(mail) => {
                let wanted = mail.as_str().to_lowercase();
                self.challenges
                    .retain(|it| it.mail.as_str().to_lowercase() != wanted);
                Ok(())
            }
            Write::EndChallengesOf(person) => {
                let is_theirs = |state: &ChallengeState| match state {
                    ChallengeState::Sent { to, .. } => to.id == person,
                    ChallengeState::Waiting => false,
                };
                self.challenges.retain(|it| !is_theirs(&it.state));
                Ok(())
            }
            Write::Unspend(what) => {
                self.allowances.retain(|(spent, _), _| *spent != what);
                Ok(())
            }
            Write::DropJob(id) => {
                self.jobs.retain(|job| job.id != id);
                Ok(())
            }
        }
    }

    fn open(&mut self, request: Request) -> Result<(), CommitError> {
        let stands_in_the_way = |other: &Request| {
            other.id == request.id
                || other.reference == request.reference
                || (other.ticket.is_some() && other.ticket_name() == request.ticket_name())
                || (other.state.due_at().is_some()
                    && other.device.identity() == request.device.identity()
                    && other.beneficiary.id == request.beneficiary.id)
        };
        let mut others = self.requests.iter().map(|stored| &stored.request);
        require(!others.any(stands_in_the_way))?;
        self.requests.push(StoredRequest {
            request,
            version: Version(1),
        });
        Ok(())
    }

    fn advance(
        &mut self,
        id: RequestId,
        expected: Version,
        next: State,
    ) -> Result<(), CommitError> {
        let fits =
            |stored: &&mut StoredRequest| stored.request.id == id && stored.version == expected;
        let stored = self.requests.iter_mut().find(fits);
        let stored = stored.ok_or(CommitError::Conflict)?;
        stored.request.state = next;
        stored.version.0 += 1;
        Ok(())
    }

    fn erase_request(&mut self, left: Request, expected: Version) -> Result<(), CommitError> {
        let mut all = self.requests.iter_mut();
        let fits = |it: &&mut StoredRequest| it.request.id == left.id && it.version == expected;
        let stored = all.find(fits).ok_or(CommitError::Conflict)?;
        if let Some((_, tries)) = self.pick_ups.get_mut(&left.id) {
            tries.clear();
        }
        stored.request = left;
        stored.version.0 += 1;
        Ok(())
    }

    fn failed(&mut self, lease: Lease, error: String, stage: Stage) -> Result<(), CommitError> {
        let job = self.held(lease)?;
        job.stage = stage;
        job.error = Some(error);
        Ok(())
    }

    fn held(&mut self, lease: Lease) -> Result<&mut StoredJob, CommitError> {
        let is_held = |job: &&mut StoredJob| {
            job.id == lease.job
                && job.attempts == lease.attempt
                && matches!(job.stage, Stage::Held(_))
        };
        let held = self.jobs.iter_mut().find(is_held);
        held.ok_or(CommitError::Conflict)
    }

    fn challenge_mut(&mut self, token: TokenHash) -> Result<&mut Challenge, CommitError> {
        let found = self.challenges.iter_mut().find(|it| it.token == token);
        found.ok_or(CommitError::Conflict)
    }
}

fn require(holds: bool) -> Result<(), CommitError> {
    if holds {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}
