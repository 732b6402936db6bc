//! What keeps several organisations from being served by one daemon.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clavis_broker::proof::note::Signer;
use clavis_broker::testing::CountingRandom;

use super::{changed, parse, said};
use crate::escrow::KINDS;

const DEMO: &str = include_str!("../../../demo/clavis.toml");
const OWN_URL: &str = "public_url = \"http://127.0.0.1:8080\"";
const OTHER_URL: &str = "public_url = \"http://localhost:8080\"";

/// Two organisations in a folder; the second one is the first with these changes.
fn two(folder: &Path, changes: &[(&str, &str)]) -> [PathBuf; 2] {
    let mut other = DEMO.to_owned();
    for (from, to) in changes {
        assert!(other.contains(from), "{from}");
        other = other.replace(from, to);
    }
    [("one.toml", DEMO), ("two.toml", &other)].map(|(name, text)| {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        file
    })
}

fn problems(files: &[PathBuf]) -> Vec<String> {
    let Err(problems) = clavis_config::load_all(files, KINDS) else {
        return Vec::new();
    };
    let folder = files[0].parent().unwrap().display().to_string() + "/";
    let shown = problems
        .iter()
        .map(|problem| problem.to_string().replace(&folder, ""));
    shown
        .map(|text| text.lines().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn with_a_host_and_a_store_each_they_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    let own = [(OWN_URL, OTHER_URL), ("clavis.db", "two.db")];
    let files = two(folder.path(), &own);
    assert_eq!(problems(&files), Vec::<String>::new());
    let loaded = clavis_config::load_all(&files, KINDS).unwrap();
    let loaded: Vec<_> = loaded.iter().map(|(file, _)| *file).collect();
    assert_eq!(loaded, files);
}

#[test]
fn a_shared_host_and_a_shared_store_are_told_with_what_else_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let zone = ("Europe/Berlin", "Mars/Phobos");
    let [one, two] = two(folder.path(), &[(":8080\"", ":8081\"")]);
    let broken = folder.path().join("three.toml");
    fs::write(&broken, DEMO.replace(zone.0, zone.1)).unwrap();
    let said = problems(&[one, broken, two]);
    let [zone, host, store] = &said[..] else {
        panic!("three problems: {said:?}");
    };
    assert!(zone.starts_with("three.toml:") && zone.contains("`time_zone`"));
    assert_eq!(
        host,
        "two.toml: `public_url` in [server] has the same host as that of one.toml"
    );
    assert_eq!(
        store,
        "two.toml: `path` in [store] is the same file as that of one.toml"
    );
}

#[test]
fn rows_of_two_logs_go_into_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let own = [(OWN_URL, OTHER_URL), ("clavis.db", "two.db")];
    let files = two(folder.path(), &own);
    for (file, path) in files.iter().zip(["audit.jsonl", "./audit.jsonl"]) {
        let text = fs::read_to_string(file).unwrap();
        let feed = format!("[[audit.feed]]\nname = \"a\"\nkind = \"file\"\npath = \"{path}\"\n");
        fs::write(file, text + "\n" + &feed).unwrap();
    }
    assert_eq!(
        problems(&files),
        ["two.toml: `path` in [[audit.feed]] is the same file as one of one.toml"]
    );
}

#[test]
fn checkpoints_of_two_logs_go_into_two_folders() {
    let folder = tempfile::tempdir().unwrap();
    let own = [(OWN_URL, OTHER_URL), ("clavis.db", "two.db")];
    let files = two(folder.path(), &own);
    // It is there, so that it is told by what it is.
    fs::create_dir(folder.path().join("checkpoints")).unwrap();
    let key = Signer::generate("keys.example.com/log", &CountingRandom::default()).unwrap();
    let key_file = folder.path().join("audit.key");
    fs::write(&key_file, key.as_str()).unwrap();
    fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
    for (file, path) in files.iter().zip(["checkpoints", "./checkpoints"]) {
        let text = fs::read_to_string(file).unwrap();
        let section =
            format!("[audit]\nsigning_key_file = \"audit.key\"\ncheckpoint_folder = \"{path}\"\n");
        fs::write(file, text + "\n" + &section).unwrap();
    }
    assert_eq!(
        problems(&files),
        ["two.toml: `checkpoint_folder` in [audit] is the same as that of one.toml"]
    );
}

