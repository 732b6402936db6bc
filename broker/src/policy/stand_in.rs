//! Who decides in somebody's place while they are away.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::people::Party;

/// Somebody is away, and says who decides in their place and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// Who is away.
    pub of: Party,
    /// Who decides in their place.
    pub by: Party,
    /// When that ends.
    pub until: Timestamp,
}

impl StandIn {
    /// Whether it holds at a moment.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}
