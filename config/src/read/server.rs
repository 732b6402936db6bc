//! `[server]`, `[organisation]` and `[support]`: the front door, and whose it is.

use clavis_broker::mail_domains::MailDomains;
use toml::Spanned;
use toml::de::DeValue;

use super::Origin;
use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{CertificateFiles, Colour, Organisation, Room, Server, Support};
use crate::values::{ip, mail, number, socket, text, time_zone};

/// Reads `[server]`.
pub(super) fn server(section: &Section<'_>, origin: &Origin<'_>) -> Option<Server> {
    let listen = section.required("listen", socket);
    let public_url = section.required("public_url", public_url);
    let trusted_proxies = section.list("trusted_proxies", ip);
    let wants_tls = section.has("certificate_file") || section.has("private_key_file");
    let tls = certificate_files(section, origin);
    let room = room(section);
    let (listen, public_url) = (listen?, public_url?);
    if !listen.ip().is_loopback() && trusted_proxies.is_empty() && !wants_tls {
        section.problem(
            "listen",
            "`listen` is reachable from other machines, in plain HTTP",
            "Listen on 127.0.0.1 behind a reverse proxy on this machine, or name the proxy that \
             connects from another one in `trusted_proxies`, or let Clavis speak TLS itself with \
             `certificate_file` and `private_key_file`.",
        );
    }
    if wants_tls && !public_url.starts_with("https://") {
        section.problem(
            "public_url",
            "`public_url` begins with http://, but Clavis is to speak TLS",
            "Write https://, or remove `certificate_file` and `private_key_file`.",
        );
    }
    Some(Server {
        listen,
        public_url,
        trusted_proxies,
        tls,
        room,
    })
}

/// Both files, or neither.
fn certificate_files(section: &Section<'_>, origin: &Origin<'_>) -> Option<CertificateFiles> {
    let certificate = section.optional("certificate_file", |value| origin.path(value));
    let private_key = section.optional("private_key_file", |value| origin.tls_key(value));
    for (one, other) in [
        ("certificate_file", "private_key_file"),
        ("private_key_file", "certificate_file"),
    ] {
        if section.has(one) && !section.has(other) {
            section.problem(
                one,
                format!("`{one}` is set without `{other}`"),
                format!("Add `{other}`; TLS needs both."),
            );
        }
    }
    let (private_key, is_renewed) = private_key?;
    Some(CertificateFiles {
        certificate: certificate?,
        private_key,
        is_renewed,
    })
}

fn room(section: &Section<'_>) -> Room {
    let connections = section.optional("connections", number(64..=200_000));
    let per_source = section.optional("connections_per_source", number(8..=200_000));
    let requests = section.optional("requests", number(8..=10_000));
    Room {
        connections: connections.unwrap_or(4096),
        connections_per_source: per_source.unwrap_or(256),
        requests: requests.unwrap_or(512),
    }
}

/// Reads `[organisation]`.
pub(super) fn organisation(section: &Section<'_>) -> Option<Organisation> {
    let name = section.required("name", text);
    let time_zone = section.required("time_zone", time_zone);
    let mail_domains = section.optional("mail_domains", mail_domains);
    let colour = section.optional("colour", colour).unwrap_or_default();
    Some(Organisation {
        name: name?,
        colour,
        time_zone: time_zone?,
        mail_domains,
    })
}

/// Reads `[support]`.
pub(super) fn support(section: &Section<'_>) -> Option<Support> {
    let phone = section.required("phone", text);
    let hours = section.required("hours", text);
    let mail = section.optional("mail", mail);
    Some(Support {
        phone: phone?,
        hours: hours?,
        mail,
    })
}

fn colour(value: &DeValue<'_>) -> Result<Colour, Wrong> {
    Ok(match value.as_str() {
        Some("blue") => Colour::Blue,
        Some("green") => Colour::Green,
        Some("teal") => Colour::Teal,
        Some("violet") => Colour::Violet,
        Some("wine") => Colour::Wine,
        Some("slate") => Colour::Slate,
        _ => {
            return Err(Wrong::new(
                "is no colour that Clavis has",
                "Write \"blue\", \"green\", \"teal\", \"violet\", \"wine\" or \"slate\".",
            ));
        }
    })
}

/// Mail domains. None at all would be everybody to one reader, and nobody to another.
fn mail_domains(value: &DeValue<'_>) -> Result<MailDomains, Wrong> {
    let items = value.as_array().filter(|items| !items.is_empty());
    let domains = items.and_then(|items| {
        let domain = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str()?.parse().ok();
        items.iter().map(domain).collect()
    });
    domains.map(MailDomains::new).ok_or_else(|| {
        Wrong::new(
            "is not a list of mail domains",
            "Write what stands after the @ in people's addresses, such as [\"example.com\"], and \
             \"*.example.com\" for all domains below it; a name with other letters than a to z as \
             \"xn--…\". Remove the line to let everybody in the directory take part.",
        )
    })
}

/// The address that people use.
fn public_url(value: &DeValue<'_>) -> Result<String, Wrong> {
    address(
        value,
        "https://keys.example.com",
        "would send recovery keys through the network unprotected",
    )
}
