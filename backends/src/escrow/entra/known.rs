//! Which keys a device has, for a minute: a redemption lists them and reads them right after.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clavis_broker::keys::KeyId;
use tokio::time::Instant;
use uuid::Uuid;

const FRESH_FOR: Duration = Duration::from_mins(1);

/// The IDs of the keys of devices that were listed just now.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Uuid, (Instant, HashSet<KeyId>)>>);

impl Known {
    /// Remembers what was listed for a device.
    pub(super) fn remember(&self, device: Uuid, keys: HashSet<KeyId>) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| now.duration_since(*at) < FRESH_FOR);
        known.insert(device, (now, keys));
    }

    /// What was listed for a device within the last minute.
    pub(super) fn of(&self, device: Uuid) -> Option<HashSet<KeyId>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, keys) = known.get(&device)?;
        (at.elapsed() < FRESH_FOR).then(|| keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_forgotten_after_a_minute() {
        let known = Known::default();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let keys = HashSet::from([KeyId(Uuid::from_u128(7))]);
        known.remember(one, keys.clone());
        assert_eq!(known.of(one), Some(keys));
        assert_eq!(known.of(two), None);
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(known.of(one), None);
        known.remember(two, HashSet::new());
        assert_eq!(known.0.lock().unwrap().len(), 1);
    }
}
