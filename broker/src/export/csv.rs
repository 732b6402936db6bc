//! Lines of CSV (RFC 4180) that are safe to open in a spreadsheet.

use super::facts::Doer;
use crate::audit::LogRow;

const COLUMNS: [&str; 13] = [
    "seq",
    "at",
    "event",
    "actor_kind",
    "actor_name",
    "actor_mail",
    "actor_id",
    "source",
    "request",
    "device",
    "device_id",
    "keys",
    "details",
];

/// The names of the columns.
pub(super) fn head() -> String {
    cells(COLUMNS)
}

/// A row, in the order of the columns.
pub(super) fn record(row: &LogRow) -> Result<String, serde_json::Error> {
    let entry = &row.entry;
    let Doer { kind, name, party } = Doer::of(&entry.actor);
    let mail = party.map(|party| party.mail.to_string());
    let id = party.map(|party| party.id.to_string());
    let source = entry.source.map(|source| source.to_string());
    let request = entry.request.as_ref().map(|it| it.reference.to_string());
    let device = entry.device.as_ref();
    let keys: Vec<_> = entry.event.keys().iter().map(ToString::to_string).collect();
    let columns: [String; COLUMNS.len()] = [
        row.seq.to_string(),
        entry.at.to_string(),
        entry.event.name().to_owned(),
        kind.to_owned(),
        name.to_owned(),
        mail.unwrap_or_default(),
        id.unwrap_or_default(),
        source.unwrap_or_default(),
        request.unwrap_or_default(),
        device.map(|device| device.name.clone()).unwrap_or_default(),
        device
            .map(|device| device.id.to_string())
            .unwrap_or_default(),
        keys.join(" "),
        serde_json::to_string(&entry.event)?,
    ];
    Ok(cells(columns.iter().map(String::as_str)))
}

/// A line that says that something is missing.
pub(super) fn cut(what: &str) -> String {
    let mut columns = [""; COLUMNS.len()];
    columns[2] = "cut";
    columns[COLUMNS.len() - 1] = what;
    cells(columns)
}

/// A line of these cells, without its end. Each is quoted, and one that a spreadsheet would take for
/// a formula is led by an apostrophe, which makes it a text.
fn cells<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(cell).collect();
    cells.join(",")
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
    fn cells_are_quoted() {
        assert_eq!(
            cells(["a", "", "b, \"c\"", "d\r\ne", "Jürgen"]),
            "\"a\",\"\",\"b, \"\"c\"\"\",\"d\r\ne\",\"Jürgen\""
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
            assert_eq!(cells([formula]), format!("\"'{formula}\""));
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
            assert_eq!(cells([formula]), format!("\"{guarded}\""));
        }
        // A quote is doubled, so that the cell cannot be left, and is none elsewhere.
        assert_eq!(cells(["\"=1"]), "\"\"\"'=1\"");
        assert_eq!(cells(["x;\"=1"]), "\"x;\"\"'=1\"");
        assert_eq!(cells(["a=1", "'=1"]), "\"a=1\",\"''=1\"");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;

    use super::*;
    use crate::testing::spelled;

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
            let line = cells(texts.iter().copied());
            let read = read(&line);
            assert_eq!(read.len(), texts.len(), "{line:?}");
            for (read, text) in read.iter().zip(texts) {
                assert_eq!(read.replace('\'', ""), text.replace('\'', ""));
                // Not at the beginning, nor where a program might take one to be.
                for part in read.split(BREAKS) {
                    let shown = part.trim_start_matches(['"', '\u{feff}', ' ']);
                    assert!(!shown.starts_with(FORMULA), "{read:?}");
                }
            }
        });
    }

    /// The cells of a line (RFC 4180, section 2).
    fn read(line: &str) -> Vec<String> {
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
