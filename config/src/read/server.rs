//! `[server]`, `[organisation]` and `[support]`: the front door, and whose it is.

use clavis_broker::mail_domains::MailDomains;
use toml::Spanned;
use toml::de::DeValue;

use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Colour, Organisation, Server, Support};
use crate::values::{ip, mail, socket, text, time_zone};

/// Reads `[server]`.
pub(super) fn server(section: &Section<'_>) -> Option<Server> {
    let listen = section.required("listen", socket);
    let public_url = section.required("public_url", public_url);
    let trusted_proxies = section.list("trusted_proxies", ip);
    let listen = listen?;
    if !listen.ip().is_loopback() && trusted_proxies.is_empty() {
        section.problem(
            "listen",
            "`listen` is reachable from other machines, in plain HTTP",
            "Listen on 127.0.0.1 behind a reverse proxy on this machine, or name the proxy that \
             connects from another one in `trusted_proxies`.",
        );
    }
    Some(Server {
        listen,
        public_url: public_url?,
        trusted_proxies,
    })
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
