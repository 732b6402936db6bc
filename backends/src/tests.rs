//! Whole configurations: the example, and what else is sound.

mod approval;
mod audit;
mod desks;
mod directory;
mod documents;
mod entra;
mod feeds;
mod fuzz;
mod mistakes;
mod programs;
mod sign_in;
mod together;
mod told;

use std::path::{Path, PathBuf};

use clavis_broker::people::PersonQuery;
use clavis_broker::policy::{Named, Policy};
use clavis_broker::proof::note::Signer;
use clavis_broker::testing::CountingRandom;
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

/// Each secret is what this makes of the path of its file; one named `open` may be written by all.
struct Secrets(fn(&Path) -> Result<SecretString, Wrong>);

/// The path is the secret, but for those of webhooks, channels and checkpoints; a file named `missing` is
/// not there.
fn path_is_secret(path: &Path) -> Result<SecretString, Wrong> {
    if path.ends_with("missing") {
        return Err(Wrong::new("names a file that is not there", "Make it."));
    }
    if path.ends_with("teams.url") || path.ends_with("slack.url") {
        return Ok("https://hooks.example.net/workflows/1?sig=geheim"
            .to_owned()
            .into());
    }
    if path.ends_with("private.url") {
        return Ok("https://10.0.0.7/workflows/1?sig=geheim".to_owned().into());
    }
    let of_webhooks = [
        "alarms.secret",
        "monitoring.secret",
        "monitoring.before.secret",
        "servicedesk.secret",
        "servicedesk.before.secret",
    ];
    if of_webhooks.iter().any(|name| path.ends_with(name)) {
        return Ok(format!("whsec_{}", "MfKQ".repeat(8)).into());
    }
    if path.ends_with("audit.key") {
        let random = CountingRandom::default();
        let key = Signer::generate("keys.example.com/log", &random).expect("a good name");
        return Ok(SecretString::from(key.as_str()));
    }
    Ok(SecretString::from(path.display().to_string()))
}

impl SecretFiles for Secrets {
    fn secret(&self, path: &Path) -> Result<SecretString, Wrong> {
        self.0(path)
    }

    fn private_key(&self, path: &Path) -> Result<SecretString, Wrong> {
        self.secret(path)
    }

    fn credential(&self, _: &Path, name: &str) -> Result<PathBuf, Wrong> {
        Ok(Path::new("/run/credentials/clavis.service").join(name))
    }

    fn tls_key(&self, path: &Path) -> Result<SecretString, Wrong> {
        self.secret(path)
    }

    fn token_file(&self, path: &Path) -> Result<(), Wrong> {
        if path.ends_with("open") {
            return Err(Wrong::new("names a file that all may write", "Close it."));
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<Settings, Problems> {
    let file = Path::new("/etc/clavis/clavis.toml");
    clavis_config::parse(text, file, &Secrets(path_is_secret), KINDS)
}

/// The example with the application in Entra ID that it shows in comments.
fn with_the_application() -> String {
    let section = "#     [entra.cloud]";
    let from = EXAMPLE.find(section).expect("the section");
    let to = from + EXAMPLE[from..].find("\n\n\n").expect("its end");
    let shown = EXAMPLE[from..to].replace("\n#     ", "\n");
    let shown = shown.trim_start_matches("#     ");
    format!("{}{shown}{}", &EXAMPLE[..from], &EXAMPLE[to..])
}

/// The same with some of its lines replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = with_the_application();
    for (line, other) in changes {
        assert!(text.contains(&format!("\n{line}\n")), "no line {line}");
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

/// Settings that the example shows as what can be written, and not as what holds without them.
const ALTERNATIVES: [&str; 15] = [
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
    "mail_domains",
    "signing_key_file",
    "checkpoint_folder",
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
    with_the_application()
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

    assert!(settings.entra.is_empty(), "nothing refers to one");
    let more = parse(&with_the_application()).unwrap_or_else(|problems| panic!("{problems}"));
    let [entra] = &more.entra[..] else {
        panic!("one application");
    };
    assert_eq!((entra.name.as_str(), entra.cloud), ("cloud", Cloud::Global));
    assert_eq!(entra.timeout, SignedDuration::from_secs(10));
    assert!(matches!(
        &entra.identity,
        EntraIdentity::App { tenant, credential: EntraCredential::Secret(secret), .. }
            if tenant == "example.onmicrosoft.com"
                && secret.expose_secret() == "/run/credentials/clavis.service/entra.secret"
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
    assert_eq!(directory.escrow.as_ref(), Some(&escrow.name));
    assert_eq!(directory.owner_attribute, "managedBy");
    let domain = &directory.domain;
    assert!(matches!(&domain.controllers, Controllers::Named(names) if names.len() == 2));
    assert_eq!(domain.security, LdapSecurity::Ldaps);
    assert_eq!(
        domain.ca_file.as_deref(),
        Some(Path::new("/etc/clavis/corp-ca.pem"))
    );
    assert_eq!(
        domain.password.expose_secret(),
        "/run/credentials/clavis.service/ad.password"
    );
    assert_eq!(domain.timeout, SignedDuration::from_secs(5));

    let MailKind::Smtp(smtp) = &settings.mail.kind else {
        panic!("by SMTP");
    };
    assert_eq!((smtp.port, smtp.security), (465, SmtpSecurity::Tls));
    assert_eq!(smtp.timeout, SignedDuration::from_secs(10));
    assert_eq!(smtp.connections, 4);

    let [rule] = settings.policy.rules() else {
        panic!("one rule");
    };
    assert!(matches!(
        &rule.ask[1][..],
        [Named::Person(PersonQuery::Mail(_)), Named::Person(PersonQuery::Login(name))]
            if name == "mboss"
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
    let short = parse(&with_the_application()).unwrap_or_else(|problems| panic!("{problems}"));
    let long = with_all_defaults_written_out();
    assert!(long.contains("\nvalid_for = "), "{long}");
    let long = parse(&long).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(format!("{short:?}"), format!("{long:?}"));
}

#[test]
fn no_secret_is_in_the_debug_output() {
    let settings = parse(&with_the_application());
    let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
    for file in [".password", ".secret"] {
        assert!(!format!("{settings:?}").contains(file));
    }
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
    assert_eq!(settings.policy, Policy::manager_else(Vec::new()));
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
    assert_eq!(problems.iter().count(), 2, "{problems}");

    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    for (name, secret) in [("ad.password", "one\n"), ("smtp.password", "two")] {
        let secret_path = credentials.join(name);
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
