//! Lines of CSV (RFC 4180) that are safe to open in a spreadsheet.

/// A line of these cells. Each is quoted, and one that a spreadsheet would take for a formula is
/// led by an apostrophe, which makes it a text.
pub(crate) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// What a formula begins with, in narrow and in wide letters, and what is passed over before it.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

fn cell(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
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
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "＋1",
            "－1",
            "＠SUM(1)",
        ] {
            assert_eq!(line([formula]), format!("\"'{formula}\"\r\n"));
        }
        // A quote in front is doubled, so that the cell cannot be left.
        assert_eq!(line(["\"=1"]), "\"\"\"=1\"\r\n");
        assert_eq!(line(["a=1", "'=1"]), "\"a=1\",\"'=1\"\r\n");
    }
}
