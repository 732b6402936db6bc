//! Doing what lies in the outbox: at least once, outside any transaction.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{AdvanceError, Broker, Unavailable, before};
use crate::audit::{Actor, Event, LogEntry, MailName, WhyNoSignIn};
use crate::letters::{Letter, LetterKind};
use crate::lifecycle::{Command, Request, Sending, State};
use crate::people::{MailAddress, Person};
use crate::ports::{
    Change, CheckpointTo, ClaimedJob, CommitError, Directory, DirectoryError, Job, Lease, Link,
    LinkKind, MailError, PersonQuery, StoredRequest, Write,
};
use crate::tokens::{OneTimeCode, PlainToken, TokenHash};

/// How long a job is held. Longer than looking somebody up and sending them a mail may take, or
/// having keys replaced, so that nobody else does it meanwhile; short, because a job whose process
/// died waits for it.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How long handing over one mail, message or checkpoint may take.
pub(super) const SENDING: Duration = Duration::from_secs(15);
/// How long looking somebody up may take before that.
const LOOKING_UP: Duration = Duration::from_secs(10);
/// After so long a job is given up, as mail servers do with mails (RFC 5321, section 4.5.4.1).
pub(super) const GIVE_UP: SignedDuration = SignedDuration::from_hours(5 * 24);
/// The longest wait between two tries: well under the validity of a key link, which every try
/// renews.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// What became of a try.
pub(super) enum Tried {
    /// The mail was taken.
    Sent(LogEntry),
    /// There is nothing left to do.
    Moot(Option<LogEntry>),
    /// It did not work, for now or for good.
    Failed {
        /// Whether another try makes sense.
        for_now: bool,
        why: String,
        /// What the log says once it is given up.
        dead: Event,
        about: Option<Box<Request>>,
        /// When the other side wants to be asked again at the earliest, where it said so.
        not_before: Option<Timestamp>,
    },
    /// It was not tried, for it has to wait for its turn.
    Waits {
        /// Until when.
        until: Timestamp,
        why: String,
    },
    /// Something that the job needs did not answer.
    Blocked(Unavailable),
}

impl Broker {
    /// Does one job, and records what became of it.
    pub(super) async fn run_job(&self, claimed: ClaimedJob) -> Result<(), Unavailable> {
        let (lease, queued_at) = (claimed.lease, claimed.queued_at);
        let tried = match claimed.job.clone() {
            Job::Letter(sending) => self.send_letter(lease, sending).await?,
            Job::Rotate { request } => return self.rotate(lease, queued_at, request).await,
            Job::SignInCode { challenge, mail } => {
                self.send_code(lease, challenge, mail, queued_at).await?
            }
            Job::StandIn { to, stand_in } => {
                let letter = Letter::StandIn {
                    to: &to,
                    stand_in: &stand_in,
                };
                self.send_note(
                    message_id(lease, false),
                    &letter,
                    MailName::StandIn,
                    &to.mail,
                )
                .await
            }
            // The configuration does not name them any more.
            Job::Alarm { to, .. } if !self.parts.alarms.mail.contains(&to) => Tried::Moot(None),
            Job::Alarm { to, alarm } => {
                let letter = Letter::Alarm {
                    to: &to,
                    alarm: &alarm,
                };
                self.send_note(message_id(lease, false), &letter, MailName::Alarm, &to)
                    .await
            }
            Job::LookAtTicket { ticket } => Box::pin(self.look_at_ticket(lease, &ticket)).await?,
            Job::TellTicket { ticket, news } => self.tell_ticket(lease, &ticket, &news).await?,
            Job::Hook { alarm, at } => self.tell_hook(&claimed, &alarm, at).await,
            Job::Message { to, news } => self.tell_program(&claimed, &to, &news).await?,
            Job::Notice { to, request } => self.post_notice(&claimed, &to, request).await?,
            Job::Checkpoint {
                kept,
                to: CheckpointTo::Mail(to),
            } => {
                let letter = Letter::Checkpoint {
                    to: &to,
                    kept: &kept,
                };
                self.send_note(message_id(lease, false), &letter, MailName::Checkpoint, &to)
                    .await
            }
            Job::Checkpoint {
                kept,
                to: CheckpointTo::Sink(name),
            } => self.bring_checkpoint(name, &kept).await?,
        };
        self.settle(lease, queued_at, tried).await
    }

