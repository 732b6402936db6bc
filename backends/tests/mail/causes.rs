//! What is said about a server that cannot be used, and that no mail is lost by it.

use std::io::Write;
use std::net::TcpListener;

use clavis_broker::ports::{Finding, MailError, Mailer, Severity};
use clavis_config::settings::{Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::server::{Server, mail, mailer};

fn the_failure(findings: &[Finding]) -> &Finding {
    findings
        .iter()
        .find(|finding| finding.severity == Severity::Failure)
        .unwrap_or_else(|| panic!("a failure: {findings:?}"))
}

/// Sends to a mailer that cannot send, and checks it: both must tell this cause, and the mail must
/// not be given up.
async fn fails_for_now(settings: Smtp, cause: &str) {
    let mailer = mailer(settings);
    let error = mailer
        .send(&mail("never", "anna@example.com"))
        .await
        .expect_err("it cannot be sent");
    assert!(matches!(error, MailError::Transient(_)), "{error}");
    assert!(error.to_string().contains(cause), "{error}");
    assert!(!error.to_string().contains('@'), "{error}");
    let findings = mailer.check().await;
    let failure = the_failure(&findings);
    assert!(failure.what.contains(cause), "{failure:?}");
    assert!(failure.remedy.is_some());
}

#[tokio::test]
async fn a_check_finds_a_sound_server_sound() {
    let findings = mailer(Server::here().settings("starttls")).check().await;
    assert_eq!(findings.len(), 2);
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Ok),
        "{findings:?}"
    );
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_told() {
    let server = Server::here();
    for port in ["tls", "starttls"] {
        let mut settings = server.settings(port);
        settings.ca_file = Some(server.folder.join("other-ca.pem"));
        fails_for_now(settings, "authority that is not trusted").await;
        let mut settings = server.settings(port);
        settings.ca_file = None;
        fails_for_now(settings, "authority that is not trusted").await;
    }
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_told() {
    let server = Server::here();
    for file in ["nowhere.pem", "ca.key"] {
        let mut settings = server.settings("tls");
        settings.ca_file = Some(server.folder.join(file));
        fails_for_now(settings, "authorities to trust are unusable").await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told() {
    fails_for_now(
        Server::here().settings("other_name"),
        "made out to another name",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let server = Server::here();
    for port in ["tls", "starttls"] {
        let mut settings = server.settings(port);
        settings.sign_in = Some(SmtpSignIn {
            username: "clavis".into(),
            proof: SmtpProof::Password(SecretString::from("wrong")),
        });
        fails_for_now(settings, "refused name and password (SMTP 535)").await;
    }
}

#[tokio::test]
async fn a_missing_sign_in_is_told_and_loses_no_mail() {
    let mut settings = Server::here().settings("tls");
    settings.sign_in = None;
    let error = mailer(settings)
        .send(&mail("unsigned", "anna@example.com"))
        .await
        .expect_err("a sign-in is wanted");
    assert!(matches!(error, MailError::Transient(_)), "{error}");
    assert!(
        error.to_string().contains("wants a sign-in (SMTP 530)"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail() {
    fails_for_now(Server::here().settings("bare"), "does not offer STARTTLS").await;
}

#[tokio::test]
async fn tls_and_starttls_taken_for_each_other_are_told() {
    let server = Server::here();
    let mut settings = server.settings("bare");
    settings.security = SmtpSecurity::Tls;
    fails_for_now(settings, "does not speak TLS").await;
    let mut settings = server.settings("tls");
    settings.security = SmtpSecurity::StartTls;
    settings.timeout = SignedDuration::from_secs(1);
    let findings = mailer(settings).check().await;
    let remedy = the_failure(&findings).remedy.clone().unwrap_or_default();
    assert!(remedy.contains("`security = \"tls\"`"), "{remedy}");
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut settings = Server::here().settings("tls");
    settings.port = port;
    settings.timeout = SignedDuration::from_secs(1);
    fails_for_now(settings.clone(), "took too long").await;
    drop(silent);
    fails_for_now(settings, "not reached").await;
}

#[tokio::test]
async fn a_server_that_turns_everybody_away_loses_no_mail() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut settings = Server::here().settings("starttls");
    settings.port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut client, _) = listener.accept().expect("a client");
            client
                .write_all(b"554 no service for <anna@example.com>\r\n")
                .expect("told");
        }
    });
    fails_for_now(settings, "refused (SMTP 554)").await;
    server.join().expect("both were turned away");
}
