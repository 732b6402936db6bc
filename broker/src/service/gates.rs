//! Second gates: what somebody needs beside a link.

use std::net::IpAddr;

use super::Broker;
use crate::people::{Party, PersonId};

/// What is needed beside the links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// Beside a review link.
    pub review: ReviewGate,
    /// Beside a key link.
    pub key: KeyGate,
}

/// What is needed beside a review link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReviewGate {
    /// Nothing: whoever reads the mail decides.
    #[default]
    Link,
    /// To be signed in as the approver whom it was mailed to.
    SignIn,
}

/// What is needed beside a key link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyGate {
    /// Nothing: whoever reads the mail opens it.
    #[default]
    Link,
    /// To be signed in as the beneficiary.
    SignIn,
    /// The pick-up code that the request's page shows and no mail holds.
    Code,
}

/// Who opens a link, as far as can be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// Who is signed in with this browser.
    pub signed_in: Option<&'a Party>,
    /// The address that they come from.
    pub source: Option<IpAddr>,
}

/// A gate is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut<'a> {
    /// Nobody is signed in.
    SignInFirst,
    /// Somebody else is.
    SomebodyElse(&'a Party),
}

impl<'a> Visitor<'a> {
    /// Whether they are signed in as this person.
    pub(super) fn must_be(&self, person: &PersonId) -> Result<&'a Party, Shut<'a>> {
        match self.signed_in {
            None => Err(Shut::SignInFirst),
            Some(party) if party.id == *person => Ok(party),
            Some(party) => Err(Shut::SomebodyElse(party)),
        }
    }
}

impl Broker {
    /// What is needed beside the links: pages say so.
    pub fn gates(&self) -> Gates {
        self.parts.gates
    }
}
