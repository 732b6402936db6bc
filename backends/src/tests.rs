//! Whole configurations: the example, broken ones, and all that is said about them.

mod entra;
mod sign_in;

use std::path::{Path, PathBuf};

use clavis_broker::ports::PersonQuery;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use clavis_config::SecretFiles;
use clavis_config::problems::{Problems, Wrong};
use clavis_config::settings::{
    Cloud, Controllers, Directory, EntraCredential, EntraIdentity, LdapSecurity, MailKind,
    SmtpProof, SmtpSecurity, Store,
};

use crate::escrow::{KINDS, Plan};

type Settings = clavis_config::settings::Settings<Plan>;

const EXAMPLE: &str = include_str!("../../docs/clavis.example.toml");

/// The path is the secret; a file named `missing` is not there.
struct PathIsSecret;

impl SecretFiles for PathIsSecret {
    fn secret(&self, path: &Path) -> Result<SecretString, Wrong> {
        if path.ends_with("missing") {
            return Err(Wrong::new("names a file that is not there", "Make it."));
        }
        Ok(SecretString::from(path.display().to_string()))
    }

    fn private_key(&self, path: &Path) -> Result<SecretString, Wrong> {
        self.secret(path)
    }
}

fn parse(text: &str) -> Result<Settings, Problems> {
    let file = Path::new("/etc/clavis/clavis.toml");
    clavis_config::parse(text, file, &PathIsSecret, KINDS)
}

/// The example with some of its lines replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = EXAMPLE.to_owned();
    for (line, other) in changes {
        assert!(EXAMPLE.contains(&format!("\n{line}\n")), "no line {line}");
        text = text.replacen(&format!("\n{line}\n"), &format!("\n{other}\n"), 1);
    }
    text
}

/// What is said about the example with this line replaced: without the file's name and the
/// remedies.
fn said(line: &str, other: &str) -> Vec<String> {
    match parse(&changed(&[(line, other)])) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|problem| problem.what.clone())
            .collect(),
    }
}

/// Settings that the example shows as what can be written in place of others.
const ALTERNATIVES: [&str; 13] = [
    "discover",
    "dns_server",
    "certificate_file",
    "private_key_file",
    "federated_token_file",
    "managed_identity",
    "graph_url",
    "login_url",
    "identity_url",
    "oauth",
    "entra",
    "mailbox",
    "mail_is_verified",
];

