//! Tokens, codes and references.

use bolero::check;

use crate::testing::spelled;
use crate::tokens::{OneTimeCode, PlainToken, Reference, TokenHash};

const OF_TOKENS: &[&str] = &[
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdef",
    "ABCDEF",
    "+f",
    "é",
    "\u{ff11}",
];

const OF_WORDS: &[&str] = &[
    "7KQ2M-X9C4T",
    "K7Q-4MX2",
    "7kq2m",
    "oil",
    "-",
    " ",
    "\u{a0}",
    "\u{2003}",
    "\u{130}",
    "\u{17f}",
    "\u{ff17}",
    "u",
];

#[test]
fn a_token_is_64_digits_and_nothing_else() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, OF_TOKENS);
        let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        let is_one = text.chars().count() == 64 && text.chars().all(is_digit);
        let token = PlainToken::parse(&text);
        assert_eq!(token.is_some(), is_one, "{text:?}");
        if let Some(token) = token {
            assert_eq!(token.expose(), text);
            assert!(PlainToken::parse(token.form_token().expose()).is_some());
            assert!(!format!("{token:?}").contains(&text[..8]));
        }
    });
}

#[test]
fn a_hash_is_64_digits_and_nothing_else() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, OF_TOKENS);
        let is_one = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        let hash = TokenHash::try_from(text.clone());
        assert_eq!(hash.is_ok(), is_one, "{text:?}");
        if let Ok(hash) = hash {
            assert_eq!(String::from(hash), text.to_ascii_lowercase());
        }
    });
}

#[test]
fn a_code_is_the_same_as_it_is_shown_and_nothing_is_too_much() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, OF_WORDS);
        if let Some(code) = OneTimeCode::parse(&text) {
            let shown = code.expose();
            assert_eq!(shown.len(), 11);
            assert!(shown.bytes().all(|b| b == b'-' || is_of_a_word(b)));
            let again = OneTimeCode::parse(&shown).unwrap();
            assert_eq!(again.hash(b"1"), code.hash(b"1"));
            assert_ne!(again.hash(b"1"), code.hash(b"2"));
        }
        if let Ok(reference) = text.parse::<Reference>() {
            assert_eq!(reference.as_str().len(), 8);
            assert_eq!(reference.as_str().find('-'), Some(3));
            assert!(
                reference
                    .as_str()
                    .bytes()
                    .all(|b| b == b'-' || is_of_a_word(b))
            );
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
    });
}

/// Of Crockford's base 32, which has neither I, L, O nor U.
fn is_of_a_word(byte: u8) -> bool {
    (byte.is_ascii_digit() || byte.is_ascii_uppercase()) && !b"ILOU".contains(&byte)
}
