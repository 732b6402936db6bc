//! Mails through Graph.

use std::sync::Arc;

use clavis_backends::entra::Tenant;
use clavis_backends::mail::GraphMailer;
use clavis_broker::letters::Mail;
use clavis_broker::people::MailAddress;
use clavis_broker::ports::{MailError, Mailer, Severity};
use clavis_broker::testing::{SetClock, sample};
use clavis_config::settings::{self, GraphMail, MailKind};
use serde_json::json;

use crate::double::Place;

/// The user principal name of the mailbox that mails are sent from.
const MAILBOX: &str = "svc-clavis@example.com";

async fn place() -> Place {
    Place::with(json!({
        "roles": ["Mail.Send"],
        "users": [
            { "mail": "clavis@example.com", "userPrincipalName": MAILBOX },
            { "userPrincipalName": "unmailed@example.com" },
        ],
    }))
    .await
}

fn mailer(tenant: Arc<Tenant>, mailbox: &str) -> GraphMailer {
    let graph = GraphMail {
        entra: "corp".into(),
        mailbox: mailbox.into(),
    };
    let sender = settings::Mail {
        from: MailAddress::parse("clavis@example.com").expect("an address"),
        from_name: "Clavis – Schlüsseldienst".into(),
        kind: MailKind::Graph(graph),
    };
    let clock = Arc::new(SetClock::at(sample::monday()));
    GraphMailer::new(sender, mailbox.into(), tenant, clock)
}

fn mail() -> Mail {
    Mail {
        to_name: "Anna Bärg".into(),
        to: MailAddress::parse("anna@example.com").expect("an address"),
        subject: "Ihr Schlüssel für LT-0042".into(),
        text: "Größe\n.\nEnde\n".into(),
        html: "<p>Größe</p>\n".into(),
        message_id: "0190-abc".into(),
    }
}

#[tokio::test]
async fn mails_leave_as_they_were_composed() {
    let place = place().await;
    mailer(place.tenant(), MAILBOX)
        .send(&mail())
        .await
        .expect("taken");
    let [sent] = &place.mails().await[..] else {
        panic!("one mail");
    };
    assert_eq!(sent["form"], "mime");
    assert_eq!(sent["mailbox"], "clavis@example.com");
    let text = sent["mime"].as_str().expect("a message");
    for line in [
        "Message-ID: <0190-abc@example.com>\r\n",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn only_what_is_wrong_with_the_mail_itself_loses_it() {
    let place = place().await;
    let send = async |mailbox: &str| {
        let outcome = mailer(place.tenant(), mailbox).send(&mail()).await;
        let error = outcome.expect_err("it is refused");
        let text = error.to_string();
        assert!(!text.contains('@'), "{text}");
        (matches!(error, MailError::Permanent(_)), text)
    };
    for mailbox in ["nobody@example.com", "unmailed@example.com"] {
        let (for_good, text) = send(mailbox).await;
        assert!(!for_good, "{text}");
        assert!(text.contains("mailbox"), "{text}");
    }
    for (status, code, permanent) in [
        (400, "ErrorInvalidRecipients", true),
        (400, "ErrorMimeContentInvalidBase64String", true),
        (413, "RequestEntityTooLarge", true),
        (400, "BadRequest", false),
        (403, "ErrorSendAsDenied", false),
        (500, "ErrorInternalServerError", false),
    ] {
        place
            .faults(json!([{ "match": "sendMail", "status": status, "code": code }]))
            .await;
        let (for_good, text) = send(MAILBOX).await;
        assert_eq!(for_good, permanent, "{text}");
        assert!(text.contains(code), "{text}");
    }
    place.faults(json!([])).await;
    place.change(json!({ "roles": [] })).await;
    let (for_good, text) = send(MAILBOX).await;
    assert!(!for_good, "{text}");
    assert!(text.contains("Mail.Send"), "{text}");
    assert!(place.mails().await.is_empty());
}

#[tokio::test]
async fn a_check_tells_whether_mails_could_leave_and_sends_none() {
    let place = place().await;
    let findings = mailer(place.tenant(), MAILBOX).check().await;
    assert!(
        findings.iter().all(|it| it.severity == Severity::Ok),
        "{findings:?}"
    );
    let failure = async |mailbox: &str| {
        let findings = mailer(place.tenant(), mailbox).check().await;
        let failures = (findings.iter()).filter(|it| it.severity == Severity::Failure);
        let [failure] = &failures.collect::<Vec<_>>()[..] else {
            panic!("one failure: {findings:?}");
        };
        assert!(failure.remedy.is_some());
        failure.what.clone()
    };
    for (code, severity) in [
        ("ErrorMimeContentInvalid", Severity::Ok),
        ("ErrorInvalidMimeContent", Severity::Ok),
        ("UnableToDeserializePostBody", Severity::Ok),
        ("ErrorInvalidRequest", Severity::Ok),
        ("MailboxNotEnabledForRESTAPI", Severity::Warning),
        ("BadRequest", Severity::Warning),
    ] {
        place
            .faults(json!([{ "match": "sendMail", "status": 400, "code": code }]))
            .await;
        let findings = mailer(place.tenant(), MAILBOX).check().await;
        let last = findings.last().expect("a finding");
        assert_eq!(last.severity, severity, "{code}: {last:?}");
        if severity == Severity::Warning {
            assert!(
                last.what.contains(code) && last.remedy.is_some(),
                "{last:?}"
            );
        }
    }
    place.faults(json!([])).await;
    let unknown = failure("nobody@example.com").await;
    assert!(unknown.contains("There is no mailbox"), "{unknown}");
    place.change(json!({ "roles": [] })).await;
    let forbidden = failure(MAILBOX).await;
    assert!(forbidden.contains("Mail.Send"), "{forbidden}");
    assert!(place.mails().await.is_empty());
}
