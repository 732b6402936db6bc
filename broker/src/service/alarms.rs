//! Telling operators what they have to look at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{Broker, Unavailable, before};
use crate::audit::{Actor, Event, LogEntry};
use crate::letters::Alarm;
use crate::policy::PolicyFault;
use crate::ports::{Job, Write};

/// A fault that stays is told once in this time; each request that it stops has its row in the log.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// When which fault was told last.
#[derive(Default)]
pub(super) struct Told(Mutex<HashMap<String, Timestamp>>);

impl Told {
    /// Whether it is to be told now; it counts as told then.
    fn reserve(&self, what: &str, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| *at > before(now, AGAIN_AFTER));
        let is_new = !told.contains_key(what);
        if is_new {
            told.insert(what.to_owned(), now);
        }
        is_new
    }

    /// It was not told after all.
    fn release(&self, what: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(what);
    }
}

impl Broker {
    /// Whether there is anybody who is told: pages say so.
    pub fn has_alarms(&self) -> bool {
        !self.parts.alarms.is_empty()
    }

    /// The jobs that tell everybody who gets alarms.
    pub(super) fn alarm(&self, alarm: &Alarm) -> Vec<Write> {
        let now = self.now();
        let jobs = self.parts.alarms.iter().map(|to| Job::Alarm {
            to: to.clone(),
            alarm: Box::new(alarm.clone()),
        });
        jobs.map(|job| self.enqueue_job(job, now)).collect()
    }

    /// The policy could not be carried out: an operator has to mend it.
    pub(super) async fn policy_failed(&self, fault: &PolicyFault) -> Result<(), Unavailable> {
        tracing::error!(
            policy.rule = fault.rule,
            fault = %fault.which,
            "nobody can approve until the policy is mended; run `clavis check`"
        );
        let now = self.now();
        let event = Event::PolicyFailed {
            fault: fault.clone(),
        };
        let entry = LogEntry::of_nothing(event, Actor::Clavis, None, now);
        let mut change = vec![self.log(&entry)];
        let what = fault.to_string();
        let is_due = self.told.reserve(&what, now);
        if is_due {
            change.extend(self.alarm(&Alarm::Policy(fault.clone())));
        }
        let committed = self.commit(change).await;
        if is_due && committed.is_err() {
            self.told.release(&what);
        }
        Ok(committed?)
    }
}
