//! A webhook that keeps what it was told in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::locked;
use crate::ports::{Finding, Hook, HookError};

/// What it was told, and whether it takes anything.
#[derive(Default)]
pub struct MemoryHook(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    told: Vec<(String, String)>,
    fails: Option<fn() -> HookError>,
}

impl MemoryHook {
    /// What it has taken: the ID of each message, and the message.
    pub fn told(&self) -> Vec<(String, String)> {
        locked(&self.0).told.clone()
    }

    /// Makes it refuse whatever comes, or take it again.
    pub fn break_down(&self, fails: Option<fn() -> HookError>) {
        locked(&self.0).fails = fails;
    }
}

#[async_trait]
impl Hook for MemoryHook {
    async fn send(&self, id: &str, _: Timestamp, body: &str) -> Result<(), HookError> {
        let mut inner = locked(&self.0);
        if let Some(fails) = inner.fails {
            return Err(fails());
        }
        inner.told.push((id.to_owned(), body.to_owned()));
        Ok(())
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("What the webhook is told stays in memory")]
    }
}
