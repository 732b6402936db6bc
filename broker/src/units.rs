//! Units: parts of a directory's tree, by which people and devices are told apart.

use std::fmt;

/// A part of a directory's tree, and everything below it: `OU=Sales,DC=example,DC=com`
/// (RFC 4514).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unit {
    written: String,
    names: Vec<Name>,
}

/// The text is not the distinguished name of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a distinguished name")]
pub struct NotAUnit;

/// One step of the tree: an attribute and its value, or several of them in any order, such that
/// equal ones are the same.
type Name = Vec<(String, Vec<u8>)>;

impl Unit {
    /// Reads a distinguished name. Neither case nor space around commas and equals signs counts.
    ///
    /// # Errors
    /// [`NotAUnit`] for all that is none, the empty name among it: it would hold everybody.
    pub fn parse(text: &str) -> Result<Self, NotAUnit> {
        let written = trimmed(text).to_owned();
        let names = names(text).ok_or(NotAUnit)?;
        Ok(Self { written, names })
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether this unit is, or lies above, what has this distinguished name: a person, a device,
    /// or the unit of one. What is no such name lies nowhere.
    pub fn holds(&self, dn: &str) -> bool {
        names(dn).is_some_and(|names| names.ends_with(&self.names))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A name without the space around it. Space that is escaped belongs to the last value.
fn trimmed(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.trim_end().len();
    let backslashes = end - text[..end].trim_end_matches('\\').len();
    let escaped = (text[end..].chars().next()).filter(|_| backslashes % 2 == 1);
    &text[..end + escaped.map_or(0, char::len_utf8)]
}

/// The names of a distinguished name, the lowest first.
fn names(dn: &str) -> Option<Vec<Name>> {
    split(dn, ',').into_iter().map(name).collect()
}

fn name(text: &str) -> Option<Name> {
    let mut parts: Name = split(text, '+')
        .into_iter()
        .map(part)
        .collect::<Option<_>>()?;
    parts.sort();
    Some(parts)
}

fn part(text: &str) -> Option<(String, Vec<u8>)> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim();
    let is_kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if kind.is_empty() || !kind.chars().all(is_kind) {
        return None;
    }
    Some((kind.to_ascii_lowercase(), value_of(value)?))
}

/// A value without its escapes: a backslash before a character, or before the two hexadecimal
/// digits of a byte. `None` for an empty one, and for what has to be escaped and is not.
fn value_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_start();
    let (mut bytes, mut kept) = (Vec::new(), 0);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let digits = rest.as_str().get(..2).filter(|it| is_hex(it));
                if let Some(digits) = digits {
                    bytes.push(u8::from_str_radix(digits, 16).ok()?);
                    rest = rest.as_str()[2..].chars();
                } else {
                    push(&mut bytes, rest.next()?);
                }
                kept = bytes.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            c => {
                push(&mut bytes, c);
                if !c.is_whitespace() {
                    kept = bytes.len();
                }
            }
        }
    }
    // Space at the end counts only where it is escaped.
    bytes.truncate(kept);
    // Bytes that came as digits may be letters, too.
    let value = match String::from_utf8(bytes) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(other) => other.into_bytes(),
    };
    (!value.is_empty()).then_some(value)
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The parts between separators that no backslash escapes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[from..at]);
            from = at + c.len_utf8();
        }
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(unit: &str, dn: &str) -> bool {
        Unit::parse(unit).unwrap().holds(dn)
    }

    #[test]
    fn a_unit_holds_itself_and_all_below_by_whole_names() {
        for (unit, dn) in [
            ("OU=Sales,DC=x", "OU=Sales,DC=x"),
            ("OU=Sales,DC=x", "CN=Anna,OU=Sales,DC=x"),
            ("OU=Sales,DC=x", "cn=anna, ou = SALES ,dc=X"),
            (" ou=sales , dc = x ", "OU=Sales,DC=x"),
            ("OU=É,DC=x", "CN=a,OU=é,DC=x"),
            (r"OU=a\, b,DC=x", r"CN=c,OU=A\2C B,DC=x"),
            (r"OU=Caf\C3\89,DC=x", "OU=café,DC=x"),
            (r#"OU=\"EMEA\" (old)*,DC=x"#, r"OU=\22emea\22 (old)*,DC=x"),
            (r"OU=a\\,DC=x", r"OU=A\5c,DC=x"),
            (r"OU=a\ ,DC=x", r"OU=a\20,DC=x"),
            ("OU=a+L=b,DC=x", r"L = B + OU=a,DC=x"),
            ("OU=a=b,DC=x", r"OU=a\3db,DC=x"),
            ("DC=x", "CN=Anna,OU=Sales,DC=x"),
        ] {
            assert!(holds(unit, dn), "{unit} {dn}");
        }
        for (unit, dn) in [
            ("OU=Sales,DC=x", "OU=PreSales,DC=x"),
            ("OU=Sales,DC=x", "DC=x"),
            ("OU=Sales,DC=x", "OU=Sales,DC=x,DC=y"),
            ("OU=Sales,DC=x", "OU=Sales,DC=xy"),
            ("OU=Sales,DC=x", "CN=Sales,DC=x"),
            ("OU=Sales,DC=x", r"OU=PreSales\,OU=Sales,DC=x"),
            ("OU=Sales,DC=x", r"CN=a\,OU=Sales,DC=y"),
            (r"OU=a\ ,DC=x", "OU=a ,DC=x"),
            ("OU=ab,DC=x", "OU=a b,DC=x"),
            ("DC=x", ""),
            ("DC=x", "Berlin"),
            ("DC=x", "OU=\"a,DC=x"),
        ] {
            assert!(!holds(unit, dn), "{unit} {dn}");
        }
    }

    #[test]
    fn what_is_no_distinguished_name_is_no_unit() {
        for text in [
            "",
            " ",
            ",",
            "Sales",
            "OU=",
            "OU= ,DC=x",
            "=Sales",
            "OU=Sales,",
            ",DC=x",
            "O U=a",
            "OU=a;DC=x",
            "OU=<a>,DC=x",
            "OU=\"a\",DC=x",
            r"OU=a\",
            "OU=a\0,DC=x",
            "*",
            "OU=a,,DC=x",
            "OU=a+,DC=x",
        ] {
            assert_eq!(Unit::parse(text), Err(NotAUnit), "{text:?}");
        }
        let unit = Unit::parse(" OU=Sales, DC=x ").unwrap();
        assert_eq!(unit.to_string(), "OU=Sales, DC=x");
    }

    #[test]
    fn escaped_space_at_the_end_is_kept_as_it_was_written() {
        for (text, written) in [
            (r" OU=a\  ", r"OU=a\ "),
            (r"OU=a\\ ", r"OU=a\\"),
            ("OU=a\\\\\\\u{a0} ", "OU=a\\\\\\\u{a0}"),
        ] {
            let unit = Unit::parse(text).unwrap();
            assert_eq!(unit.as_str(), written);
            assert_eq!(Unit::parse(written), Ok(unit));
        }
    }

    /// A value with every character escaped, as digits.
    fn escaped(value: &str) -> String {
        let bytes = value.bytes().map(|byte| format!("\\{byte:02x}"));
        bytes.collect::<Vec<_>>().concat()
    }

    fn dn(values: &[String]) -> String {
        let names: Vec<_> = values
            .iter()
            .map(|it| format!("OU={}", escaped(it)))
            .collect();
        names.join(",")
    }

    proptest! {
        #[test]
        fn one_name_holds_another_where_its_values_are_the_last(
            above in prop::collection::vec("[ab,=+\\\\ ]{1,3}", 1..3),
            below in prop::collection::vec("[ab,=+\\\\ ]{1,3}", 0..3),
            other in prop::collection::vec("[ab,=+\\\\ ]{1,3}", 1..4),
        ) {
            let unit = Unit::parse(&dn(&above)).unwrap();
            prop_assert!(unit.holds(&dn(&[below, above.clone()].concat())));
            prop_assert_eq!(unit.holds(&dn(&other)), other.ends_with(&above));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,20}", other in "[a=,+\\\\0 ]{0,12}") {
            for text in [text, other] {
                if let Ok(unit) = Unit::parse(&text) {
                    prop_assert!(unit.holds(&text));
                }
            }
        }
    }
}
