//! `[sign_in.proxy]`: a reverse proxy that says in a header who people are.

use std::net::IpAddr;

use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{ProxyPersonBy, SignInProxy};
use crate::values::{ip, text};

/// What people are known by where the section does not say.
const WORK_ACCOUNT: &str = "your work account";

/// The longest name on the button, in characters.
const LONGEST_NAME: usize = 40;

/// Headers that browsers write themselves, or that say something else.
const TAKEN: [&str; 14] = [
    "accept",
    "accept-language",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
];

/// Reads `[sign_in.proxy]`.
pub(super) fn proxy(section: &Section<'_>) -> Option<SignInProxy> {
    let header = section.required("header", header);
    let from = section.required("from", addresses);
    let person_by = section.required("person_by", |value| match value.as_str() {
        Some("login") => Ok(ProxyPersonBy::Login),
        Some("mail") => Ok(ProxyPersonBy::Mail),
        _ => Err(Wrong::new(
            "is no way to find a person",
            "Write \"login\" or \"mail\".",
        )),
    });
    let name = section.optional("name", name);
    Some(SignInProxy {
        header: header?,
        from: from?,
        person_by: person_by?,
        name: name.unwrap_or_else(|| WORK_ACCOUNT.to_owned()),
    })
}

/// From where the proxy connects.
fn addresses(value: &DeValue<'_>) -> Result<Vec<IpAddr>, Wrong> {
    let how = "Name the addresses that the proxy connects from, such as [\"10.0.0.5\"]: from any \
               other one, the header is anybody's.";
    let DeValue::Array(items) = value else {
        return Err(Wrong::new("is not a list", how));
    };
    if items.is_empty() {
        return Err(Wrong::new("names no proxy", how));
    }
    items.iter().map(|item| ip(item.get_ref())).collect()
}

/// The name of a header (RFC 9110, section 5.6.2), in lower case.
fn header(value: &DeValue<'_>) -> Result<String, Wrong> {
    let header = text(value)?.to_ascii_lowercase();
    let sound = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if header.len() > 64 || !header.bytes().all(sound) {
        return Err(Wrong::new(
            "is not the name of a header",
            "Write it in letters, digits and dashes, such as \"X-Remote-User\": servers take an \
             underscore for a dash, or drop the header.",
        ));
    }
    if TAKEN.contains(&&*header) {
        return Err(Wrong::new(
            "is a header that browsers and proxies use for something else",
            "Write one that the proxy alone sets, such as \"X-Remote-User\".",
        ));
    }
    Ok(header)
}

fn name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    if name.chars().count() <= LONGEST_NAME {
        Ok(name)
    } else {
        Err(Wrong::new(
            "is too long for a button",
            "Write at most 40 characters, such as \"your Windows account\".",
        ))
    }
}
