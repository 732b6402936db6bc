//! One object of a directory as it came over the wire.

use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Trouble;
use super::values::{extended_dn, guid};

/// One object. Its values are wiped when it is dropped: one of them may be a recovery key.
pub(crate) struct Entry {
    dn: String,
    attributes: Vec<(String, Vec<Zeroizing<Vec<u8>>>)>,
}

impl Entry {
    /// Takes a search result entry apart (RFC 4511, section 4.5.2) without copying its values.
    /// ldap3's own `SearchEntry` would panic on a malformed one and leave copies behind.
    pub(super) fn read(raw: ResultEntry) -> Result<Self, Trouble> {
        read(raw.0).ok_or_else(|| Trouble::Nonsense("an entry is malformed".into()))
    }

    /// Its distinguished name.
    pub(crate) fn dn(&self) -> &str {
        extended_dn(&self.dn).1
    }

    /// The bytes of an attribute's only, or first, value.
    pub(crate) fn bytes(&self, attribute: &str) -> Option<&[u8]> {
        self.all_bytes(attribute).next()
    }

    /// The bytes of all values of an attribute.
    pub(crate) fn all_bytes(&self, attribute: &str) -> impl Iterator<Item = &[u8]> {
        self.attributes
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(attribute))
            .flat_map(|(_, values)| values.iter().map(|value| value.as_slice()))
    }

    /// An attribute's only, or first, value as text.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(attribute)?).ok()
    }

    /// An attribute's value as a GUID.
    pub(crate) fn guid(&self, attribute: &str) -> Option<Uuid> {
        guid(self.bytes(attribute)?)
    }

    /// The GUID of the object that an attribute refers to; only in an answer to a search
    /// [with GUIDs](super::Search::with_guids).
    pub(crate) fn referred_guid(&self, attribute: &str) -> Option<Uuid> {
        extended_dn(self.text(attribute)?).0
    }

    /// Its `objectGUID`, which must have been asked for.
    pub(crate) fn object_guid(&self) -> Result<Uuid, Trouble> {
        self.guid("objectGUID")
            .ok_or_else(|| Trouble::Nonsense("an object has no objectGUID".into()))
    }

    #[cfg(test)]
    pub(crate) fn of(dn: &str, attributes: &[(&str, &[u8])]) -> Self {
        Self {
            dn: dn.into(),
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).into(), vec![Zeroizing::new(value.to_vec())]))
                .collect(),
        }
    }
}

fn read(raw: StructureTag) -> Option<Entry> {
    let [dn, attributes] = constructed(raw)?.try_into().ok()?;
    let attributes = constructed(attributes)?
        .into_iter()
        .map(|attribute| {
            let [name, values] = constructed(attribute)?.try_into().ok()?;
            let values: Option<Vec<_>> = constructed(values)?
                .into_iter()
                .map(|value| primitive(value).map(Zeroizing::new))
                .collect();
            Some((text(name)?, values?))
        })
        .collect::<Option<_>>()?;
    Some(Entry {
        dn: text(dn)?,
        attributes,
    })
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(primitive(tag)?).ok()
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::TagClass;

    use super::*;

    fn tag(payload: PL) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload,
        }
    }

    fn leaf(bytes: &[u8]) -> StructureTag {
        tag(PL::P(bytes.to_vec()))
    }

    fn node(parts: Vec<StructureTag>) -> StructureTag {
        tag(PL::C(parts))
    }

    #[test]
    fn values_are_found_by_name_in_any_case_be_they_text_or_not() {
        let raw = node(vec![
            leaf(b"<GUID=00000000-0000-0000-0000-000000000007>;CN=a"),
            node(vec![node(vec![
                leaf(b"objectClass"),
                node(vec![leaf(b"top"), leaf(&[0xff])]),
            ])]),
        ]);
        let entry = read(raw).unwrap();
        assert_eq!(entry.dn(), "CN=a");
        assert_eq!(entry.text("OBJECTCLASS"), Some("top"));
        assert_eq!(entry.all_bytes("objectclass").count(), 2);
        assert_eq!(entry.text("cn"), None);
    }

    #[test]
    fn a_malformed_entry_is_no_entry() {
        for raw in [
            leaf(b"x"),
            node(vec![]),
            node(vec![leaf(&[0xff]), node(vec![])]),
            node(vec![leaf(b"CN=a"), leaf(b"x")]),
            node(vec![leaf(b"CN=a"), node(vec![node(vec![leaf(b"cn")])])]),
        ] {
            assert!(read(raw).is_none());
        }
    }
}
