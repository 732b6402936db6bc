//! Beginnings of names, by which people are searched.

use std::fmt;

use crate::search::fold;

/// What somebody typed to find a person: how a name, an address or a sign-in name begins.
#[derive(Clone, PartialEq, Eq)]
pub struct Beginning(String);

impl Beginning {
    /// The fewest characters that are searched by: with less, everybody would be found.
    pub const MIN_CHARS: usize = 2;

    /// The most characters that are searched by: no name or address is longer.
    pub const MAX_CHARS: usize = 256;

    /// Takes what was typed, with single spaces between its words. `None` where nobody is to be
    /// searched by it: it is too short, too long, or has characters that cannot be shown.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_sound = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        is_sound.then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its two halves where a first name may end and a last name begin: at the first space, and at
    /// the last one where that is another.
    pub fn halves(&self) -> Vec<(&str, &str)> {
        let mut halves: Vec<_> = [self.0.split_once(' '), self.0.rsplit_once(' ')]
            .into_iter()
            .flatten()
            .collect();
        halves.dedup();
        halves
    }

    /// Whether this name begins so, or each of the text's words begins one of the name's.
    pub fn is_of_name(&self, name: &str) -> bool {
        let words: Vec<_> = name
            .split_whitespace()
            .flat_map(|word| [word, bare(word)])
            .map(fold)
            .collect();
        let begins_one = |word: &str| words.iter().any(|other| other.starts_with(word));
        self.is_of(name) || fold(&self.0).split(' ').all(begins_one)
    }

    /// Whether this text begins so, in any case.
    pub fn is_of(&self, text: &str) -> bool {
        fold(text).starts_with(&fold(&self.0))
    }
}

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Beginning({} bytes)", self.0.len())
    }
}

/// A word without the brackets or quotes before it.
fn bare(word: &str) -> &str {
    word.trim_start_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Beginning {
        Beginning::parse(text).unwrap()
    }

    #[test]
    fn too_little_and_too_much_are_nobodys_beginning() {
        for text in [
            "",
            " ",
            "a",
            " a ",
            "é",
            "a\u{0}b",
            "a\u{7f}",
            &"x".repeat(257),
        ] {
            assert_eq!(Beginning::parse(text), None, "{text:?}");
        }
        assert_eq!(of(" anna \t ber ").as_str(), "anna ber");
        assert_eq!(format!("{:?}", of("anna")), "Beginning(4 bytes)");
    }

    #[test]
    fn each_word_of_a_name_counts() {
        for text in [
            "anna",
            "ANNA BER",
            "ber",
            "berg an",
            "müller",
            "an mü",
            "adm",
            "(adm",
            "anna berg m",
        ] {
            assert!(of(text).is_of_name("Anna Berg Müller (admin)"), "{text}");
        }
        for text in [
            "nna",
            "anna x",
            "bergs",
            "anna berg bergs",
            "--",
            "((",
            "*anna",
        ] {
            assert!(!of(text).is_of_name("Anna Berg Müller (admin)"), "{text}");
        }
        assert!(of("anna.b").is_of("Anna.Berg@example.com"));
        assert!(!of("berg").is_of("Anna.Berg@example.com"));
    }

    #[test]
    fn a_sigma_at_the_end_of_what_is_typed_is_found_within_a_word() {
        assert!(of("ΝΙΚΟΣ").is_of("ΝΙΚΟΣΤΡΑΤΟΣ"));
        assert!(of("ΝΙΚΟΣ").is_of_name("Άννα Νικοστράτου"));
    }

    #[test]
    fn names_are_halved_at_the_first_and_the_last_space() {
        assert_eq!(of("anna").halves(), []);
        assert_eq!(of("anna ber").halves(), [("anna", "ber")]);
        assert_eq!(
            of("anna maria von berg").halves(),
            [("anna", "maria von berg"), ("anna maria von", "berg")]
        );
    }
}
