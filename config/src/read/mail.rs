//! `[mail]`: how mails leave.

use jiff::SignedDuration;
use secrecy::SecretString;
use toml::de::DeValue;

use super::Origin;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Mail, MailKind, Smtp, SmtpSecurity};
use crate::values::{duration, host, mail as mail_address, number, port, text};

/// Reads `[mail]`.
pub(super) fn mail(section: &Section<'_>, origin: &Origin<'_>) -> Option<Mail> {
    let from = section.required("from", mail_address);
    let from_name = section.optional("from_name", text);
    let kind = section.by_kind(&[
        ("smtp", &|section| smtp(section, origin)),
        ("folder", &|section| {
            let path = section.required("path", |value| origin.path(value))?;
            Some(MailKind::Folder { path })
        }),
    ]);
    Some(Mail {
        from: from?,
        from_name: from_name.unwrap_or_else(|| "Clavis".to_owned()),
        kind: kind?,
    })
}

fn smtp(section: &Section<'_>, origin: &Origin<'_>) -> Option<MailKind> {
    let host = section.required("host", host);
    let security = section
        .optional("security", security)
        .unwrap_or(SmtpSecurity::Tls);
    let usual_port = match security {
        SmtpSecurity::Tls => 465,
        SmtpSecurity::StartTls => 587,
    };
    let port = section.optional("port", port).unwrap_or(usual_port);
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let credentials = credentials(section, origin);
    let timeout = section
        .optional(
            "timeout",
            duration(SignedDuration::from_secs(1)..=SignedDuration::from_secs(15)),
        )
        .unwrap_or(SignedDuration::from_secs(10));
    let connections = section
        .optional("connections", number(1..=100))
        .unwrap_or(4);
    Some(MailKind::Smtp(Smtp {
        host: host?,
        port,
        security,
        ca_file,
        credentials,
        timeout,
        connections,
    }))
}

fn credentials(section: &Section<'_>, origin: &Origin<'_>) -> Option<(String, SecretString)> {
    let username = section.optional("username", text);
    let password = section.optional("password_file", |value| origin.secret(value));
    match (section.has("username"), section.has("password_file")) {
        (true, false) => section.problem(
            "username",
            "`username` is there without `password_file`",
            "Add `password_file`, or remove `username` where the server asks for no password.",
        ),
        (false, true) => section.problem(
            "password_file",
            "`password_file` is there without `username`",
            "Add `username`, or remove `password_file` where the server asks for no password.",
        ),
        _ => {}
    }
    username.zip(password)
}

fn security(value: &DeValue<'_>) -> Result<SmtpSecurity, Wrong> {
    match value.as_str() {
        Some("tls") => Ok(SmtpSecurity::Tls),
        Some("starttls") => Ok(SmtpSecurity::StartTls),
        _ => Err(Wrong::new(
            "is neither \"tls\" nor \"starttls\"",
            "Write one of them; an unprotected connection is not offered.",
        )),
    }
}
