//! The course of one connection: what is under way on it, and when it has to end. Whoever sees
//! something of it says so here; what follows is a function of what was said.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedRwLockReadGuard};
use tokio::time::Instant;

/// The time for the head of a request, and for the first one to begin.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection is kept on which nothing goes on.
const IDLE: Duration = Duration::from_mins(1);
/// The same where many wait for a place.
const HEAD_WHEN_CROWDED: Duration = Duration::from_secs(3);
const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(5);
/// How long an answer may wait for a client that takes nothing of it.
const STALL: Duration = Duration::from_secs(30);
/// How long the connection of a last answer lasts, whether that was read or not.
pub(crate) const LAST: Duration = Duration::from_millis(1500);
/// How long a client may take to leave once it was told that the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing goes on.
    Idle,
    /// A head did not come in time.
    SlowHead,
    /// An answer is not taken.
    Stalled,
    /// The time of the last answer is over.
    LastAnswer,
    /// Frames that ask for nothing came without end.
    Flood,
    /// It was told to leave, and has not.
    NotGone,
}

/// What is known of a connection, for those who see a part of it each.
pub(crate) struct Course {
    standing: Mutex<Standing>,
    changed: Notify,
    /// Kept until nobody sees anything of the connection any more.
    kept: Mutex<Vec<OwnedRwLockReadGuard<()>>>,
}

/// An answer that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer(u64);

/// How things stand.
#[derive(Debug)]
struct Standing {
    /// Since when nothing goes on, where nothing does.
    idle_since: Instant,
    /// Whether a request has come.
    was_asked: bool,
    /// Since when a head has been coming.
    head_since: Option<Instant>,
    /// Since when the socket takes nothing.
    blocked_since: Option<Instant>,
    /// The answers that are under way, each with the moment since when it waits for the client.
    answers: BTreeMap<Answer, Option<Instant>>,
    last_answer_at: Option<Instant>,
    told_to_leave_at: Option<Instant>,
    has_flooded: bool,
    begun: u64,
}

impl Course {
    /// Of a connection that is there from now on.
    pub(crate) fn new() -> Self {
        Self {
            standing: Mutex::new(Standing::new(Instant::now())),
            changed: Notify::new(),
            kept: Mutex::default(),
        }
    }

    /// When the connection has to end, and why, unless something changes before.
    pub(crate) fn due(&self, is_crowded: bool) -> Option<(Instant, End)> {
        self.look().due(is_crowded)
    }

