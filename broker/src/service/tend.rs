//! What Clavis does by itself: sends what is due, and records what has run out.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::outbox::LEASE;
use super::wait::Wait;
use super::{AdvanceError, Broker, CheckpointError, Unavailable, before};
use crate::audit::Actor;
use crate::causes::with_causes;
use crate::lifecycle::Command;

/// How many jobs are done at once.
const AT_ONCE: usize = 32;
/// The longest sleep: another process may have died and left jobs behind.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How many requests that time does something to are looked at in one go.
const BATCH: usize = 100;
/// After so many failures in a row the rest waits for the next look.
const FAILURES: usize = 3;
/// How often they are looked for: where time has run out, it has run out all the same before that.
const LOOK_EVERY: SignedDuration = SignedDuration::from_millis(200);
/// How often the log is looked through for what somebody has to look at.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How often service desks are asked what has changed.
pub(super) const POLL_EVERY: SignedDuration = SignedDuration::from_mins(2);
/// How often is looked at what Clavis may do beyond what it needs, and how long after the start.
const RIGHTS_EVERY: SignedDuration = SignedDuration::from_hours(1);
const RIGHTS_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How often it is looked whether a checkpoint is due.
const CHECKPOINT_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// How often fields of the log that are too old are erased.
const ERASE_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How often it is looked for what was dated by a clock that was ahead. Where it was this one, that is as
/// soon as it is set back.
const BACK_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How often ended sign-ins and sessions are forgotten.
const FORGET_EVERY: SignedDuration = SignedDuration::from_mins(10);

