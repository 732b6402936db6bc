//! `[[audit.feed]]`: where rows of the log go beside the store.

use std::path::Path;

use clavis_broker::export::Format;
use toml::de::DeValue;

use super::Origin;
use super::address::{host_of, is_loopback};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Feed, FeedKind, Store, Syslog, SyslogSecurity};
use crate::values::{text, truth};

/// Reads the feeds of `[audit]`, which may be missing; `None` where one is not sound.
pub(super) fn feeds(
    audit: Option<&Section<'_>>,
    origin: &Origin<'_>,
    store: Option<&Store>,
) -> Option<Vec<Feed>> {
    let sections = audit.map_or_else(Vec::new, |audit| audit.tables("feed"));
    let mut names = Vec::new();
    let mut feeds: Vec<Feed> = Vec::new();
    let mut all_sound = true;
    for section in sections {
        let name = section.required("name", name);
        if let Some(name) = &name {
            if names.contains(name) {
                section.problem(
                    "name",
                    "`name` is that of an earlier [[audit.feed]] section",
                    "Give each of them a name of its own: it keeps its place in the log by it.",
                );
            }
            names.push(name.clone());
        }
        match feed(&section, name, origin) {
            Some(feed) => {
                if let FeedKind::File { path } = &feed.kind {
                    apart(&section, path, &feeds, store);
                }
                feeds.push(feed);
            }
            None => all_sound = false,
        }
    }
    all_sound.then_some(feeds)
}

/// Reports a file that something else is written to.
fn apart(section: &Section<'_>, path: &Path, earlier: &[Feed], store: Option<&Store>) {
    let is_it = |feed: &Feed| matches!(&feed.kind, FeedKind::File { path: other } if other == path);
    let is_store = |Store::Sqlite { path: other }: &Store| other == path;
    let whose = if store.is_some_and(is_store) {
        "is the database of [store]"
    } else if earlier.iter().any(is_it) {
        "is the file of an earlier [[audit.feed]] section"
    } else {
        return;
    };
    section.problem(
        "path",
        format!("`path` {whose}"),
        "Name a file that nothing else is written to.",
    );
}

fn feed(section: &Section<'_>, name: Option<String>, origin: &Origin<'_>) -> Option<Feed> {
    let kind = section.by_kind(&[
        ("syslog", &|section| {
            let format = section.optional("format", format);
            Some((format, FeedKind::Syslog(syslog(section, origin)?)))
        }),
        ("file", &|section| {
            let format = section.optional("format", format);
            let path = section.required("path", |value| origin.path(value))?;
            Some((format, FeedKind::File { path }))
        }),
    ]);
    let (format, kind) = kind?;
    Some(Feed {
        name: name?,
        format: format.unwrap_or(Format::Json),
        kind,
    })
}

fn syslog(section: &Section<'_>, origin: &Origin<'_>) -> Option<Syslog> {
    let address = section.required("address", address);
    let is_plain = section.optional("security", security).unwrap_or(false);
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let readable = section.optional("readable_on_the_way", truth);
    let is_near = (address.as_ref()).is_none_or(|(host, _)| is_loopback(host));
    if is_plain && ca_file.is_some() {
        section.problem(
            "ca_file",
            "`ca_file` has no use with `security = \"none\"`",
            "Remove it, or write `security = \"tls\"`.",
        );
    }
    if is_plain && !is_near && readable != Some(true) {
        section.problem(
            "security",
            "`security = \"none\"` lets everybody on the way read and change who asked for which keys",
            "Write `security = \"tls\"`; \"none\" is for a collector on this machine. Where it has to \
             be, add `readable_on_the_way = true`.",
        );
    }
    let (host, port) = address?;
    let security = if is_plain {
        SyslogSecurity::Plain
    } else {
        SyslogSecurity::Tls { ca_file }
    };
    Some(Syslog {
        host,
        port,
        security,
    })
}

/// A name that is fit for the log and for the store.
pub(super) fn name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let sound = name.len() <= 40 && name.chars().all(is_word);
    sound.then_some(name).ok_or_else(|| {
        Wrong::new(
            "is not a name of at most 40 letters from a to z, digits, dashes, dots and underscores",
            "Write a word such as \"siem\".",
        )
    })
}

fn format(value: &DeValue<'_>) -> Result<Format, Wrong> {
    match value.as_str() {
        Some("json") => Ok(Format::Json),
        Some("cef") => Ok(Format::Cef),
        Some("ocsf") => Ok(Format::Ocsf),
        _ => Err(Wrong::new(
            "is none of \"json\", \"cef\" and \"ocsf\"",
            "Write one of them.",
        )),
    }
}

/// Whether the connection is unprotected.
fn security(value: &DeValue<'_>) -> Result<bool, Wrong> {
    match value.as_str() {
        Some("tls") => Ok(false),
        Some("none") => Ok(true),
        _ => Err(Wrong::new(
            "is neither \"tls\" nor \"none\"",
            "Write one of them.",
        )),
    }
}

/// `host:port` or `[address]:port`.
fn address(value: &DeValue<'_>) -> Result<(String, u16), Wrong> {
    let place = text(value)?;
    let read = || {
        let host = host_of(&place)?;
        let (_, port) = place
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'))?;
        Some((host.to_owned(), port.parse().ok()?))
    };
    read().ok_or_else(|| {
        Wrong::new(
            "is not a server with a port",
            "Write both, such as \"siem.example.com:6514\" or \"[2001:db8::7]:6514\".",
        )
    })
}
