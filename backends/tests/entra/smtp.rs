//! Mails by SMTP with a token, to a mail server that verifies it.

use std::path::PathBuf;
use std::sync::Arc;

use clavis_backends::mail::SmtpMailer;
use clavis_broker::letters::Mail;
use clavis_broker::people::MailAddress;
use clavis_broker::ports::{MailError, Mailer, Severity};
use clavis_broker::testing::{SetClock, sample};
use clavis_config::settings::{self, MailKind, Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::double::Place;

const MAILBOX: &str = "clavis@example.com";

/// The settings for the mail server that `tests/mail-server/start` runs.
fn server(username: &str) -> Smtp {
    let folder = std::env::var_os("CLAVIS_TEST_MAIL")
        .map(PathBuf::from)
        .expect("these tests need a mail server: run them by tests/run");
    let address = std::fs::read(folder.join("address.json"))
        .expect("the mail server is not running: run these tests by tests/run");
    let address: Value = serde_json::from_slice(&address).expect("JSON");
    Smtp {
        host: address["host"].as_str().expect("a host").to_owned(),
        port: address["starttls"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("a port"),
        security: SmtpSecurity::StartTls,
        ca_file: Some(folder.join("ca.pem")),
        sign_in: Some(SmtpSignIn {
            username: username.into(),
            proof: SmtpProof::Token {
                entra: "corp".into(),
            },
        }),
        timeout: SignedDuration::from_secs(10),
        connections: 2,
    }
}

fn mailer(place: &Place, username: &str) -> SmtpMailer {
    let server = server(username);
    let sender = settings::Mail {
        from: MailAddress::parse(MAILBOX).expect("an address"),
        from_name: "Clavis".into(),
        kind: MailKind::Smtp(server.clone()),
    };
    let clock = Arc::new(SetClock::at(sample::monday()));
    SmtpMailer::new(sender, server, Some(place.tenant()), clock)
}

fn mail(id: &str) -> Mail {
    Mail {
        to_name: "Anna".into(),
        to: MailAddress::parse("anna@example.com").expect("an address"),
        subject: "Hello".into(),
        text: "Hello".into(),
        html: "<p>Hello</p>".into(),
        message_id: format!("{id}-{}", std::process::id()),
    }
}

#[tokio::test]
async fn a_token_opens_the_mail_server() {
    let place = Place::with(json!({})).await;
    let mailer = mailer(&place, MAILBOX);
    for id in ["first", "second"] {
        mailer.send(&mail(id)).await.expect("taken");
    }
    let findings = mailer.check().await;
    assert!(
        findings.iter().all(|it| it.severity == Severity::Ok),
        "{findings:?}"
    );
    assert_eq!(place.count("tokenRequests").await, 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_and_loses_no_mail() {
    let place = Place::with(json!({
        "otherResources": { "https://outlook.office365.com": [] },
    }))
    .await;
    for (username, told) in [
        (MAILBOX, "refused the token (SMTP 535)"),
        ("ask-back@example.com", "refused the token"),
    ] {
        let mailer = mailer(&place, username);
        let error = mailer.send(&mail("never")).await.expect_err("refused");
        assert!(matches!(error, MailError::Transient(_)), "{error}");
        assert!(error.to_string().contains(told), "{error}");
        let findings = mailer.check().await;
        for (severity, what) in [
            (Severity::Warning, "SMTP.SendAsApp"),
            (Severity::Failure, "refused the token"),
        ] {
            assert!(
                (findings.iter()).any(|it| it.severity == severity && it.what.contains(what)),
                "{findings:?}"
            );
        }
    }
    // Each refusal is one of a token that is asked for anew.
    assert_eq!(place.count("tokenRequests").await, 4);
}

#[tokio::test]
async fn without_a_token_nobody_is_called() {
    let place = Place::with(json!({
        "faults": [{ "match": "/token$", "status": 400 }],
    }))
    .await;
    let error = mailer(&place, MAILBOX).send(&mail("never")).await;
    let error = error.expect_err("there is no token");
    assert!(matches!(error, MailError::Transient(_)), "{error}");
    assert!(error.to_string().contains("there is no token"), "{error}");
}
