//! Groups, and who is in them.

use clavis_broker::people::Person;
use clavis_broker::ports::GroupName;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::people;
use crate::entra::permission::PEOPLE;
use crate::entra::{Body, Call, Tenant, Trouble, equals, says};

const GROUPS: &str = "GroupMember.Read.All";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id: String,
    display_name: Option<String>,
}

/// The object IDs of the groups of this name. One of an ID alone is that of the group, also where
/// another group has it for a name: everybody may give a group any name.
pub(super) async fn find(tenant: &Tenant, group: &GroupName) -> Result<Vec<String>, Trouble> {
    let name = &group.0;
    if name.trim().is_empty() {
        return Ok(Vec::new());
    }
    let groups = || {
        Call::get("v1.0")
            .segment("groups")
            .query("$select", "id,displayName")
            .needs(GROUPS)
    };
    if let Ok(id) = Uuid::parse_str(name) {
        let call = groups().segment(id.as_hyphenated().to_string());
        let group: Option<Group> = tenant.get(&call).await?;
        return Ok(group.into_iter().map(|group| group.id).collect());
    }
    let call = groups().query("$filter", &equals("displayName", name));
    let groups: Vec<Group> = tenant.list(&call).await?;
    let named = groups
        .into_iter()
        .filter(|group| says(group.display_name.as_deref(), name));
    Ok(named.map(|group| group.id).collect())
}

/// The people in a group and in the groups in it, sorted by name.
pub(super) async fn members(tenant: &Tenant, id: &str) -> Result<Vec<Person>, Trouble> {
    // Narrowing to one type is an advanced query
    // (https://learn.microsoft.com/graph/aad-advanced-queries).
    let call = Call::get("v1.0")
        .segment("groups")
        .segment(id)
        .segment("transitiveMembers")
        .segment("microsoft.graph.user")
        .query("$select", people::FIELDS)
        .query("$top", "999")
        .query("$count", "true")
        .eventual()
        .needs(GROUPS);
    let mut found = people::found(tenant, &call, |_| true).await?;
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}

/// Whether somebody is in a group, or in one in it. Whom nobody knows is in none.
pub(super) async fn holds(tenant: &Tenant, id: &str, person: &str) -> Result<bool, Trouble> {
    #[derive(Deserialize)]
    struct Answer {
        value: Vec<String>,
    }
    let call = Call::inquire("v1.0")
        .segment("users")
        .segment(person)
        .segment("checkMemberGroups")
        // It needs both, and groups were read before.
        .needs(PEOPLE);
    let about = json!({ "groupIds": [id] });
    let answer: Option<Answer> = tenant.inquire(&call, Body::Json(&about)).await?;
    let groups = answer.map(|answer| answer.value).unwrap_or_default();
    Ok(groups.iter().any(|group| group.eq_ignore_ascii_case(id)))
}
