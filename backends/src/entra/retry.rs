//! Whether to try again, and when.

use std::time::Duration;

use clavis_broker::ports::Random;
use tokio::time::{Instant, sleep, timeout_at};

use super::Trouble;
use super::throttle::{Gate, LEAST, Way};

/// How often a call is tried where nobody says when to come back.
const TRIES: u32 = 4;

/// The pause after the first try; each later one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// The longest spread of those who wait for the same moment; shorter than what they have left then.
const SPREAD: Duration = Duration::from_millis(250);

/// A try that came to nothing.
pub(super) struct Failure {
    /// What the caller learns if it is the last one.
    pub(super) trouble: Trouble,
    /// What it means for another try.
    pub(super) setback: Setback,
}

/// What a failure means for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setback {
    /// It was answered.
    Status {
        /// The HTTP status.
        status: u16,
        /// How long to wait, where that was said.
        retry_after: Option<Duration>,
    },
    /// Nothing of it reached the other side.
    NotSent,
    /// Nobody knows how far it came.
    Broken,
    /// No try could do better.
    Final,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait so long, then try again.
    Wait(Duration),
    /// Give up: the other side wants a pause that is longer than there is time.
    Pause(Duration),
    /// Give up.
    GiveUp,
}

/// The circumstances of a try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// The how-manieth it was, from 1.
    pub(super) number: u32,
    /// Whether doing it twice does no harm.
    pub(super) harmless: bool,
    /// The time left until the deadline.
    pub(super) left: Duration,
    /// A random number, by which those who failed together do not try again together.
    pub(super) chance: u8,
}

impl Failure {
    /// A failure of which the trouble says how far it came.
    pub(super) fn of(trouble: Trouble) -> Self {
        let setback = match &trouble {
            trouble if trouble.is_before_sending() => Setback::NotSent,
            Trouble::Broken { .. } => Setback::Broken,
            _ => Setback::Final,
        };
        Self { trouble, setback }
    }
}

/// What to do after this setback. What may have been carried out is not done again unless that is
/// harmless; 429 and 503 say that it was not.
pub(super) fn next(setback: Setback, attempt: Attempt) -> Next {
    match setback {
        Setback::Status {
            status: 429 | 503,
            retry_after: Some(wait),
        } => {
            let wait = wait.max(backoff(attempt)) + share(SPREAD, attempt.chance);
            if wait + LEAST < attempt.left {
                Next::Wait(wait)
            } else {
                Next::Pause(wait)
            }
        }
        Setback::Status {
            status: 429 | 503, ..
        }
        | Setback::NotSent => again(attempt),
        Setback::Status {
            status: 502 | 504, ..
        }
        | Setback::Broken
            if attempt.harmless =>
        {
            again(attempt)
        }
        _ => Next::GiveUp,
    }
}

/// Tries until it is done, it is no use, or the deadline passes; knocks at no closed gate.
pub(super) async fn until<T, F, A>(
    deadline: Instant,
    gate: &Gate,
    harmless: bool,
    random: &dyn Random,
    attempt: F,
) -> Result<T, Trouble>
where
    F: Fn() -> A + Send + Sync,
    A: Future<Output = Result<T, Failure>> + Send,
{
    let mut number = 0;
    loop {
        let now = Instant::now();
        match gate.way(now, deadline) {
            Way::Open => {}
            Way::Wait(wait) => sleep(wait + share(SPREAD, chance(random))).await,
            Way::Closed(wait) => return Err(paused(wait)),
        }
        number += 1;
        let failure = match timeout_at(deadline, attempt()).await {
            Err(_) => return Err(Trouble::TooLate),
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(failure)) => failure,
        };
        let now = Instant::now();
        if let Setback::Status {
            status: 429 | 503,
            retry_after: Some(wait),
        } = failure.setback
        {
            gate.close(now, wait);
        }
        let attempt = Attempt {
            number,
            harmless,
            left: deadline.saturating_duration_since(now),
            chance: chance(random),
        };
        match next(failure.setback, attempt) {
            Next::Wait(wait) => sleep(wait).await,
            Next::Pause(wait) => return Err(paused(wait)),
            Next::GiveUp => return Err(failure.trouble),
        }
    }
}

fn again(attempt: Attempt) -> Next {
    let wait = backoff(attempt);
    if attempt.number < TRIES && wait < attempt.left {
        Next::Wait(wait)
    } else {
        Next::GiveUp
    }
}

