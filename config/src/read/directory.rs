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
            let escrow = escrow_of_people(section, escrow, connection.as_ref());
            Some(Directory::ActiveDirectory(AdDirectory {
                domain: domain?,
                search_base,
                escrow,
                owner_attribute,
            }))
        }),
        ("entra", &|section| {
            let entra = around.tenant(section);
            let connection = entra.clone().map(Connection::Entra);
            let escrow = escrow_of_people(section, escrow, connection.as_ref());
            Some(Directory::Entra(EntraDirectory {
                entra: entra?,
                escrow,
            }))
        }),
        ("file", &|section| {
            let path = section.required("path", |value| around.path(value));
            let escrow = escrow_of_the_file(section, escrow);
            Some(Directory::File {
                path: path?,
                escrow: escrow?,
            })
        }),
    ])
}

/// The backend that has the devices of people in a domain or a tenant, if any has. A computer that
/// is synchronised has one ID in both, so that it may be over either of them.
///
/// Nothing is said where something else that has problems could be the cause.
fn escrow_of_people<P>(
    section: &Section<'_>,
    entries: &[Entry<P>],
    connection: Option<&Connection>,
) -> Option<BackendName> {
    if section.has("escrow") {
        return named(
            section,
            entries,
            Entry::may_be_connected,
            "over a domain or a tenant",
        );
    }
    let over = |fits: &dyn Fn(&Connection) -> bool| -> Vec<&BackendName> {
        let fitting = entries
            .iter()
            .filter(|entry| entry.connection.as_ref().is_some_and(fits));
        fitting.filter_map(|entry| entry.name.as_ref()).collect()
    };
    let connection = connection?;
    match over(&|it| it == connection)[..] {
        [] => match over(&|_| true)[..] {
            [] => None,
            [only] => Some(only.clone()),
            ref several => ambiguous(section, several, "over a domain or a tenant"),
        },
        [only] => Some(only.clone()),
        ref several => ambiguous(section, several, over_the_same(connection)),
    }
}

fn over_the_same(connection: &Connection) -> &'static str {
    match connection {
        Connection::ActiveDirectory(_) => "over the same domain",
        Connection::Entra(_) => "over the same tenant",
    }
}

/// The backend that has the devices of a file's people.
fn escrow_of_the_file<P>(section: &Section<'_>, entries: &[Entry<P>]) -> Option<BackendName> {
    if section.has("escrow") {
        return named(section, entries, |_| true, "at all");
    }
    let names: Option<Vec<_>> = entries.iter().map(|entry| entry.name.as_ref()).collect();
    match names?[..] {
        [] => None,
        [only] => Some(only.clone()),
        ref several => ambiguous(section, several, "at all"),
    }
}

/// The backend that `escrow` names.
fn named<P>(
    section: &Section<'_>,
    entries: &[Entry<P>],
    fits: impl Fn(&Entry<P>) -> bool,
    which: &str,
) -> Option<BackendName> {
    let named = section.optional("escrow", backend_name)?;
    if entries.is_empty() || entries.iter().any(|entry| entry.name.is_none()) {
        return Some(named);
    }
    let fitting: Vec<&BackendName> = entries
        .iter()
        .filter(|entry| fits(entry))
        .filter_map(|entry| entry.name.as_ref())
        .collect();
    if fitting.contains(&&named) {
        return Some(named);
    }
    section.problem(
        "escrow",
        format!("`escrow` names no [[escrow]] section {which}"),
        if fitting.is_empty() {
            "Add such a section, or remove the line.".to_owned()
        } else {
            format!("Write {}.", choice(&fitting))
        },
    );
    None
}

fn ambiguous(section: &Section<'_>, among: &[&BackendName], which: &str) -> Option<BackendName> {
    section.problem(
        "escrow",
        format!("there is more than one [[escrow]] section {which}"),
        format!(
            "Say which one has people's devices: `escrow = {}`.",
            choice(among)
        ),
    );
    None
}

fn choice(names: &[&BackendName]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(" or ")
}
