//! Which accounts a search finds.

use clavis_broker::beginnings::Beginning;

use crate::active_directory::{and, any_of, begins};

/// What is looked at. Each of these attributes has an index for its beginning.
const NAMES: [&str; 7] = [
    "displayName",
    "cn",
    "givenName",
    "sn",
    "mail",
    "userPrincipalName",
    "sAMAccountName",
];

/// A filter for those whose name, address or sign-in name begins so.
///
/// Ambiguous name resolution (`anr`, `[MS-ADTS]`, section 3.1.1.3.1.3.4) is no such filter, and
/// Samba's is none either: it looks neither at `mail` nor at `userPrincipalName`, but at the office
/// that somebody sits in, and takes a text after an equals sign for a whole name. What it does with
/// first and last names is done here: they are found in either order.
pub(super) fn filter(beginning: &Beginning) -> String {
    let text = beginning.as_str();
    let mut ways: Vec<_> = NAMES.map(|name| begins(name, text)).into();
    for (one, other) in beginning.halves() {
        for (first, last) in [(one, other), (other, one)] {
            ways.push(and(&begins("givenName", first), &begins("sn", last)));
        }
    }
    any_of(&ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        filter(&Beginning::parse(text).unwrap())
    }

    #[test]
    fn values_stay_values() {
        let filter = of("a*)(cn=b");
        assert!(filter.contains(r"(mail=a\2a\29\28cn=b*)"), "{filter}");
        assert!(!filter.contains("(cn=b"), "{filter}");
        for text in ["ab", "anna ber", "a*)(cn=*", "anna maria von berg"] {
            assert!(ldap3::parse_filter(of(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn first_and_last_names_are_found_in_either_order() {
        let filter = of("anna ber");
        for pair in [
            "(&(givenName=anna*)(sn=ber*))",
            "(&(givenName=ber*)(sn=anna*))",
        ] {
            assert!(filter.contains(pair), "{filter}");
        }
        assert!(!of("anna").contains("(&"));
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_is_typed_for_a_person_only_beginnings_are_compared() {
        let pieces = [
            "*", "(", ")", "\\", "=", " ", ")(cn=*", "|", "&", "é", "anna", "\u{a0}",
        ];
        check!().for_each(|bytes: &[u8]| {
            let Some(beginning) = Beginning::parse(&spelled(bytes, &pieces)) else {
                return;
            };
            let filter = filter(&beginning);
            assert!(ldap3::parse_filter(&filter).is_ok(), "{filter}");
            // Each comparison ends with the one star that is ours.
            let pairs = 2 * beginning.halves().len();
            assert_eq!(
                filter.matches("*)").count(),
                NAMES.len() + 2 * pairs,
                "{filter}"
            );
            assert_eq!(
                filter.matches('*').count(),
                NAMES.len() + 2 * pairs,
                "{filter}"
            );
            assert_eq!(
                filter.matches('(').count(),
                1 + NAMES.len() + 3 * pairs,
                "{filter}"
            );
        });
    }
}
