//! What parts are made with beside their own settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use clavis_broker::ports::{Clock, Random};

use crate::entra::Tenant;

/// What parts are made with beside their own settings. Made once, so that all parts share it.
pub struct Supplies {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where random bits come from.
    pub random: Arc<dyn Random>,
    /// The applications in Entra ID by the names of their sections: all parts that use one share
    /// its tokens.
    pub tenants: BTreeMap<String, Arc<Tenant>>,
}

impl Supplies {
    /// The application of this name.
    ///
    /// # Panics
    /// Where there is none; the configuration is sound, so that what it names is there.
    pub fn tenant(&self, name: &str) -> Arc<Tenant> {
        Arc::clone(&self.tenants[name])
    }
}
