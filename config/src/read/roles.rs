//! `[roles]`: who has which role.

use clavis_broker::ports::GroupName;
use clavis_broker::roles::{Bearer, Role, RoleGroups};
use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::values::text;

/// Reads `[roles]`, which may be missing: nobody has a role then.
pub(super) fn roles(root: &Section<'_>) -> RoleGroups {
    let Some(section) = root.optional_table("roles") else {
        return RoleGroups::default();
    };
    let of = |role: Role| section.list(role.setting(), bearer);
    RoleGroups {
        agents: of(Role::Agent),
        auditors: of(Role::Auditor),
        operators: of(Role::Operator),
        break_glass: of(Role::BreakGlass),
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
