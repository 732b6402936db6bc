//! Reading a TOML file so that everything that is wrong with it is found in one go, each with its
//! line.

use std::cell::RefCell;
use std::path::Path;

use secrecy::zeroize::Zeroizing;
use toml::de::DeTable;

use crate::problems::{Problem, Problems};
pub use crate::section::{Kind, Section};

/// Reads a file as [`read`] does, and wipes its text from memory afterwards.
///
/// # Errors
/// Those of [`read`], or that the file cannot be read.
pub fn read_file<T>(
    file: &Path,
    build: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let text = std::fs::read_to_string(file).map_err(|error| Problem {
        file: file.to_owned(),
        line: None,
        what: format!("the file cannot be read: {error}"),
        remedy: "Name the file that is meant, and let the user that Clavis runs as read it."
            .to_owned(),
    })?;
    read(&Zeroizing::new(text), file, build)
}

/// Reads the text of a file. `build` gets the file's outermost table and says `None` where it
/// reported something that it cannot do without; `file` is its name in problems.
///
/// # Errors
/// Everything that the syntax, `build` and the keys that it did not ask for have against the file.
pub fn read<T>(
    text: &str,
    file: &Path,
    build: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    let sheet = Sheet {
        text,
        file,
        whole: syntax.is_empty(),
        headers_hold: !syntax.iter().any(|error| is_in_a_header(text, error)),
        found: RefCell::default(),
    };
    let mut broken_lines = Vec::new();
    for error in syntax {
        let line = error.span().map(|span| sheet.line_of(span.start));
        if !broken_lines.contains(&line) {
            sheet.report(
                line,
                format!("this is no TOML: {}", error.message()),
                "Put texts between \"quotes\", and give every key and section only once.",
            );
        }
        broken_lines.push(line);
    }
    let syntax_errors = sheet.found.borrow().len();
    let section = Section::new(&sheet, root.get_ref(), None, String::new());
    let result = build(&section);
    drop(section);

    // What the parser could not read properly is not judged a second time.
    let mut found = sheet.found.into_inner();
    let judged = found.split_off(syntax_errors);
    found.extend(
        judged
            .into_iter()
            .filter(|problem| !broken_lines.contains(&problem.line)),
    );
    match (Problems::of(found), result) {
        (Some(problems), _) => Err(problems),
        (None, Some(result)) => Ok(result),
        (None, None) => Err(Problems::from(Problem {
            file: file.to_owned(),
            line: None,
            what: "the file cannot be used".to_owned(),
            remedy: "Compare it with the example configuration.".to_owned(),
        })),
    }
}

/// The file that is read, and what was found wrong with it so far.
pub(crate) struct Sheet<'s> {
    text: &'s str,
    file: &'s Path,
    /// Nothing got lost between its lines.
    pub(crate) whole: bool,
    /// Every key is in the section that it was written in.
    pub(crate) headers_hold: bool,
    found: RefCell<Vec<Problem>>,
}

impl Sheet<'_> {
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }

    pub(crate) fn report(
        &self,
        line: Option<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.found.borrow_mut().push(Problem {
            file: self.file.to_owned(),
            line,
            what: what.into(),
            remedy: remedy.into(),
        });
    }
}

fn is_in_a_header(text: &str, error: &toml::de::Error) -> bool {
    let end = error.span().map_or(0, |span| span.start.min(text.len()));
    let start = text.as_bytes()[..end]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    text.as_bytes()[start..]
        .trim_ascii_start()
        .starts_with(b"[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::text;

    #[test]
    fn broken_syntax_is_reported_once_a_line_beside_what_can_still_be_judged() {
        let source = "one = 127.0.0.1\n[a]\ntwo = bare\nthree = \"\"\n[b\nfour = 4\n";
        let found = read(source, Path::new("x.toml"), |root| {
            root.required("one", text);
            root.required("never", text);
            let a = root.required_table("a")?;
            a.required("two", text);
            a.required("three", text)
        })
        .expect_err("problems");
        let lines: Vec<_> = found.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(1), Some(3), Some(4), Some(5)], "{found}");
    }

    #[test]
    fn brackets_in_brackets_without_end_are_a_problem_and_no_panic() {
        let (open, shut) = ("[".repeat(100_000), "]".repeat(100_000));
        let source = format!("a = {open}{shut}");
        let found = read(&source, Path::new("x.toml"), |_| Some(())).expect_err("problems");
        let told: Vec<_> = found.iter().map(|problem| &*problem.what).collect();
        assert!(told[0].contains("recurs"), "{told:?}");
    }
}
