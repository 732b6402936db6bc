//! What a key looks like in memory: as a backend writes it, as the page writes it, as the numbers that
//! it is made of; whole, or a piece of it.
//!
//! An allocator overwrites the beginning of what is freed, a register holds a few bytes of what it
//! carried: who looks for whole keys alone finds too little.

use std::fmt::{self, Write as _};
use std::ops::Range;

use aho_corasick::AhoCorasick;

/// The pieces of some keys, to be looked for all at once.
pub(super) struct Pieces {
    automaton: AhoCorasick,
    /// Of each piece, which key it is of, and in which form.
    of: Vec<(usize, &'static str)>,
}

/// A piece of a key that was found.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) key: usize,
    pub(super) form: &'static str,
    pub(super) at: Range<usize>,
}

/// How finely a key is cut: into pieces of so many characters, a new one begins after so many. Fewer
/// than six digits make no piece.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    length: usize,
    step: usize,
}

impl Cut {
    /// For memory, where a shorter run of digits may well be somebody else's number. Finds any twelve
    /// characters in a row, and so two neighbouring groups and what a vector register holds.
    pub(super) const MEMORY: Self = Self {
        length: 10,
        step: 3,
    };
    /// For registers: what a single one holds.
    pub(super) const REGISTERS: Self = Self { length: 8, step: 1 };
}

/// Of the numbers that a key is made of, so many in a row: eight bytes. Fewer are found by chance.
const NUMBERS: usize = 4;

impl Pieces {
    /// The pieces of these keys, each 8 groups of 6 digits with dashes.
    pub(super) fn of(keys: &[String], cut: Cut) -> Self {
        let (mut patterns, mut of) = (Vec::new(), Vec::new());
        for (at, key) in keys.iter().enumerate() {
            for (form, text) in forms(key) {
                for piece in cut_up(&text, cut) {
                    let wide = piece.iter().flat_map(|byte| [*byte, 0]).collect();
                    patterns.extend([piece.to_vec(), wide]);
                    of.extend([(at, form), (at, form)]);
                }
            }
            for piece in numbers(key).windows(NUMBERS * 2).step_by(2) {
                patterns.push(piece.to_vec());
                of.push((at, "raw"));
            }
        }
        let automaton = AhoCorasick::new(patterns).expect("an automaton");
        Self { automaton, of }
    }

    /// Every piece in this memory.
    pub(super) fn in_memory(&self, memory: &[u8]) -> Vec<Piece> {
        let found = self.automaton.find_overlapping_iter(memory);
        let pieces = found.map(|found| {
            let (key, form) = self.of[found.pattern().as_usize()];
            let at = found.range();
            Piece { key, form, at }
        });
        pieces.collect()
    }
}

/// A key as texts: with dashes, without, and as `web/templates/key.html` writes it.
fn forms(key: &str) -> [(&'static str, String); 3] {
    let groups: Vec<_> = key.split('-').collect();
    [
        ("dashed", key.to_owned()),
        ("bare", groups.concat()),
        (
            "page",
            format!("<span>{}</span>", groups.join("<i>-</i></span><wbr><span>")),
        ),
    ]
}

fn cut_up(text: &str, cut: Cut) -> impl Iterator<Item = &[u8]> {
    let pieces = text.as_bytes().windows(cut.length).step_by(cut.step);
    pieces.filter(|piece| piece.iter().filter(|byte| byte.is_ascii_digit()).count() >= 6)
}

/// The 16 bytes that BitLocker makes of the 48 digits: a number for each group, divided by 11.
fn numbers(key: &str) -> Vec<u8> {
    let groups = key.split('-').map(|group| {
        let number: u32 = group.parse().expect("digits");
        u16::try_from(number / 11).expect("a sound group")
    });
    groups.flat_map(u16::to_le_bytes).collect()
}

/// Memory around a piece, for whoever looks for what left it there: the keys of tests are nobody's.
pub(super) struct Around<'m>(pub(super) &'m [u8], pub(super) &'m Range<usize>);

impl fmt::Display for Around<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(memory, at) = self;
        let (from, to) = (at.start.saturating_sub(80), (at.end + 80).min(memory.len()));
        for byte in &memory[from..to] {
            match byte {
                0 => f.write_char('.')?,
                b' '..=b'~' => f.write_char(char::from(*byte))?,
                other => write!(f, "\\{other:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "123453-000022-720885-000011-700007-111111-222222-333333";

    fn found(memory: &[u8], cut: Cut) -> Vec<&'static str> {
        let keys = [KEY.to_owned()];
        let found = Pieces::of(&keys, cut).in_memory(memory);
        let mut forms: Vec<_> = found.into_iter().map(|piece| piece.form).collect();
        forms.dedup();
        forms
    }

    #[test]
    fn a_key_is_found_in_every_form_whole_and_in_pieces() {
        let bare = KEY.replace('-', "");
        for (text, form) in [(KEY, "dashed"), (&*bare, "bare")] {
            let wide: Vec<_> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for from in 0..text.len() - 12 {
                let piece = [b"x", &text.as_bytes()[from..from + 12], b"y"].concat();
                assert_eq!(found(&piece, Cut::MEMORY), [form], "{form} from {from}");
                let piece = &wide[from * 2..(from + 12) * 2];
                assert_eq!(
                    found(piece, Cut::MEMORY),
                    [form],
                    "{form} in UTF-16 from {from}"
                );
                let piece = &text.as_bytes()[from..from + 8];
                assert!(
                    found(piece, Cut::REGISTERS).contains(&form),
                    "{form} from {from}"
                );
            }
        }
        let page = "<span>000011<i>-</i></span><wbr><span>700007<i>-</i></span>";
        for from in [0, 6, 32] {
            let piece = &page.as_bytes()[from..from + 14];
            assert_eq!(found(piece, Cut::MEMORY), ["page"], "from {from}");
        }
        let raw = numbers(KEY);
        assert_eq!(raw[..4], [0xd7, 0x2b, 2, 0]);
        for from in (0..=8).step_by(2) {
            assert_eq!(found(&raw[from..from + 8], Cut::MEMORY), ["raw"]);
        }
    }

    #[test]
    fn another_key_is_none_of_it() {
        let other = "123464-000033-720874-000022-700018-111122-222233-333344";
        assert_eq!(found(other.as_bytes(), Cut::MEMORY), [""; 0]);
    }
}
