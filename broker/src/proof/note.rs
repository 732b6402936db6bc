//! Signed notes: a text, and signatures under it (C2SP `signed-note`), with Ed25519.
//!
//! A private key is kept as `PRIVATE+KEY+NAME+HASH+KEY`, a public one is handed on as
//! `NAME+HASH+KEY`: the forms of Go's `golang.org/x/mod/sumdb/note`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ports::Random;

/// What says in a key and its hash that it is one of Ed25519.
const ALGORITHM: u8 = 0x01;
/// The most signatures that are looked at: nobody has that many, and each costs time.
const MOST_SIGNATURES: usize = 100;
/// The most signatures by others that are named where nobody known has signed.
const MOST_NAMED: usize = 3;
/// What a line with a signature begins with.
const DASH: &str = "\u{2014} ";
/// What a private key begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// Who signs, and the key for it.
pub struct Signer {
    verifier: Verifier,
    pair: Ed25519KeyPair,
}

/// The name and the public key of somebody who signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    hash: [u8; 4],
    key: [u8; 32],
}

/// A text that somebody known has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, with the newline at its end.
    pub text: String,
    /// The names of those known who have signed it; never empty.
    pub signed_by: Vec<String>,
}

/// The text is no key of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// The name is empty, or has white space or a `+` in it.
    #[error("the name of a key must not be empty, nor have a space or a + in it")]
    Name,
    /// It is not in the form of a note's key.
    #[error("it is no key in the form NAME+HASH+KEY")]
    Form,
    /// It is in the form of a private key, where a public one is wanted.
    #[error("it is a private key")]
    Private,
    /// It is a key of another kind.
    #[error("it is no key of Ed25519")]
    Kind,
    /// Its hash is that of another key or name.
    #[error("its hash does not fit its name and key")]
    Hash,
}

/// The text is no note, or nobody known has signed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a note.
    #[error("it has not the form of a signed note")]
    Malformed,
    /// A signature is under the name and the key of somebody known, and is not theirs.
    #[error("the signature of {0} is not theirs: the text or the signature was changed")]
    Forged(String),
    /// Nobody known has signed it; who did, by what it says itself.
    #[error("it is signed by {0}, and by no key that is known")]
    Unsigned(String),
}

impl Signer {
    /// Makes a new key, and gives the text to keep it as, in one line without an end.
    ///
    /// # Errors
    /// Where the name cannot be that of a key.
    pub fn generate(name: &str, random: &dyn Random) -> Result<Zeroizing<String>, NotAKey> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        random.fill(&mut *seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| NotAKey::Form)?;
        let verifier = Verifier::new(name, public(&pair)?)?;
        let mut bytes = Zeroizing::new([ALGORITHM; 33]);
        bytes[1..].copy_from_slice(&*seed);
        let key = Zeroizing::new(STANDARD.encode(*bytes));
        let (name, hash) = (&verifier.name, hex(verifier.hash));
        Ok(Zeroizing::new(format!("{PRIVATE}{name}+{hash}+{}", *key)))
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// What is wrong with it; nothing of the key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.strip_prefix(PRIVATE).ok_or(NotAKey::Form)?;
        let (name, hash, key) = parts(text)?;
        let seed = Zeroizing::new(decode(key)?);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| NotAKey::Form)?;
        let verifier = Verifier::new(name, public(&pair)?)?;
        if verifier.hash != hash {
            return Err(NotAKey::Hash);
        }
        Ok(Self { verifier, pair })
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The text with this signature under it. It must end with a newline.
    pub fn sign(&self, text: &str) -> String {
        let mut bytes = self.verifier.hash.to_vec();
        bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        let (name, signature) = (&self.verifier.name, STANDARD.encode(bytes));
        format!("{text}\n{DASH}{name} {signature}\n")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

impl Verifier {
    fn new(name: &str, key: [u8; 32]) -> Result<Self, NotAKey> {
        if name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
        {
            return Err(NotAKey::Name);
        }
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([b'\n', ALGORITHM]);
        hash.update(key);
        let hash = hash.finalize();
        Ok(Self {
            name: name.to_owned(),
            hash: [hash[0], hash[1], hash[2], hash[3]],
            key,
        })
    }

    /// Reads a public key.
    ///
    /// # Errors
    /// What is wrong with it; nothing of what was given, which may be a private key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        if text.starts_with(PRIVATE) {
            return Err(NotAKey::Private);
        }
        let (name, hash, key) = parts(text)?;
        let verifier = Self::new(name, decode(key)?)?;
        if verifier.hash != hash {
            return Err(NotAKey::Hash);
        }
        Ok(verifier)
    }

    /// The name that its signatures bear.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The form in which it is handed on.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ALGORITHM];
        bytes.extend_from_slice(&self.key);
        let (name, hash, key) = (&self.name, hex(self.hash), STANDARD.encode(bytes));
        write!(f, "{name}+{hash}+{key}")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

