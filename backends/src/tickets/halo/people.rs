//! Users and assets as Halo tells them. Pure.

use clavis_broker::people::{MailAddress, PersonId};
use clavis_broker::ports::PersonQuery;
use clavis_broker::text::Asset;
use clavis_broker::tickets::{AssetFault, DeskAsset, DeskUser};
use clavis_config::settings::HaloAssetField;
use serde_json::Value;
use uuid::Uuid;

use super::values::{id, text};

/// A user, by what the directory may know them by: the object in Entra ID, the mail address and the
/// sign-in name. `None` where it is another user than was asked for, or none.
pub(super) fn user(user: &Value, asked: &str) -> Option<DeskUser> {
    if id(user, "id").as_deref() != Some(asked) {
        return None;
    }
    let object = text(user, "azureoid").and_then(guid);
    let mail = mail(user);
    let login = text(user, "networklogin").filter(|login| is_plain(login));
    let known_as = object
        .map(|object| PersonQuery::Id(PersonId(object)))
        .into_iter()
        .chain(mail.map(PersonQuery::Mail))
        .chain(login.map(|login| PersonQuery::Login(login.to_owned())));
    Some(DeskUser {
        id: asked.to_owned(),
        name: text(user, "name").unwrap_or(asked).to_owned(),
        known_as: known_as.collect(),
    })
}

/// The mail address of a user, an agent, or a row of approvals.
pub(super) fn mail(of: &Value) -> Option<MailAddress> {
    let mail = text(of, "emailaddress")?;
    MailAddress::parse(mail).ok()
}

/// An agent who raised a ticket for somebody, of whom Halo says a name or an address. A name is
/// nothing that the directory is asked for: many may have it.
pub(super) fn agent(written: &str) -> DeskUser {
    let mail = MailAddress::parse(written).ok().map(PersonQuery::Mail);
    DeskUser {
        id: written.to_owned(),
        name: written.to_owned(),
        known_as: mail.into_iter().collect(),
    }
}

/// An agent whom Halo says by an ID, as it tells them. `None` where it tells of another one, or nothing
/// by which they could be known.
pub(super) fn agent_of_id(found: &Value, asked: &str) -> Option<DeskUser> {
    if id(found, "id").as_deref() != Some(asked) {
        return None;
    }
    let mail = text(found, "email").or_else(|| text(found, "emailaddress"));
    let name = text(found, "name").or(mail)?;
    let mail = mail.and_then(|mail| MailAddress::parse(mail).ok());
    Some(DeskUser {
        id: asked.to_owned(),
        name: name.to_owned(),
        known_as: mail.map(PersonQuery::Mail).into_iter().collect(),
    })
}

/// An asset, by what escrow backends may know it by, in the order of the settings.
pub(super) fn asset(
    asset: &Value,
    asked: &str,
    fields: &[HaloAssetField],
) -> Result<DeskAsset, AssetFault> {
    if id(asset, "id").as_deref() != Some(asked) {
        return Err(AssetFault::Unknown);
    }
    let mut known_as: Vec<Asset> = Vec::new();
    for field in fields {
        let value = match field {
            HaloAssetField::IntuneId => text(asset, "intune_id").and_then(guid),
            HaloAssetField::InventoryNumber => text(asset, "inventory_number").map(str::to_owned),
            HaloAssetField::KeyField => text(asset, "key_field").map(str::to_owned),
        };
        let value = value.and_then(|value| Asset::parse(&value).ok());
        known_as.extend(value.filter(|value| !known_as.contains(value)));
    }
    if known_as.is_empty() {
        return Err(AssetFault::Unknown);
    }
    let names = ["name", "inventory_number", "key_field"];
    let name = names.iter().find_map(|field| text(asset, field));
    Ok(DeskAsset {
        id: asked.to_owned(),
        name: name.unwrap_or(known_as[0].as_str()).to_owned(),
        known_as,
    })
}

/// A GUID as directories write it; the one of zeros is none.
fn guid(text: &str) -> Option<String> {
    let id = Uuid::parse_str(text).ok().filter(|id| !id.is_nil())?;
    Some(id.as_hyphenated().to_string())
}

fn is_plain(text: &str) -> bool {
    text.len() <= 256 && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GUID: &str = "1AB40AB2-32A8-4B00-B6B5-BA724E407DE9";

    #[test]
    fn a_user_is_known_by_the_object_the_address_and_the_sign_in_name() {
        let whole = json!({
            "id": 5, "name": "Anna", "azureoid": GUID, "emailaddress": "anna@example.com",
            "networklogin": "anna",
        });
        let read = user(&whole, "5").unwrap();
        let mail = MailAddress::parse("anna@example.com").unwrap();
        assert_eq!(
            read.known_as,
            [
                PersonQuery::Id(PersonId(GUID.to_lowercase())),
                PersonQuery::Mail(mail),
                PersonQuery::Login("anna".into()),
            ]
        );
        let bare = user(
            &json!({ "id": "5", "azureoid": "x", "emailaddress": "" }),
            "5",
        );
        assert_eq!(bare.unwrap().known_as, []);
        assert_eq!(user(&whole, "6"), None);
        assert_eq!(agent("Max Agent").known_as, []);
        assert_eq!(agent("max@example.com").known_as.len(), 1);
    }

    #[test]
    fn an_asset_is_known_by_ids_and_never_by_its_name_alone() {
        use HaloAssetField::{IntuneId, InventoryNumber, KeyField};
        let all = [IntuneId, InventoryNumber, KeyField];
        let read = |value: &Value, fields: &[HaloAssetField]| {
            let read = asset(value, "42", fields)?;
            let known = read.known_as.iter().map(|it| it.as_str().to_owned());
            Ok(known.collect::<Vec<_>>())
        };
        let whole = json!({
            "id": 42, "name": "Anna's laptop", "intune_id": GUID, "inventory_number": "LT-0001",
            "key_field": "LT-0001",
        });
        assert_eq!(
            read(&whole, &all),
            Ok(vec![GUID.to_lowercase(), "LT-0001".into()])
        );
        assert_eq!(read(&whole, &[KeyField]), Ok(vec!["LT-0001".into()]));
        for unknown in [
            json!({ "id": 42, "name": "LT-0001" }),
            json!({ "id": 42, "intune_id": "LT-0001", "inventory_number": "\n" }),
            json!({ "id": 42, "intune_id": "00000000-0000-0000-0000-000000000000" }),
            json!({ "id": 43, "inventory_number": "LT-0001" }),
            json!({ "inventory_number": "LT-0001" }),
        ] {
            assert_eq!(read(&unknown, &all), Err(AssetFault::Unknown), "{unknown}");
        }
    }
}
