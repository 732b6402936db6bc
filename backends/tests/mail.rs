//! The mailers against a real mail server, which `tests/mail-server/start` runs.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clavis_backends::mail::{FolderMailer, SmtpMailer};
use clavis_broker::letters::Mail;
use clavis_broker::people::MailAddress;
use clavis_broker::ports::{Finding, MailError, Mailer, Severity};
use clavis_broker::testing::{SetClock, sample};
use clavis_config::settings::{self, MailKind, Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;

/// The folder of the mail server, and where it listens.
struct Server {
    folder: PathBuf,
    address: Value,
}

impl Server {
    fn here() -> Self {
        let folder = std::env::var_os("CLAVIS_TEST_MAIL")
            .map(PathBuf::from)
            .expect("these tests need a mail server: run them by tests/run");
        let address = std::fs::read(folder.join("address.json"))
            .expect("the mail server is not running: run these tests by tests/run");
        Self {
            address: serde_json::from_slice(&address).expect("JSON"),
            folder,
        }
    }

    /// Sound settings for one of its ports.
    fn settings(&self, port: &str) -> Smtp {
        let text = |key: &str| self.address[key].as_str().expect("a text").to_owned();
        Smtp {
            host: text("host"),
            port: self.address[port]
                .as_u64()
                .expect("a port")
                .try_into()
                .expect("a port"),
            security: match port {
                "starttls" | "bare" => SmtpSecurity::StartTls,
                _ => SmtpSecurity::Tls,
            },
            ca_file: Some(self.folder.join("ca.pem")),
            sign_in: Some(SmtpSignIn {
                username: text("user"),
                proof: SmtpProof::Password(SecretString::from(text("password"))),
            }),
            timeout: SignedDuration::from_secs(20),
            connections: 2,
        }
    }

    /// What the server says about the mails with this message ID.
    fn taken(&self, id: &str) -> Vec<Value> {
        let wanted = format!("<{id}@example.com>");
        json_files(&self.folder.join("mail"))
            .into_iter()
            .filter(|about| header(about, "Message-ID") == [wanted.as_str()])
            .collect()
    }

    fn only(&self, id: &str) -> Value {
        let mut taken = self.taken(id);
        assert_eq!(taken.len(), 1, "mails {id}");
        taken.remove(0)
    }
}

fn json_files(folder: &Path) -> Vec<Value> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON"))
        .collect()
}

fn header<'v>(about: &'v Value, name: &str) -> Vec<&'v str> {
    about["head"]
        .as_array()
        .expect("a head")
        .iter()
        .filter(|line| line[0] == name)
        .filter_map(|line| line[1].as_str())
        .collect()
}

fn sender(kind: MailKind) -> settings::Mail {
    settings::Mail {
        from: MailAddress::parse("clavis@example.com").expect("an address"),
        from_name: "Clavis – Schlüsseldienst".into(),
        kind,
    }
}

fn mailer(server: Smtp) -> SmtpMailer {
    let clock = Arc::new(SetClock::at(sample::monday()));
    SmtpMailer::new(sender(MailKind::Smtp(server.clone())), server, None, clock)
}

fn mail(id: &str, to: &str) -> Mail {
    Mail {
        to_name: "Anna Bärg, \"Empfang\" <hier>".into(),
        to: MailAddress::parse(to).expect("an address"),
        subject: "Ihr Schlüssel für LT-0042 – bitte innerhalb von drei Stunden öffnen: 日本".into(),
        text: "Größe\n.\n..\nEnde\n".into(),
        html: "<p>Größe</p>\n".into(),
        message_id: unique(id),
    }
}

/// A message ID that no earlier run has used with this server.
fn unique(id: &str) -> String {
    format!("{id}-{}", std::process::id())
}

/// What every mailer does.
async fn contract(mailer: &dyn Mailer, id: &str) {
    mailer
        .send(&mail(id, "anna@example.com"))
        .await
        .expect("a mail is taken");
    let mut unusable = mail(id, "anna@example.com");
    unusable.message_id = "../two\r\nBcc: eve@example.com".into();
    let error = mailer
        .send(&unusable)
        .await
        .expect_err("it is no message ID");
    assert!(matches!(error, MailError::Permanent(_)), "{error}");
    let findings = mailer.check().await;
    assert!(!findings.is_empty());
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity != Severity::Failure),
        "{findings:?}"
    );
}

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
async fn mails_leave_over_tls() {
    let server = Server::here();
    contract(&mailer(server.settings("tls")), "tls").await;
    let about = server.only(&unique("tls"));
    assert_eq!(about["user"], "clavis");
    assert_eq!(about["from"], "clavis@example.com");
    assert_eq!(about["to"], serde_json::json!(["anna@example.com"]));
}

#[tokio::test]
async fn mails_leave_over_starttls() {
    let server = Server::here();
    contract(&mailer(server.settings("starttls")), "starttls").await;
    server.only(&unique("starttls"));
}

