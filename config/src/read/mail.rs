//! `[mail]`: how mails leave.

use clavis_broker::people::MailAddress;
use jiff::SignedDuration;
use toml::de::DeValue;
use uuid::Uuid;

use super::Origin;
use super::entra::{self, Tenants};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{GraphMail, Mail, MailKind, Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use crate::values::{duration, host, mail as mail_address, number, port, text};

/// Reads `[mail]`.
pub(super) fn mail(section: &Section<'_>, origin: &Origin<'_>, tenants: &Tenants) -> Option<Mail> {
    let from = section.required("from", mail_address);
    let from_name = section.optional("from_name", text);
    let kind = section.by_kind(&[
        ("smtp", &|section| smtp(section, origin, tenants)),
        ("graph", &|section| graph(section, from.as_ref(), tenants)),
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

fn graph(section: &Section<'_>, from: Option<&MailAddress>, tenants: &Tenants) -> Option<MailKind> {
    let entra = entra::named(section, "entra", tenants);
    let mailbox = section.optional("mailbox", mailbox);
    Some(MailKind::Graph(GraphMail {
        entra: entra?,
        mailbox: mailbox.or_else(|| from.map(ToString::to_string))?,
    }))
}

/// A user principal name, which looks like a mail address, or the ID of a user.
fn mailbox(value: &DeValue<'_>) -> Result<String, Wrong> {
    let mailbox = text(value)?;
    let sound = MailAddress::parse(&mailbox).is_ok() || Uuid::parse_str(&mailbox).is_ok();
    sound.then_some(mailbox).ok_or_else(|| {
        Wrong::new(
            "is neither a user principal name nor the ID of a user",
            "Write the user principal name of the mailbox, such as \"clavis@example.com\".",
        )
    })
}

fn smtp(section: &Section<'_>, origin: &Origin<'_>, tenants: &Tenants) -> Option<MailKind> {
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
    let sign_in = sign_in(section, origin, tenants);
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
        sign_in,
        timeout,
        connections,
    }))
}

fn sign_in(section: &Section<'_>, origin: &Origin<'_>, tenants: &Tenants) -> Option<SmtpSignIn> {
    let username = section.optional("username", text);
    let password = section.optional("password_file", |value| origin.secret(value));
    let token = section
        .has("oauth")
        .then(|| entra::named(section, "oauth", tenants))
        .flatten();
    let (has_password, has_token) = (section.has("password_file"), section.has("oauth"));
    match (section.has("username"), has_password, has_token) {
        (_, true, true) => section.problem(
            "oauth",
            "`password_file` and `oauth` are both there",
            "Keep `password_file` to sign in with a password, or `oauth` to sign in with a token \
             of Entra ID.",
        ),
        (true, false, false) => section.problem(
            "username",
            "`username` is there without `password_file`",
            "Add `password_file` (or `oauth`), or remove `username` where the server asks for no \
             password.",
        ),
        (false, true, _) => section.problem(
            "password_file",
            "`password_file` is there without `username`",
            "Add `username`, or remove `password_file` where the server asks for no password.",
        ),
        (false, _, true) => section.problem(
            "oauth",
            "`oauth` is there without `username`",
            "Add `username`: the mailbox that Clavis sends from.",
        ),
        _ => {}
    }
    let password = password.map(SmtpProof::Password);
    let proof = password.or(token.map(|entra| SmtpProof::Token { entra }))?;
    Some(SmtpSignIn {
        username: username?,
        proof,
    })
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
