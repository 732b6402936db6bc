//! Lines of CSV (RFC 4180) that are safe to open in a spreadsheet.

/// A line of these cells. Each is quoted, and one that a spreadsheet would take for a formula is
/// led by an apostrophe, which makes it a text.
pub(crate) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// What a formula begins with, in narrow and in wide letters.
const FORMULA: [char; 8] = [
    '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// What some programs take for the end of a cell or a line, whatever stands around it.
const BREAKS: [char; 4] = [';', '\t', '\r', '\n'];

fn cell(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len() + 4);
    // No cell begins with what would be passed over as a whole.
    guarded.extend(text.starts_with(&BREAKS[1..]).then_some('\''));
    let mut begins = true;
    for char in text.chars() {
        guarded.extend((begins && FORMULA.contains(&char)).then_some('\''));
        guarded.push(char);
        begins = BREAKS.contains(&char) || (begins && is_passed_over(char));
    }
    format!("\"{}\"", guarded.replace('"', "\"\""))
}

/// Blanks, quotes, and signs that nobody sees.
fn is_passed_over(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '\'' | '\u{feff}' | '\u{200b}'..='\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_lines_end_as_agreed() {
        assert_eq!(
            line(["a", "", "b, \"c\"", "d\r\ne", "Jürgen"]),
            "\"a\",\"\",\"b, \"\"c\"\"\",\"d\r\ne\",\"Jürgen\"\r\n"
        );
    }

    #[test]
    fn nothing_is_a_formula() {
        for formula in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(1)",
            "＝1",
            "＋1",
            "－1",
            "＠SUM(1)",
        ] {
            assert_eq!(line([formula]), format!("\"'{formula}\"\r\n"));
        }
        // A program that parts cells elsewhere, or passes over what stands before.
        for (formula, guarded) in [
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            (" =1", " '=1"),
            ("\u{a0}\u{feff}=1", "\u{a0}\u{feff}'=1"),
            ("x;=cmd|'!A0;y", "x;'=cmd|'!A0;y"),
            ("x; +1\n-1", "x; '+1\n'-1"),
            ("x; '=1", "x; ''=1"),
        ] {
            assert_eq!(line([formula]), format!("\"{guarded}\"\r\n"));
        }
        // A quote is doubled, so that the cell cannot be left, and is none elsewhere.
        assert_eq!(line(["\"=1"]), "\"\"\"'=1\"\r\n");
        assert_eq!(line(["x;\"=1"]), "\"x;\"\"'=1\"\r\n");
        assert_eq!(line(["a=1", "'=1"]), "\"a=1\",\"''=1\"\r\n");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_is_in_cells_a_line_has_as_many_and_none_is_a_formula() {
        let pieces = [
            "\"",
            "\"\"",
            ",",
            "\r\n",
            "\n",
            "\t",
            ";",
            "=",
            "+",
            "-",
            "@",
            "\u{ff1d}",
            "'",
            " ",
            "\u{feff}",
            "=cmd|' /C calc'!A0",
            "é",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let texts: Vec<_> = text.split('|').collect();
            let line = line(texts.iter().copied());
            let read = cells(line.strip_suffix("\r\n").expect("an end"));
            assert_eq!(read.len(), texts.len(), "{line:?}");
            for (read, text) in read.iter().zip(texts) {
                assert_eq!(read.replace('\'', ""), text.replace('\'', ""));
                // Not at the beginning, nor where a program might take one to be.
                for part in read.split([';', '\t', '\r', '\n']) {
                    let first = part
                        .trim_start_matches(['"', '\u{feff}', ' '])
                        .chars()
                        .next();
                    assert!(first.is_none_or(|c| !FORMULA.contains(&c)), "{read:?}");
                }
            }
        });
    }

    /// The cells of a line (RFC 4180, section 2).
    fn cells(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => cell.extend(rest.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => {
                    assert!(quoted, "outside of quotes: {line:?}");
                    cell.push(c);
                }
            }
        }
        assert!(!quoted, "{line:?}");
        cells.push(cell);
        cells
    }
}