    async fn send_letter(&self, lease: Lease, sending: Sending) -> Result<Tried, Unavailable> {
        let Some(stored) = self.parts.store.request(sending.request).await? else {
            return Ok(Tried::Moot(None));
        };
        let (request, link) = match sending.letter {
            LetterKind::ApprovalNeeded | LetterKind::ApprovalReminder => {
                if !matches!(stored.request.state, State::Pending { .. })
                    || stored.request.is_overdue(self.now())
                {
                    return Ok(Tried::Moot(None));
                }
                let token = self.add_review_link(&stored.request, &sending).await?;
                (stored.request, Some(token))
            }
            LetterKind::KeyLink => match self.issue_link(stored).await {
                Ok((request, token)) => (request, Some(token)),
                // Withdrawn, expired or redeemed meanwhile: no link leaves any more.
                Err(AdvanceError::Refused(_)) => return Ok(Tried::Moot(None)),
                Err(AdvanceError::Unavailable(error)) => return Err(error),
            },
            LetterKind::RequestConfirmation
            | LetterKind::RequestApproved
            | LetterKind::KeyRetrieved
            | LetterKind::LinkExpired
            | LetterKind::RequestDeclined
            | LetterKind::RequestWithdrawn
            | LetterKind::RequestLapsed
            | LetterKind::RequestRevoked
            | LetterKind::GlassBroken
            | LetterKind::KeyRotated => (stored.request, None),
        };
        let letter = Letter::OfRequest {
            kind: sending.letter,
            request: &request,
            to: &sending.to,
            link: link.as_ref(),
        };
        let (mail, to) = (MailName::Letter(sending.letter), sending.to.mail.clone());
        Ok(
            match self.send(&letter, message_id(lease, link.is_some())).await {
                Ok(()) => {
                    let event = Event::MailSent {
                        mail,
                        to: to.clone(),
                    };
                    let entry =
                        LogEntry::of_request(&request, event, Actor::Clavis, None, self.now());
                    Tried::Sent(entry)
                }
                Err(error) => {
                    let dead = Event::MailDead { mail, to };
                    Tried::failed(error, dead, Some(Box::new(request)))
                }
            },
        )
    }

    /// The token of a review link is made when its mail is sent. An earlier one, of a mail that
    /// may have arrived after all, stays as good.
    async fn add_review_link(
        &self,
        request: &Request,
        sending: &Sending,
    ) -> Result<PlainToken, Unavailable> {
        let token = PlainToken::new(&*self.parts.random);
        let kind = LinkKind::Review {
            approver: sending.to.id.clone(),
        };
        self.commit(vec![Write::AddLink(Link {
            token: token.hash(),
            request: request.id,
            kind,
        })])
        .await?;
        Ok(token)
    }

    /// The token of a key link is made when its mail is sent and committed before the mail
    /// leaves; a further try makes a new one, which ends the old.
    async fn issue_link(
        &self,
        stored: StoredRequest,
    ) -> Result<(Request, PlainToken), AdvanceError> {
        let token = PlainToken::new(&*self.parts.random);
        let link = Link {
            token: token.hash(),
            request: stored.request.id,
            kind: LinkKind::Key,
        };
        let command = Command::IssueLink { link: token.hash() };
        let request = self
            .advance(
                stored,
                &command,
                &Actor::Clavis,
                None,
                &[Write::AddLink(link)],
            )
            .await?;
        Ok((request, token))
    }