impl Note {
    /// Takes a note apart, where somebody known has signed it. Signatures by others are passed
    /// over; one under a known name and hash that does not fit makes the whole note a forgery.
    ///
    /// # Errors
    /// Why its text must not be believed.
    pub fn open(note: &str, known: &[Verifier]) -> Result<Self, NoteError> {
        let (text, signatures) = take_apart(note).ok_or(NoteError::Malformed)?;
        let (mut signed_by, mut strangers): (Vec<String>, Vec<String>) = Default::default();
        for (name, bytes) in signatures {
            let Some((hash, signature)) = bytes.split_first_chunk() else {
                return Err(NoteError::Malformed);
            };
            let mut known = known.iter();
            let Some(by) = known.find(|it| it.name == name && it.hash == *hash) else {
                if strangers.len() < MOST_NAMED {
                    strangers.push(format!("{name}+{}", hex(*hash)));
                }
                continue;
            };
            let key = UnparsedPublicKey::new(&ED25519, by.key);
            if key.verify(text.as_bytes(), signature).is_err() {
                return Err(NoteError::Forged(name.to_owned()));
            }
            if !signed_by.iter().any(|known| known == name) {
                signed_by.push(name.to_owned());
            }
        }
        if signed_by.is_empty() {
            return Err(NoteError::Unsigned(strangers.join(", ")));
        }
        Ok(Self {
            text: text.to_owned(),
            signed_by,
        })
    }
}

/// The text of a note whoever has signed it: to tell what it claims, never to believe it.
///
/// # Errors
/// Where it has not the form of a note.
pub fn claimed(note: &str) -> Result<&str, NoteError> {
    take_apart(note)
        .map(|(text, _)| text)
        .ok_or(NoteError::Malformed)
}

type Signatures<'n> = Vec<(&'n str, Vec<u8>)>;

fn take_apart(note: &str) -> Option<(&str, Signatures<'_>)> {
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return None;
    }
    // The text ends with a newline of its own, which stands before that of the empty line.
    let end = note.rfind("\n\n")? + 1;
    let (text, lines) = (&note[..end], note[end + 1..].strip_suffix('\n')?);
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(signature).ok()?;
        if name.is_empty() || name.contains('+') || bytes.len() < 5 {
            return None;
        }
        signatures.push((name, bytes));
        if signatures.len() > MOST_SIGNATURES {
            return None;
        }
    }
    Some((text, signatures))
}

/// `NAME+HASH+KEY`; the key itself may have a `+` in it.
fn parts(text: &str) -> Result<(&str, [u8; 4], &str), NotAKey> {
    let (name, rest) = text.split_once('+').ok_or(NotAKey::Form)?;
    let (hash, key) = rest.split_once('+').ok_or(NotAKey::Form)?;
    let is_hash = hash.len() == 8
        && hash
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let hash = u32::from_str_radix(hash, 16).ok().filter(|_| is_hash);
    Ok((name, hash.ok_or(NotAKey::Form)?.to_be_bytes(), key))
}

fn decode(key: &str) -> Result<[u8; 32], NotAKey> {
    let bytes = Zeroizing::new(STANDARD.decode(key).map_err(|_| NotAKey::Form)?);
    let (algorithm, key) = bytes.split_first().ok_or(NotAKey::Form)?;
    if *algorithm != ALGORITHM {
        return Err(NotAKey::Kind);
    }
    key.try_into().map_err(|_| NotAKey::Kind)
}

fn public(pair: &Ed25519KeyPair) -> Result<[u8; 32], NotAKey> {
    let key = pair.public_key().as_ref();
    key.try_into().map_err(|_| NotAKey::Form)
}

