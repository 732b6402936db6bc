//! What a directory is asked.

use ldap3::SearchOptions;
use ldap3::controls::RawControl;

pub(crate) use ldap3::Scope;

/// One search.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    pub(super) attributes: Vec<String>,
    pub(super) at_most: Option<i32>,
    extended_dns: bool,
}

impl Search {
    /// Searches from this object on, by a filter that [`super::filter`] made.
    pub(crate) fn new(base: &str, scope: Scope, filter: String, attributes: &[&str]) -> Self {
        Self {
            base: base.to_owned(),
            scope,
            filter,
            attributes: attributes.iter().map(ToString::to_string).collect(),
            at_most: None,
            extended_dns: false,
        }
    }

    /// One object, whatever it is.
    pub(crate) fn object(dn: &str, attributes: &[&str]) -> Self {
        Self::new(dn, Scope::Base, "(objectClass=*)".into(), attributes)
    }

    /// Whether there is any, and no attribute of it (RFC 4511, section 4.5.1.8).
    pub(crate) fn any(base: &str, scope: Scope, filter: String) -> Self {
        Self {
            at_most: Some(1),
            ..Self::new(base, scope, filter, &["1.1"])
        }
    }

    /// Stops after so many entries.
    pub(crate) fn at_most(mut self, entries: i32) -> Self {
        self.at_most = Some(entries);
        self
    }

    /// Has every DN in the answer carry the object's GUID.
    pub(crate) fn with_guids(mut self) -> Self {
        self.extended_dns = true;
        self
    }

    pub(super) fn options(&self) -> SearchOptions {
        SearchOptions::new().sizelimit(self.at_most.unwrap_or(0))
    }

    /// `LDAP_SERVER_EXTENDED_DN_OID` with readable GUIDs (`[MS-ADTS]`, section 3.1.1.3.4.1.5):
    /// SEQUENCE { INTEGER 1 }.
    pub(super) fn controls(&self) -> Vec<RawControl> {
        if !self.extended_dns {
            return Vec::new();
        }
        vec![RawControl {
            ctype: "1.2.840.113556.1.4.529".into(),
            crit: true,
            val: Some(vec![0x30, 0x03, 0x02, 0x01, 0x01]),
        }]
    }
}