/// Uncomments every setting that the example shows as it holds without it.
fn with_all_defaults_written_out() -> String {
    let is_setting = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "))
            .is_some_and(|(key, _)| {
                key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                    && !ALTERNATIVES.contains(&key)
            })
    };
    EXAMPLE
        .lines()
        .map(|line| match line {
            _ if is_setting(line) => &line[2..],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_example_is_read() {
    let settings = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.server.public_url, "https://keys.example.com");
    assert_eq!(settings.server.trusted_proxies.len(), 1);
    let Store::Sqlite { path } = &settings.store;
    assert_eq!(path, &PathBuf::from("/var/lib/clavis/clavis.db"));

    let [entra] = &settings.entra[..] else {
        panic!("one application");
    };
    assert_eq!((entra.name.as_str(), entra.cloud), ("cloud", Cloud::Global));
    assert_eq!(entra.timeout, SignedDuration::from_secs(10));
    assert!(matches!(
        &entra.identity,
        EntraIdentity::App { tenant, credential: EntraCredential::Secret(secret), .. }
            if tenant == "example.onmicrosoft.com"
                && secret.expose_secret() == "/etc/clavis/entra.secret"
    ));

    let [escrow] = &settings.escrow[..] else {
        panic!("one escrow backend");
    };
    let plan = format!("{:?}", escrow.plan);
    assert!(
        plan.starts_with("AdEscrow") && plan.contains("\"PC-0001\""),
        "{plan}"
    );

    let Directory::ActiveDirectory(directory) = &settings.directory else {
        panic!("in Active Directory");
    };
    assert_eq!(directory.escrow, escrow.name);
    assert_eq!(directory.owner_attribute, "managedBy");
    let domain = &directory.domain;
    assert!(matches!(&domain.controllers, Controllers::Named(names) if names.len() == 2));
    assert_eq!(domain.security, LdapSecurity::Ldaps);
    assert_eq!(
        domain.ca_file.as_deref(),
        Some(Path::new("/etc/clavis/corp-ca.pem"))
    );
    assert_eq!(domain.password.expose_secret(), "/etc/clavis/ad.password");
    assert_eq!(domain.timeout, SignedDuration::from_secs(5));

    let MailKind::Smtp(smtp) = &settings.mail.kind else {
        panic!("by SMTP");
    };
    assert_eq!((smtp.port, smtp.security), (465, SmtpSecurity::Tls));
    assert_eq!(smtp.timeout, SignedDuration::from_secs(10));
    assert_eq!(smtp.connections, 4);

    assert!(matches!(
        &settings.approval.nominated[..],
        [PersonQuery::Mail(_), PersonQuery::Login(name)] if name == "mboss"
    ));
    assert_eq!(settings.terms.decide_within, SignedDuration::from_hours(72));
    assert_eq!(
        settings.terms.deliver_within,
        SignedDuration::from_hours(24)
    );
    assert_eq!(settings.terms.link_valid_for, SignedDuration::from_hours(3));
    assert_eq!(settings.sign_in.idle, SignedDuration::from_mins(30));
}

#[test]
fn what_the_example_shows_in_comments_is_what_holds_without_it() {
    let short = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    let long = with_all_defaults_written_out();
    assert!(long.contains("\nvalid_for = "), "{long}");
    let long = parse(&long).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(format!("{short:?}"), format!("{long:?}"));
}

/// The example with the program that it shows in comments, whose file is another here.
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
    for part in ["\"/bin/sh\"", "[\"ESCROW_DB\"]", "10s", "Some(\"LT-0001\")"] {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    let mut short = long;
    for line in ["arguments = []", "timeout = \"10s\"", "concurrency = 4"] {
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
        "unknown key `cwd`",
    ] {
        assert!(problems.contains(part), "{part} is not in {problems}");
    }
}

#[test]
fn no_secret_is_in_the_debug_output() {
    let settings = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    for file in [".password", ".secret"] {
        assert!(!format!("{settings:?}").contains(file));
    }
}

#[test]
fn eight_mistakes_are_eight_problems_each_with_its_line() {
    let text = changed(&[
        ("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1\""),
        (
            "time_zone = \"Europe/Berlin\"",
            "time_zone = \"Europe/Atlantis\"",
        ),
        ("phone = \"+49 30 1234-0\"", "fone = \"+49 30 1234-0\""),
        (
            "password_file = \"ad.password\"",
            "password_file = \"missing\"",
        ),
        (
            "host = \"mail.example.com\"",
            "host = \"mail.example.com:465\"",
        ),
        ("from = \"clavis@example.com\"", "from = \"clavis\""),
        ("# decide_within = \"72h\"", "decide_within = \"3 weeks\""),
    ]);
    let problems = parse(&text).expect_err("problems");
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| {
            let line = problem.line.expect("a line");
            let about = text.lines().nth(line - 1).expect("that line");
            (about, problem.what.as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "listen = \"127.0.0.1\"",
                "`listen` is not an IP address with a port"
            ),
            (
                "time_zone = \"Europe/Atlantis\"",
                "`time_zone` is not a time zone that this machine knows"
            ),
            ("[support]", "`phone` is missing in [support]"),
            (
                "fone = \"+49 30 1234-0\"",
                "unknown key `fone`; did you mean `phone`?"
            ),
            (
                "password_file = \"missing\"",
                "`password_file` names a file that is not there"
            ),
            ("from = \"clavis\"", "`from` is not a mail address"),
            (
                "host = \"mail.example.com:465\"",
                "`host` is not the name of a server"
            ),
            (
                "decide_within = \"3 weeks\"",
                "`decide_within` is not a length of time"
            ),
        ]
    );
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("listen"))
        .expect("it");
    let start = format!(
        "/etc/clavis/clavis.toml:{line}: `listen` is not an IP address with a port\n    Write both, "
    );
    assert!(problems.to_string().starts_with(&start), "{problems}");
}

