//! Search filters (RFC 4515) in which no value can become syntax.

use std::fmt::Write as _;

use ldap3::ldap_escape;
use uuid::Uuid;

/// Computers; group-managed service accounts, whose class derives from computers, are none.
pub(crate) const COMPUTER: &str = "(objectCategory=computer)";

/// People with an account; contacts and computers are none.
pub(crate) const PERSON: &str = "(objectCategory=person)(objectClass=user)";

/// The attribute has this value.
pub(crate) fn equal(attribute: &str, value: &str) -> String {
    format!("({attribute}={})", ldap_escape(value))
}

/// The attribute has a value that begins so.
pub(crate) fn begins(attribute: &str, value: &str) -> String {
    format!("({attribute}={}*)", ldap_escape(value))
}

/// The attribute is this GUID, byte by byte in Windows order.
pub(crate) fn equal_guid(attribute: &str, value: Uuid) -> String {
    let mut filter = format!("({attribute}=");
    for byte in value.to_bytes_le() {
        let _ = write!(filter, "\\{byte:02x}");
    }
    filter.push(')');
    filter
}

/// The attribute has a value that the account may read.
pub(crate) fn present(attribute: &str) -> String {
    format!("({attribute}=*)")
}

/// Members of a group through any number of groups between
/// (`LDAP_MATCHING_RULE_TRANSITIVE_EVAL`, `[MS-ADTS]`, section 3.1.1.3.4.4.3).
pub(crate) fn within_group(group_dn: &str) -> String {
    format!(
        "(memberOf:1.2.840.113556.1.4.1941:={})",
        ldap_escape(group_dn)
    )
}

/// Both hold.
pub(crate) fn and(first: &str, second: &str) -> String {
    format!("(&{first}{second})")
}

/// At least one holds.
pub(crate) fn any_of(filters: &[String]) -> String {
    format!("(|{})", filters.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        assert_eq!(equal("cn", "*"), r"(cn=\2a)");
        assert_eq!(equal("cn", ")(cn=*"), r"(cn=\29\28cn=\2a)");
        assert_eq!(equal("cn", r"CN=a\, b"), r"(cn=CN=a\5c, b)");
        assert_eq!(begins("cn", "a*)"), r"(cn=a\2a\29*)");
        assert_eq!(
            within_group("CN=(x)"),
            r"(memberOf:1.2.840.113556.1.4.1941:=CN=\28x\29)"
        );
    }

    #[test]
    fn guids_are_escaped_byte_by_byte() {
        let id = Uuid::parse_str("d5bfb251-c671-4189-a6d1-9cb689adfe45").unwrap();
        assert_eq!(
            equal_guid("objectGUID", id),
            r"(objectGUID=\51\b2\bf\d5\71\c6\89\41\a6\d1\9c\b6\89\ad\fe\45)"
        );
    }

    #[test]
    fn filters_are_put_together() {
        let either = any_of(&[equal("cn", "a"), present("mail")]);
        assert_eq!(
            and(COMPUTER, &either),
            "(&(objectCategory=computer)(|(cn=a)(mail=*)))"
        );
        assert!(ldap3::parse_filter(and(PERSON, &either)).is_ok());
    }
}
