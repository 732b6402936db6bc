//! Accounts as people.

use clavis_broker::people::{MailAddress, Person, PersonId};
use jiff::Timestamp;

use crate::active_directory::{Entry, Trouble, expiry, parent_dn};

/// The bit of `userAccountControl` that disables an account (`[MS-ADTS]`, section 2.2.16).
const ACCOUNT_DISABLE: i64 = 0x2;

/// What [`person`] reads.
pub(super) const ATTRIBUTES: [&str; 6] = [
    "objectGUID",
    "displayName",
    "cn",
    "mail",
    "userAccountControl",
    "accountExpires",
];

/// An account as a person.
pub(super) fn person(entry: &Entry, now: Timestamp) -> Result<Person, Trouble> {
    Ok(Person {
        id: PersonId(entry.object_guid()?.as_hyphenated().to_string()),
        name: entry
            .text("displayName")
            .or_else(|| entry.text("cn"))
            .ok_or_else(|| Trouble::Nonsense("an account has no name".into()))?
            .to_owned(),
        // An address that Clavis would not write to is none.
        mail: entry
            .text("mail")
            .and_then(|mail| MailAddress::parse(mail).ok()),
        enabled: enabled(entry, now),
        unit: parent_dn(entry.dn()).map(str::to_owned),
    })
}

/// Neither disabled nor expired. What may not be read counts against the account, but for an
/// expiry that was never set.
fn enabled(entry: &Entry, now: Timestamp) -> bool {
    let control = entry
        .text("userAccountControl")
        .and_then(|text| text.parse::<i64>().ok());
    let expired = match entry.text("accountExpires").map(expiry) {
        None | Some(Ok(None)) => false,
        Some(Ok(Some(at))) => at <= now,
        Some(Err(_)) => true,
    };
    control.is_some_and(|bits| bits & ACCOUNT_DISABLE == 0) && !expired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_enabled(attributes: &[(&str, &[u8])]) -> bool {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        enabled(&Entry::of("CN=x", attributes), now)
    }

    #[test]
    fn an_account_is_enabled_where_nothing_says_otherwise() {
        let (normal, never) = (b"512".as_slice(), b"9223372036854775807".as_slice());
        let control = |bits| ("userAccountControl", bits);
        let expires = |at| ("accountExpires", at);
        assert!(is_enabled(&[control(normal), expires(never)]));
        assert!(is_enabled(&[control(normal), expires(b"0")]));
        assert!(is_enabled(&[control(normal)]));
        assert!(is_enabled(&[control(b"66048")]));
        assert!(!is_enabled(&[control(b"514"), expires(never)]));
        assert!(!is_enabled(&[
            control(normal),
            expires(b"126227808000000000")
        ]));
        assert!(!is_enabled(&[control(normal), expires(b"x")]));
        assert!(!is_enabled(&[control(b"x")]));
        assert!(!is_enabled(&[]));
    }

    #[test]
    fn a_person_has_a_name_and_perhaps_a_usable_address() {
        let now = Timestamp::UNIX_EPOCH;
        let guid = [7; 16];
        let entry = Entry::of(
            r"CN=x\, y,OU=a,DC=b",
            &[
                ("objectGUID", &guid),
                ("cn", b"Anna"),
                ("mail", b"a@b\r\nBcc: c@d"),
            ],
        );
        let found = person(&entry, now).unwrap();
        assert_eq!((found.name.as_str(), found.mail), ("Anna", None));
        assert_eq!(found.unit.as_deref(), Some("OU=a,DC=b"));
        assert!(person(&Entry::of("CN=x", &[("objectGUID", &guid)]), now).is_err());
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn any_account_is_a_person_or_none_and_takes_part_only_if_it_says_so() {
        let pieces = [
            "512",
            "514",
            "-1",
            "9223372036854775807",
            "0",
            "a@b",
            "\r\nBcc: ",
            ",",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let (one, other) = text.split_once('/').unwrap_or((&text, ""));
            let values = [
                ("objectGUID", [7; 16].as_slice()),
                ("displayName", one.as_bytes()),
                ("mail", one.as_bytes()),
                ("userAccountControl", one.as_bytes()),
                ("accountExpires", other.as_bytes()),
            ];
            let found = person(&Entry::of(&text, &values), Timestamp::UNIX_EPOCH).unwrap();
            let mail = found.mail.as_ref().map(MailAddress::as_str);
            assert!(mail.is_none_or(|mail| mail == one.trim() && !mail.contains(['\r', '\n'])));
            let may = one.parse::<i64>().is_ok_and(|bits| bits & 2 == 0);
            assert!(!found.enabled || may, "{one}");
            assert!(
                found.enabled || !may || expiry(other) != Ok(None),
                "{one} {other}"
            );
        });
    }
}
