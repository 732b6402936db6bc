//! What the configuration asks of a kind of escrow backend: how to read its section.
//!
//! Which kinds there are is not written here. Whoever loads a configuration brings them along,
//! and gets back what they made of their sections, so that a new kind changes nothing in here.

use std::path::PathBuf;

use secrecy::SecretString;
use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::read::Origin;
use crate::read::active_directory::{self, Domains};
use crate::read::entra::{self, Tenants};
use crate::settings::AdDomain;

/// A kind of escrow backend: its name in `kind = "…"`, and what reads the rest of its section into
/// a plan `P`, of which a backend is made later.
#[derive(Debug)]
pub struct EscrowKind<P> {
    /// The name.
    pub name: &'static str,
    /// Reads the section, and reports what is wrong with it.
    pub read: fn(&Section<'_>, &Surroundings<'_>) -> Planned<P>,
}

/// What was read of a section, as far as that went.
#[derive(Debug)]
pub struct Planned<P> {
    /// The section with the connection that the backend uses, where it uses one. Others refer to
    /// the backend by it, also to one that has problems.
    pub connection: Option<Connection>,
    /// Whether it can have keys replaced that were shown.
    pub rotates: bool,
    /// The plan; `None` where something without which there is none was reported.
    pub plan: Option<P>,
}

/// A section with a connection that several parts may use, by the name after its dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// `[active_directory.NAME]`
    ActiveDirectory(String),
    /// `[entra.NAME]`
    Entra(String),
}

/// What a section may need beside its own keys.
pub struct Surroundings<'s> {
    pub(crate) origin: &'s Origin<'s>,
    pub(crate) domains: &'s Domains,
    pub(crate) tenants: &'s Tenants,
}

impl<P> Planned<P> {
    /// A backend that needs no connection of others and has no way to replace keys.
    pub fn alone(plan: Option<P>) -> Self {
        Self {
            connection: None,
            rotates: false,
            plan,
        }
    }
}

impl Surroundings<'_> {
    /// A path; a relative one starts from the folder of the configuration file.
    ///
    /// # Errors
    /// What goes on after the key's name.
    pub fn path(&self, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
        self.origin.path(value)
    }

    /// The secret in the file that the value names, or in a credential of systemd's.
    ///
    /// # Errors
    /// What goes on after the key's name; nothing of the secret.
    pub fn secret(&self, value: &DeValue<'_>) -> Result<SecretString, Wrong> {
        self.origin.secret(value)
    }

    /// The domain that the section names in `domain`: which, where it names one, and its settings,
    /// where they are sound.
    pub fn domain(&self, section: &Section<'_>) -> (Option<Connection>, Option<AdDomain>) {
        let (name, domain) = active_directory::named(section, self.domains);
        (name.map(Connection::ActiveDirectory), domain)
    }

    /// The name of the application in Entra ID that the section names in `entra`.
    pub fn tenant(&self, section: &Section<'_>) -> Option<String> {
        entra::named(section, "entra", self.tenants)
    }
}
