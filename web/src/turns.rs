//! How many requests of one person may be looked up at once. Each of them asks every backend
//! several questions, and others are waiting for these as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use clavis_broker::people::PersonId;

/// At once, for one person.
const AT_ONCE: usize = 3;

/// Whose requests are being looked up.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<PersonId, usize>>);

/// A turn, which ends when it is dropped.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    person: PersonId,
}

impl Turns {
    /// A turn for this person; `None` where as many as there may be are under way.
    pub(crate) fn take(self: &Arc<Self>, person: &PersonId) -> Option<Turn> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = under_way.entry(person.clone()).or_default();
        if *theirs == AT_ONCE {
            return None;
        }
        *theirs += 1;
        Some(Turn {
            turns: Arc::clone(self),
            person: person.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = under_way.get_mut(&self.person) {
            *theirs -= 1;
            if *theirs == 0 {
                under_way.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_a_few_turns_at_once_and_holds_nobody_else_back() {
        let turns = Arc::new(Turns::default());
        let (anna, ben) = (PersonId("anna".into()), PersonId("ben".into()));
        let mut held: Vec<_> = (0..AT_ONCE).map(|_| turns.take(&anna)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(turns.take(&anna).is_none());
        assert!(turns.take(&ben).is_some());
        held.pop();
        assert!(turns.take(&anna).is_some());
        drop(held);
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