#[test]
fn a_store_is_one_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("data")).unwrap();
    std::os::unix::fs::symlink(path.join("data"), path.join("link")).unwrap();
    for (name, other) in [
        ("clavis.db", "data/../clavis.db"),
        ("data/clavis.db", "link/clavis.db"),
        ("data/clavis.db", "hard.db"),
        ("data/clavis.db", "soft.db"),
    ] {
        let files = two(path, &[(OWN_URL, OTHER_URL), ("clavis.db", other)]);
        fs::write(&files[0], DEMO.replace("clavis.db", name)).unwrap();
        // Links to the file itself can be told once it is there.
        if other.ends_with("d.db") || other.ends_with("t.db") {
            let data = path.join(name);
            fs::write(&data, "").unwrap();
            let _ = fs::hard_link(&data, path.join("hard.db"));
            let _ = std::os::unix::fs::symlink(&data, path.join("soft.db"));
        }
        assert_eq!(
            problems(&files),
            ["two.toml: `path` in [store] is the same file as that of one.toml"],
            "{name} and {other}"
        );
    }
}

#[test]
fn mail_domains_are_named_or_left_out() {
    let line = "# mail_domains = [\"example.com\", \"*.example.com\"]";
    assert!(
        parse(&changed(&[]))
            .unwrap()
            .organisation
            .mail_domains
            .is_none()
    );
    let given = parse(&changed(&[(line, &line[2..])])).unwrap();
    assert!(given.organisation.mail_domains.is_some());
    for wrong in [
        "[]",
        "\"example.com\"",
        "[\"@example.com\"]",
        "[1]",
        "[\"a.com\", \"*\"]",
    ] {
        assert_eq!(
            said(line, &format!("mail_domains = {wrong}")),
            ["`mail_domains` is not a list of mail domains"],
            "{wrong}"
        );
    }
}

#[test]
fn people_of_one_domain_are_parted_by_their_mail_domains_or_their_search_bases() {
    let base = "search_base = \"DC=corp,DC=example,DC=com\"";
    let of = |domains: &str, search_base: &str| {
        let name = "name = \"Example Corp\"";
        let named = match domains {
            "" => name.to_owned(),
            domains => format!("{name}\nmail_domains = [\"{domains}\"]"),
        };
        let search_base = match search_base {
            "" => String::new(),
            search_base => format!("search_base = \"{search_base}\""),
        };
        parse(&changed(&[(name, &named), (base, &search_base)]))
            .unwrap_or_else(|problems| panic!("{problems}"))
    };
    let shared = |one: (&str, &str), other: (&str, &str)| {
        let both = [
            (Path::new("one"), of(one.0, one.1)),
            (Path::new("two"), of(other.0, other.1)),
        ];
        let problems = clavis_config::kept_apart(&both).expect_err("one host");
        let told = "[directory] may have people of that of one";
        problems.iter().any(|problem| problem.what == told)
    };
    assert!(shared(("", ""), ("", "")));
    assert!(shared(("example.com", ""), ("", "")));
    assert!(shared(("example.com", ""), ("*.com", "")));
    assert!(!shared(("example.com", ""), ("example.org", "")));
    let (north, south) = ("OU=North,DC=a,DC=b", "ou=south, dc=a, dc=b");
    assert!(!shared(("", north), ("", south)));
    assert!(shared(("", north), ("", "dc=A, dc=B")));
    assert!(shared(("", north), ("", "")));
}
