//! Whose devices are whose. That can be done without, so no failure here is one of the look-up.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clavis_broker::causes::with_causes;
use clavis_broker::devices::Owner;
use clavis_broker::people::PersonId;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::hyphenated;
use crate::entra::permission::PEOPLE;
use crate::entra::{Call, DEVICES, DeviceObject, ManagedBy, Tenant, Trouble, intune};

/// For how many devices of one name it is asked whose they are: each is a few calls, and who named
/// more has to name one of them first.
const MOST: usize = 10;

/// How many devices are asked about at once.
const AT_ONCE: usize = 5;

/// How long all that is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of an account (`$select`).
const FIELDS: &str = "id,onPremisesImmutableId,onPremisesSyncEnabled";

/// The devices, each with whose it is; nobody's where that is not known.
pub(super) async fn with_owners(
    tenant: &Tenant,
    devices: Vec<DeviceObject>,
) -> Result<Vec<(DeviceObject, Vec<Owner>)>, Trouble> {
    // Where accounts may not be read, nobody is named: half an answer would look like somebody
    // else's device.
    if devices.len() > MOST || !tenant.may(PEOPLE).await? {
        return Ok(devices.into_iter().map(|it| (it, Vec::new())).collect());
    }
    let deadline = Instant::now() + PATIENCE;
    let asked = stream::iter(devices).map(async |device| {
        let owners = timeout_at(deadline, owners(tenant, &device)).await;
        let owners = owners.unwrap_or(Err(Trouble::TooLate));
        let owners = owners.unwrap_or_else(|trouble| {
            let error = with_causes(&trouble);
            tracing::warn!(error, "Whose a device is cannot be read from Entra ID.");
            Vec::new()
        });
        (device, owners)
    });
    Ok(asked.buffer_unordered(AT_ONCE).collect().await)
}

/// Whose a device is: Intune's primary user, where Intune may be read and names one. Else whoever
/// registered it, and else its registered users, of whom some may have passed it on long ago.
///
/// Where Intune may be read and does not answer, whoever registered the device is not taken for its
/// owner either: it may have been given to somebody else since.
async fn owners(tenant: &Tenant, device: &DeviceObject) -> Result<Vec<Owner>, Trouble> {
    let Some(primary) = intune::if_it_answers(tenant, primary_users(tenant, device)).await? else {
        return Ok(Vec::new());
    };
    let mut accounts = primary;
    for relation in ["registeredOwners", "registeredUsers"] {
        if accounts.is_empty() {
            let call = Call::get("v1.0")
                .segment("devices")
                .segment(&device.id)
                .segment(relation)
                .query("$select", FIELDS)
                .needs(DEVICES);
            accounts = tenant.list(&call).await?;
        }
    }
    let mut owners: Vec<Owner> = Vec::new();
    for owner in accounts.iter().map(Account::owner) {
        owner.add_to(&mut owners);
    }
    Ok(owners)
}

async fn primary_users(tenant: &Tenant, device: &DeviceObject) -> Result<Vec<Account>, Trouble> {
    let Some(id) = device.device_id() else {
        return Ok(Vec::new());
    };
    let managed = intune::managed(tenant, ManagedBy::DeviceId(id)).await?;
    let mut users: Vec<_> = managed.into_iter().filter_map(|it| it.user_id).collect();
    users.sort();
    users.dedup();
    let mut accounts = Vec::new();
    for user in users {
        let call = Call::get("v1.0")
            .segment("users")
            .segment(&user)
            .query("$select", FIELDS)
            .needs(PEOPLE);
        // An account that is gone is somebody all the same, and nobody else.
        let gone = Account {
            id: user,
            on_premises_immutable_id: None,
            on_premises_sync_enabled: None,
        };
        accounts.push(tenant.get(&call).await?.unwrap_or(gone));
    }
    Ok(accounts)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: String,
    on_premises_immutable_id: Option<String>,
    on_premises_sync_enabled: Option<bool>,
}

impl Account {
    /// The ID in Entra ID, and the `objectGUID` in Active Directory where the account is
    /// synchronised from there with the usual source anchor: 16 bytes in Base64
    /// (<https://learn.microsoft.com/entra/identity/hybrid/connect/plan-connect-design-concepts>).
    /// By either it is known, whichever of the two directories Clavis reads. The anchor of an
    /// account of the cloud alone proves nothing: whoever manages it may write anything there.
    fn owner(&self) -> Owner {
        let anchor = self
            .on_premises_immutable_id
            .as_deref()
            .filter(|_| self.on_premises_sync_enabled == Some(true))
            .and_then(|anchor| STANDARD.decode(anchor).ok())
            .and_then(|bytes| Uuid::from_slice_le(&bytes).ok());
        let own = Uuid::parse_str(&self.id).ok();
        let ids = own.into_iter().chain(anchor);
        Owner(ids.map(|id| PersonId(hyphenated(id))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synchronised_account_is_known_by_both_of_its_ids() {
        let own = Uuid::from_u128(1);
        let guid = Uuid::from_u128(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10);
        let ids = |anchor: Option<String>, synchronised: Option<bool>| {
            let account = Account {
                id: own.to_string().to_uppercase(),
                on_premises_immutable_id: anchor,
                on_premises_sync_enabled: synchronised,
            };
            let ids = account.owner().0.into_iter();
            ids.map(|id| id.0).collect::<Vec<_>>()
        };
        let anchor = Some(STANDARD.encode(guid.to_bytes_le()));
        assert_eq!(
            ids(anchor.clone(), Some(true)),
            [own.to_string(), guid.to_string()]
        );
        for other in [None, Some(false)] {
            assert_eq!(ids(anchor.clone(), other), [own.to_string()]);
        }
        for odd in [None, Some("x".to_owned()), Some(STANDARD.encode(b"anna"))] {
            assert_eq!(ids(odd, Some(true)), [own.to_string()]);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn any_account_is_known_by_its_own_id_and_by_an_anchor_only_if_it_is_synchronised() {
        let sound = r#"{"id":"1AB40AB2-32a8-4b00-b6b5-ba724e407de9",
            "onPremisesImmutableId":"sgq0GqgyAEu2tbpyTkB96Q==","onPremisesSyncEnabled":true}"#;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "true",
            "false",
            "=",
            "AAAA",
            "urn:uuid:",
            "\\u0000",
            "é",
            "-",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            let Ok(account) = serde_json::from_str::<Account>(&text) else {
                return;
            };
            let owner = account.owner();
            let is_plain = |id: &PersonId| {
                Uuid::parse_str(&id.0).is_ok_and(|read| read.as_hyphenated().to_string() == id.0)
            };
            assert!(owner.0.iter().all(is_plain), "{owner:?}");
            let own = usize::from(Uuid::parse_str(&account.id).is_ok());
            let most = own + usize::from(account.on_premises_sync_enabled == Some(true));
            assert!((own..=most).contains(&owner.0.len()), "{text}");
        });
    }
}
