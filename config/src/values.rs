//! Single values: what each may look like, and what to say where it does not.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clavis_broker::people::MailAddress;
use clavis_broker::units::Unit;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;

/// A text: not empty, in one line. Surrounding white space is dropped.
pub fn text(value: &DeValue<'_>) -> Result<String, Wrong> {
    let DeValue::String(text) = value else {
        return Err(Wrong::new("is not a text", "Put it between \"quotes\"."));
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Wrong::new("is empty", "Fill it in, or remove the line."));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "has characters that cannot be shown",
            "Write it in one line, of letters, digits and signs.",
        ));
    }
    Ok(text.to_owned())
}

/// A part of a directory's tree.
pub fn unit(value: &DeValue<'_>) -> Result<Unit, Wrong> {
    Unit::parse(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not a distinguished name",
            "Write it as the directory does, such as \"OU=Sales,DC=example,DC=com\".",
        )
    })
}

/// `true` or `false`.
pub fn truth(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value
        .as_bool()
        .ok_or_else(|| Wrong::new("is neither true nor false", "Write `true` or `false`."))
}

/// A whole number in a range.
pub fn number(range: RangeInclusive<u32>) -> impl Fn(&DeValue<'_>) -> Result<u32, Wrong> {
    move |value| {
        value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                Wrong::new(
                    "is out of range",
                    format!(
                        "Write a whole number from {} to {}.",
                        range.start(),
                        range.end()
                    ),
                )
            })
    }
}

/// A TCP port.
pub fn port(value: &DeValue<'_>) -> Result<u16, Wrong> {
    number(1..=65_535)(value).and_then(|port| {
        u16::try_from(port).map_err(|_| Wrong::new("is out of range", "Write a port number."))
    })
}

/// A length of time in a range: `30s`, `15m`, `3h`, `72h`.
pub fn duration(
    range: RangeInclusive<SignedDuration>,
) -> impl Fn(&DeValue<'_>) -> Result<SignedDuration, Wrong> {
    move |value| {
        let how = || {
            let (from, to) = (range.start(), range.end());
            format!("Write a time from {from:#} to {to:#}, such as \"{from:#}\" or \"{to:#}\".")
        };
        let length: SignedDuration = text(value)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Wrong::new("is not a length of time", how()))?;
        if range.contains(&length) {
            Ok(length)
        } else {
            Err(Wrong::new("is too short or too long", how()))
        }
    }
}

/// A path from the root.
pub fn whole_path(value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Wrong::new(
        "is not a whole path",
        "Write it from the root, such as \"/srv/keys\".",
    ))
}

/// A mail address.
pub fn mail(value: &DeValue<'_>) -> Result<MailAddress, Wrong> {
    MailAddress::parse(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not a mail address",
            "Write the address alone, such as \"helpdesk@example.com\".",
        )
    })
}

/// An IP address.
pub fn ip(value: &DeValue<'_>) -> Result<IpAddr, Wrong> {
    text(value)?
        .parse()
        .map_err(|_| Wrong::new("is not an IP address", "Write one such as \"127.0.0.1\"."))
}

/// An IP address with a port.
pub fn socket(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    text(value)?.parse().map_err(|_| {
        Wrong::new(
            "is not an IP address with a port",
            "Write both, such as \"127.0.0.1:8080\" or \"[::1]:8080\".",
        )
    })
}

/// The name or IP address of a server, without a port.
pub fn host(value: &DeValue<'_>) -> Result<String, Wrong> {
    let host = text(value)?;
    if is_host(&host) {
        Ok(host)
    } else {
        Err(Wrong::new(
            "is not the name of a server",
            "Write the name alone, such as \"mail.example.com\", without `https://` or a port.",
        ))
    }
}

/// Whether a text is a DNS name (in ASCII) or an IP address.
pub(crate) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// A distinguished name in LDAP.
pub fn dn(value: &DeValue<'_>) -> Result<String, Wrong> {
    let dn = text(value)?;
    let sound = dn
        .split_once('=')
        .is_some_and(|(kind, rest)| kind.chars().all(char::is_alphanumeric) && !rest.is_empty());
    sound.then_some(dn).ok_or_else(|| {
        Wrong::new(
            "is not a distinguished name",
            "Write it as \"OU=Computers,DC=corp,DC=example,DC=com\".",
        )
    })
}