#[tokio::test]
async fn mails_go_into_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mails");
    let clock = Arc::new(SetClock::at(sample::monday()));
    let sender = sender(MailKind::Folder { path: path.clone() });
    contract(&FolderMailer::new(sender, path.clone(), clock), "one").await;
    let names: Vec<_> = std::fs::read_dir(&path)
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    assert_eq!(names, [format!("{}.eml", unique("one")).as_str()]);
    let text = std::fs::read_to_string(path.join(&names[0])).expect("text");
    assert!(
        text.contains("Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn what_was_written_is_what_a_mail_program_reads() {
    let server = Server::here();
    let sent = mail("letters", "anna@example.com");
    mailer(server.settings("tls"))
        .send(&sent)
        .await
        .expect("taken");
    let about = server.only(&sent.message_id);
    assert_eq!(about["kind"], "multipart/alternative");
    assert_eq!(header(&about, "Subject"), [sent.subject.as_str()]);
    assert_eq!(
        header(&about, "From"),
        ["Clavis – Schlüsseldienst <clavis@example.com>"]
    );
    assert_eq!(
        header(&about, "To"),
        ["\"Anna Bärg, \\\"Empfang\\\" <hier>\" <anna@example.com>"]
    );
    assert_eq!(header(&about, "Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header(&about, "Date"), ["Mon, 23 Nov 2026 09:00:00 +0000"]);
    let lines = |part: &str| about[part].as_str().expect("a text").replace("\r\n", "\n");
    assert_eq!(lines("text").trim_end(), sent.text.trim_end());
    assert_eq!(lines("html").trim_end(), sent.html.trim_end());
}

#[tokio::test]
async fn no_text_can_add_a_header_or_a_recipient() {
    let server = Server::here();
    let mut sent = mail("injection", "anna@example.com");
    sent.subject = "Hello\r\nBcc: eve@example.com\r\n\r\nInstead".into();
    sent.to_name = "Anna\r\nBcc: eve@example.com\r\nX: ".into();
    mailer(server.settings("tls"))
        .send(&sent)
        .await
        .expect("taken");
    let about = server.only(&sent.message_id);
    assert_eq!(about["to"], serde_json::json!(["anna@example.com"]));
    assert!(header(&about, "Bcc").is_empty());
    assert_eq!(
        header(&about, "Subject"),
        ["Hello Bcc: eve@example.com Instead"]
    );
}

#[tokio::test]
async fn a_refusal_for_now_and_one_for_good_are_told_apart() {
    let mailer = mailer(Server::here().settings("tls"));
    for (to, for_good) in [
        ("refuse-451@example.com", false),
        ("refuse-550@example.com", true),
        ("refuse-data-452@example.com", false),
        ("refuse-data-554@example.com", true),
        ("hang-up@example.com", false),
    ] {
        let error = mailer
            .send(&mail("refused", to))
            .await
            .expect_err("refused");
        assert_eq!(
            matches!(error, MailError::Permanent(_)),
            for_good,
            "{to}: {error}"
        );
        assert!(!error.to_string().contains("refuse-"), "{error}");
        assert!(!error.to_string().contains('@'), "{error}");
        if let Some(code) = to
            .split(['-', '@'])
            .find(|part| part.parse::<u16>().is_ok())
        {
            assert!(error.to_string().contains(code), "{error}");
        }
    }
    mailer
        .send(&mail("after", "anna@example.com"))
        .await
        .expect("the mailer goes on after refusals");
}

#[tokio::test]
async fn connections_are_kept_for_the_next_mail_and_are_not_more_than_allowed() {
    let server = Server::here();
    let mailer = mailer(server.settings("tls"));
    let connection = |id: &str| {
        server.only(&unique(id))["connection"]
            .as_u64()
            .expect("a number")
    };
    for id in ["first", "second"] {
        mailer
            .send(&mail(id, "anna@example.com"))
            .await
            .expect("taken");
    }
    assert_eq!(connection("first"), connection("second"));

    let ids: Vec<_> = (0..8).map(|n| format!("many-{n}")).collect();
    let mails: Vec<_> = ids.iter().map(|id| mail(id, "anna@example.com")).collect();
    let mailer = Arc::new(mailer);
    let mut sending = tokio::task::JoinSet::new();
    for mail in mails {
        let mailer = Arc::clone(&mailer);
        sending.spawn(async move { mailer.send(&mail).await });
    }
    for result in sending.join_all().await {
        result.expect("taken");
    }
    let mut used: Vec<_> = ids.iter().map(|id| connection(id)).collect();
    used.sort_unstable();
    used.dedup();
    assert!(used.len() <= 2, "{used:?}");
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_and_its_connection_with_it() {
    let server = Server::here();
    let mut settings = server.settings("tls");
    settings.timeout = SignedDuration::from_secs(2);
    settings.connections = 1;
    let mailer = mailer(settings);
    mailer
        .send(&mail("before", "anna@example.com"))
        .await
        .expect("taken");
    let error = mailer
        .send(&mail("stalled", "stall@example.com"))
        .await
        .expect_err("no answer");
    assert!(matches!(error, MailError::Transient(_)), "{error}");
    assert!(error.to_string().contains("too long"), "{error}");
    mailer
        .send(&mail("afterwards", "anna@example.com"))
        .await
        .expect("taken");
    let connection = |id: &str| server.only(&unique(id))["connection"].clone();
    assert_ne!(connection("before"), connection("afterwards"));
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

#[tokio::test]
async fn nothing_is_read_before_the_first_mail() {
    let mut settings = Server::here().settings("tls");
    settings.ca_file = Some("/nowhere/at/all.pem".into());
    settings.host = "nowhere.invalid".into();
    let began = std::time::Instant::now();
    let _ = mailer(settings);
    assert!(began.elapsed() < Duration::from_millis(5));
}
