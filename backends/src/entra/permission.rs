//! What the application may do beyond what Clavis cannot do without.

use super::roles::{allow, claims};
use super::{Scope, Tenant, Trouble};

/// To read devices that Intune manages: serial numbers and primary users.
pub(crate) const MANAGED_DEVICES: &str = "DeviceManagementManagedDevices.Read.All";
/// To read people.
pub(crate) const PEOPLE: &str = "User.Read.All";

impl Tenant {
    /// Whether the application's token says that it has a permission, or one that goes beyond it.
    /// What is read by one that is not needed everywhere is left out without it.
    pub(crate) async fn may(&self, permission: &str) -> Result<bool, Trouble> {
        let token = self.token(Scope::Graph, self.deadline()).await?;
        let roles = claims(token.secret()).unwrap_or_default().roles;
        Ok(allow(&roles, permission))
    }
}
