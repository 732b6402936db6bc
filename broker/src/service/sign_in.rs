//! Signing in with a code that is mailed. The answer to an address is the same whether or not
//! anybody has it: whether they do is found out later, in the outbox.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Broker, Newcomer, Unavailable, allowances};
use crate::audit::{Actor, Event, LogEntry, WhyNoSignIn};
use crate::identity::Way;
use crate::lifecycle::has_ended;
use crate::people::MailAddress;
use crate::ports::{Challenge, ChallengeState, CommitError, Job, Write};
use crate::tokens::{OneTimeCode, PlainToken};

/// Whether codes are sent, and how long sign-ins last.
#[derive(Debug, Clone, Copy)]
pub struct SignInTerms {
    /// Whether people may sign in with a code by mail.
    pub code_by_mail: bool,
    /// How long a code is valid.
    pub code_valid_for: SignedDuration,
    /// After how long without use a session ends.
    pub idle: SignedDuration,
    /// After how long a session ends whatever happens.
    pub at_most: SignedDuration,
    /// How many sign-ins may begin in a minute, from everywhere, so that nobody fills the store.
    pub begun_a_minute: i64,
}

/// How many codes may be typed for one sign-in.
const ATTEMPTS: i64 = 5;
/// No sign-in begins.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// As many have begun, from everywhere, as may begin in a minute.
    #[error("too many sign-ins begin")]
    TooMany {
        /// How long until some may begin again.
        wait: SignedDuration,
    },
    /// Something did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The code is not the one that was sent; it can be typed again.
    #[error("the code is wrong")]
    WrongCode,
    /// This sign-in is over: begin anew.
    #[error("the sign-in has ended")]
    Ended,
    /// Something did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// Whether people may sign in with a code by mail.
    pub fn sends_codes(&self) -> bool {
        self.parts.sign_in.code_by_mail
    }

    /// Begins a sign-in for an address, known or not. The token is for the browser that asked;
    /// a code goes by mail to the address if it is somebody's and was not sent too many. `None` where
    /// no codes are sent.
    pub async fn begin_sign_in(
        &self,
        mail: MailAddress,
        source: Option<IpAddr>,
    ) -> Result<Option<PlainToken>, BeginError> {
        if !self.sends_codes() {
            return Ok(None);
        }
        let now = self.now();
        let token = PlainToken::new(&*self.parts.random);
        let row = |event| self.log(&LogEntry::of_nothing(event, Actor::Stranger, source, now));
        let challenge = Challenge {
            token: token.hash(),
            mail: mail.clone(),
            attempts: 0,
            begun_at: now,
            expires_at: now + self.parts.sign_in.code_valid_for,
            state: ChallengeState::Waiting,
        };
        let begun = vec![
            allowances::sign_in(self.parts.sign_in.begun_a_minute, now),
            Write::OpenChallenge(Box::new(challenge)),
            row(Event::SignInRequested { mail: mail.clone() }),
        ];
        let mut with_a_code = begun.clone();
        with_a_code.push(allowances::code_for(&mail, now));
        with_a_code.push(self.enqueue_job(
            Job::SignInCode {
                challenge: token.hash(),
                mail: mail.clone(),
            },
            now,
        ));
        match self.commit(with_a_code).await {
            Ok(()) => return Ok(Some(token)),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(Unavailable::from(error).into()),
        }
        let mut without = begun;
        without.push(row(Event::SignInDropped {
            mail,
            why: WhyNoSignIn::TooMany,
        }));
        match self.commit(without).await {
            Ok(()) => Ok(Some(token)),
            Err(CommitError::Conflict) => Err(BeginError::TooMany {
                wait: allowances::until_next_sign_in(now),
            }),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Ends a sign-in with the code from the mail. The token is the new session's, for a cookie;
    /// the session that the browser had, `leaves`, is over with it.
    pub async fn end_sign_in(
        &self,
        token: &PlainToken,
        typed: &str,
        leaves: Option<&PlainToken>,
        source: Option<IpAddr>,
    ) -> Result<PlainToken, SignInError> {
        if !self.sends_codes() {
            return Err(SignInError::Ended);
        }
        let (challenge, counted_at) = self.count_attempt(token, source).await?;
        let ChallengeState::Sent { code, to } = &challenge.state else {
            self.record_sign_in(Actor::Stranger, WhyNoSignIn::WrongCode, source)
                .await?;
            return Err(SignInError::WrongCode);
        };
        let right =
            OneTimeCode::parse(typed).is_some_and(|typed| typed.hash(&challenge.token.0) == *code);
        if !right {
            self.record_sign_in(Actor::Holder(to.clone()), WhyNoSignIn::WrongCode, source)
                .await?;
            return Err(SignInError::WrongCode);
        }
        let who = Newcomer {
            person: to,
            by: Way::Mail,
            claims: Vec::new(),
            leaves,
        };
        let (session, opened) = self.new_session(who, counted_at, source);
        let mut change = vec![Write::EndChallenge(challenge.token)];
        change.extend(opened);
        match self.commit(change).await {
            Ok(()) => Ok(session),
            Err(CommitError::Conflict) => Err(SignInError::Ended),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Counts an attempt before its code is looked at, so that guesses made at once count as many.
    /// Whoever made up a token, or goes on after the attempts are used up, leaves no row in the log
    /// each time: it is not for strangers to fill.
    async fn count_attempt(
        &self,
        token: &PlainToken,
        source: Option<IpAddr>,
    ) -> Result<(Challenge, Timestamp), SignInError> {
        loop {
            let found = self.parts.store.challenge(&token.hash()).await;
            let open = found.map_err(Unavailable::from)?;
            let Some(challenge) = open.filter(|challenge| challenge.attempts <= ATTEMPTS) else {
                return Err(SignInError::Ended);
            };
            let count = Write::CountAttempt {
                challenge: challenge.token,
                expected: challenge.attempts,
            };
            match self.commit(vec![count]).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(error) => return Err(Unavailable::from(error).into()),
            }
            let now = self.now();
            let valid_for = self.parts.sign_in.code_valid_for;
            if challenge.attempts < ATTEMPTS && !has_ended(challenge.expires_at, valid_for, now) {
                return Ok((challenge, now));
            }
            self.record_sign_in(Actor::Stranger, WhyNoSignIn::Ended, source)
                .await?;
            return Err(SignInError::Ended);
        }
    }

    async fn record_sign_in(
        &self,
        actor: Actor,
        why: WhyNoSignIn,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        self.record(LogEntry::of_nothing(
            Event::SignInRefused {
                why,
                provider: None,
                named: None,
            },
            actor,
            source,
            self.now(),
        ))
        .await
    }
}
