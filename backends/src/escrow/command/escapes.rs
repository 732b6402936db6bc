//! What a text in JSON stands for, where it may be a key: the parser of JSON would leave a copy of
//! it in memory of its own.

use std::str::Chars;

use zeroize::Zeroizing;

/// What stands between the quotes of a text that the parser has passed, without its escapes.
/// Nothing where an escape stands for no character.
pub(super) fn unescaped(raw: &str) -> Option<Zeroizing<String>> {
    // Every escape is longer than what it stands for, so that this never grows.
    let mut text = Zeroizing::new(String::with_capacity(raw.len()));
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { escape(&mut rest)? } else { c });
    }
    Some(text)
}

/// The character that an escape stands for, from behind its backslash.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    match rest.next()? {
        c @ ('"' | '\\' | '/') => Some(c),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => numbered(rest),
        _ => None,
    }
}

/// The character of one number, or of the two that are a surrogate pair.
fn numbered(rest: &mut Chars<'_>) -> Option<char> {
    let first = number(rest)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    let is_followed = rest.next()? == '\\' && rest.next()? == 'u';
    let second = number(rest).filter(|second| is_followed && (0xDC00..0xE000).contains(second))?;
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

fn number(rest: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |sum, _| Some(sum * 16 + rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Option<String> {
        let text = unescaped(raw)?;
        assert_eq!(text.capacity(), raw.len(), "it did not grow");
        Some((*text).clone())
    }

    #[test]
    fn every_character_is_read_as_the_parser_reads_it() {
        let far = [
            '\u{10000}',
            '\u{103ff}',
            '\u{10400}',
            '\u{1f511}',
            char::MAX,
        ];
        for c in ('\0'..='\u{ffff}').chain(far) {
            let written = serde_json::to_string(&c).unwrap();
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            let lower: Vec<_> = units.map(|unit| format!("\\u{unit:04x}")).collect();
            let lower = lower.concat();
            let upper = lower.to_uppercase().replace("\\U", "\\u");
            for raw in [&written[1..written.len() - 1], &lower, &upper] {
                let parsed: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
                assert_eq!(read(raw).unwrap(), parsed, "{raw}");
            }
        }
    }

    #[test]
    fn short_escapes_are_read_and_the_rest_is_as_it_is() {
        let raw = r#" a\"\\\/\b\f\n\r\t  né\u00e9鍵\ud83d\udd11\\u0031 "#;
        let parsed: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
        assert_eq!(read(raw).unwrap(), parsed);
        assert_eq!(read("").unwrap(), "");
    }

    #[test]
    fn half_a_pair_is_no_character() {
        for raw in [
            r"\ud83d",
            r"\ud83dx",
            r"\ud83d\n",
            r"\ud83d\u0041",
            r"\ud83d\ud83d",
            r"\ud83dxudd11",
            r"\udd11",
            r"\udd11\ud83d",
            // The parser lets none of these pass.
            r"\u12",
            r"\u12g4",
            r"\x",
            r"\",
        ] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }
}