impl Broker {
    /// Tends the outbox and the timers until `stop` turns true; then finishes what is under way.
    pub async fn tend(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let watching = Arc::clone(&self).keep_watch(stop.clone());
        let watching = tokio::spawn(watching.in_current_span());
        let mut running = JoinSet::new();
        let now = self.now();
        let (mut back, mut forget, mut look) = (Wait::none(now), Wait::none(now), Wait::none(now));
        let mut rights = Wait::of(now, RIGHTS_AFTER);
        let mut checkpoint = Wait::none(now);
        let mut erase = Wait::none(now);
        // Beside the jobs: going through a long log takes none of their places, and ends with the
        // daemon. Whatever is not erased by then is erased after the next start.
        let mut erasing = JoinSet::new();
        let mut poll = Wait::none(now);
        let mut polling = JoinSet::new();
        while !*stop.borrow() {
            if back.is_over(self.now()) {
                report(self.bring_back().await);
                back = Wait::of(self.now(), BACK_EVERY);
            }
            if forget.is_over(self.now()) {
                // An hour after their end: until then they count against too many sign-ins.
                let ended = before(self.now(), SignedDuration::from_hours(1));
                report(
                    self.parts
                        .store
                        .forget_ended(ended)
                        .await
                        .map_err(Unavailable::from),
                );
                forget = Wait::of(self.now(), FORGET_EVERY);
            }
            if look.is_over(self.now()) {
                report(self.let_time_pass().await);
                look = Wait::of(self.now(), LOOK_EVERY);
            }
            if rights.is_over(self.now()) && self.has_alarms() {
                let broker = Arc::clone(&self);
                let looking = async move { report(broker.look_at_rights().await) };
                running.spawn(looking.in_current_span());
                rights = Wait::of(self.now(), RIGHTS_EVERY);
            }
            if checkpoint.is_over(self.now()) {
                self.tend_checkpoints().await;
                checkpoint = Wait::of(self.now(), CHECKPOINT_EVERY);
            }
            while erasing.try_join_next().is_some() {}
            if erase.is_over(self.now()) && erasing.is_empty() {
                let broker = Arc::clone(&self);
                let work = async move { report(broker.erase_aged().await) };
                erasing.spawn(work.in_current_span());
                erase = Wait::of(self.now(), ERASE_EVERY);
            }
            while polling.try_join_next().is_some() {}
            if poll.is_over(self.now()) && !self.parts.desks.is_empty() && polling.is_empty() {
                let broker = Arc::clone(&self);
                let work = async move { report(broker.poll_desks().await.map(drop)) };
                polling.spawn(work.in_current_span());
                poll = Wait::of(self.now(), POLL_EVERY);
            }
            // Whatever has ended meanwhile makes room at once, for one claim instead of many.
            while running.try_join_next().is_some() {}
            let free = AT_ONCE - running.len();
            if free > 0 {
                report(self.start_jobs(&mut running, free).await);
            }
            let pause = if running.len() < AT_ONCE {
                self.pause().await
            } else {
                LONGEST_SLEEP
            };
            tokio::select! {
                () = self.work.notified(), if running.len() < AT_ONCE => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
        erasing.shutdown().await;
        polling.shutdown().await;
        while running.join_next().await.is_some() {}
        let _ = watching.await;
    }

    /// Looks through the log for alarms until `stop` turns true: beside the outbox, so that a log which
    /// somebody fills holds up no mail.
    async fn keep_watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            report(self.watch().await.map(drop));
            tokio::select! {
                () = tokio::time::sleep(WATCH_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Does everything that is due now, one after the other, and looks through the log; gives how much
    /// that was.
    pub async fn tend_once(&self) -> Result<usize, Unavailable> {
        self.bring_back().await?;
        self.let_time_pass().await?;
        let jobs = self.parts.store.claim(self.now(), LEASE, AT_ONCE).await?;
        let count = jobs.len();
        for job in jobs {
            self.run_job(job).await?;
        }
        Ok(count + self.watch().await?)
    }

    /// Makes the checkpoint that is due.
    pub(super) async fn tend_checkpoints(&self) {
        match self.checkpoint_where_due().await {
            Ok(()) => {}
            Err(CheckpointError::Unavailable(error)) => report(Err(error)),
            Err(error) => {
                tracing::error!(error = with_causes(&error), "no checkpoint was made");
                if let Some(alarm) = error.alarm() {
                    report(self.raise(alarm).await);
                }
            }
        }
    }

    async fn start_jobs(
        self: &Arc<Self>,
        running: &mut JoinSet<()>,
        limit: usize,
    ) -> Result<(), Unavailable> {
        for job in self.parts.store.claim(self.now(), LEASE, limit).await? {
            let broker = Arc::clone(self);
            let work = async move { report(broker.run_job(job).await) };
            running.spawn(work.in_current_span());
        }
        Ok(())
    }

    /// Records requests whose time has run out, and asks the next approvers of those that wait.
    async fn let_time_pass(&self) -> Result<(), Unavailable> {
        loop {
            let due = self.parts.store.due(self.now(), BATCH).await?;
            let (mut passed, mut failed) = (0, 0);
            for id in &due {
                // One that cannot be read or changed holds up no other; several in a row are the
                // store's fault, and everything else would fail as well.
                if failed == FAILURES {
                    return Ok(());
                }
                let loaded = self.parts.store.request(*id).await;
                let stored = match loaded.map_err(Unavailable::from) {
                    Ok(Some(stored)) => stored,
                    Ok(None) => continue,
                    Err(error) => {
                        report(Err(error));
                        failed += 1;
                        continue;
                    }
                };
                let command = if stored.request.is_overdue(self.now()) {
                    Command::RunOut
                } else {
                    Command::Escalate { by: None }
                };
                match self
                    .advance(stored, &command, &Actor::Clavis, None, &[])
                    .await
                {
                    // Refused: somebody else has recorded it, or changed it, meanwhile.
                    Ok(_) | Err(AdvanceError::Refused(_)) => (passed, failed) = (passed + 1, 0),
                    Err(AdvanceError::Unavailable(error)) => {
                        report(Err(error));
                        failed += 1;
                    }
                }
            }
            if due.len() < BATCH || passed == 0 {
                return Ok(());
            }
        }
    }

    async fn pause(&self) -> Duration {
        let next = match self.parts.store.next_due().await {
            Ok(next) => next,
            Err(error) => {
                report(Err(error.into()));
                None
            }
        };
        let wait =
            next.map(|due| Duration::try_from(due.duration_since(self.now())).unwrap_or_default());
        // Never none at all: a store that fails must not make this a busy loop.
        wait.unwrap_or(LONGEST_SLEEP)
            .clamp(Duration::from_millis(5), LONGEST_SLEEP)
    }
}

fn report(outcome: Result<(), Unavailable>) {
    if let Err(error) = outcome {
        tracing::error!(
            error = with_causes(&error),
            "a piece of background work failed; it will be tried again"
        );
    }
}
