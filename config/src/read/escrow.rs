//! `[[escrow]]`: where recovery keys lie.

use clavis_broker::devices::BackendName;
use toml::de::DeValue;

use super::Origin;
use super::active_directory::{Domains, dn, named, owner_attribute};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{AdEscrow, Escrow, EscrowKind};
use crate::values::text;

/// An entry as far as it could be read, so that others can refer to one that has problems.
pub(super) struct Entry {
    /// Its name, where it has one.
    pub(super) name: Option<BackendName>,
    /// The Active Directory domain that it reads, where it reads one.
    pub(super) domain: Option<String>,
    /// All of it, where it is sound.
    settings: Option<Escrow>,
}

/// Reads all `[[escrow]]`.
pub(super) fn backends(root: &Section<'_>, origin: &Origin<'_>, domains: &Domains) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for section in root.tables("escrow") {
        let entry = entry(&section, origin, domains);
        if entry.name.is_some() && entries.iter().any(|earlier| earlier.name == entry.name) {
            section.problem(
                "name",
                "`name` is that of an earlier [[escrow]] section",
                "Give each of them a name of its own.",
            );
        }
        entries.push(entry);
    }
    if !root.has("escrow") {
        root.missing_table(
            "[[escrow]]",
            "Add at least one; the example configuration shows what belongs into it.",
        );
    }
    entries
}

/// The settings of all entries; `None` where one is not sound, or there is none.
pub(super) fn settings(entries: Vec<Entry>) -> Option<Vec<Escrow>> {
    entries
        .into_iter()
        .map(|entry| entry.settings)
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())
}

fn entry(section: &Section<'_>, origin: &Origin<'_>, domains: &Domains) -> Entry {
    let name = section.required("name", backend_name);
    let read = section.by_kind(&[
        ("active_directory", &|section| {
            Some(active_directory(section, domains))
        }),
        ("file", &|section| {
            let path = section.required("path", |value| origin.path(value));
            Some((None, path.map(|path| EscrowKind::File { path })))
        }),
    ]);
    let (domain, kind) = read.unwrap_or_default();
    let settings = name.clone().zip(kind);
    Entry {
        name,
        domain,
        settings: settings.map(|(name, kind)| Escrow { name, kind }),
    }
}

fn active_directory(
    section: &Section<'_>,
    domains: &Domains,
) -> (Option<String>, Option<EscrowKind>) {
    let (name, domain) = named(section, domains);
    let search_base = section.optional("search_base", dn);
    let known_device = section.optional("known_device", text);
    let owner_attribute = owner_attribute(section);
    let kind = domain.map(|domain| {
        EscrowKind::ActiveDirectory(AdEscrow {
            domain,
            search_base,
            known_device,
            owner_attribute,
        })
    });
    (name, kind)
}

/// The name of a backend: a word or a few, without the slash that parts it from a device's ID.
pub(super) fn backend_name(value: &DeValue<'_>) -> Result<BackendName, Wrong> {
    let name = text(value)?;
    if name.chars().count() > 64 || name.contains('/') {
        return Err(Wrong::new(
            "is too long, or has a slash in it",
            "Write a short name that people recognise, such as \"corp\".",
        ));
    }
    Ok(BackendName(name))
}
