//! Programs that do things here by a token: what they are called, what they may, and in whose name.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::people::Party;
use crate::tokens::TokenHash;

/// The name that an operator gives a program; unique among those that have a token. Letters, digits
/// and `-_.`, at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProgramName(String);

/// The text is no name of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a program's name has letters, digits and -_. alone, at most 64 of them")]
pub struct NotAProgramName;

impl ProgramName {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes a name as an operator writes it.
    pub fn parse(text: &str) -> Result<Self, NotAProgramName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let sound = (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(plain);
        sound.then(|| Self(text.to_owned())).ok_or(NotAProgramName)
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProgramName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ProgramName {
    type Err = NotAProgramName;

    fn from_str(text: &str) -> Result<Self, NotAProgramName> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ProgramName {
    type Error = NotAProgramName;

    fn try_from(text: String) -> Result<Self, NotAProgramName> {
        Self::parse(&text)
    }
}

impl From<ProgramName> for String {
    fn from(name: ProgramName) -> Self {
        name.0
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Asking for keys.
    #[serde(rename = "requests:create")]
    Create,
    /// Reading requests.
    #[serde(rename = "requests:read")]
    Read,
    /// Taking requests back.
    #[serde(rename = "requests:withdraw")]
    Withdraw,
    /// Deciding requests, as the person whose token it is.
    #[serde(rename = "requests:decide")]
    Decide,
    /// Following what becomes of all requests.
    #[serde(rename = "events:read")]
    Events,
}

/// The text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a scope: there are requests:create, requests:read, requests:withdraw, requests:decide and \
     events:read"
)]
pub struct NotAScope;

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Read,
        Self::Withdraw,
        Self::Decide,
        Self::Events,
    ];

    /// The scope as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "requests:create",
            Self::Read => "requests:read",
            Self::Withdraw => "requests:withdraw",
            Self::Decide => "requests:decide",
            Self::Events => "events:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(NotAScope)
    }
}

/// A token that a program holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramToken {
    /// The hash of the token.
    pub token: TokenHash,
    /// What the program is called.
    pub name: ProgramName,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Whose token it is: a program with it acts in their name. Nobody's where it acts in its own.
    pub person: Option<Party>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// The day on which it was used last, by the moment at which that began in UTC.
    pub used_on: Option<Timestamp>,
}

impl ProgramToken {
    /// How long a token holds where nobody says otherwise.
    pub const USUAL: SignedDuration = SignedDuration::from_hours(365 * 24);
    /// The longest that one may hold.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
}

/// Who does something by a token, or by a message that has shown a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What it is called.
    pub name: ProgramName,
    /// In whose name it acts, where it does so.
    pub person: Option<Party>,
}

impl Program {
    /// Who it is for the log: where it acts in somebody's name, both.
    pub fn actor(&self) -> Actor {
        let name = self.name.to_string();
        match &self.person {
            None => Actor::Program { name },
            Some(person) => Actor::Through {
                person: person.clone(),
                program: name,
            },
        }
    }
}

/// The day that a moment lies in, by its beginning in UTC.
pub fn day_of(at: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60;
    let second = at.as_second().div_euclid(DAY) * DAY;
    Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_a_log_and_on_a_command_line() {
        for name in ["servicedesk", "snow-prod_2.eu", &"x".repeat(64)] {
            assert_eq!(ProgramName::parse(name).unwrap().as_str(), name);
        }
        for text in ["", "a b", "a\r\nb", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(ProgramName::parse(text), Err(NotAProgramName), "{text:?}");
        }
    }

    #[test]
    fn scopes_are_read_as_they_are_written_and_stored() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let stored = serde_json::to_value(scope).unwrap();
            assert_eq!(stored, scope.as_str());
        }
        assert_eq!("requests:*".parse::<Scope>(), Err(NotAScope));
        let said = NotAScope.to_string();
        assert!(Scope::ALL.iter().all(|scope| said.contains(scope.as_str())));
    }

    #[test]
    fn a_day_begins_at_midnight_also_before_1970() {
        for (moment, day) in [
            ("2026-11-23T09:00:00.5Z", "2026-11-23T00:00:00Z"),
            ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z"),
        ] {
            let [moment, day]: [Timestamp; 2] = [moment, day].map(|it| it.parse().unwrap());
            assert_eq!(day_of(moment), day);
        }
    }
}