/// Between half of the pause and all of it.
fn backoff(attempt: Attempt) -> Duration {
    let doublings = attempt.number.saturating_sub(1).min(6);
    let pause = FIRST_PAUSE * 2_u32.pow(doublings);
    pause / 2 + share(pause / 2, attempt.chance)
}

fn share(of: Duration, chance: u8) -> Duration {
    of * u32::from(chance) / 255
}

fn chance(random: &dyn Random) -> u8 {
    let mut byte = [0];
    random.fill(&mut byte);
    byte[0]
}

fn paused(wait: Duration) -> Trouble {
    Trouble::Throttled {
        seconds: wait.as_secs().max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(10);

    fn attempt(number: u32, harmless: bool) -> Attempt {
        Attempt {
            number,
            harmless,
            left: LEFT,
            chance: 255,
        }
    }

    fn answered(status: u16, retry_after: Option<u64>) -> Setback {
        Setback::Status {
            status,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn who_is_told_to_wait_waits_at_least_so_long_or_gives_up_at_once() {
        for status in [429, 503] {
            for harmless in [true, false] {
                let Next::Wait(wait) = next(answered(status, Some(2)), attempt(1, harmless)) else {
                    panic!("it waits");
                };
                assert!(wait >= Duration::from_secs(2) && wait < Duration::from_secs(3));
                let outcome = next(answered(status, Some(20)), attempt(1, harmless));
                assert!(matches!(outcome, Next::Pause(_)), "{outcome:?}");
            }
        }
        let short = Attempt {
            left: Duration::from_millis(2400),
            ..attempt(1, true)
        };
        let outcome = next(answered(429, Some(2)), short);
        assert!(matches!(outcome, Next::Pause(_)), "no time is left for it");
        // "At once" is no licence to hammer.
        let Next::Wait(wait) = next(answered(429, Some(0)), attempt(2, true)) else {
            panic!("it waits");
        };
        assert!(wait >= FIRST_PAUSE);
    }

    #[test]
    fn pauses_double_and_are_spread_and_end() {
        let pauses: Vec<_> = (1..=TRIES)
            .map(|number| next(answered(503, None), attempt(number, true)))
            .collect();
        let wait = |millis| Next::Wait(Duration::from_millis(millis));
        assert_eq!(pauses, [wait(300), wait(600), wait(1200), Next::GiveUp]);
        let early = Attempt {
            chance: 0,
            ..attempt(1, true)
        };
        assert_eq!(next(answered(429, None), early), wait(150));
        let late = Attempt {
            left: Duration::from_millis(200),
            ..attempt(1, true)
        };
        assert_eq!(next(answered(429, None), late), Next::GiveUp);
    }

    #[test]
    fn what_may_have_been_carried_out_is_not_done_twice() {
        for setback in [answered(502, None), answered(504, None), Setback::Broken] {
            assert!(matches!(next(setback, attempt(1, true)), Next::Wait(_)));
            assert_eq!(next(setback, attempt(1, false)), Next::GiveUp);
        }
        assert!(matches!(
            next(Setback::NotSent, attempt(1, false)),
            Next::Wait(_)
        ));
    }

    /// Always the same number, whoever asks.
    struct Always(u8);

    impl Random for Always {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_sleeps_past_the_deadline() {
        let pauses = [None, Some(0), Some(1), Some(2), Some(3)];
        for (millis, retry_after) in (50..4000)
            .step_by(50)
            .flat_map(|millis| pauses.map(|pause| (millis, pause)))
        {
            for chance in [0, 128, 255] {
                let gate = Gate::default();
                let deadline = Instant::now() + Duration::from_millis(millis);
                let refuse = async || {
                    let trouble = Trouble::Unusable("busy".into());
                    let setback = answered(503, retry_after);
                    Err::<(), _>(Failure { trouble, setback })
                };
                // The second comes while the pause that the first was told is not over.
                for _ in 0..2 {
                    let outcome = until(deadline, &gate, true, &Always(chance), refuse).await;
                    outcome.expect_err("it is never done");
                    assert!(
                        Instant::now() <= deadline,
                        "{millis} ms, {retry_after:?}, {chance}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for status in [302, 400, 401, 403, 405, 409, 413, 500] {
            assert_eq!(
                next(answered(status, None), attempt(1, true)),
                Next::GiveUp,
                "{status}"
            );
        }
        assert_eq!(next(Setback::Final, attempt(1, true)), Next::GiveUp);
    }
}
