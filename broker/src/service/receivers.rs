//! Who is told by HTTP, and how they lately took it: one that is slow or gone holds up no other, and no
//! mail.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::outbox::wait_after;
use super::wait::Wait;

/// How many messages to one receiver are under way at once.
const EACH_AT_ONCE: usize = 4;
/// How many messages to all receivers: fewer than there are places in the outbox, so that mails have
/// theirs.
const ALL_AT_ONCE: usize = 16;
/// How long a message waits for others before it.
const NEXT_TURN: SignedDuration = SignedDuration::from_secs(1);

/// How receivers stand, by their names. What is known is known to this process alone: another one finds
/// out by itself.
#[derive(Default)]
pub(super) struct Receivers(Mutex<HashMap<String, Receiver>>);

#[derive(Default)]
struct Receiver {
    under_way: usize,
    /// How many messages it has failed to take, one after the other.
    failures: i64,
    /// While nobody tries.
    rests: Option<Wait>,
}

/// Whether a message may be sent now.
pub(super) enum Turn<'r> {
    /// It may.
    Now(Permit<'r>),
    /// It has to wait until then.
    Later(Timestamp, &'static str),
}

/// One message under way. Dropped, it makes room for the next.
pub(super) struct Permit<'r> {
    receivers: &'r Receivers,
    name: String,
}

impl Receivers {
    /// A turn for a message to this receiver. One that is to be tried whatever comes of it does not wait
    /// for the end of a rest.
    pub(super) fn turn(&self, name: &str, now: Timestamp, whatever_comes: bool) -> Turn<'_> {
        let mut all = self.locked();
        let under_way: usize = all.values().map(|receiver| receiver.under_way).sum();
        let receiver = all.entry(name.to_owned()).or_default();
        if let Some(rest) = receiver.rests
            && !rest.is_over(now)
            && !whatever_comes
        {
            return Turn::Later(rest.until(), "an earlier message was not taken");
        }
        if receiver.under_way >= EACH_AT_ONCE || under_way >= ALL_AT_ONCE {
            return Turn::Later(now + NEXT_TURN, "other messages are under way");
        }
        receiver.under_way += 1;
        Turn::Now(Permit {
            receivers: self,
            name: name.to_owned(),
        })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Receiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Receiver)) {
        if let Some(receiver) = self.locked().get_mut(name) {
            change(receiver);
        }
    }
}

impl Permit<'_> {
    /// The receiver answered sensibly.
    pub(super) fn answered(&self) {
        self.receivers.change(&self.name, |receiver| {
            (receiver.failures, receiver.rests) = (0, None);
        });
    }

    /// The receiver took nothing: it is left alone for a while, longer each time, and for as long as it
    /// asked for.
    pub(super) fn failed(&self, now: Timestamp, asked_for: Option<SignedDuration>) {
        self.receivers.change(&self.name, |receiver| {
            receiver.failures = receiver.failures.saturating_add(1);
            let wait = wait_after(receiver.failures, 0).max(asked_for.unwrap_or_default());
            let rest = Wait::of(now, wait);
            let before = receiver.rests.filter(|before| !before.is_over(now));
            let is_longer = before.is_none_or(|before| rest.until() > before.until());
            receiver.rests = if is_longer { Some(rest) } else { before };
        });
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.receivers
            .change(&self.name, |receiver| receiver.under_way -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::monday;

    fn permit<'r>(receivers: &'r Receivers, name: &str) -> Option<Permit<'r>> {
        match receivers.turn(name, monday(), false) {
            Turn::Now(permit) => Some(permit),
            Turn::Later(..) => None,
        }
    }

    #[test]
    fn one_receiver_takes_few_of_the_places_and_all_together_not_all() {
        let receivers = Receivers::default();
        let first: Vec<_> = (0..9).filter_map(|_| permit(&receivers, "a")).collect();
        assert_eq!(first.len(), EACH_AT_ONCE);
        let others: Vec<_> = (0..90)
            .filter_map(|at| permit(&receivers, &(at / 9).to_string()))
            .collect();
        assert_eq!(first.len() + others.len(), ALL_AT_ONCE);
        drop(first);
        assert!(permit(&receivers, "a").is_some());
    }

    #[test]
    fn one_that_fails_rests_longer_each_time_until_it_takes_something() {
        let receivers = Receivers::default();
        let rest = |asked_for| {
            let Turn::Now(permit) = receivers.turn("a", monday(), true) else {
                panic!("a turn");
            };
            permit.failed(monday(), asked_for);
            let Turn::Later(until, _) = receivers.turn("a", monday(), false) else {
                panic!("a rest");
            };
            until.duration_since(monday()).as_secs()
        };
        assert_eq!([rest(None), rest(None), rest(None)], [5, 10, 20]);
        assert_eq!(rest(Some(SignedDuration::from_mins(5))), 300);
        assert_eq!(rest(None), 300, "what was asked for stands");
        assert!(permit(&receivers, "b").is_some(), "another one");
        let Turn::Now(one) = receivers.turn("a", monday(), true) else {
            panic!("a turn");
        };
        one.answered();
        drop(one);
        assert!(permit(&receivers, "a").is_some());
    }

    #[test]
    fn nobody_rests_until_a_clock_that_was_ahead_is_right() {
        let receivers = Receivers::default();
        let ahead = monday() + SignedDuration::from_hours(1000);
        let fail = |now| {
            let Turn::Now(permit) = receivers.turn("a", now, false) else {
                panic!("a turn");
            };
            permit.failed(now, None);
        };
        fail(ahead);
        assert!(matches!(receivers.turn("a", ahead, false), Turn::Later(..)));
        fail(monday());
        let Turn::Later(until, _) = receivers.turn("a", monday(), false) else {
            panic!("a rest");
        };
        assert_eq!(until.duration_since(monday()).as_secs(), 10);
    }
}
