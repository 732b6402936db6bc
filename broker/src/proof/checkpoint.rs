//! Checkpoints: the size and the root of the log at a moment, as a signed note (C2SP
//! `tlog-checkpoint`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{Note, NoteError, Signer, Verifier, claimed};
use super::tree::Hash;

/// How much of a log there was, and the root over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the name of the key that its own checkpoints are signed with.
    pub origin: String,
    /// How many rows it had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// The text is no checkpoint that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACheckpoint {
    /// It is no note that somebody known has signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// What was signed is no checkpoint.
    #[error("what was signed is no checkpoint")]
    Form,
    /// It is signed, but not by the log that it is of.
    #[error("the log {0} has not signed it itself")]
    OtherOrigin(String),
}

impl Checkpoint {
    /// The checkpoint as a note under the log's own signature. The origin is the signer's name.
    pub fn signed(size: u64, root: &Hash, signer: &Signer) -> String {
        let origin = signer.verifier().name();
        signer.sign(&format!("{origin}\n{size}\n{}\n", STANDARD.encode(root)))
    }

    /// Reads a checkpoint that the log itself has signed, by one of these keys.
    ///
    /// # Errors
    /// Why it must not be believed.
    pub fn open(note: &str, known: &[Verifier]) -> Result<Self, NotACheckpoint> {
        let note = Note::open(note, known)?;
        let checkpoint = Self::read(&note.text).ok_or(NotACheckpoint::Form)?;
        if !note.signed_by.contains(&checkpoint.origin) {
            return Err(NotACheckpoint::OtherOrigin(checkpoint.origin));
        }
        Ok(checkpoint)
    }

    /// What a note says, whoever has signed it: to name it, never to believe it.
    ///
    /// # Errors
    /// Where it is no checkpoint.
    pub fn claimed(note: &str) -> Result<Self, NotACheckpoint> {
        Self::read(claimed(note)?).ok_or(NotACheckpoint::Form)
    }

    /// Lines after the third are extensions, which mean nothing here.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size = lines.next()?;
        let root = STANDARD.decode(lines.next()?).ok()?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: root.try_into().ok()?,
        };
        let is_plain = checkpoint.size.to_string() == size;
        (is_plain && lines.all(|line| !line.is_empty())).then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    fn signer(name: &str) -> Signer {
        let random = CountingRandom::default();
        Signer::parse(&Signer::generate(name, &random).unwrap()).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let note = "example.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
            \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        let claimed = Checkpoint::claimed(note).unwrap();
        assert_eq!(claimed.origin, "example.com/behind-the-sofa");
        assert_eq!(claimed.size, 20_852_163);
        assert_eq!(claimed.root[..3], [0x0a, 0xc5, 0x18]);
        let unknown = Checkpoint::open(note, &[signer("x").verifier().clone()]);
        let by = "example.com/behind-the-sofa+033de0ae".to_owned();
        assert_eq!(unknown, Err(NoteError::Unsigned(by).into()));
    }

    #[test]
    fn what_was_signed_is_opened_by_its_key() {
        let signer = signer("log.example.com");
        let note = Checkpoint::signed(7, &[9; 32], &signer);
        let opened = Checkpoint::open(&note, &[signer.verifier().clone()]).unwrap();
        let expected = Checkpoint {
            origin: "log.example.com".to_owned(),
            size: 7,
            root: [9; 32],
        };
        assert_eq!(opened, expected);
    }

    #[test]
    fn a_witness_alone_does_not_make_it_the_logs() {
        let witness = signer("witness.example.com");
        let root = STANDARD.encode([9; 32]);
        let note = witness.sign(&format!("log.example.com\n7\n{root}\n"));
        let opened = Checkpoint::open(&note, &[witness.verifier().clone()]);
        let other = NotACheckpoint::OtherOrigin("log.example.com".to_owned());
        assert_eq!(opened, Err(other));
    }

    #[test]
    fn a_text_of_another_form_is_no_checkpoint() {
        let root = STANDARD.encode([9; 32]);
        for (text, is_one) in [
            (format!("a\n0\n{root}\n"), true),
            (format!("a\n7\n{root}\nan extension\n"), true),
            (format!("a\n07\n{root}\n"), false),
            (format!("a\n+7\n{root}\n"), false),
            (format!("a\n-7\n{root}\n"), false),
            (format!("a\n18446744073709551616\n{root}\n"), false),
            (format!("\n7\n{root}\n"), false),
            (format!("a\n7\n{root}\n\nb\n"), false),
            (format!("a\n7\n{}\n", STANDARD.encode([9; 31])), false),
            (format!("a\n7\n{root}=\n"), false),
            ("a\n7\n".to_owned(), false),
            ("a\n".to_owned(), false),
        ] {
            assert_eq!(Checkpoint::read(&text).is_some(), is_one, "{text:?}");
        }
    }
}
