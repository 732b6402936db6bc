//! What people may do beyond asking for their own keys.

use crate::people::Party;

/// Somebody who may act for others at the service desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent(Party);

/// Somebody who may release keys without an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlassBreaker(Party);

impl Agent {
    /// For tests.
    #[cfg(test)]
    pub(crate) fn sample(party: Party) -> Self {
        Self(party)
    }

    /// Who that is.
    pub fn party(&self) -> &Party {
        &self.0
    }
}

impl GlassBreaker {
    /// For tests.
    #[cfg(test)]
    pub(crate) fn sample(party: Party) -> Self {
        Self(party)
    }

    /// Who that is.
    pub fn party(&self) -> &Party {
        &self.0
    }
}
