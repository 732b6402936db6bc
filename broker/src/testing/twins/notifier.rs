//! A channel that keeps its notices in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::locked;
use crate::ports::{Finding, HookError, Notice, Notifier};

/// What it was told, and whether it takes anything.
#[derive(Default)]
pub struct MemoryNotifier(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    posted: Vec<Notice>,
    fails: Option<fn() -> HookError>,
}

impl MemoryNotifier {
    /// The notices that it has taken.
    pub fn posted(&self) -> Vec<Notice> {
        locked(&self.0).posted.clone()
    }

    /// Makes it refuse whatever comes, or take it again.
    pub fn break_down(&self, fails: Option<fn() -> HookError>) {
        locked(&self.0).fails = fails;
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    fn name(&self) -> &'static str {
        "approvers"
    }

    async fn post(&self, notice: &Notice) -> Result<(), HookError> {
        let mut inner = locked(&self.0);
        if let Some(fails) = inner.fails {
            return Err(fails());
        }
        inner.posted.push(notice.clone());
        Ok(())
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("What the channel is told stays in memory")]
    }
}
