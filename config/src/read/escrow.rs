//! `[[escrow]]`: where recovery keys lie.

use clavis_broker::devices::{BackendName, NamePattern, Serves};
use toml::de::DeValue;

use crate::document::Section;
use crate::escrow::{Connection, EscrowKind, Surroundings};
use crate::problems::Wrong;
use crate::settings::Escrow;
use crate::values::text;

/// An entry as far as it could be read, so that others can refer to one that has problems.
pub(super) struct Entry<P> {
    /// Its name, where it has one.
    pub(super) name: Option<BackendName>,
    /// The section with the connection that it uses, where it uses one.
    pub(super) connection: Option<Connection>,
    /// Whether it can have keys replaced; `None` where nobody knows its kind.
    rotates: Option<bool>,
    /// All of it, where it is sound.
    settings: Option<Escrow<P>>,
}

impl<P> Entry<P> {
    /// Whether it can have keys replaced, for all that is known.
    pub(super) fn may_rotate(&self) -> bool {
        self.rotates != Some(false)
    }

    /// Whether it reads a domain or a tenant, for all that is known.
    pub(super) fn may_be_connected(&self) -> bool {
        self.connection.is_some() || self.settings.is_none()
    }
}

/// Reads all `[[escrow]]`.
pub(super) fn backends<P>(
    root: &Section<'_>,
    around: &Surroundings<'_>,
    kinds: &[EscrowKind<P>],
) -> Vec<Entry<P>> {
    let mut entries: Vec<Entry<P>> = Vec::new();
    for section in root.tables("escrow") {
        let entry = entry(&section, around, kinds);
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
pub(super) fn settings<P>(entries: Vec<Entry<P>>) -> Option<Vec<Escrow<P>>> {
    entries
        .into_iter()
        .map(|entry| entry.settings)
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())
}

fn entry<P>(section: &Section<'_>, around: &Surroundings<'_>, kinds: &[EscrowKind<P>]) -> Entry<P> {
    let name = section.required("name", backend_name);
    let serves = Serves(section.list("serves", pattern));
    let Some(kind) = section.kind(kinds.iter().map(|kind| (kind.name, kind))) else {
        return Entry {
            name,
            connection: None,
            rotates: None,
            settings: None,
        };
    };
    let planned = (kind.read)(section, around);
    let settings = name.clone().zip(planned.plan);
    Entry {
        name,
        settings: settings.map(|(name, plan)| Escrow {
            name,
            serves,
            connection: planned.connection.clone(),
            plan,
        }),
        connection: planned.connection,
        rotates: Some(planned.rotates),
    }
}

/// A name in which `*` may stand for anything.
pub(super) fn pattern(value: &DeValue<'_>) -> Result<NamePattern, Wrong> {
    NamePattern::parse(&text(value)?).map_err(|_| {
        Wrong::new(
            "has an entry that is not the name of a device",
            "Write a name in which * may stand for anything, such as \"LT-*\".",
        )
    })
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
