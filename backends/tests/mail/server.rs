//! The mail server that `tests/mail-server/start` runs, and mails for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_backends::mail::SmtpMailer;
use clavis_broker::letters::Mail;
use clavis_broker::people::MailAddress;
use clavis_broker::testing::{SetClock, sample};
use clavis_config::settings::{self, MailKind, Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;

/// The folder of the mail server, and where it listens.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    address: Value,
}

impl Server {
    pub(crate) fn here() -> Self {
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
    pub(crate) fn settings(&self, port: &str) -> Smtp {
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
    pub(crate) fn taken(&self, id: &str) -> Vec<Value> {
        let wanted = format!("<{id}@example.com>");
        json_files(&self.folder.join("mail"))
            .into_iter()
            .filter(|about| header(about, "Message-ID") == [wanted.as_str()])
            .collect()
    }

    pub(crate) fn only(&self, id: &str) -> Value {
        let mut taken = self.taken(id);
        assert_eq!(taken.len(), 1, "mails {id}");
        taken.remove(0)
    }
}

pub(crate) fn json_files(folder: &Path) -> Vec<Value> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON"))
        .collect()
}

pub(crate) fn header<'v>(about: &'v Value, name: &str) -> Vec<&'v str> {
    about["head"]
        .as_array()
        .expect("a head")
        .iter()
        .filter(|line| line[0] == name)
        .filter_map(|line| line[1].as_str())
        .collect()
}

pub(crate) fn sender(kind: MailKind) -> settings::Mail {
    settings::Mail {
        from: MailAddress::parse("clavis@example.com").expect("an address"),
        from_name: "Clavis – Schlüsseldienst".into(),
        kind,
    }
}

pub(crate) fn mailer(server: Smtp) -> SmtpMailer {
    let clock = Arc::new(SetClock::at(sample::monday()));
    SmtpMailer::new(sender(MailKind::Smtp(server.clone())), server, None, clock)
}

pub(crate) fn mail(id: &str, to: &str) -> Mail {
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
pub(crate) fn unique(id: &str) -> String {
    format!("{id}-{}", std::process::id())
}
