//! `[directory]`: who people are, and which escrow backend has their devices.

use clavis_broker::devices::BackendName;

use super::escrow::{Entry, backend_name};
use crate::document::Section;
use crate::escrow::{Connection, Surroundings};
use crate::settings::{AdDirectory, Directory, EntraDirectory};
use crate::values::{dn, owner_attribute};

/// Reads `[directory]`.
pub(super) fn directory<P>(
    section: &Section<'_>,
    around: &Surroundings<'_>,
    escrow: &[Entry<P>],
) -> Option<Directory> {
    section.by_kind(&[
        ("active_directory", &|section| {
            let (connection, domain) = around.domain(section);
            let search_base = section.optional("search_base", dn);
            let owner_attribute = owner_attribute(section);
            let same_domain =
                |entry: &Entry<P>| connection.is_none() || entry.connection == connection;
            let escrow = escrow_of(
                section,
                escrow,
                connection.is_some(),
                same_domain,
                "over the same domain",
            );
            Some(Directory::ActiveDirectory(AdDirectory {
                domain: domain?,
                search_base,
                escrow: escrow?,
                owner_attribute,
            }))
        }),
        ("entra", &|section| {
            let entra = around.tenant(section);
            let connection = entra.clone().map(Connection::Entra);
            // A computer of Active Directory has the same ID in Entra ID once it is synchronised.
            let is_named = section.has("escrow");
            let same_tenant = |entry: &Entry<P>| {
                is_named && entry.connection.is_some()
                    || connection.is_none()
                    || entry.connection == connection
            };
            let escrow = escrow_of(
                section,
                escrow,
                connection.is_some(),
                same_tenant,
                "over the same tenant",
            );
            Some(Directory::Entra(EntraDirectory {
                entra: entra?,
                escrow: escrow?,
            }))
        }),
        ("file", &|section| {
            let path = section.required("path", |value| around.path(value));
            let escrow = escrow_of(section, escrow, true, |_| true, "at all");
            Some(Directory::File {
                path: path?,
                escrow: escrow?,
            })
        }),
    ])
}

/// The backend that `escrow` names, or the only one that fits. Nothing is said where the backends
/// themselves have problems that could be the cause, or where it is not known what has to fit.
fn escrow_of<P>(
    section: &Section<'_>,
    entries: &[Entry<P>],
    is_known: bool,
    fits: impl Fn(&Entry<P>) -> bool,
    which: &str,
) -> Option<BackendName> {
    let named = section.optional("escrow", backend_name);
    if entries.is_empty() || entries.iter().any(|entry| entry.name.is_none()) {
        return named;
    }
    let fitting: Vec<&BackendName> = entries
        .iter()
        .filter(|entry| fits(entry))
        .filter_map(|entry| entry.name.as_ref())
        .collect();
    let choice = fitting
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(" or ");
    if section.has("escrow") {
        let named = named?;
        if fitting.contains(&&named) {
            return Some(named);
        }
        section.problem(
            "escrow",
            format!("`escrow` names no [[escrow]] section {which}"),
            if choice.is_empty() {
                "Add such a section.".to_owned()
            } else {
                format!("Write {choice}.")
            },
        );
        return None;
    }
    if !is_known {
        return None;
    }
    match fitting[..] {
        [only] => Some(only.clone()),
        [] => {
            section.problem(
                "escrow",
                format!("there is no [[escrow]] section {which}"),
                "Add one: a person's devices are looked up there.",
            );
            None
        }
        _ => {
            section.problem(
                "escrow",
                format!("there is more than one [[escrow]] section {which}"),
                format!("Say which one has people's devices: `escrow = {choice}`."),
            );
            None
        }
    }
}