#[test]
fn an_empty_file_names_every_section_that_is_missing() {
    let problems = parse("").expect_err("problems");
    let said: Vec<_> = problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        said,
        [
            "the section [server] is missing",
            "the section [organisation] is missing",
            "the section [support] is missing",
            "the section [store] is missing",
            "the section [[escrow]] is missing",
            "the section [directory] is missing",
            "the section [mail] is missing",
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn each_mistake_is_one_problem() {
    for (line, other, what) in [
        (
            "trusted_proxies = [\"127.0.0.1\"]",
            "trusted_proxies = [\"127.0.0.1\", \"localhost\"]",
            "`trusted_proxies` is not an IP address",
        ),
        (
            "trusted_proxies = [\"127.0.0.1\"]",
            "trusted_proxies = \"127.0.0.1\"",
            "`trusted_proxies` is not a list",
        ),
        (
            "public_url = \"https://keys.example.com\"",
            "public_url = \"https://keys.example.com/\"",
            "`public_url` is not the address of a server alone",
        ),
        (
            "public_url = \"https://keys.example.com\"",
            "public_url = \"http://keys.example.com\"",
            "`public_url` would send recovery keys through the network unprotected",
        ),
        (
            "path = \"/var/lib/clavis/clavis.db\"",
            "path = 7",
            "`path` is not a text",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = []",
            "`controllers` names no domain controller",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = [\"dc1\"]\ndiscover = \"corp.example.com\"",
            "`controllers` and `discover` are both there",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = [\"dc1\"]\ndns_server = \"10.0.0.53\"",
            "`dns_server` has no effect where `controllers` are named",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "",
            "no domain controller is named",
        ),
        (
            "password_file = \"ad.password\"",
            "password_file = \"ad.password\"\npassword = \"geheim\"",
            "unknown key `password` in [active_directory.corp]",
        ),
        (
            "# security = \"ldaps\"",
            "security = \"none\"",
            "`security` is neither \"ldaps\" nor \"starttls\"",
        ),
        (
            "# timeout = \"5s\"",
            "timeout = \"5m\"",
            "`timeout` is too short or too long",
        ),
        (
            "name = \"corp\"",
            "name = \"corp/1\"",
            "`name` is too long, or has a slash in it",
        ),
        ("name = \"corp\"", "name = \"\"", "`name` is empty"),
        (
            "search_base = \"OU=Computers,DC=corp,DC=example,DC=com\"",
            "search_base = \"Computers\"",
            "`search_base` is not a distinguished name",
        ),
        (
            "escrow = \"corp\"",
            "escrow = \"crop\"",
            "`escrow` names no [[escrow]] section over the same domain",
        ),
        (
            "username = \"clavis\"",
            "",
            "`password_file` is there without `username`",
        ),
        (
            "password_file = \"smtp.password\"",
            "",
            "`username` is there without `password_file`",
        ),
        ("# port = 465", "port = 70000", "`port` is out of range"),
        (
            "nominated = [\"security@example.com\", \"mboss\"]",
            "nominated = [\"Martin Boss\"]",
            "`nominated` has an entry that is neither a mail address nor a sign-in name",
        ),
        (
            "# deliver_within = \"24h\"",
            "deliver_within = \"30m\"",
            "`deliver_within` is too short or too long",
        ),
        (
            "# valid_for = \"3h\"",
            "valid_for = \"25h\"",
            "`valid_for` is too short or too long",
        ),
        (
            "# idle = \"30m\"",
            "idle = \"9h\"",
            "`idle` is longer than `at_most`",
        ),
        (
            "# after = \"never\"",
            "after = \"24h\"",
            "no [[escrow]] section is of a kind that can have keys replaced",
        ),
        (
            "# after = \"never\"",
            "after = \"soon\"",
            "`after` is not a length of time",
        ),
        (
            "# serves = []",
            "serves = [\"LT 1\"]",
            "`serves` has an entry that is not the name of a device",
        ),
        (
            "[links]",
            "[likns]",
            "unknown key `likns`; did you mean `links`?",
        ),
    ] {
        assert_eq!(said(line, other), [what], "{other}");
    }
}

#[test]
fn nothing_listens_to_other_machines_without_a_named_proxy() {
    let open = ("listen = \"127.0.0.1:8080\"", "listen = \"0.0.0.0:8080\"");
    parse(&changed(&[open])).expect("a proxy is named");
    let alone = ("trusted_proxies = [\"127.0.0.1\"]", "trusted_proxies = []");
    let problems = parse(&changed(&[open, alone])).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1);
    assert!(problems.to_string().contains("in plain HTTP"), "{problems}");
}

#[test]
fn references_between_sections_must_lead_somewhere() {
    let problems = parse(&EXAMPLE.replace("[active_directory.corp]", "[active_directory.crop]"))
        .expect_err("problems");
    let said: Vec<_> = problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        said, ["`domain` names no section [active_directory.corp]"; 2],
        "{problems}"
    );

    let second = "\n[[escrow]]\nname = \"corp\"\nkind = \"file\"\npath = \"escrow.toml\"\n";
    let problems = parse(&format!("{EXAMPLE}{second}")).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
    assert!(problems.to_string().contains("earlier [[escrow]]"));

    let other = second.replace("\"corp\"", "\"demo\"");
    let wrong = changed(&[("escrow = \"corp\"", "escrow = \"demo\"")]) + &other;
    let problems = parse(&wrong).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
    assert!(problems.to_string().contains("over the same domain"));

    parse(&(changed(&[("escrow = \"corp\"", "")]) + &other)).expect("only one fits");
}

/// The example, with people in Entra ID: these lines of `[directory]`, and these further sections.
fn with_people_in_entra(directory: &str, sections: &str) -> String {
    let from = EXAMPLE.find("\n[directory]\n").expect("the section");
    let to = EXAMPLE.find("\n[mail]\n").expect("the section");
    let (before, after) = (&EXAMPLE[..from], &EXAMPLE[to..]);
    format!("{before}\n[directory]\nkind = \"entra\"\n{directory}\n{after}\n{sections}\n")
}

const KEYS_IN_ENTRA: &str = "[[escrow]]\nname = \"keys\"\nkind = \"entra\"\nentra = \"cloud\"\n";

#[test]
fn people_in_entra_have_their_devices_in_the_backend_over_their_tenant_or_a_named_one() {
    let escrow_of = |directory: &str, sections: &str| {
        let settings = parse(&with_people_in_entra(directory, sections));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
        let Directory::Entra(directory) = settings.directory else {
            panic!("in Entra ID");
        };
        assert_eq!(directory.entra, "cloud");
        directory.escrow.0
    };
    assert_eq!(escrow_of("entra = \"cloud\"", KEYS_IN_ENTRA), "keys");
    // A computer that is synchronised has the same ID in both.
    let named = "entra = \"cloud\"\nescrow = \"corp\"";
    assert_eq!(escrow_of(named, ""), "corp");
    assert_eq!(escrow_of(named, KEYS_IN_ENTRA), "corp");
}

#[test]
fn each_mistake_about_people_in_entra_is_one_problem() {
    let file = "[[escrow]]\nname = \"demo\"\nkind = \"file\"\npath = \"escrow.toml\"\n";
    let second = KEYS_IN_ENTRA.replace("keys", "more");
    let both = format!("{KEYS_IN_ENTRA}{second}");
    for (directory, sections, what) in [
        ("", KEYS_IN_ENTRA, "`entra` is missing in [directory]"),
        (
            "entra = \"clod\"",
            KEYS_IN_ENTRA,
            "`entra` names no section [entra.clod]",
        ),
        (
            "entra = \"cloud\"\nsearch_base = \"DC=example\"",
            KEYS_IN_ENTRA,
            "unknown key `search_base` in [directory]",
        ),
        (
            "entra = \"cloud\"",
            "",
            "there is no [[escrow]] section over the same tenant",
        ),
        (
            "entra = \"cloud\"",
            &both,
            "there is more than one [[escrow]] section over the same tenant",
        ),
        (
            "entra = \"cloud\"\nescrow = \"demo\"",
            file,
            "`escrow` names no [[escrow]] section over the same tenant",
        ),
    ] {
        let problems = parse(&with_people_in_entra(directory, sections)).expect_err(what);
        let said: Vec<_> = problems.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(said, [what], "{problems}");
    }
}

#[test]
fn a_problem_of_a_domain_is_told_once_and_not_again_by_those_who_use_it() {
    let problems = parse(&changed(&[(
        "bind_name = \"svc-clavis@corp.example.com\"",
        "",
    )]))
    .expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
}

#[test]
fn a_demonstration_needs_no_server() {
    let settings = parse(
        r#"
        [server]
        listen = "127.0.0.1:8080"
        public_url = "http://127.0.0.1:8080"
        [organisation]
        name = "Example Corp"
        time_zone = "UTC"
        [support]
        phone = "1"
        hours = "always"
        [store]
        kind = "sqlite"
        path = "clavis.db"
        [[escrow]]
        name = "demo"
        kind = "file"
        path = "escrow.toml"
        [directory]
        kind = "file"
        path = "people.toml"
        [mail]
        kind = "folder"
        from = "clavis@example.com"
        path = "mails"
        "#,
    )
    .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(matches!(
        &settings.directory,
        Directory::File { escrow, .. } if escrow.0 == "demo"
    ));
    assert_eq!(settings.mail.from_name, "Clavis");
    assert!(settings.approval.nominated.is_empty());
    assert_eq!(settings.terms.link_valid_for, SignedDuration::from_hours(3));
}

#[test]
fn files_are_read_from_the_disk_with_their_secrets() {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clavis.toml");
    let problems = clavis_config::load(&path, KINDS).expect_err("nothing is there");
    assert!(
        problems.to_string().contains("cannot be read"),
        "{problems}"
    );

    write(&path, EXAMPLE).unwrap();
    let problems = clavis_config::load(&path, KINDS).expect_err("no secrets are there");
    assert_eq!(problems.iter().count(), 4, "{problems}");

    for (name, secret) in [
        ("ad.password", "one\n"),
        ("smtp.password", "two"),
        ("entra.secret", "three"),
        ("sign-in.secret", "four"),
    ] {
        let secret_path = folder.path().join(name);
        write(&secret_path, secret).unwrap();
        set_permissions(&secret_path, Permissions::from_mode(0o600)).unwrap();
    }
    let settings =
        clavis_config::load(&path, KINDS).unwrap_or_else(|problems| panic!("{problems}"));
    let MailKind::Smtp(smtp) = settings.mail.kind else {
        panic!("by SMTP");
    };
    let SmtpProof::Password(password) = smtp.sign_in.expect("a sign-in").proof else {
        panic!("by password");
    };
    assert_eq!(password.expose_secret(), "two");
}
