//! Names of people, devices and units, addresses, and what else is typed.

use bolero::check;

use crate::beginnings::Beginning;
use crate::devices::{NamePattern, Serves};
use crate::identity::ProviderName;
use crate::mail_domains::{MailDomain, MailDomains};
use crate::people::MailAddress;
use crate::search::fold;
use crate::testing::spelled;
use crate::text::{Asset, Comment, Reason};
use crate::units::Unit;

/// Letters that become other letters, more of them, or none, where case is left out.
const LETTERS: &[&str] = &[
    " ", "  ", "ß", "\u{130}", "ı", "Σ", "ς", "σ", "K", "ﬁ", "é", "e\u{301}", "鍵", "\u{200b}",
    "\u{85}", "\r\n", "LT-0042", "anna", "*",
];

#[test]
fn a_typed_text_is_kept_as_it_would_be_taken_again() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, LETTERS);
        let outcomes = [
            (Asset::parse(&text).map(String::from), Asset::MAX_CHARS),
            (Reason::parse(&text).map(String::from), Reason::MAX_CHARS),
            (Comment::parse(&text).map(String::from), Comment::MAX_CHARS),
        ];
        for (outcome, most) in outcomes {
            let Ok(kept) = outcome else { continue };
            assert!(!kept.is_empty() && kept.chars().count() <= most);
            assert!(
                !kept
                    .chars()
                    .any(|c| c.is_control() && c != '\n' && c != '\t')
            );
            assert_eq!(Comment::parse(&kept).map(String::from), Ok(kept));
        }
        if let Ok(asset) = Asset::parse(&text) {
            let written = serde_json::to_string(&asset).unwrap();
            assert_eq!(serde_json::from_str::<Asset>(&written).unwrap(), asset);
        }
    });
}

#[test]
fn a_mail_address_cannot_become_two_or_a_line_of_a_head() {
    let pieces = [
        "anna@example.com",
        "@",
        "example.com",
        ",",
        ";",
        "<",
        ">",
        "\r\n",
        "Bcc: ",
        "\"",
        "\\",
        "\u{a0}",
        "\u{130}",
        "\u{212a}",
        "\u{2028}",
        "(x)",
        ":",
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        let Ok(mail) = MailAddress::parse(&text) else {
            return;
        };
        let kept = mail.as_str();
        assert_eq!(kept.matches('@').count(), 1);
        assert!(!kept.contains(char::is_whitespace) && !kept.contains(char::is_control));
        assert!(!kept.contains([',', ';', '<', '>', '"', ':']));
        assert!(kept.ends_with(mail.domain()) && !mail.domain().is_empty());
        assert_eq!(MailAddress::parse(kept).as_ref(), Ok(&mail));
    });
}

#[test]
fn domains_that_share_an_address_meet_and_no_other_domain_gets_in() {
    let pieces = [
        "example.com",
        "*.",
        "*",
        ".",
        "example",
        "com",
        "-",
        "_",
        "xn--",
        "é",
        "\u{212a}",
        " ",
        "evil",
        "\0",
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        let mut parts = text.split(';');
        let mut domain = || parts.next()?.parse::<MailDomain>().ok();
        let (Some(one), Some(other)) = (domain(), domain()) else {
            return;
        };
        assert_eq!(one.to_string().parse().as_ref(), Ok(&one));
        let own = |domain: &MailDomain| MailDomains::new(vec![domain.clone()]);
        let name = |domain: &MailDomain| domain.to_string().replace("*.", "a.");
        let address = |domain: &str| MailAddress::parse(&format!("a@{domain}"));
        for (it, that) in [(&one, &other), (&other, &one)] {
            assert_eq!(own(it).meet(&own(that)), own(that).meet(&own(it)));
            let Ok(mail) = address(&name(it)) else {
                continue;
            };
            assert!(own(it).allows(&mail), "{it}");
            assert!(
                !own(that).allows(&mail) || own(it).meet(&own(that)),
                "{it} {that}"
            );
        }
        // What only ends like a domain is another one.
        let longer = format!("x{}", name(&one).trim_start_matches("a."));
        if let Ok(mail) = address(&longer) {
            assert!(!own(&one).allows(&mail), "{one} {longer}");
        }
    });
}

#[test]
fn a_unit_holds_what_lies_below_it_and_itself() {
    let pieces = [
        "OU=",
        "DC=",
        ",",
        "+",
        "=",
        "\\",
        "\\2C",
        "\\+",
        "\\,",
        "\\C3",
        "\\A9",
        "\"",
        ";",
        "<",
        "\\20",
        " ",
        "é",
        "É",
        "OU=Sales,DC=example,DC=com",
        "\\+bc",
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        let Ok(unit) = Unit::parse(&text) else { return };
        assert_eq!(Unit::parse(unit.as_str()).as_ref(), Ok(&unit));
        assert!(unit.holds(&text));
        assert!(unit.holds(&format!("CN=a\\, b,{text}")));
        // Longer than any name in it.
        let other = "x".repeat(text.len() + 1);
        assert!(!unit.holds(&format!("{text},DC={other}")));
        assert!(
            !unit.holds(&format!("CN=a\\,{text}")),
            "the comma is a part of the name"
        );
    });
}

#[test]
fn whatever_somebody_is_called_a_beginning_of_it_finds_them() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, LETTERS);
        let Some(whole) = Beginning::parse(&text) else {
            return;
        };
        for (at, _) in whole.as_str().char_indices() {
            let Some(beginning) = Beginning::parse(&whole.as_str()[..at]) else {
                continue;
            };
            assert!(
                beginning.is_of(whole.as_str()),
                "{beginning:?} {whole:?} {text:?}"
            );
            assert!(beginning.is_of_name(whole.as_str()));
        }
        let halves = whole.halves();
        assert!(
            halves
                .iter()
                .all(|(one, other)| format!("{one} {other}") == whole.as_str())
        );
    });
}

#[test]
fn a_pattern_fits_what_it_says() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, LETTERS);
        let Some((pattern, name)) = text.split_once('/') else {
            return;
        };
        if let Ok(read) = NamePattern::parse(pattern) {
            let wanted = fits(&letters(pattern), &letters(name));
            assert_eq!(
                Serves(vec![read]).name(name),
                wanted,
                "{pattern:?} {name:?}"
            );
        }
    });
}

#[test]
fn the_name_of_a_provider_can_stand_in_an_address() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(name) = ProviderName::parse(&spelled(bytes, LETTERS)) {
            let slug = name.slug();
            assert!(!slug.is_empty() && !slug.starts_with('-') && !slug.ends_with('-'));
            assert!(
                slug.bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            );
            assert_eq!(ProviderName::parse(name.as_str()), Ok(name));
        }
    });
}

fn letters(text: &str) -> Vec<char> {
    fold(text).chars().collect()
}

/// Whether a pattern fits, tried in every way.
fn fits(pattern: &[char], name: &[char]) -> bool {
    // Row by row, whether the first letters of the pattern fit the first letters of the name.
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for &wanted in pattern {
        let above = row.clone();
        row[0] = above[0] && wanted == '*';
        for at in 1..row.len() {
            row[at] = match wanted {
                '*' => above[at] || row[at - 1],
                _ => above[at - 1] && wanted == name[at - 1],
            };
        }
    }
    row[name.len()]
}
