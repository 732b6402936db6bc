//! Secrets of Clavis' own that travel in links, cookies and mails, and the names of things.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::ports::Random;

/// A token of 256 random bits in plain, as it stands in a link or a cookie: 64 lower-case
/// hexadecimal digits. Only its [`TokenHash`] is ever stored.
#[derive(Clone)]
pub struct PlainToken(SecretString);

impl PlainToken {
    const HEX_LEN: usize = 64;

    /// Makes a new token.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = [0_u8; 32];
        random.fill(&mut bytes);
        Self(hex(&bytes).into())
    }

    /// Takes a token from a link or a cookie; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let sound = text.len() == Self::HEX_LEN
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        sound.then(|| Self(text.to_owned().into()))
    }

    /// What stands before the token of a program, so that whoever finds one knows what it is.
    pub const OF_PROGRAM: &str = "clv_";

    /// Takes the token of a program; `None` for what cannot be one.
    pub fn parse_of_program(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix(Self::OF_PROGRAM)?)
    }

    /// The token of a program, for the one who is to have it.
    pub fn expose_of_program(&self) -> String {
        format!("{}{}", Self::OF_PROGRAM, self.expose())
    }

    /// What is stored in its place.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    /// The token for the one place that it is meant for: a link in a mail, a cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A token that proves a form was served to whoever holds this one, derived from it so that
    /// nothing more needs to be stored.
    #[must_use]
    pub fn form_token(&self) -> PlainToken {
        self.derived("form:")
    }

    /// A token that only who knows this one can tell, another for each purpose.
    pub(crate) fn derived(&self, purpose: &'static str) -> PlainToken {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update(self.0.expose_secret().as_bytes());
        Self(hex(&hash.finalize()).into())
    }
}

impl PartialEq for PlainToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose()
            .as_bytes()
            .ct_eq(other.expose().as_bytes())
            .into()
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

/// The SHA-256 of a secret: what the store knows of it. Compared in constant time.
#[derive(Clone, Copy, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[expect(
    clippy::derived_hash_with_manual_eq,
    reason = "equality is the same, only in constant time"
)]
pub struct TokenHash(pub [u8; 32]);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hex(&hash.0)
    }
}

/// The text is not the SHA-256 of anything: not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token hash of 64 hexadecimal digits")]
pub struct NotATokenHash;

impl TryFrom<String> for TokenHash {
    type Error = NotATokenHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        // The digits alone: a number may have a sign before it.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotATokenHash);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NotATokenHash)?;
        }
        Ok(Self(bytes))
    }
}

/// A code that is shown or mailed, and typed: 10 characters of [`ALPHABET`], 50 bits, so that its
/// hash cannot be turned back in the time that it is valid for.
#[derive(Clone)]
pub struct OneTimeCode(SecretString);

/// Crockford's base 32: no letter that is taken for a digit, and no U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl OneTimeCode {
    const LEN: usize = 10;

    /// Makes a new code.
    pub fn new(random: &dyn Random) -> Self {
        Self(random_word::<{ Self::LEN }>(random).into())
    }

    /// Takes a typed code: case, spaces and dashes do not matter, and O, I and L count as the
    /// digits that they are taken for. `None` for what cannot be a code.
    pub fn parse(text: &str) -> Option<Self> {
        read_word(text, Self::LEN).map(|word| Self(word.into()))
    }

    /// What is stored in its place: bound to the one sign-in or request that it was made for.
    pub fn hash(&self, made_for: &[u8]) -> TokenHash {
        let mut hash = Sha256::new();
        hash.update(made_for);
        hash.update(self.0.expose_secret().as_bytes());
        TokenHash(hash.finalize().into())
    }

    /// The code for the mail, in two groups: `7KQ2M-X9C4T`.
    pub fn expose(&self) -> String {
        let (head, tail) = self.0.expose_secret().split_at(Self::LEN / 2);
        format!("{head}-{tail}")
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

/// The short name of a request that can be read out on the phone: `K7Q-4MX2`, 35 random bits.
/// It identifies; it gives no access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

/// The text is not a request's reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reference has 7 letters and digits, like K7Q-4MX2")]
pub struct NotAReference;

impl Reference {
    const LEN: usize = 7;

    /// Makes a new reference. Two may be alike, once in 34 thousand million; the store refuses
    /// the second.
    pub fn new(random: &dyn Random) -> Self {
        Self::grouped(&random_word::<{ Self::LEN }>(random))
    }

    /// The reference as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn grouped(word: &str) -> Self {
        let (head, tail) = word.split_at(3);
        Self(format!("{head}-{tail}"))
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_word(text, Self::LEN)
            .map(|word| Self::grouped(&word))
            .ok_or(NotAReference)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identifier of a row: a UUID of version 7, so that rows made together lie together.
pub fn new_id(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

fn random_word<const N: usize>(random: &dyn Random) -> String {
    let mut bytes = [0_u8; N];
    random.fill(&mut bytes);
    // 256 is a multiple of 32, so every letter is as likely as every other.
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

fn read_word(text: &str, len: usize) -> Option<String> {
    let word: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let sound = word.len() == len && word.bytes().all(|b| ALPHABET.contains(&b));
    sound.then_some(word)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    #[test]
    fn tokens_are_64_hex_digits_and_only_their_hash_is_shown() {
        let token = PlainToken::new(&CountingRandom::default());
        assert_eq!(token.expose().len(), 64);
        assert_eq!(PlainToken::parse(token.expose()).unwrap(), token);
        assert_ne!(token.form_token(), token);
        for text in [
            "",
            &"g".repeat(64),
            &"A".repeat(64),
            &"a".repeat(63),
            &"a".repeat(65),
        ] {
            assert!(PlainToken::parse(text).is_none(), "{text}");
        }
        let of_program = token.expose_of_program();
        assert!(of_program.starts_with("clv_"));
        assert_eq!(PlainToken::parse_of_program(&of_program).unwrap(), token);
        assert!(PlainToken::parse_of_program(token.expose()).is_none());
        assert!(PlainToken::parse(&of_program).is_none());
        let shown = format!("{token:?} {:?}", token.hash());
        assert_eq!(shown, "PlainToken(…) TokenHash(…)");
    }

    #[test]
    fn a_hash_survives_the_store() {
        let hash = PlainToken::new(&CountingRandom::default()).hash();
        assert_eq!(TokenHash::try_from(String::from(hash)).unwrap(), hash);
        assert_eq!(TokenHash::try_from("zz".repeat(32)), Err(NotATokenHash));
        assert_eq!(TokenHash::try_from("é".repeat(32)), Err(NotATokenHash));
        assert_eq!(TokenHash::try_from("+f".repeat(32)), Err(NotATokenHash));
    }

    #[test]
    fn codes_and_references_forgive_how_they_are_typed() {
        let challenge = [7; 32];
        let code = OneTimeCode::parse("7kq2m x9c4t").unwrap();
        assert_eq!(code.expose(), "7KQ2M-X9C4T");
        assert_eq!(
            code.hash(&challenge),
            OneTimeCode::parse("7KQ2M-X9C4T").unwrap().hash(&challenge)
        );
        assert_ne!(code.hash(&challenge), code.hash(&[8; 32]));
        assert!(OneTimeCode::parse("7KQ2M-X9C4").is_none());
        assert_eq!(
            "kol 1234".parse::<Reference>().unwrap().to_string(),
            "K01-1234"
        );
        assert_eq!("K7Q-4MXÉ".parse::<Reference>(), Err(NotAReference));
    }
}
