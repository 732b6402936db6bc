//! Signing in at an identity provider, in the domain's words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tokens::PlainToken;

/// The name of an identity provider, as it stands on its button.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderName(String);

/// The text cannot be the name of an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of at most 40 characters with a letter from a to z or a digit in it")]
pub struct NotAProviderName;

impl ProviderName {
    const MAX_CHARS: usize = 40;

    /// Reads a name; surrounding white space is dropped.
    pub fn parse(text: &str) -> Result<Self, NotAProviderName> {
        let name = Self(text.trim().to_owned());
        let fits = name.0.chars().count() <= Self::MAX_CHARS;
        let sound = fits && !name.0.chars().any(char::is_control) && !name.slug().is_empty();
        sound.then_some(name).ok_or(NotAProviderName)
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in addresses: lower case, with a dash for whatever is no letter from a to z and no
    /// digit. `Contoso (Entra ID)` is `contoso-entra-id`.
    pub fn slug(&self) -> String {
        let words = self.0.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_ascii_lowercase()
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// By which way somebody signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// With a code from a mail.
    #[default]
    Mail,
    /// At this identity provider.
    Provider(ProviderName),
    /// Through a trusted proxy, which named them so.
    Proxy(String),
}

/// What ties the answer of a provider to the browser that began the sign-in. Everything is derived
/// from the one token that this browser holds, so that none of it has to be stored.
#[derive(Debug, Clone)]
pub struct SignInSecrets {
    /// Goes to the provider and comes back with the browser: the answer is to what this browser
    /// asked (RFC 6749, section 10.12).
    pub state: PlainToken,
    /// Goes to the provider and comes back in what it signs: the signature was made for this
    /// sign-in (OpenID Connect Core, section 3.1.2.1).
    pub nonce: PlainToken,
    /// Goes to the provider as a hash at first, and in plain with the code: who redeems the code is
    /// who asked for it (RFC 7636).
    pub verifier: PlainToken,
}

impl SignInSecrets {
    /// Those of the sign-in whose browser holds this token.
    pub fn of(token: &PlainToken) -> Self {
        Self {
            state: token.derived("sign-in state:"),
            nonce: token.derived("sign-in nonce:"),
            verifier: token.derived("sign-in verifier:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    #[test]
    fn a_name_has_a_form_for_addresses() {
        for (name, slug) in [
            ("Entra ID", "entra-id"),
            (" Contoso (AD FS) ", "contoso-ad-fs"),
            ("Büro", "b-ro"),
            ("7", "7"),
        ] {
            assert_eq!(ProviderName::parse(name).unwrap().slug(), slug);
        }
        for wrong in ["", "  ", "–", "Ä", "a\nb", &"a".repeat(41)] {
            assert_eq!(ProviderName::parse(wrong), Err(NotAProviderName), "{wrong}");
        }
    }

    #[test]
    fn the_secrets_of_a_sign_in_are_its_own_and_differ_from_each_other() {
        let random = CountingRandom::default();
        let (one, other) = (PlainToken::new(&random), PlainToken::new(&random));
        let all = [&one, &one.form_token(), &other].map(|it| it.expose().to_owned());
        let mut all = Vec::from(all);
        for token in [&one, &other] {
            let SignInSecrets {
                state,
                nonce,
                verifier,
            } = SignInSecrets::of(token);
            all.extend([state, nonce, verifier].map(|it| it.expose().to_owned()));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(SignInSecrets::of(&one).state, SignInSecrets::of(&one).state);
        // A verifier has at least 43 characters (RFC 7636, section 4.1).
        assert_eq!(SignInSecrets::of(&one).verifier.expose().len(), 64);
    }
}
