//! `[roles]`: who has which role.

use clavis_broker::ports::GroupName;
use clavis_broker::roles::{Bearer, Role, RoleGroups};
use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Directory;
use crate::values::text;

/// Reads `[roles]`, which may be missing: nobody has a role then. `claiming` is how many providers
/// send groups and roles.
pub(super) fn roles(
    section: Option<&Section<'_>>,
    directory: Option<&Directory>,
    claiming: usize,
) -> RoleGroups {
    let Some(section) = section else {
        return RoleGroups::default();
    };
    let of = |role: Role| {
        let bearers = section.list(role.setting(), bearer);
        check(section, role, &bearers, directory, claiming);
        bearers
    };
    RoleGroups {
        agents: of(Role::Agent),
        auditors: of(Role::Auditor),
        operators: of(Role::Operator),
        break_glass: of(Role::BreakGlass),
    }
}

fn check(
    section: &Section<'_>,
    role: Role,
    bearers: &[Bearer],
    directory: Option<&Directory>,
    claiming: usize,
) {
    let key = role.setting();
    let groups = bearers.iter().filter_map(|bearer| match bearer {
        Bearer::Group(group) => Some(group),
        Bearer::Claim(_) => None,
    });
    by_id(section, key, groups, directory);
    if !bearers.iter().any(|it| matches!(it, Bearer::Claim(_))) {
        return;
    }
    if role == Role::BreakGlass {
        section.problem(
            key,
            "`break_glass` names a claim, which would hold as long as a session",
            "Name a group of the directory, which is asked each minute.",
        );
    } else if claiming != 1 {
        section.problem(
            key,
            format!("`{key}` names a claim, and {claiming} providers have a `roles_claim`"),
            "Give one [[sign_in.provider]] alone a `roles_claim`: of several, each could say the \
             same of its people. Or name a group of the directory.",
        );
    }
}

/// Reports groups that are not named by their ID where others may take their names: everybody who
/// may make groups in Entra ID can make one of any name.
pub(super) fn by_id<'g>(
    section: &Section<'_>,
    key: &str,
    groups: impl IntoIterator<Item = &'g GroupName>,
    directory: Option<&Directory>,
) {
    if !matches!(directory, Some(Directory::Entra(_))) {
        return;
    }
    let is_id = |group: &GroupName| {
        let hyphens = group.0.bytes().filter(|b| *b == b'-').count();
        let is_hex = group.0.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        group.0.len() == 36 && hyphens == 4 && is_hex
    };
    for group in groups.into_iter().filter(|group| !is_id(group)) {
        section.problem(
            key,
            format!(
                "`{key}` names the group \"{}\" of Entra ID by its name",
                group.0
            ),
            "Write its object ID: whoever may make groups there can make another of that name.",
        );
    }
}

/// A group of the directory, or with a prefix a value of a claim.
fn bearer(value: &DeValue<'_>) -> Result<Bearer, Wrong> {
    let text = text(value)?;
    let Some(claim) = text.strip_prefix(Bearer::CLAIM) else {
        return Ok(Bearer::Group(GroupName(text)));
    };
    match claim.trim() {
        "" => Err(Wrong::new(
            "has a claim without a value",
            "Write the value that the identity provider sends: \"claim:Clavis.Auditor\".",
        )),
        claim => Ok(Bearer::Claim(claim.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_had_by_a_group_or_by_a_claim() {
        let read = |text: &'static str| bearer(DeValue::parse(text).expect("a value").get_ref());
        let group = |name: &str| Ok(Bearer::Group(GroupName(name.to_owned())));
        let claim = |value: &str| Ok(Bearer::Claim(value.to_owned()));
        assert_eq!(read("'GG-ServiceDesk'"), group("GG-ServiceDesk"));
        assert_eq!(read("'CN=Audit,DC=a'"), group("CN=Audit,DC=a"));
        assert_eq!(read("'claim:Clavis.Agent'"), claim("Clavis.Agent"));
        assert_eq!(read("'claim: a:b'"), claim("a:b"));
        for wrong in ["'claim:'", "'claim:  '", "''", "7"] {
            read(wrong).unwrap_err();
        }
    }
}