fn hex(hash: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::CountingRandom;

    /// The examples of `golang.org/x/mod/sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETERS_OWN: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const PETER_SIGNS: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const ENOCH_SIGNS: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    fn known(keys: &[&str]) -> Vec<Verifier> {
        keys.iter()
            .map(|key| Verifier::parse(key).unwrap())
            .collect()
    }

    fn opened(note: &str, keys: &[&str]) -> Result<Vec<String>, NoteError> {
        Note::open(note, &known(keys)).map(|note| {
            assert_eq!(note.text, TEXT);
            note.signed_by
        })
    }

    #[test]
    fn a_known_key_signs_the_known_note() {
        let signer = Signer::parse(PETERS_OWN).unwrap();
        assert_eq!(signer.verifier().to_string(), PETER);
        assert_eq!(signer.sign(TEXT), format!("{TEXT}\n{PETER_SIGNS}"));
    }

    #[test]
    fn who_is_known_is_named_and_others_are_passed_over() {
        let both = format!("{TEXT}\n{PETER_SIGNS}{ENOCH_SIGNS}");
        assert_eq!(opened(&both, &[PETER]).unwrap(), ["PeterNeumann"]);
        assert_eq!(opened(&both, &[ENOCH]).unwrap(), ["EnochRoot"]);
        let names = opened(&both, &[ENOCH, PETER]).unwrap();
        assert_eq!(names, ["PeterNeumann", "EnochRoot"]);
        let twice = format!("{TEXT}\n{PETER_SIGNS}{PETER_SIGNS}");
        assert_eq!(opened(&twice, &[PETER]).unwrap(), ["PeterNeumann"]);
        let unsigned = NoteError::Unsigned("PeterNeumann+c74f20a3, EnochRoot+af0cfe78".to_owned());
        assert_eq!(opened(&both, &[]), Err(unsigned));
        let many = format!("{TEXT}\n{}", PETER_SIGNS.repeat(MOST_SIGNATURES));
        let Err(NoteError::Unsigned(told)) = opened(&many, &[ENOCH]) else {
            panic!("nobody known has signed it")
        };
        assert_eq!(told.split(", ").count(), MOST_NAMED);
    }

    #[test]
    fn a_signature_that_does_not_fit_is_a_forgery_also_beside_one_that_does() {
        let wrong = PETER_SIGNS.replace("ZJku", "ZJkv");
        let note = format!("{TEXT}\n{wrong}{ENOCH_SIGNS}");
        let forged = NoteError::Forged("PeterNeumann".to_owned());
        assert_eq!(opened(&note, &[PETER, ENOCH]), Err(forged));
        assert_eq!(opened(&note, &[ENOCH]).unwrap(), ["EnochRoot"]);
    }

    #[test]
    fn what_has_not_the_form_of_a_note_is_none() {
        for wrong in [
            "",
            TEXT,
            &format!("{TEXT}\n"),
            &format!("{TEXT}{PETER_SIGNS}"),
            &format!("{TEXT}\n{PETER_SIGNS}\n"),
            &format!("{TEXT}\n{PETER_SIGNS}more\n"),
            &format!("{TEXT}\n{}", PETER_SIGNS.trim_end()),
            &format!("{TEXT}\n{}", PETER_SIGNS.replace('\u{2014}', "-")),
            &format!("{TEXT}\n{}", PETER_SIGNS.replace("PeterNeumann", "")),
            &format!("{TEXT}\n{}", PETER_SIGNS.replace("JnAM=", "JnAM")),
            &format!("{TEXT}\n\u{2014} PeterNeumann x08gow==\n"),
            &format!("\u{1}{TEXT}\n{PETER_SIGNS}"),
            &format!("{TEXT}\n{}", PETER_SIGNS.repeat(MOST_SIGNATURES + 1)),
        ] {
            assert_eq!(
                opened(wrong, &[PETER]),
                Err(NoteError::Malformed),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_key_of_which_anything_is_missing_or_changed_is_none() {
        for from in 0..PETER.len() {
            for to in from..=PETER.len() {
                let is_whole = from == 0 && to == PETER.len();
                assert_eq!(Verifier::parse(&PETER[from..to]).is_ok(), is_whole);
            }
        }
        for at in 0..PETER.len() {
            let mut wrong = PETER.as_bytes().to_vec();
            wrong[at] += 1;
            assert!(Verifier::parse(std::str::from_utf8(&wrong).unwrap()).is_err());
        }
        assert_eq!(Signer::parse(PETER).err(), Some(NotAKey::Form));
        assert_eq!(Verifier::parse(PETERS_OWN).err(), Some(NotAKey::Private));
        let hash = PETERS_OWN.replace("c74f20a3", "c74f20a4");
        assert_eq!(Signer::parse(&hash).err(), Some(NotAKey::Hash));
    }

    #[test]
    fn a_new_key_signs_and_does_not_show_itself() {
        let random = CountingRandom::default();
        let kept = Signer::generate("log.example.com", &random).unwrap();
        let signer = Signer::parse(&kept).unwrap();
        let known = [Verifier::parse(&signer.verifier().to_string()).unwrap()];
        let note = Note::open(&signer.sign("one\n\ntwo\n"), &known).unwrap();
        assert_eq!(note.text, "one\n\ntwo\n");
        let (_, secret) = kept.rsplit_once('+').unwrap();
        assert!(!format!("{signer:?}").contains(secret));
        for name in ["", "a b", "a+b", "a\nb"] {
            assert_eq!(Signer::generate(name, &random).err(), Some(NotAKey::Name));
        }
    }

    proptest! {
        #[test]
        fn no_changed_text_is_believed(at in 0..TEXT.len(), bit in 0_u32..7) {
            let mut text = TEXT.as_bytes().to_vec();
            text[at] ^= 1 << bit;
            let note = format!("{}\n{PETER_SIGNS}", String::from_utf8(text).unwrap());
            prop_assert!(Note::open(&note, &known(&[PETER])).is_err());
        }

        #[test]
        fn whatever_comes_is_judged_without_a_panic(note in "\\PC*\n\n(\u{2014} \\PC*\n)*") {
            let _ = Note::open(&note, &known(&[PETER]));
            let _ = Verifier::parse(&note);
            let _ = Signer::parse(&note);
        }
    }
}
