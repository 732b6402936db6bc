//! The code keeps to the arrows of the house.

use std::fs;
use std::path::PathBuf;

use crate::documentation::{files, read, root};

#[test]
fn who_may_know_whom() {
    for (package, siblings, never) in [
        (
            "broker",
            &[][..],
            &[
                "axum",
                "askama",
                "ldap3",
                "lettre",
                "rusqlite",
                "sqlx",
                "clap",
                "toml",
                "reqwest",
                "graph-rs-sdk",
            ][..],
        ),
        (
            "config",
            &["clavis-broker"],
            &[
                "axum", "tokio", "ldap3", "lettre", "rusqlite", "sqlx", "clap",
            ],
        ),
        (
            "backends",
            &["clavis-broker", "clavis-config"],
            &["axum", "askama", "clap"],
        ),
        (
            "web",
            &["clavis-broker"],
            &["ldap3", "lettre", "rusqlite", "sqlx", "toml", "clap"],
        ),
        (
            "process",
            &[],
            &[
                "axum", "tokio", "ldap3", "lettre", "rusqlite", "toml", "clap",
            ],
        ),
        (
            "",
            &[
                "clavis-backends",
                "clavis-broker",
                "clavis-config",
                "clavis-process",
                "clavis-web",
            ],
            &["ldap3", "lettre", "rusqlite", "sqlx", "askama"],
        ),
    ] {
        let manifest = read(format!("{package}/Cargo.toml").trim_start_matches('/'));
        let known = dependencies(&manifest);
        assert!(!known.is_empty(), "{package} depends on nothing");
        for name in &known {
            let allowed = !name.starts_with("clavis") || siblings.contains(&name.as_str());
            assert!(allowed, "{package} must not know {name}");
            assert!(
                !never.contains(&name.as_str()),
                "{package} must not depend on {name}"
            );
        }
    }
}

#[test]
fn the_core_knows_no_machinery() {
    let core = sources(&["broker/src/lifecycle", "broker/src/policy"]);
    assert!(core.len() > 4, "the core was not found");
    for (file, text) in core {
        for word in [
            "tokio",
            "sqlx",
            "rusqlite",
            "axum",
            "ldap3",
            "async fn",
            "std::fs",
            "std::net",
            "Timestamp::now",
        ] {
            assert!(!text.contains(word), "{} mentions {word}", file.display());
        }
    }
}

#[test]
fn sql_stands_in_the_store_alone() {
    let is_sql = |text: &str| text.contains("SELECT ") || text.contains("INSERT INTO");
    let store = root().join("backends/src/store");
    let (within, without): (Vec<_>, Vec<_>) =
        sources(&["broker/src", "config/src", "backends/src", "web/src", "src"])
            .into_iter()
            .partition(|(file, _)| file.starts_with(&store));
    assert!(
        within.iter().any(|(_, text)| is_sql(text)),
        "the store has no SQL"
    );
    for (file, text) in without {
        assert!(!is_sql(&text), "{} holds SQL", file.display());
    }
}

#[test]
fn keys_are_read_in_one_place() {
    let places = ["broker/src/service", "web/src", "src"];
    assert_eq!(
        mentions(&places, "rs", &["backend.keys("]),
        ["broker/src/service/escrow.rs"]
    );
    assert_eq!(
        mentions(&places, "rs", &[".read_keys("]),
        ["broker/src/service/fetch.rs"]
    );
}

#[test]
fn a_key_comes_in_at_one_place_of_each_backend_and_goes_out_at_one() {
    let all = ["broker/src/service", "backends/src", "web", "src"];
    let makers = ["RecoveryKey::parse", "RecoveryKey::passphrase"];
    assert_eq!(
        mentions(&all, "rs", &makers),
        [
            "backends/src/escrow/active_directory/records.rs",
            // Digits and passphrases.
            "backends/src/escrow/command/answers.rs",
            "backends/src/escrow/command/answers.rs",
            "backends/src/escrow/entra/records.rs",
            "backends/src/escrow/file/mod.rs",
        ]
    );
    let shows = [".exposed_groups("];
    assert_eq!(
        mentions(&all, "html", &shows),
        ["web/templates/key.html"; 2]
    );
    // The page has to know whether a passphrase has spaces at its ends.
    assert_eq!(mentions(&all, "rs", &shows), ["web/src/pages/key_link.rs"]);
}

#[test]
fn the_library_for_graph_is_known_in_one_place_and_used_for_nothing_else() {
    let sources = sources(&["broker/src", "config/src", "backends/src", "web/src", "src"]);
    let knowing: Vec<_> = sources
        .iter()
        .filter(|(_, text)| text.contains("graph_rs_sdk") || text.contains("graph_core"))
        .collect();
    let [(file, text)] = &knowing[..] else {
        panic!("one file: {knowing:?}");
    };
    assert!(file.ends_with("backends/src/entra/transport.rs"));
    for habit in [".paging(", ".retry(", "wait_for_retry_after"] {
        assert!(!text.contains(habit), "transport.rs uses {habit}");
    }
}

#[test]
fn unsafe_code_stands_in_one_module() {
    let all = ["broker", "config", "backends", "web", "process", "src"];
    let mut found = mentions(&all, "rs", &["unsafe {", "unsafe fn", "unsafe impl"]);
    found.dedup();
    assert_eq!(found, ["process/src/machine.rs"]);
}

#[test]
fn no_module_is_named_for_nothing() {
    for (file, _) in sources(&[
        "broker", "config", "backends", "web", "process", "src", "tests",
    ]) {
        let inside = file.strip_prefix(root()).expect("a file of ours");
        let named = inside.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            matches!(
                name.trim_end_matches(".rs"),
                "util" | "utils" | "helpers" | "misc" | "common"
            )
        });
        assert!(!named, "{} says nothing by its name", inside.display());
    }
}

/// The files below these folders that mention one of these words, once for each line that does, tests
/// apart.
fn mentions(places: &[&str], extension: &str, words: &[&str]) -> Vec<String> {
    let folders = places.iter();
    let files = folders.flat_map(|place| files(&root().join(place), extension));
    let mut found: Vec<_> = files
        .flat_map(|file| {
            let inside = file.strip_prefix(root()).expect("a file of ours");
            let is_test = inside
                .components()
                .skip(1)
                .any(|it| it.as_os_str() == "tests");
            let text = fs::read_to_string(&file).expect("a source file");
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = text.lines().filter(|_| !is_test);
            let lines = lines.filter(|line| words.iter().any(|word| line.contains(word)));
            vec![inside.display().to_string(); lines.count()]
        })
        .collect();
    found.sort();
    found
}

/// The names under `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest
        .split("\n[dependencies]\n")
        .nth(1)
        .expect("dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    names
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .collect()
}

/// The Rust files below these folders, with their text.
fn sources(places: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for place in places {
        let place = root().join(place);
        let here = if place.is_file() {
            vec![place]
        } else {
            files(&place, "rs")
        };
        found.extend(here.into_iter().map(|file| {
            let text = fs::read_to_string(&file).expect("a source file");
            (file, text)
        }));
    }
    found
}
