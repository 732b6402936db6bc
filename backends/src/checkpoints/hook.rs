//! Checkpoints of the log to a program elsewhere.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clavis_broker::ports::{
    CheckpointSink, Clock, Finding, Hook, HookError, KeepError, KeptCheckpoint,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Tells each checkpoint to a webhook, as JSON with `type`, `timestamp` and `data`.
pub struct CheckpointHook {
    hook: Arc<dyn Hook>,
    clock: Arc<dyn Clock>,
}

impl CheckpointHook {
    /// A sink that tells this one. The clock says when a message is sent.
    pub fn new(hook: Arc<dyn Hook>, clock: Arc<dyn Clock>) -> Self {
        Self { hook, clock }
    }
}

#[async_trait]
impl CheckpointSink for CheckpointHook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), KeepError> {
        let (id, message) = (message_id(&checkpoint.note), message(checkpoint));
        let told = self.hook.send(&id, self.clock.now(), &message);
        told.await.map_err(|error| match error {
            HookError::Transient(why) => KeepError::Transient(why),
            busy @ HookError::Busy { .. } => KeepError::Transient(busy.to_string()),
            HookError::Permanent(why) => KeepError::Permanent(why),
        })
    }

    async fn check(&self) -> Vec<Finding> {
        self.hook.check().await
    }
}

/// The same for one checkpoint, however often it is told.
fn message_id(note: &str) -> String {
    let digest = Sha256::digest(note.as_bytes());
    let digest = BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]);
    format!("checkpoint-{digest}")
}

fn message(checkpoint: &KeptCheckpoint) -> String {
    let told = json!({
        "type": "log.checkpoint",
        "timestamp": checkpoint.made_at,
        "data": { "size": checkpoint.size, "note": checkpoint.note },
    });
    told.to_string()
}

#[cfg(test)]
mod tests {
    use clavis_broker::testing::sample::monday;
    use clavis_broker::testing::{MemoryHook, SetClock};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_checkpoint_is_told_whole_and_by_the_same_id_each_time() {
        let hook = Arc::new(MemoryHook::default());
        let sink = CheckpointHook::new(hook.clone(), Arc::new(SetClock::at(monday())));
        let checkpoint = KeptCheckpoint {
            size: 7,
            made_at: monday(),
            note: "keys.example.com/log\n7\n…\n\n— keys.example.com/log …\n".to_owned(),
        };
        for _ in 0..2 {
            sink.keep(&checkpoint).await.unwrap();
        }
        let told = hook.told();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], told[1]);
        let body: Value = serde_json::from_str(&told[0].1).unwrap();
        assert_eq!(body["type"], "log.checkpoint");
        assert_eq!(body["data"]["note"], *checkpoint.note);
    }
}
