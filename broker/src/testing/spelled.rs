//! Texts that are made of bytes, for tests that try any.

/// A text of pieces: a byte below 128 stands for its character, each above for one of the pieces in
/// turn. So what a parser looks for comes up as often as what it does not, and whatever changes a
/// byte here and there changes a piece or a character.
pub fn spelled(bytes: &[u8], pieces: &[&str]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte.checked_sub(128) {
            None => text.push(char::from(byte)),
            Some(at) => text.push_str(pieces[usize::from(at) % pieces.len()]),
        }
    }
    text
}

/// A text after some changes, each told by four bytes: where, how much is cut out there, and what is
/// put in, which is spelled as in [`spelled`]. What is sound at first is so reached from its
/// neighbourhood, where chance alone would never come to it.
pub fn altered(text: &str, changes: &[u8], pieces: &[&str]) -> String {
    let mut text = text.to_owned();
    for change in changes.chunks_exact(4) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
        let from = text.floor_char_boundary(place % (text.len() + 1));
        let to = text.ceil_char_boundary(text.len().min(from + usize::from(change[2] % 32)));
        text.replace_range(from..to, &spelled(&change[3..], pieces));
    }
    text
}
