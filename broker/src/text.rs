//! Texts that people type, held to a length and to characters that can be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A typed text that cannot be taken as it is; says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing was typed.
    #[error("Please fill this in.")]
    Empty,
    /// More was typed than is kept.
    #[error("Please use at most {max} characters.")]
    TooLong {
        /// The most characters that are kept.
        max: usize,
    },
    /// Control characters, which no page or mail could show.
    #[error("Please leave out characters that cannot be shown.")]
    Unprintable,
}

fn clean(text: &str, max: usize, lines: bool) -> Result<String, TextError> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    if text
        .chars()
        .any(|c| c.is_control() && !(lines && (c == '\n' || c == '\t')))
    {
        return Err(TextError::Unprintable);
    }
    Ok(text.to_owned())
}

macro_rules! typed_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, lines: $lines:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters that are kept.
            pub const MAX_CHARS: usize = $max;

            /// Takes the typed text; surrounding white space is dropped.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                clean(text, Self::MAX_CHARS, $lines).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    };
}

typed_text!(
    /// Why somebody asks for a key, in their own words. Shown to the approver, never mailed.
    Reason, 1000, lines: true
);
typed_text!(
    /// What an approver adds to a decision. Shown on the request's page, never mailed.
    Comment, 1000, lines: true
);
typed_text!(
    /// What a requester names: a device's name, DNS name, ID or path in the directory. What it
    /// resolves to is a [`crate::devices::Device`].
    Asset, 512, lines: false
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_bounded_and_printable() {
        assert_eq!(Asset::parse("  LT-0042 ").unwrap().as_str(), "LT-0042");
        assert_eq!(Asset::parse(" \n "), Err(TextError::Empty));
        assert_eq!(Asset::parse("LT\n0042"), Err(TextError::Unprintable));
        assert_eq!(Asset::parse("LT\0"), Err(TextError::Unprintable));
        assert_eq!(
            Asset::parse(&"x".repeat(513)),
            Err(TextError::TooLong { max: 512 })
        );
        assert_eq!(Reason::parse("one\r\ntwo").unwrap().as_str(), "one\ntwo");
    }

    #[test]
    fn a_reason_does_not_appear_in_debug_output() {
        let reason = Reason::parse("my dog ate it").unwrap();
        assert_eq!(format!("{reason:?}"), "Reason(13 bytes)");
    }
}
