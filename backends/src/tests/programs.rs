//! The program that the example shows in comments.

use super::{EXAMPLE, parse};

/// The example with all that it shows in comments, and another file for the program.
fn with_the_program() -> String {
    let lines = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("#     ").unwrap_or(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace("/usr/local/lib/clavis/escrow.py", "/bin/sh")
}

#[test]
fn the_program_that_the_example_shows_in_comments_is_read() {
    let plan = |text: &str| {
        let settings = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
        let escrow = &settings.escrow[1];
        assert_eq!(escrow.name.0, "inventory");
        format!("{:?}", escrow.plan)
    };
    let long = with_the_program();
    let read = plan(&long);
    for part in [
        "\"/bin/sh\"",
        "[\"ESCROW_DB\"]",
        "10s",
        "Some(\"LT-0001\")",
        "read: [\"/srv/escrow\"], write: [], connect: []",
    ] {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    let mut untold = long.clone();
    for line in [
        "may_read = [\"/srv/escrow\"]",
        "may_write = []",
        "may_connect_to = []",
    ] {
        assert!(untold.contains(&format!("\n{line}")), "no line {line}");
        untold = untold.replacen(&format!("\n{line}"), "\n", 1);
    }
    assert!(plan(&untold).contains("reach: None"), "{}", plan(&untold));
    let mut short = long;
    for line in [
        "arguments = []",
        "timeout = \"10s\"",
        "concurrency = 4",
        "trust_shared_ids = false",
    ] {
        assert!(short.contains(&format!("\n{line}")), "no line {line}");
        short = short.replacen(&format!("\n{line}"), "\n", 1);
    }
    assert_eq!(plan(&short), read);
}

#[test]
fn every_problem_of_a_program_is_told() {
    let mut wrong = with_the_program();
    for (line, other) in [
        ("program = \"/bin/sh\"", "program = \"sh -c\""),
        ("arguments = []", "arguments = [7]"),
        (
            "environment = [\"ESCROW_DB=",
            "environment = [\"A=1\", \"A=2\", \"ESCROW_DB:",
        ),
        ("concurrency = 4", "concurrency = 0\ncwd = \"/tmp\""),
        ("trust_shared_ids = false", "trust_shared_ids = \"yes\""),
        ("may_read = [\"/srv/escrow\"]", "may_read = [\"srv\"]"),
        ("may_connect_to = []", "may_connect_to = [0]"),
    ] {
        assert!(wrong.contains(&format!("\n{line}")), "no line {line}");
        wrong = wrong.replacen(&format!("\n{line}"), &format!("\n{other}"), 1);
    }
    let problems = parse(&wrong).expect_err("problems").to_string();
    for part in [
        "`program` is not a whole path",
        "`arguments` is not a text",
        "`environment` has an entry that is no variable",
        "`environment` has A twice",
        "`concurrency` is out of range",
        "`trust_shared_ids` is neither true nor false",
        "`may_read` is not a whole path",
        "`may_connect_to` is out of range",
        "unknown key `cwd`",
    ] {
        assert!(problems.contains(part), "{part} is not in {problems}");
    }
}
