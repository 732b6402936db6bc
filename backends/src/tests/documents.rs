//! The sections that the documents show to be copied.

use std::path::Path;

use clavis_broker::service::KeyGate;
use clavis_config::settings::{Directory, HardeningMode, MailKind};

use super::{Settings, changed, parse};

const HANDBOOK: &str = include_str!("../../../docs/handbook.md");
const PROGRAMS: &str = include_str!("../../../docs/command-backend.md");

/// The blocks of a document that are configuration.
fn blocks(document: &str) -> Vec<&str> {
    let blocks = document.split("```toml\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().expect("the block ends"))
        .collect()
}

/// The example, with the sections of a block in place of its own of the same headings.
fn with(block: &str) -> Settings {
    let headings: Vec<_> = block.lines().filter(|line| line.starts_with('[')).collect();
    assert!(!headings.is_empty(), "{block}");
    let mut is_kept = true;
    let example = changed(&[("escrow = \"corp\"", "")]);
    let kept = example.lines().filter(|line| {
        if line.starts_with('[') {
            is_kept = !headings.contains(line);
        }
        is_kept
    });
    let kept: Vec<_> = kept.collect();
    let text = format!("{}\n{block}", kept.join("\n"));
    parse(&text.replace("/usr/local/lib/clavis/escrow.py", "/bin/sh"))
        .unwrap_or_else(|problems| panic!("{problems}\n{block}"))
}

#[test]
fn what_the_handbook_shows_is_read() {
    let [
        entra,
        entra_id,
        keycloak,
        ad_fs,
        proxy,
        approval,
        gates,
        front_door,
        mail,
        hardening,
        alarms,
        webhooks,
        webhooks_in,
        notices,
        feeds,
        audit,
    ] = blocks(HANDBOOK)[..]
    else {
        panic!("sixteen blocks");
    };
    let rules = with(approval).policy;
    let names: Vec<_> = rules.rules().iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["Servers", "everything else"]);
    assert_eq!(with(gates).gates.key, KeyGate::Code);
    let trusted = with(proxy).sign_in.proxy.expect("a proxy");
    assert_eq!(trusted.name, "your Windows account");
    let settings = with(entra);
    let escrow: Vec<_> = settings.escrow.iter().map(|it| &*it.name.0).collect();
    assert_eq!(escrow, ["cloud"]);
    assert!(matches!(
        settings.directory,
        Directory::Entra(it) if it.entra == "cloud" && it.escrow.as_ref() == Some(&settings.escrow[0].name)
    ));
    let senders = with(webhooks_in).senders;
    assert_eq!(senders[0].name.as_str(), "servicedesk");
    let names: Vec<_> = with(feeds).feeds.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["siem", "archive"]);
    assert!(with(alarms).alarms.webhook.is_some());
    assert_eq!(with(webhooks).webhooks[0].events.len(), 3);
    assert_eq!(with(notices).notices.len(), 2);
    assert!(with(front_door).server.tls.is_some());
    assert!(with(audit).audit.signer.is_some());
    assert_eq!(with(hardening).hardening.mode, HardeningMode::Require);
    let settings = with(mail);
    assert!(matches!(settings.mail.kind, MailKind::Graph(it) if it.entra == "cloud"));
    // IDs of Entra ID find people there.
    let entra_id = format!("{entra}\n{entra_id}");
    for (block, name) in [
        (&*entra_id, "Entra ID"),
        (keycloak, "Keycloak"),
        (ad_fs, "AD FS"),
    ] {
        let providers = with(block).sign_in.providers;
        let names: Vec<_> = providers.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, [name]);
    }
}

#[test]
fn what_the_page_about_programs_shows_is_read() {
    let [program] = blocks(PROGRAMS)[..] else {
        panic!("one block");
    };
    let settings = with(program);
    let plan = format!("{:?}", settings.escrow[0].plan);
    assert!(plan.contains("trust_shared_ids: false"), "{plan}");
    assert!(matches!(
        settings.directory,
        Directory::ActiveDirectory(it) if it.escrow.is_none()
    ));
}

#[test]
fn of_credentials_the_key_of_a_certificate_alone_is_read_while_the_daemon_runs() {
    let needs = |key: &str| {
        let tls = format!(
            "trusted_proxies = []\ncertificate_file = \"tls/a.pem\"\nprivate_key_file = \"{key}\""
        );
        let text = changed(&[("trusted_proxies = [\"127.0.0.1\"]", &tls)]);
        parse(&text)
            .unwrap_or_else(|problems| panic!("{problems}"))
            .needs()
    };
    let credentials = Path::new("/run/credentials/clavis.service");
    let read = needs("credential:a.key").read;
    assert!(read.contains(&credentials.join("a.key")) && !read.contains(credentials));
    let read = needs("tls/a.key").read;
    assert!(read.contains(Path::new("/etc/clavis/tls")));
}
