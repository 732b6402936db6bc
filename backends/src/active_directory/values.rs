//! How Active Directory writes identifiers, moments and names.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// A GUID of 16 bytes: Windows writes the first three fields little-endian
/// (`[MS-DTYP]`, section 2.3.4.2).
pub(crate) fn guid(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice_le(bytes).ok()
}

/// A search base that names an object by its `objectGUID`, wherever it was moved to
/// (`[MS-ADTS]`, section 3.1.1.3.1.2.4).
pub(crate) fn guid_base(guid: Uuid) -> String {
    format!("<GUID={}>", guid.as_hyphenated())
}

/// The GUID and the DN in an extended DN: `<GUID=…>;<SID=…>;CN=…`
/// (`[MS-ADTS]`, section 3.1.1.3.4.1.5). A plain DN comes back without a GUID.
pub(crate) fn extended_dn(text: &str) -> (Option<Uuid>, &str) {
    let mut guid = None;
    let mut rest = text;
    while let Some((part, tail)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
        if let Some(digits) = part.strip_prefix("GUID=") {
            guid = Uuid::parse_str(digits).ok();
        }
        rest = tail.strip_prefix(';').unwrap_or(tail);
    }
    (guid, rest)
}

/// The DN of the object above: what follows the first comma that no backslash escapes
/// (RFC 4514). `None` for the top.
pub(crate) fn parent_dn(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in dn.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => return Some(&dn[at + 1..]),
            _ => {}
        }
    }
    None
}

/// Where an object lies, for people: `corp.example.com/Laptops/Berlin`. (Controllers have this in
/// `canonicalName`, though not all of them without the backslashes of the DN.)
pub(crate) fn place(dn: &str) -> Option<String> {
    let mut domain = Vec::new();
    let mut folders = Vec::new();
    let mut rest = parent_dn(dn);
    while let Some(dn) = rest {
        rest = parent_dn(dn);
        let part = &dn[..dn.len() - rest.map_or(0, |rest| rest.len() + 1)];
        let (kind, name) = part.split_once('=')?;
        let parts = if kind.eq_ignore_ascii_case("DC") {
            &mut domain
        } else {
            &mut folders
        };
        parts.push(unescaped(name));
    }
    folders.push(domain.join("."));
    folders.reverse();
    Some(folders.join("/"))
}

/// A name in a DN without its escapes: a backslash before a character, or before the two
/// hexadecimal digits of a byte (RFC 4514, section 2.4).
fn unescaped(name: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let hex = |high: u8, low: u8| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, taken) = match (first, tail) {
            (b'\\', [high, low, ..]) if let Some(byte) = hex(*high, *low) => (byte, 3),
            (b'\\', [next, ..]) => (*next, 2),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[taken..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A generalized time as Active Directory writes it: `20260102100000.0Z`, always in UTC
/// (RFC 4517, section 3.3.13).
pub(crate) fn generalized_time(text: &str) -> Option<Timestamp> {
    let (digits, fraction) = text.strip_suffix('Z')?.split_at_checked(14)?;
    let fraction = fraction.strip_prefix(['.', ',']).unwrap_or(fraction);
    if !digits
        .bytes()
        .chain(fraction.bytes())
        .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let two = |at: usize| digits[at..at + 2].parse::<i8>().ok();
    let year = digits[..4].parse().ok()?;
    let (month, day) = (two(4)?, two(6)?);
    let moment = DateTime::new(year, month, day, two(8)?, two(10)?, two(12)?, 0).ok()?;
    TimeZone::UTC.to_timestamp(moment).ok()
}

/// When an account expires, from `accountExpires`: steps of 100 ns since 1601, where 0 and the
/// largest number mean never (`[MS-ADA1]`, accountExpires). `Err` where it is no such number.
pub(crate) fn expiry(text: &str) -> Result<Option<Timestamp>, std::num::ParseIntError> {
    const STEPS_PER_SECOND: i64 = 10_000_000;
    const FROM_1601_TO_1970: i64 = 11_644_473_600;
    let steps: i64 = text.parse()?;
    if steps == 0 || steps == i64::MAX {
        return Ok(None);
    }
    // A date beyond what a timestamp holds is never, too.
    Ok(Timestamp::from_second(steps / STEPS_PER_SECOND - FROM_1601_TO_1970).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_in_mixed_endian_order() {
        let bytes = [
            0x51, 0xb2, 0xbf, 0xd5, 0x71, 0xc6, 0x89, 0x41, 0xa6, 0xd1, 0x9c, 0xb6, 0x89, 0xad,
            0xfe, 0x45,
        ];
        let id = guid(&bytes).unwrap();
        assert_eq!(id.to_string(), "d5bfb251-c671-4189-a6d1-9cb689adfe45");
        assert_eq!(guid_base(id), "<GUID=d5bfb251-c671-4189-a6d1-9cb689adfe45>");
        assert_eq!(guid(&bytes[1..]), None);
    }

    #[test]
    fn extended_names_are_taken_apart() {
        let id = Uuid::from_u128(7);
        let text = format!("<GUID={id}>;<SID=S-1-5-21-1>;CN=a<b>,DC=c");
        assert_eq!(extended_dn(&text), (Some(id), "CN=a<b>,DC=c"));
        assert_eq!(extended_dn("CN=a,DC=c"), (None, "CN=a,DC=c"));
        assert_eq!(extended_dn("<GUID=x>;CN=a"), (None, "CN=a"));
    }

    #[test]
    fn the_parent_follows_the_first_comma_that_counts() {
        assert_eq!(parent_dn(r"CN=a\, b,OU=c,DC=d"), Some("OU=c,DC=d"));
        assert_eq!(parent_dn(r"CN=a\\,OU=c"), Some("OU=c"));
        assert_eq!(parent_dn("DC=d"), None);
    }

    #[test]
    fn the_place_is_written_for_people() {
        let place = |dn| place(dn).unwrap();
        let odd = r#"CN=x,OU=Sales\, \"EMEA\" (old)*,OU=Caf\C3\A9\0A,DC=corp,DC=example,DC=com"#;
        assert_eq!(
            place(odd),
            "corp.example.com/Caf\u{e9}\n/Sales, \"EMEA\" (old)*"
        );
        assert_eq!(place("CN=x,DC=corp"), "corp");
        assert_eq!(
            place(r"CN=x,OU=R\+d,DC=corp"),
            "corp/R+d",
            "a sign is no digit"
        );
    }

    #[test]
    fn times_are_read_in_utc_and_nothing_else() {
        let expected: Timestamp = "2026-01-02T10:00:00Z".parse().unwrap();
        for text in ["20260102100000.0Z", "20260102100000Z"] {
            assert_eq!(generalized_time(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "Z",
            "20260102100000.0",
            "20261302100000.0Z",
            "2026010210000.0Z",
            "20260102100000.0+0100Z",
            "2026010210é000.0Z",
        ] {
            assert_eq!(generalized_time(text), None, "{text}");
        }
    }

    #[test]
    fn accounts_expire_at_a_date_or_never() {
        assert_eq!(expiry("0").unwrap(), None);
        assert_eq!(expiry("9223372036854775807").unwrap(), None);
        assert_eq!(
            expiry("126227808000000000").unwrap(),
            Some("2001-01-01T00:00:00Z".parse().unwrap())
        );
        assert!(expiry("soon").is_err());
    }
}
