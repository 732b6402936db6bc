//! What a program says beside its answers, as far as it may be told: cut, cleaned, and without
//! what could be a key.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of its standard error is kept, in bytes, and shown, in lines and characters of a line.
const MAX_ASIDE: usize = 4096;
const MAX_LINES: usize = 5;
const MAX_LINE: usize = 200;

/// No key that is known by its look is longer, in characters.
const LONGEST_KEY: usize = 128;

/// What is told in place of what could be a key.
const WITHHELD: &str = "(withheld: this could be a recovery key)";

/// The beginning of what a program wrote to its standard error.
#[derive(Default)]
pub(super) struct Aside(Vec<u8>);

impl Aside {
    /// The first lines, fit to be told.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0);
        let mut lines: Vec<&str> = text.lines().collect();
        // Of a line that was cut, what is shown must not be the beginning of a key.
        let is_cut = self.0.len() == MAX_ASIDE;
        if is_cut && lines.last().is_some_and(is_short) {
            lines.pop();
        }
        let told = lines.into_iter().map(|line| told(line, MAX_LINE));
        told.filter(|line| !line.is_empty())
            .take(MAX_LINES)
            .collect()
    }

    /// Reads to the end, so that the program never waits for a reader, and keeps the beginning.
    pub(super) async fn listen(&mut self, from: Option<impl AsyncRead + Unpin>) -> io::Result<()> {
        let Some(mut from) = from else {
            return Ok(());
        };
        let mut piece = [0; 1024];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(());
            }
            let room = MAX_ASIDE - self.0.len();
            self.0.extend_from_slice(&piece[..length.min(room)]);
        }
    }
}

/// What a program says, in one line without control characters, and at most so long; a note where
/// it could hold a key.
pub(super) fn told(text: &str, most: usize) -> String {
    if may_hold_a_key(text) {
        return WITHHELD.to_owned();
    }
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let cut: String = printable.take(most).collect();
    cut.trim().to_owned()
}

fn is_short(line: &&str) -> bool {
    line.chars().count() < MAX_LINE + LONGEST_KEY
}

/// Whether a text has something in it that looks like a key: half of `BitLocker`'s digits or more,
/// or groups as those of `FileVault` and systemd, which an ID has fewer of. What is a passphrase of
/// somebody's own looks like nothing.
fn may_hold_a_key(text: &str) -> bool {
    let mut digits = 0;
    for c in text.chars() {
        match c {
            _ if c.is_numeric() => digits += 1,
            '-' | '\u{2010}'..='\u{2015}' => {}
            _ if c.is_whitespace() || c.is_control() => {}
            _ => digits = 0,
        }
        if digits >= 24 {
            return true;
        }
    }
    let of_a_word = |c: char| c.is_alphanumeric() || c == '-';
    text.split(|c| !of_a_word(c)).any(|word| {
        let groups = word.split('-').filter(|group| group.chars().count() >= 4);
        groups.count() >= 6
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

    async fn lines(text: &str) -> Vec<String> {
        let mut aside = Aside::default();
        aside.listen(Some(text.as_bytes())).await.unwrap();
        aside.lines()
    }

    #[tokio::test]
    async fn what_is_said_aside_is_cut_and_cleaned() {
        let flood = "\x1b[31mone\n\n two \r\nthree\u{7}\n".to_owned() + &"x".repeat(100_000);
        let told = lines(&flood).await;
        assert_eq!(told[..3], ["[31mone", "two", "three"]);
        assert_eq!(told[3].len(), MAX_LINE);
        assert_eq!(told.len(), 4);
        assert_eq!(lines(&"a\n".repeat(9)).await.len(), MAX_LINES);
    }

    #[tokio::test]
    async fn a_line_that_could_hold_a_key_is_not_told() {
        let told = lines(&format!("before\nrow: ('{KEY}', 1)\nafter")).await;
        assert_eq!(told, ["before", WITHHELD, "after"]);
        for text in [
            KEY.to_owned(),
            KEY.replace('-', ""),
            KEY.replace('-', " - "),
            KEY.replace('-', "\u{2013}"),
            KEY[..27].to_owned(),
            "X7QZ-24KM-9PLA-00RT-B3VN-HH6C".to_owned(),
            "gcddvehb-tvfdibri-drnihtch-ccvubccu-lighrdkk-tiubdrgl-bfkvhrjr-uijvcicg".to_owned(),
        ] {
            let long = format!("{} key={text}.", "x".repeat(MAX_LINE - 20));
            for line in [text, long] {
                assert_eq!(told_of(&line), WITHHELD, "{line}");
            }
        }
        for text in [
            "2026-09-01 08:30:00.123456 [12345] cannot reach 10.0.0.1:5432",
            "no device 01234567-89AB-CDEF-0123-456789ABCDEF (LT-0042)",
        ] {
            assert_eq!(told_of(text), text);
        }
    }

    fn told_of(line: &str) -> String {
        told(line, MAX_LINE)
    }

    #[tokio::test]
    async fn no_beginning_of_a_key_is_told_where_the_rest_was_cut_off() {
        for before in MAX_ASIDE - KEY.len()..MAX_ASIDE {
            let filled = "x".repeat(before - 1) + "\n" + KEY;
            let told = lines(&filled).await;
            assert_eq!(told.len(), 1, "{before}: {told:?}");
            let in_a_line = "x".repeat(before) + KEY;
            let told = &lines(&in_a_line).await[0];
            assert!(told == WITHHELD || told.ends_with('x'), "{told}");
        }
    }
}
