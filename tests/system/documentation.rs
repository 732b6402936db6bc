//! The documents keep to the binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The documents whose commands somebody will type.
const WITH_COMMANDS: [&str; 2] = ["README.md", "docs/handbook.md"];

#[test]
fn commands_in_the_documents_exist_and_every_command_is_in_the_handbook() {
    let commands = commands();
    let mut seen = 0;
    for document in WITH_COMMANDS {
        let text = read(document);
        for line in code(&text) {
            for typed in invocations(&line) {
                seen += 1;
                let (help, options) = understood(&commands, &typed)
                    .unwrap_or_else(|| panic!("{document}: there is no command {typed:?}"));
                for option in options {
                    assert!(
                        help.split([' ', ',', '\n']).any(|word| word == option),
                        "{document}: {typed:?} has no option {option}"
                    );
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
    let handbook = code(&read("docs/handbook.md")).join("\n");
    for (path, _) in commands.iter().filter(|(path, _)| !path.is_empty()) {
        let name = format!("clavis {}", path.join(" "));
        assert!(
            handbook.contains(&name),
            "docs/handbook.md says nothing of `{name}`"
        );
    }
}

#[test]
fn the_page_of_commands_is_what_the_binary_says() {
    let mut page = String::from(
        "# Commands\n\nWhat `--help` says. This page is compared with the binary by a test; to write it anew:\n\
         `CLAVIS_BLESS=1 cargo test --test system documentation`.\n",
    );
    for (path, help) in commands() {
        let name = ["clavis"]
            .into_iter()
            .chain(path.iter().map(String::as_str));
        let name = name.collect::<Vec<_>>().join(" ");
        let help: Vec<_> = help.lines().map(str::trim_end).collect();
        let help = help.join("\n");
        page.extend([
            "\n## ",
            name.as_str(),
            "\n\n```text\n",
            help.trim_end(),
            "\n```\n",
        ]);
    }
    let file = root().join("docs/commands.md");
    if std::env::var_os("CLAVIS_BLESS").is_some() {
        fs::write(&file, &page).expect("the page is written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "docs/commands.md is not what `--help` says; run: CLAVIS_BLESS=1 cargo test --test system documentation"
    );
}

#[test]
fn every_event_of_the_audit_log_is_in_the_handbook() {
    // Events, and the steps of requests among them.
    let sources = [
        "broker/src/audit/event.rs",
        "broker/src/lifecycle/command.rs",
    ]
    .map(read);
    let names = sources.iter().flat_map(|source| {
        let names = source.split("pub fn name(&self)").nth(1);
        let names = names.expect("it names its events").split("pub fn ").next();
        names
            .expect("the function ends")
            .split('"')
            .skip(1)
            .step_by(2)
    });
    let names: Vec<_> = names.filter(|name| name.contains('.')).collect();
    assert!(names.len() > 50, "only {names:?} were found");
    let handbook = read("docs/handbook.md");
    for name in names {
        assert!(
            handbook.contains(&format!("| `{name}` |")),
            "the handbook's table of events has no row for {name}"
        );
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let text = read("docs/threat-model.md");
    let section = text.split("\n## What shows it\n").nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let named: Vec<_> = code(section.expect("a section of tests"))
        .into_iter()
        .filter(|span| span.contains("::"))
        .collect();
    assert!(named.len() > 30, "only {named:?} were found");
    for name in named {
        let (module, story) = name.rsplit_once("::").expect("a module");
        let file = format!("tests/system/{}.rs", module.replace("::", "/"));
        let is_there = read(&file).contains(&format!("#[test]\nfn {story}() {{"));
        assert!(is_there, "{file} has no test {story}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut seen = 0;
    for file in files(&root(), "md") {
        let text = fs::read_to_string(&file).expect("a document");
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => file.clone(),
                path => file.parent().expect("a folder").join(path),
            };
            assert!(target.exists(), "{}: {link} leads nowhere", file.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).expect("a document");
                assert!(
                    headings(&text).contains(heading),
                    "{}: {link} leads to no heading",
                    file.display()
                );
            }
        }
    }
    assert!(seen > 0, "no link was found at all");
}

/// Every command of the binary, with what its `--help` says.
fn commands() -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(path) = open.pop() {
        let output = Command::new(env!("CARGO_BIN_EXE_clavis"))
            .args(&path)
            .arg("--help")
            // Help shows the values of variables.
            .env_remove("CLAVIS_CONFIG")
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{path:?} --help fails");
        let help = String::from_utf8(output.stdout).expect("UTF-8");
        for name in below(&help).iter().rev() {
            open.push(path.iter().chain([name]).cloned().collect());
        }
        found.push((path, help));
    }
    assert!(found.len() > 5, "only {found:?} were found");
    found
}

/// The names under `Commands:`.
fn below(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// What is typed after `clavis` in a line, up to the end of that command.
fn invocations(line: &str) -> Vec<Vec<String>> {
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| word.trim_matches(['(', ')', '\'', '"']))
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |at| words[at]);
        let starts = match *word {
            // After an option it is the name of an account or of a unit.
            "clavis" => !before.starts_with('-'),
            "--" => words[..at].starts_with(&["cargo", "run"]),
            _ => word.ends_with("=/usr/local/bin/clavis"),
        };
        if starts {
            let rest = words[at + 1..]
                .iter()
                .take_while(|word| !["|", ">", "&&", ";", "#", "||"].contains(*word));
            found.push(rest.map(ToString::to_string).collect());
        }
    }
    found.retain(|typed: &Vec<String>| !typed.is_empty());
    found
}

/// The help of the command that was typed, and the options that were given to it.
fn understood<'c>(
    commands: &'c [(Vec<String>, String)],
    typed: &'c [String],
) -> Option<(&'c str, Vec<&'c str>)> {
    let mut paths = (0..=typed.len()).rev().map(|length| &typed[..length]);
    let (path, help) = paths.find_map(|path| commands.iter().find(|(known, _)| known == path))?;
    // A command that has others below it is none by itself, unless an option is all there is.
    let first = typed.get(path.len());
    if !below(help).is_empty() && first.is_some_and(|word| !word.starts_with('-')) {
        return None;
    }
    let options = typed.iter().filter(|word| word.starts_with("--"));
    let options = options.map(|word| word.split('=').next().unwrap_or(word));
    Some((help, options.collect()))
}

/// The lines of code in a document: of fenced blocks, and the spans between backticks.
fn code(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push(line.to_owned());
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    assert!(!fenced, "a block of code has no end");
    found.extend(
        prose
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|span| span.replace('\n', " ")),
    );
    found
}

/// The targets of `[text](target)`, outside code.
fn links(markdown: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    let targets = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// The names by which a document's headings can be linked to.
fn headings(markdown: &str) -> BTreeSet<String> {
    let lines = markdown.lines().filter(|line| line.starts_with('#'));
    let name = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    lines.map(name).collect()
}

/// The files below a folder that end like this; what is built or hidden is passed over.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