    /// Comes when [`Course::due`] may have come nearer.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Something of a head came, unless one is under way already.
    pub(crate) fn head_comes(&self) {
        let mut standing = self.look();
        if standing.answers.is_empty() && standing.head_since.is_none() {
            standing.head_since = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    /// A request is there whole, as far as its head goes.
    pub(crate) fn request_came(&self) -> Answer {
        let mut standing = self.look();
        standing.was_asked = true;
        standing.head_since = None;
        standing.begun += 1;
        let answer = Answer(standing.begun);
        standing.answers.insert(answer, None);
        answer
    }

    /// There is something for the client to take of this answer.
    pub(crate) fn waits_for_client(&self, answer: Answer) {
        let mut standing = self.look();
        standing.answers.insert(answer, Some(Instant::now()));
        self.changed.notify_one();
    }

    /// The client has taken all that there is, so far.
    pub(crate) fn waits_for_us(&self, answer: Answer) {
        self.look().answers.insert(answer, None);
    }

    /// An answer was handed on whole, or is given up.
    pub(crate) fn answered(&self, answer: Answer) {
        let mut standing = self.look();
        standing.answers.remove(&answer);
        if standing.answers.is_empty() {
            standing.idle_since = Instant::now();
            self.changed.notify_one();
        }
    }

    /// The socket takes nothing more.
    pub(crate) fn write_blocked(&self) {
        let mut standing = self.look();
        if standing.blocked_since.is_none() {
            standing.blocked_since = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    /// The socket has taken something.
    pub(crate) fn write_moved(&self) {
        self.look().blocked_since = None;
    }

    /// The answer that is about to be given is the last.
    pub(crate) fn last_answer(&self) {
        let mut standing = self.look();
        standing.last_answer_at.get_or_insert(Instant::now());
        self.changed.notify_one();
    }

    /// Whether the last answer is about to be given, or was.
    pub(crate) fn is_last(&self) -> bool {
        self.look().last_answer_at.is_some()
    }

    /// Keys are in what is still to be sent: they are counted as used for as long as the connection
    /// lasts.
    pub(crate) fn has_keys(&self, used: OwnedRwLockReadGuard<()>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(used);
    }

    /// Frames come without end.
    pub(crate) fn flooded(&self) {
        self.look().has_flooded = true;
        self.changed.notify_one();
    }

    /// The client was told that the connection ends.
    pub(crate) fn told_to_leave(&self) {
        let mut standing = self.look();
        standing.told_to_leave_at.get_or_insert(Instant::now());
    }

    fn look(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self {
            idle_since: now,
            was_asked: false,
            head_since: None,
            blocked_since: None,
            answers: BTreeMap::new(),
            last_answer_at: None,
            told_to_leave_at: None,
            has_flooded: false,
            begun: 0,
        }
    }

    /// The first of what may end it.
    fn due(&self, is_crowded: bool) -> Option<(Instant, End)> {
        let (head, idle) = if is_crowded {
            (HEAD_WHEN_CROWDED, IDLE_WHEN_CROWDED)
        } else {
            (HEAD, IDLE)
        };
        let stalled = self.answers.values().copied().flatten().min();
        let stalled = [stalled, self.blocked_since].into_iter().flatten().min();
        let nothing = self.answers.is_empty().then(|| match self.head_since {
            Some(since) => (since + head, End::SlowHead),
            None if !self.was_asked => (self.idle_since + head, End::SlowHead),
            None => match self.told_to_leave_at {
                Some(told) => (told + FAREWELL, End::NotGone),
                None => (self.idle_since + idle, End::Idle),
            },
        });
        [
            self.has_flooded.then_some((self.idle_since, End::Flood)),
            self.last_answer_at.map(|at| (at + LAST, End::LastAnswer)),
            stalled.map(|since| (since + STALL, End::Stalled)),
            nothing,
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::RwLock;

    use super::*;

    fn ends(course: &Course) -> Option<(Duration, End)> {
        let due = course.due(false);
        due.map(|(at, end)| (at.saturating_duration_since(Instant::now()), end))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_byte_and_none_while_there_is_work() {
        let course = Course::new();
        assert_eq!(ends(&course), Some((HEAD, End::SlowHead)));
        tokio::time::advance(Duration::from_secs(4)).await;
        course.head_comes();
        tokio::time::advance(Duration::from_secs(4)).await;
        course.head_comes();
        let left = HEAD.checked_sub(Duration::from_secs(4)).unwrap();
        assert_eq!(ends(&course), Some((left, End::SlowHead)));
        let answer = course.request_came();
        assert_eq!(ends(&course), None, "a request in work has its own limits");
        course.head_comes();
        assert_eq!(ends(&course), None);
        course.answered(answer);
        assert_eq!(ends(&course), Some((IDLE, End::Idle)));
        course.head_comes();
        assert_eq!(ends(&course), Some((HEAD, End::SlowHead)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_stalls_and_one_that_is_made_does_not() {
        let course = Course::new();
        let [first, second] = [course.request_came(), course.request_came()];
        course.waits_for_client(first);
        tokio::time::advance(Duration::from_secs(5)).await;
        course.waits_for_client(second);
        let left = STALL.checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(ends(&course), Some((left, End::Stalled)));
        course.waits_for_us(first);
        assert_eq!(ends(&course), Some((STALL, End::Stalled)), "the other");
        course.answered(second);
        assert_eq!(ends(&course), None);
        course.write_blocked();
        tokio::time::advance(Duration::from_secs(5)).await;
        course.write_blocked();
        assert_eq!(ends(&course), Some((left, End::Stalled)));
        course.write_moved();
        assert_eq!(ends(&course), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_last_answer_nothing_keeps_it_and_saying_so_again_gives_no_more_time() {
        let course = Course::new();
        course.request_came();
        course.last_answer();
        tokio::time::advance(Duration::from_secs(1)).await;
        course.last_answer();
        let left = Duration::from_millis(500);
        assert_eq!(ends(&course), Some((left, End::LastAnswer)));
        course.request_came();
        assert_eq!(ends(&course), Some((left, End::LastAnswer)));
    }

    #[tokio::test]
    async fn keys_are_in_use_for_as_long_as_anybody_sees_the_connection() {
        let keys = Arc::new(RwLock::new(()));
        let course = Arc::new(Course::new());
        course.has_keys(Arc::clone(&keys).read_owned().await);
        let sender = Arc::clone(&course);
        drop(course);
        assert!(keys.try_write().is_err());
        drop(sender);
        assert!(keys.try_write().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_ends_it_at_once_and_who_was_told_to_leave_has_a_moment() {
        let course = Course::new();
        let answer = course.request_came();
        course.answered(answer);
        course.told_to_leave();
        assert_eq!(ends(&course), Some((FAREWELL, End::NotGone)));
        course.flooded();
        assert_eq!(ends(&course), Some((Duration::ZERO, End::Flood)));
    }

    #[tokio::test(start_paused = true)]
    async fn where_many_wait_for_a_place_who_does_nothing_goes_sooner() {
        let course = Course::new();
        let now = Instant::now();
        let crowded = Some((now + HEAD_WHEN_CROWDED, End::SlowHead));
        assert_eq!(course.due(true), crowded);
        let answer = course.request_came();
        assert_eq!(course.due(true), None);
        course.answered(answer);
        let crowded = Some((now + IDLE_WHEN_CROWDED, End::Idle));
        assert_eq!(course.due(true), crowded);
    }
}
