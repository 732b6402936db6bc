//! How many requests of one person or program are looked up at once; further ones wait for their turn. Each of
//! them asks every backend several questions, and others are waiting for these as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clavis_broker::people::PersonId;
use clavis_broker::programs::ProgramName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// At once, for one.
const AT_ONCE: usize = 3;
/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(15);
/// From so many people on, those who wait for nothing are forgotten.
const MANY: usize = 1024;

/// Whose requests are being looked up.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Asker, Arc<Semaphore>>>);

/// Whoever has requests looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    Person(PersonId),
    Program(ProgramName),
}

impl From<&PersonId> for Asker {
    fn from(person: &PersonId) -> Self {
        Self::Person(person.clone())
    }
}

impl From<&ProgramName> for Asker {
    fn from(program: &ProgramName) -> Self {
        Self::Program(program.clone())
    }
}

/// A turn, which ends when it is dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Turns {
    /// A turn for this person or program; `None` where none came in time.
    pub(crate) async fn take(&self, asker: impl Into<Asker>) -> Option<Turn> {
        let theirs = self.of(asker.into());
        let turn = timeout(PATIENCE, theirs.acquire_owned()).await.ok()?;
        turn.ok().map(Turn)
    }

    fn of(&self, asker: Asker) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, theirs| Arc::strong_count(theirs) > 1);
        }
        let theirs = all.entry(asker);
        Arc::clone(theirs.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> PersonId {
        PersonId(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_has_a_few_turns_at_once_and_holds_nobody_else_back() {
        let turns = Turns::default();
        let anna = person("anna");
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.extend(turns.take(&anna).await);
        }
        assert_eq!(held.len(), AT_ONCE);
        assert!(turns.take(&anna).await.is_none(), "not in time");
        assert!(turns.take(&person("ben")).await.is_some());
        let (next, ()) = tokio::join!(turns.take(&anna), async { drop(held.pop()) });
        assert!(next.is_some());
    }

    #[tokio::test]
    async fn who_waits_for_nothing_is_forgotten_and_a_turn_that_is_held_counts_on() {
        let turns = Turns::default();
        let anna = person("anna");
        let held = turns.take(&anna).await;
        for n in 0..MANY {
            turns.take(&person(&n.to_string())).await;
        }
        assert!(turns.0.lock().unwrap().len() < MANY);
        assert_eq!(turns.of((&anna).into()).available_permits(), AT_ONCE - 1);
        drop(held);
    }
}