/// The LDAP name of an attribute, such as the one of a computer that holds its owner's DN.
pub fn attribute(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    let sound = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    sound.then_some(name).ok_or_else(|| {
        Wrong::new(
            "is not the name of an attribute",
            "Write the LDAP name of an attribute that holds a DN, such as \"managedBy\".",
        )
    })
}

/// The computer's attribute that holds its owner's DN: `managedBy` where `owner_attribute` names
/// no other.
pub fn owner_attribute(section: &Section<'_>) -> String {
    section
        .optional("owner_attribute", attribute)
        .unwrap_or_else(|| "managedBy".to_owned())
}

/// A time zone of the IANA database.
pub fn time_zone(value: &DeValue<'_>) -> Result<TimeZone, Wrong> {
    TimeZone::get(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not a time zone that this machine knows",
            "Write a name such as \"Europe/Berlin\" (`timedatectl list-timezones` lists them; \
             the package tzdata brings them).",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).expect("a value").into_inner()
    }

    #[test]
    fn lengths_of_time_are_read_and_held_to_their_range() {
        let read = duration(SignedDuration::from_mins(5)..=SignedDuration::from_hours(24));
        assert_eq!(
            read(&value("\"3h\"")).unwrap(),
            SignedDuration::from_hours(3)
        );
        assert_eq!(
            read(&value("\"1h 30m\"")).unwrap(),
            SignedDuration::from_mins(90)
        );
        for sound in ["\"5m\"", "\"24h\"", "\"300s\""] {
            read(&value(sound)).unwrap();
        }
        for wrong in [
            "\"4m\"",
            "\"25h\"",
            "\"-3h\"",
            "\"3\"",
            "3",
            "\"\"",
            "\"3 apples\"",
        ] {
            let wrong = read(&value(wrong)).unwrap_err();
            assert!(wrong.remedy.contains("from 5m to 24h"), "{wrong:?}");
            let examples: Vec<_> = wrong.remedy.split('"').skip(1).step_by(2).collect();
            assert_eq!(examples.len(), 2, "{wrong:?}");
            for example in examples {
                read(&value(&format!("\"{example}\""))).expect("an example is in the range");
            }
        }
    }

    #[test]
    fn numbers_are_held_to_their_range() {
        assert_eq!(port(&value("465")).unwrap(), 465);
        assert_eq!(port(&value("0x1d1")).unwrap(), 465);
        for wrong in ["0", "65536", "-1", "\"465\"", "4.65"] {
            port(&value(wrong)).unwrap_err();
        }
    }

    #[test]
    fn paths_are_whole() {
        assert_eq!(
            whole_path(&value("\"/srv/a b\"")).unwrap(),
            PathBuf::from("/srv/a b")
        );
        for wrong in ["\"srv\"", "\"./srv\"", "\"\"", "7"] {
            whole_path(&value(wrong)).unwrap_err();
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_alone() {
        for sound in [
            "\"mail.example.com\"",
            "\"localhost\"",
            "\"127.0.0.1\"",
            "\"::1\"",
        ] {
            host(&value(sound)).unwrap();
        }
        for wrong in [
            "\"https://mail.example.com\"",
            "\"mail.example.com:465\"",
            "\"mail..example.com\"",
            "\"mail example\"",
            "\"-x.example.com\"",
            "7",
        ] {
            host(&value(wrong)).unwrap_err();
        }
    }

    #[test]
    fn texts_are_one_line_and_not_empty() {
        assert_eq!(text(&value("\" a b \"")).unwrap(), "a b");
        for wrong in ["\"\"", "\"  \"", "\"a\\nb\"", "\"a\\u0000\"", "1"] {
            text(&value(wrong)).unwrap_err();
        }
        assert!(truth(&value("true")).unwrap());
        truth(&value("\"true\"")).unwrap_err();
        time_zone(&value("\"Europe/Berlin\"")).unwrap();
        time_zone(&value("\"Europe/Atlantis\"")).unwrap_err();
        assert!(mail(&value("\"anna\"")).is_err());
    }
}
