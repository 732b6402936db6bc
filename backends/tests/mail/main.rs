//! The mailers against a real mail server, which `tests/mail-server/start` runs.

mod causes;
mod server;

use std::sync::Arc;
use std::time::Duration;

use clavis_backends::mail::FolderMailer;
use clavis_broker::ports::{MailError, Mailer, Severity};
use clavis_broker::testing::{SetClock, sample};
use clavis_config::settings::MailKind;
use jiff::SignedDuration;

use server::{Server, header, mail, mailer, sender, unique};

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
    let mailer = FolderMailer::new(sender, path.clone(), clock);
    // Root checks, and the folder is to be the daemon's.
    mailer.check().await;
    assert!(!path.exists(), "it is not for whoever checks to make it");
    contract(&mailer, "one").await;
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
async fn nothing_is_read_before_the_first_mail() {
    let mut settings = Server::here().settings("tls");
    settings.ca_file = Some("/nowhere/at/all.pem".into());
    settings.host = "nowhere.invalid".into();
    let began = std::time::Instant::now();
    let _ = mailer(settings);
    assert!(began.elapsed() < Duration::from_millis(5));
}
