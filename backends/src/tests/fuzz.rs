//! Any text for a configuration.

use std::sync::LazyLock;

use bolero::check;
use clavis_broker::testing::{altered, spelled};

use super::*;

/// What no problem and no setting may show.
const SECRET: &str = "geheim-4711";

/// The example without what it says in words.
static SETTINGS: LazyLock<String> = LazyLock::new(|| {
    let text = with_the_application();
    let is_kept = |line: &&str| !line.trim().is_empty() && !line.starts_with("# ");
    let lines: Vec<_> = text.lines().filter(is_kept).collect();
    lines.join("\n")
});

const PIECES: &[&str] = &[
    "\n",
    "\"",
    "'''",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "]]",
    "=",
    ".",
    ",",
    "{",
    "}",
    "#",
    "\\u0000",
    "\\",
    "true",
    "-1",
    "1e9",
    "2026-11-23",
    "[server]\n",
    "[[escrow]]\n",
    "[approval]\n",
    "[[approval.rule]]\n",
    "kind = ",
    "name = ",
    "\"file\"",
    "\"command\"",
    "\"72h\"",
    "\"0h\"",
    "\"999999999999h\"",
    "\"*\"",
    "é",
    "\u{202e}",
    "9223372036854775807",
    "::1",
    "https://",
];

#[test]
fn any_text_is_a_configuration_or_has_problems_with_places_and_remedies() {
    let file = Path::new("/etc/clavis/clavis.toml");
    let secrets = Secrets(|_| Ok(SecretString::from(SECRET)));
    check!().for_each(|bytes: &[u8]| {
        let (whole, text) = match bytes.split_first() {
            Some((0..64, rest)) => (false, spelled(rest, PIECES)),
            Some((_, rest)) => (true, altered(&SETTINGS, rest, PIECES)),
            None => (true, SETTINGS.clone()),
        };
        match clavis_config::parse(&text, file, &secrets, KINDS) {
            Ok(settings) => {
                assert!(whole, "an accident: {text}");
                assert!(!format!("{settings:?}").contains(SECRET));
            }
            Err(problems) => {
                assert!(problems.iter().count() > 0);
                let lines = 1 + text.matches('\n').count();
                for problem in problems.iter() {
                    assert!(!problem.what.is_empty() && !problem.remedy.is_empty());
                    let place = problem.line.unwrap_or(1);
                    assert!((1..=lines).contains(&place), "{problem}");
                    // What is not there has no line, and the parser of TOML does not tell where it
                    // has given up over brackets in brackets.
                    let has_none = problem.what.ends_with("is missing")
                        || problem.what == "the file cannot be used"
                        || problem.what.contains("recurs");
                    assert!(problem.line.is_some() || has_none, "{problem}\n{text}");
                }
                assert!(!format!("{problems} {problems:?}").contains(SECRET));
            }
        }
    });
}
