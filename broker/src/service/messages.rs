//! Telling programs and channels elsewhere, from the outbox.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::outbox::{GIVE_UP, SENDING, Tried};
use super::receivers::Turn;
use super::{Broker, Unavailable, alarms};
use crate::alarms::Alarm;
use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::{Request, RequestId, State, Step};
use crate::news::{self, News};
use crate::ports::{ClaimedJob, Hook, HookError, Job, Notice, Write};

/// A program elsewhere that is told what becomes of requests.
#[derive(Clone)]
pub struct Subscriber {
    /// Its name in the settings.
    pub name: String,
    /// How it is told.
    pub hook: Arc<dyn Hook>,
    /// Of what: some of [`EVENTS`](news::EVENTS).
    pub events: Vec<String>,
}

/// The name of the webhook for alarms, which no other one can have.
pub const ALARMS: &str = "alarms";
/// The name of a notice in the log.
const NOTICE: &str = "review.waits";
/// Nobody is believed who asks to be left alone for longer.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(1);

/// A message on its way.
struct Sending {
    /// To whom, by the name in the settings.
    to: String,
    /// Its `type`.
    message: String,
    about: Option<Box<Request>>,
}

impl Broker {
    /// The jobs that tell programs and channels of a step, with the request as it stands after it.
    pub(super) fn tell_programs(&self, request: &Request, step: &Step) -> Vec<Write> {
        let now = self.now();
        let news = News::of(request, step, now);
        let subscribers = self.parts.subscribers.iter();
        let wanted = subscribers.filter(|it| it.events.contains(&news.event));
        let messages = wanted.map(|subscriber| Job::Message {
            to: subscriber.name.clone(),
            news: news.clone(),
        });
        let channels = self.parts.notifiers.iter();
        let channels =
            channels.filter(|_| news::calls_for_review(step) && !request.is_decided_at_desk());
        let notices = channels.map(|channel| Job::Notice {
            to: channel.name().to_owned(),
            request: request.id,
        });
        let jobs = messages.chain(notices);
        jobs.map(|job| self.enqueue_job(job, now)).collect()
    }

    /// Tells the webhook of an alarm. Where none is set any more, there is nobody to tell.
    pub(super) async fn tell_hook(
        &self,
        claimed: &ClaimedJob,
        alarm: &Alarm,
        at: Timestamp,
    ) -> Tried {
        let Some(hook) = &self.parts.alarms.hook else {
            return Tried::Moot(None);
        };
        let body = alarms::message(alarm, at);
        let sending = Sending {
            to: ALARMS.to_owned(),
            message: format!("alarm.{}", alarm.name()),
            about: None,
        };
        self.tell(claimed, sending, self.by_webhook(claimed, &**hook, &body))
            .await
    }

    /// Tells a program of something that happened to a request. Nothing is left to do where the settings
    /// name it no more, or want it told of other things.
    pub(super) async fn tell_program(
        &self,
        claimed: &ClaimedJob,
        to: &str,
        news: &News,
    ) -> Result<Tried, Unavailable> {
        let mut subscribers = self.parts.subscribers.iter();
        let subscriber = subscribers.find(|it| it.name == to && it.events.contains(&news.event));
        let stored = self.parts.store.request(news.request).await?;
        let (Some(subscriber), Some(stored)) = (subscriber, stored) else {
            return Ok(Tried::Moot(None));
        };
        let body = news::message(news, &stored.request);
        let sending = Sending {
            to: to.to_owned(),
            message: news.event.clone(),
            about: Some(Box::new(stored.request)),
        };
        let call = self.by_webhook(claimed, &*subscriber.hook, &body);
        Ok(self.tell(claimed, sending, call).await)
    }

    /// Tells a channel that a review waits. Nothing is left to do where it waits no more.
    pub(super) async fn post_notice(
        &self,
        claimed: &ClaimedJob,
        to: &str,
        request: RequestId,
    ) -> Result<Tried, Unavailable> {
        let mut notifiers = self.parts.notifiers.iter();
        let notifier = notifiers.find(|it| it.name() == to);
        let stored = self.parts.store.request(request).await?;
        let (Some(notifier), Some(stored)) = (notifier, stored) else {
            return Ok(Tried::Moot(None));
        };
        let request = stored.request;
        let State::Pending { lapses_at, .. } = request.state else {
            return Ok(Tried::Moot(None));
        };
        if request.is_overdue(self.now()) {
            return Ok(Tried::Moot(None));
        }
        let notice = Notice {
            reference: request.reference.clone(),
            decide_by: lapses_at,
        };
        let sending = Sending {
            to: to.to_owned(),
            message: NOTICE.to_owned(),
            about: Some(Box::new(request)),
        };
        Ok(self.tell(claimed, sending, notifier.post(&notice)).await)
    }

    async fn by_webhook(
        &self,
        claimed: &ClaimedJob,
        hook: &dyn Hook,
        body: &str,
    ) -> Result<(), HookError> {
        let id = claimed.lease.job.0.as_simple().to_string();
        hook.send(&id, self.now(), body).await
    }

    /// Makes the call when it is its turn, and says what came of it.
    async fn tell(
        &self,
        claimed: &ClaimedJob,
        sending: Sending,
        call: impl Future<Output = Result<(), HookError>>,
    ) -> Tried {
        let Sending { to, message, about } = sending;
        let is_last = self.now() >= claimed.queued_at + GIVE_UP;
        let permit = match self.receivers.turn(&to, self.now(), is_last) {
            Turn::Now(permit) => permit,
            Turn::Later(until, why) => {
                let why = why.to_owned();
                return Tried::Waits { until, why };
            }
        };
        let called = match tokio::time::timeout(SENDING, call).await {
            Ok(called) => called,
            Err(_) => Err(HookError::Transient("it did not answer in time".to_owned())),
        };
        let now = self.now();
        let error = match called {
            Ok(()) => {
                permit.answered();
                let event = Event::HookTold { hook: to, message };
                return Tried::Sent(match about {
                    Some(request) => {
                        LogEntry::of_request(&request, event, Actor::Clavis, None, now)
                    }
                    None => LogEntry::of_nothing(event, Actor::Clavis, None, now),
                });
            }
            Err(error) => error,
        };
        let (for_now, wait) = match &error {
            HookError::Transient(_) => (true, None),
            HookError::Busy { wait } => (true, Some((*wait).min(LONGEST_ASKED))),
            HookError::Permanent(_) => (false, None),
        };
        if for_now {
            permit.failed(now, wait);
        } else {
            permit.answered();
        }
        let why = match error {
            HookError::Transient(why) | HookError::Permanent(why) => why,
            HookError::Busy { .. } => error.to_string(),
        };
        let dead = Event::HookDead { hook: to, message };
        Tried::Failed {
            for_now,
            why,
            dead,
            about,
            not_before: wait.map(|wait| now + wait),
        }
    }
}