    async fn send_code(
        &self,
        lease: Lease,
        challenge: TokenHash,
        mail: MailAddress,
        queued_at: Timestamp,
    ) -> Result<Tried, Unavailable> {
        let now = self.now();
        let expires_at = now + self.parts.sign_in.code_valid_for;
        let is_late = queued_at < before(now, self.parts.sign_in.code_valid_for);
        if is_late || self.parts.store.challenge(&challenge).await?.is_none() {
            return Ok(Tried::Moot(None));
        }
        let dropped = |mail, why| {
            let event = Event::SignInDropped { mail, why };
            Ok(Tried::Moot(Some(LogEntry::of_nothing(
                event,
                Actor::Clavis,
                None,
                now,
            ))))
        };
        // Switched off since it was asked for.
        if !self.sends_codes() {
            return dropped(mail, WhyNoSignIn::SwitchedOff);
        }
        let person = match known(&*self.parts.directory, &mail).await {
            Ok(Some(person)) => person,
            Ok(None) => return dropped(mail, WhyNoSignIn::UnknownAddress),
            Err(error) => return Ok(Tried::Blocked(error)),
        };
        let Ok(to) = person.party() else {
            return dropped(mail, WhyNoSignIn::UnfitPerson);
        };
        let code = OneTimeCode::new(&*self.parts.random);
        let set = Write::SetCode {
            challenge,
            code: code.hash(&challenge.0),
            to: to.clone(),
            expires_at,
        };
        match self.commit(vec![set]).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(Tried::Moot(None)),
            Err(error) => return Err(error.into()),
        }
        let letter = Letter::SignIn {
            to: &to,
            code: &code,
            expires_at,
        };
        let name = MailName::SignInCode;
        let message_id = message_id(lease, true);
        Ok(self.send_note(message_id, &letter, name, &to.mail).await)
    }

    /// Sends a letter about no request.
    async fn send_note(
        &self,
        message_id: String,
        letter: &Letter<'_>,
        mail: MailName,
        to: &MailAddress,
    ) -> Tried {
        let to = to.clone();
        match self.send(letter, message_id).await {
            Ok(()) => {
                let event = Event::MailSent { mail, to };
                Tried::Sent(LogEntry::of_nothing(event, Actor::Clavis, None, self.now()))
            }
            Err(error) => Tried::failed(error, Event::MailDead { mail, to }, None),
        }
    }

    async fn send(&self, letter: &Letter<'_>, message_id: String) -> Result<(), MailError> {
        let mail = self.parts.renderer.render(letter, message_id);
        match tokio::time::timeout(SENDING, self.parts.mailer.send(&mail)).await {
            Ok(sent) => sent,
            Err(_) => Err(MailError::Transient(
                "the mail server did not answer in time".to_owned(),
            )),
        }
    }

    async fn settle(
        &self,
        lease: Lease,
        queued_at: Timestamp,
        tried: Tried,
    ) -> Result<(), Unavailable> {
        let now = self.now();
        let log = |entry: LogEntry| self.log(&entry);
        let change = match tried {
            Tried::Sent(entry) => vec![Write::Finish(lease), log(entry)],
            Tried::Moot(entry) => {
                let mut change = vec![Write::Finish(lease)];
                change.extend(entry.map(log));
                change
            }
            Tried::Blocked(error) => vec![self.postpone(lease, now, error.to_string())],
            Tried::Waits { until, why } => vec![Write::Postpone {
                lease,
                due_at: until,
                error: why,
            }],
            Tried::Failed {
                for_now: true,
                why,
                dead,
                not_before,
                ..
            } if now < queued_at + GIVE_UP => {
                let what = not_taken(&dead);
                tracing::warn!(job.id = %lease.job.0, job.attempt = lease.attempt, why, "{what}; it will be tried again");
                vec![self.postpone_until(lease, now, not_before, why)]
            }
            Tried::Failed {
                why, dead, about, ..
            } => {
                let what = given_up(&dead);
                tracing::error!(job.id = %lease.job.0, why, "{what} was given up; see `clavis outbox`");
                let entry = match about {
                    Some(request) => LogEntry::of_request(&request, dead, Actor::Clavis, None, now),
                    None => LogEntry::of_nothing(dead, Actor::Clavis, None, now),
                };
                vec![Write::Bury { lease, error: why }, log(entry)]
            }
        };
        self.settle_lease(change).await
    }

    /// Commits what became of a job.
    pub(super) async fn settle_lease(&self, change: Change) -> Result<(), Unavailable> {
        match self.commit(change).await {
            // The lease ran out and somebody else has the job: what they do counts.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn postpone(&self, lease: Lease, now: Timestamp, error: String) -> Write {
        self.postpone_until(lease, now, None, error)
    }

    fn postpone_until(
        &self,
        lease: Lease,
        now: Timestamp,
        not_before: Option<Timestamp>,
        error: String,
    ) -> Write {
        let mut byte = [0];
        self.parts.random.fill(&mut byte);
        let due_at = now + wait_after(lease.attempt, byte[0]);
        Write::Postpone {
            lease,
            due_at: not_before.map_or(due_at, |earliest| due_at.max(earliest)),
            error,
        }
    }
}

