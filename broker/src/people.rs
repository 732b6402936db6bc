//! People as a directory knows them, and the ones that Clavis can act for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A directory's own unchanging identifier of a person (Active Directory: the `objectGUID`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail address: one `@`, no white space or control characters, at most 254 bytes
/// (RFC 5321, section 4.5.3.1.3, less the angle brackets). Compared without regard to case.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

/// The text is not a mail address that Clavis would write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address")]
pub struct NotAMailAddress;

impl MailAddress {
    /// The longest address that is accepted, in bytes.
    pub const MAX_LEN: usize = 254;

    /// Reads an address; surrounding white space is dropped.
    pub fn parse(text: &str) -> Result<Self, NotAMailAddress> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(NotAMailAddress)?;
        let printable =
            |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"".contains(c);
        let sound = !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && text.len() <= Self::MAX_LEN
            && text.chars().all(printable);
        sound.then(|| Self(text.to_owned())).ok_or(NotAMailAddress)
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`, as it was given.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl PartialEq for MailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl Eq for MailAddress {}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress(…)")
    }
}

impl TryFrom<String> for MailAddress {
    type Error = NotAMailAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

/// How a person is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonQuery {
    /// By the directory's identifier.
    Id(PersonId),
    /// By mail address.
    Mail(MailAddress),
    /// By sign-in name: a user principal name or an account name.
    Login(String),
}

/// The name of a group, as the directory takes it (Active Directory: the DN, the name or the
/// account name).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupName(pub String);

/// Somebody a directory knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The directory's identifier.
    pub id: PersonId,
    /// The name to show.
    pub name: String,
    /// Where mail reaches them, if the directory says.
    pub mail: Option<MailAddress>,
    /// False for an account that is disabled: it may neither ask nor approve.
    pub enabled: bool,
    /// Where the account lies in the directory, as the directory writes it: the distinguished name
    /// of its container. None where a directory has no such tree, as Entra ID.
    #[serde(default)]
    pub unit: Option<String>,
}

impl Person {
    /// The person as somebody Clavis may act for: enabled, and with a mail address.
    pub fn party(&self) -> Result<Party, Unfit> {
        if !self.enabled {
            return Err(Unfit::Disabled);
        }
        let mail = self.mail.clone().ok_or(Unfit::NoMail)?;
        Ok(Party {
            id: self.id.clone(),
            name: self.name.clone(),
            mail,
        })
    }
}

/// Why a person of the directory cannot take part in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The directory has no mail address for the account.
    #[error("the directory has no mail address for the account")]
    NoMail,
}

/// A person who takes part in a request: their account was enabled and had a mail address when
/// they were looked up. Kept with the request, so that mails need no second look-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The directory's identifier.
    pub id: PersonId,
    /// The name to show.
    pub name: String,
    /// Where mail reaches them.
    pub mail: MailAddress,
}

impl Party {
    /// Whether both are one human being as far as can be told: the same account, or two accounts
    /// that read the same mailbox.
    pub fn is_same_as(&self, other: &Party) -> bool {
        self.id == other.id || self.mail == other.mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_carry_a_second_header_or_recipient_are_refused() {
        for text in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "a@b@c",
            "anna @example.com",
            "anna@example.com\r\nBcc: eve@example.com",
            "<anna@example.com>",
            "anna@example.com,eve@example.com",
        ] {
            assert_eq!(MailAddress::parse(text), Err(NotAMailAddress), "{text:?}");
        }
        assert!(MailAddress::parse(&format!("{}@example.com", "a".repeat(254))).is_err());
    }

    #[test]
    fn case_and_surrounding_space_do_not_make_another_address() {
        let one = MailAddress::parse(" Anna.Berg@Example.com ").unwrap();
        assert_eq!(one, MailAddress::parse("anna.berg@example.COM").unwrap());
        assert_eq!(one.as_str(), "Anna.Berg@Example.com");
    }
}
