//! Whatever is typed, and whatever a controller answers.

use bolero::check;
use clavis_broker::devices::BackendName;
use clavis_broker::testing::spelled;
use ldap3::ResultEntry;
use ldap3::asn1::{ASNTag, PL, StructureTag, TagClass, parse_tag};
use uuid::Uuid;

use super::values::{extended_dn, guid, place};
use super::{
    COMPUTER, Entry, and, any_of, begins, device, equal, equal_guid, expiry, generalized_time,
    guid_base, parent_dn, tell_apart, within_group,
};

/// What is syntax in filters or in distinguished names.
const SYNTAX: &[&str] = &[
    "*",
    "(",
    ")",
    "\\",
    "\0",
    "&",
    "|",
    "!",
    "=",
    "~=",
    ":=",
    ")(cn=*",
    "\\2a",
    "\\+",
    "\\,",
    ",",
    "+",
    ";",
    "<",
    ">",
    "\"",
    "#",
    " ",
    "é",
    "\u{202e}",
    "CN=a,DC=b",
];

/// Choices of a filter (RFC 4511, section 4.5.1.7).
const AND: u64 = 0;
const OR: u64 = 1;
const EQUAL: u64 = 3;
const SUBSTRINGS: u64 = 4;
const EXTENSIBLE: u64 = 9;

fn read(filter: &str) -> StructureTag {
    let tag = ldap3::parse_filter(filter).unwrap_or_else(|()| panic!("no filter: {filter}"));
    tag.into_structure()
}

fn parts(tag: StructureTag) -> Vec<StructureTag> {
    match tag.payload {
        PL::C(parts) => parts,
        PL::P(_) => panic!("not put together"),
    }
}

fn bytes(tag: StructureTag) -> Vec<u8> {
    match tag.payload {
        PL::P(bytes) => bytes,
        PL::C(_) => panic!("not a value"),
    }
}

/// What a comparison of this kind compares.
fn compared(filter: &str, kind: u64) -> Vec<Vec<u8>> {
    let tag = read(filter);
    assert_eq!((tag.class, tag.id), (TagClass::Context, kind), "{filter}");
    parts(tag).into_iter().map(bytes).collect()
}

#[test]
fn what_is_typed_stays_a_value_of_the_filter() {
    check!().for_each(|input: &[u8]| {
        let text = spelled(input, SYNTAX);
        let whole = compared(&equal("cn", &text), EQUAL);
        assert_eq!(whole, [b"cn", text.as_bytes()]);

        let group = compared(&within_group(&text), EXTENSIBLE);
        assert!(group.contains(&text.clone().into_bytes()));
        assert_eq!(group.len(), 3, "a rule, an attribute and a value");

        if !text.is_empty() {
            let beginning = read(&begins("cn", &text));
            assert_eq!(beginning.id, SUBSTRINGS);
            let [_, substrings] = parts(beginning).try_into().unwrap();
            let [initial] = parts(substrings).try_into().unwrap();
            assert_eq!((initial.id, bytes(initial)), (0, text.clone().into_bytes()));
        }

        let ways = [equal("cn", &text), equal("mail", &text)];
        let both = read(&and(COMPUTER, &any_of(&ways)));
        assert_eq!(both.id, AND);
        let [computer, either] = parts(both).try_into().unwrap();
        assert_eq!((computer.id, either.id), (EQUAL, OR));
        assert_eq!(parts(either).len(), 2);
    });
}

#[test]
fn a_guid_is_the_same_in_each_of_its_spellings() {
    check!().for_each(|input: &[u8]| {
        let Some(id) = guid(input) else {
            assert_ne!(input.len(), 16);
            return;
        };
        assert_eq!(id.to_bytes_le(), *input);
        assert_eq!(compared(&equal_guid("objectGUID", id), EQUAL)[1], input);
        assert_eq!(
            extended_dn(&format!("{};CN=a", guid_base(id))),
            (Some(id), "CN=a")
        );
        let entry = Entry::of("CN=a", &[("objectGUID", input)]);
        assert_eq!(entry.object_guid().unwrap(), id);
    });
}

#[test]
fn any_bytes_of_a_controller_are_an_entry_or_none() {
    check!().for_each(|input: &[u8]| {
        let Ok((_, tag)) = parse_tag(input) else {
            return;
        };
        let raw = ResultEntry::new(tag);
        if let Ok(entry) = Entry::read(raw) {
            looked_at(&entry);
        }
    });
}

#[test]
fn any_values_of_an_object_are_a_device_or_none() {
    check!().for_each(|input: &[u8]| {
        let text = spelled(input, SYNTAX);
        let half = input.len() / 2;
        let entry = Entry::of(
            &text,
            &[
                ("objectGUID", &[7; 16]),
                ("cn", &input[..half]),
                ("dNSHostName", &input[half..]),
                ("managedBy", text.as_bytes()),
            ],
        );
        looked_at(&entry);
        let backend = BackendName("ad".into());
        match device(&entry, &backend, "managedBy") {
            Ok((found, place)) => {
                assert_eq!(found.shared_id, Some(Uuid::from_bytes([7; 16])));
                assert_eq!(found.name.as_bytes(), &input[..half]);
                let twins = tell_apart(vec![(found.clone(), place.clone()), (found, place)]);
                assert_eq!(twins.len(), 2);
            }
            Err(_) => assert!(std::str::from_utf8(&input[..half]).is_err()),
        }
    });
}

fn looked_at(entry: &Entry) {
    let dn = entry.dn();
    assert!(parent_dn(dn).is_none_or(|above| dn.ends_with(above) && above.len() < dn.len()));
    let _ = (
        place(dn),
        entry.object_guid(),
        entry.text("cn"),
        entry.referred_guid("managedBy"),
    );
}

/// A value with its special characters escaped one way or the other (RFC 4514, section 2.4).
fn escaped(value: &str, as_digits: bool) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if as_digits {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            text.extend(bytes.map(|byte| format!("\\{byte:02X}")));
        } else {
            text.extend((!c.is_alphanumeric()).then_some('\\'));
            text.push(c);
        }
    }
    text
}

#[test]
fn a_place_is_told_as_its_folders_are_called() {
    check!().for_each(|input: &[u8]| {
        let text = spelled(input, SYNTAX);
        let name = text.replace('/', "");
        for as_digits in [true, false] {
            let escaped = escaped(&name, as_digits);
            let dn = format!("CN={escaped},OU={escaped},DC=b");
            assert_eq!(place(&dn), Some(format!("b/{name}")), "{dn}");
        }
    });
}

#[test]
fn a_time_is_read_as_it_is_written() {
    let pieces = [
        "20260102100000",
        ".0",
        "Z",
        "9999",
        "0000",
        "é",
        "+",
        "9223372036854775807",
    ];
    check!().for_each(|input: &[u8]| {
        let text = spelled(input, &pieces);
        if let Some(at) = generalized_time(&text) {
            assert_eq!(
                at.strftime("%Y%m%d%H%M%S").to_string(),
                text[..14],
                "{text}"
            );
        }
        assert_eq!(expiry(&text).is_ok(), text.parse::<i64>().is_ok());
    });
}
