//! Which names a backend is asked about.

use std::fmt;

use crate::search::fold;

/// A pattern of names: `*` stands for anything or nothing, and case makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

/// The text is not a pattern of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is the name of a device in which * may stand for anything")]
pub struct NotAPattern;

impl NamePattern {
    /// Reads a pattern: not empty, no white space or control characters.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let sound =
            !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        sound.then(|| Self(fold(text))).ok_or(NotAPattern)
    }

    fn fits(&self, name: &str) -> bool {
        let name = fold(name);
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which names a backend is asked about: those that fit one of its patterns, or all where it has
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serves(pub Vec<NamePattern>);

impl Serves {
    /// Whether the backend is asked about this name.
    pub fn name(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.fits(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Serves(vec![NamePattern::parse(pattern).unwrap()]).name(name)
    }

    #[test]
    fn a_star_stands_for_anything_and_case_for_nothing() {
        for (pattern, name) in [
            ("LT-*", "lt-0042"),
            ("*", "anything"),
            ("*-mac", "BOB-MAC"),
            ("a*b*c", "a-b-c"),
            ("a*b*c", "abc"),
            ("lt-1", "LT-1"),
            ("ΛΟΓΟΣ*", "ΛΟΓΟΣΑ-1"),
            ("*.corp.example.com", "lt-1.corp.example.com"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("LT-*", "PC-LT-1"),
            ("a*b*c", "acb"),
            ("lt-1", "lt-10"),
            ("*ab*ab", "ab"),
            ("ab*ba", "aba"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn without_patterns_every_name_is_asked_about() {
        assert!(Serves::default().name("LT-1"));
        for wrong in ["", "a b", "a\n"] {
            assert_eq!(NamePattern::parse(wrong), Err(NotAPattern));
        }
    }
}