impl Tried {
    /// It waits for its turn.
    pub(super) fn waits(until: Timestamp, why: &str) -> Self {
        Self::Waits {
            until,
            why: why.to_owned(),
        }
    }

    fn failed(error: MailError, dead: Event, about: Option<Box<Request>>) -> Self {
        let (for_now, why) = match error {
            MailError::Transient(why) => (true, why),
            MailError::Permanent(why) => (false, why),
        };
        Self::Failed {
            for_now,
            why,
            dead,
            about,
            not_before: None,
        }
    }
}

/// What happened to a job that will be tried again, by what the log says once it is given up.
fn not_taken(dead: &Event) -> &'static str {
    match dead {
        Event::CheckpointDead { .. } => "a checkpoint of the log could not be kept outside of it",
        Event::TicketDead { .. } => "a ticket could not be read, or told something",
        Event::HookDead { .. } => "a message was not taken",
        _ => "a mail was not taken",
    }
}

/// What was given up, by what the log says of it.
fn given_up(dead: &Event) -> &'static str {
    match dead {
        Event::CheckpointDead { .. } => "a checkpoint of the log",
        Event::HookDead { .. } => "a message",
        Event::TicketDead { .. } => "what was to be done with a ticket",
        _ => "a mail",
    }
}

/// One account that has this address, or none; several are none, as nobody could tell them apart.
async fn known(
    directory: &dyn Directory,
    mail: &MailAddress,
) -> Result<Option<Person>, Unavailable> {
    let query = PersonQuery::Mail(mail.clone());
    match tokio::time::timeout(LOOKING_UP, directory.person(&query)).await {
        Ok(Ok(person)) => Ok(person),
        Ok(Err(DirectoryError::Ambiguous)) => Ok(None),
        Ok(Err(error)) => Err(Unavailable::new("the directory", error)),
        Err(_) => Err(Unavailable::late("the directory")),
    }
}

/// The wait after a failed try: 5 seconds, doubled with each try up to [`LONGEST_WAIT`], and up
/// to a quarter longer by chance, so that many jobs do not come back at one moment.
pub(super) fn wait_after(attempt: i64, chance: u8) -> SignedDuration {
    let doublings = attempt.saturating_sub(1).clamp(0, 10);
    let wait = SignedDuration::from_secs(5 * (1 << doublings)).min(LONGEST_WAIT);
    wait + wait * i32::from(chance) / 1024
}

/// A letter sent again has the same ID, so that mail systems can drop the copy; one with a new
/// link or code in it is a new letter.
fn message_id(lease: Lease, is_new_each_time: bool) -> String {
    let id = lease.job.0.as_simple();
    if is_new_each_time {
        format!("{id}.{}", lease.attempt)
    } else {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_scatter_upwards() {
        let seconds: Vec<_> = (1..=9)
            .map(|attempt| wait_after(attempt, 0).as_secs())
            .collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(wait_after(i64::MAX, 0), LONGEST_WAIT);
        assert!(wait_after(1, 255) > wait_after(1, 0));
        assert!(wait_after(9, 255) < SignedDuration::from_mins(13));
    }
}
