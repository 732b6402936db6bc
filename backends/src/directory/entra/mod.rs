//! People, groups and owners of devices in Entra ID.

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device};
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::{Directory, DirectoryError, Finding, GroupName, PersonQuery};

use crate::entra::Tenant;

/// People in a tenant of Entra ID. Their identifier is the object ID.
pub struct EntraPeople {
    tenant: Arc<Tenant>,
    escrow: BackendName,
}

impl EntraPeople {
    /// The people of a tenant, whose devices are those of this escrow backend.
    pub fn new(tenant: Arc<Tenant>, escrow: BackendName) -> Self {
        Self { tenant, escrow }
    }
}

#[async_trait]
impl Directory for EntraPeople {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        todo!()
    }
    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        todo!()
    }
    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        todo!()
    }
    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        todo!()
    }
    async fn check(&self) -> Vec<Finding> {
        todo!()
    }
}
