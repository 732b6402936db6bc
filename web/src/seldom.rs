//! What strangers can cause as often as they like is logged once a minute at most, with how often it
//! happened.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_mins(1);

/// When something of a kind was said last, and how often it has happened since.
#[derive(Debug)]
pub struct Seldom<K>(Mutex<HashMap<K, (Instant, u64)>>);

impl<K: Eq + Hash> Seldom<K> {
    /// Counts it; gives how often it has happened since it was last said, where it is to be said
    /// now.
    pub fn count(&self, kind: K) -> Option<u64> {
        let now = Instant::now();
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&kind) {
            Some((at, since)) if now.saturating_duration_since(*at) < PAUSE => {
                *since += 1;
                None
            }
            Some((at, since)) => {
                *at = now;
                Some(std::mem::take(since) + 1)
            }
            None => {
                said.insert(kind, (now, 0));
                Some(1)
            }
        }
    }
}

impl<K> Default for Seldom<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_kind_is_said_once_a_minute_with_how_often_it_happened() {
        let seldom = Seldom::default();
        assert_eq!(seldom.count("slow"), Some(1));
        for _ in 0..500 {
            assert_eq!(seldom.count("slow"), None);
        }
        assert_eq!(seldom.count("stalled"), Some(1), "another kind");
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.count("slow"), Some(501));
        assert_eq!(seldom.count("slow"), None);
    }
}
