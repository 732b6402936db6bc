//! The mail domains of an organisation: whose addresses are those of its people.

use std::fmt;
use std::str::FromStr;

use crate::people::MailAddress;

/// A mail domain, `example.com`, or all that are below one, `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain {
    /// In lower case.
    name: String,
    is_below: bool,
}

/// The text is not a mail domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail domain")]
pub struct NotAMailDomain;

impl MailDomain {
    fn has(&self, domain: &str) -> bool {
        if self.is_below {
            let above = domain.strip_suffix(&self.name);
            above.is_some_and(|above| above.len() > 1 && above.ends_with('.'))
        } else {
            domain == self.name
        }
    }
}

impl MailDomain {
    /// Whether an address could be in both.
    fn meets(&self, other: &Self) -> bool {
        match (self.is_below, other.is_below) {
            (true, true) => {
                self.name == other.name || self.has(&other.name) || other.has(&self.name)
            }
            (true, false) => self.has(&other.name),
            (false, _) => other.has(&self.name),
        }
    }
}

impl FromStr for MailDomain {
    type Err = NotAMailDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let below = text.strip_prefix("*.");
        let name = below.unwrap_or(&text);
        let is_label = |label: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(fits)
        };
        let sound = name.len() <= 253 && name.split('.').all(is_label);
        sound
            .then(|| Self {
                name: name.to_owned(),
                is_below: below.is_some(),
            })
            .ok_or(NotAMailDomain)
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.is_below { "*." } else { "" };
        write!(f, "{below}{}", self.name)
    }
}

/// The mail domains of an organisation. Nobody with an address elsewhere takes part in anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomains(Vec<MailDomain>);

impl MailDomains {
    /// These domains; where there is none, nobody's address is in them.
    pub fn new(domains: Vec<MailDomain>) -> Self {
        Self(domains)
    }

    /// Whether an address could be in these and in those.
    pub fn meet(&self, others: &Self) -> bool {
        let meets = |one: &MailDomain| others.0.iter().any(|other| one.meets(other));
        self.0.iter().any(meets)
    }

    /// Whether an address is in one of them, without regard to case.
    pub fn allows(&self, mail: &MailAddress) -> bool {
        let domain = mail.domain().to_ascii_lowercase();
        self.0.iter().any(|own| own.has(&domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(written: &[&str]) -> MailDomains {
        MailDomains::new(written.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn domains_meet_where_an_address_could_be_in_both() {
        for (one, other, meet) in [
            ("example.com", "EXAMPLE.com", true),
            ("example.com", "example.org", false),
            ("example.com", "*.example.com", false),
            ("mail.example.com", "*.example.com", true),
            ("*.example.com", "*.mail.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "*.other.com", false),
        ] {
            let (one, other) = (domains(&["a.test", one]), domains(&[other, "b.test"]));
            assert_eq!((one.meet(&other), other.meet(&one)), (meet, meet));
        }
    }

    fn allowed(domains: &MailDomains, mail: &str) -> bool {
        domains.allows(&MailAddress::parse(mail).unwrap())
    }

    #[test]
    fn a_domain_is_itself_alone_and_a_star_is_what_is_below() {
        let itself = domains(&["Example.com"]);
        let below = domains(&["*.example.COM"]);
        let both = domains(&["example.com", "*.example.com"]);
        let none = domains(&[]);
        for (mail, in_itself, in_below) in [
            ("anna@example.com", true, false),
            ("Anna@EXAMPLE.Com", true, false),
            ("anna@sales.example.com", false, true),
            ("anna@eu.sales.Example.com", false, true),
            ("anna@notexample.com", false, false),
            ("anna@.example.com", false, false),
            ("anna@example.com.", false, false),
            ("anna@example.com.example.org", false, false),
            ("example.com@example.org", false, false),
            ("anna@com", false, false),
        ] {
            assert_eq!(allowed(&itself, mail), in_itself, "{mail}");
            assert_eq!(allowed(&below, mail), in_below, "{mail}");
            assert_eq!(allowed(&both, mail), in_itself || in_below, "{mail}");
            assert!(!allowed(&none, mail), "{mail}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for sound in ["example.com", " Example.COM ", "*.example.com", "corp"] {
            sound.parse::<MailDomain>().unwrap();
        }
        for wrong in [
            "",
            "*",
            "*.",
            "*.*.com",
            "*example.com",
            "mail.*.com",
            ".example.com",
            "example.com.",
            "example..com",
            "-example.com",
            "@example.com",
            "anna@example.com",
            "bücher.example",
            "example .com",
        ] {
            assert_eq!(
                wrong.parse::<MailDomain>(),
                Err(NotAMailDomain),
                "{wrong:?}"
            );
        }
        let shown = "*.Example.com".parse::<MailDomain>().unwrap().to_string();
        assert_eq!(shown, "*.example.com");
    }
}
