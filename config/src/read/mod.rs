//! The whole configuration, part by part, and what must hold between the parts.

pub(crate) mod active_directory;
mod address;
mod alarms;
mod approval;
mod audit;
mod desks;
mod directory;
pub(crate) mod entra;
mod escrow;
mod feeds;
mod gates;
mod hardening;
mod mail;
mod programs;
mod proxy;
mod roles;
mod rotation;
mod senders;
mod server;
mod sign_in;
mod terms;
mod webhook;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::de::DeValue;

use crate::SecretFiles;
use crate::document::Section;
use crate::escrow::{EscrowKind, Surroundings};
use crate::problems::Wrong;
use crate::settings::{Settings, SignIn, Store};
use crate::values::text;

/// What the configuration's text leaves open: where its paths start, and what is in the files
/// with secrets.
pub(crate) struct Origin<'o> {
    pub(crate) folder: &'o Path,
    pub(crate) secrets: &'o dyn SecretFiles,
}

/// How the name of a credential begins.
const CREDENTIAL: &str = "credential:";

impl Origin<'_> {
    /// A path; a relative one starts from the folder of the configuration file.
    pub(crate) fn path(&self, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
        text(value).map(|text| self.folder.join(text))
    }

    /// The path of a file with a secret: as [`Self::path`], or a credential that systemd has passed
    /// on, `credential:NAME`.
    pub(crate) fn secret_path(&self, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
        match text(value)?.strip_prefix(CREDENTIAL) {
            Some(name) => self.secrets.credential(self.folder, name),
            None => self.path(value),
        }
    }

    /// The secret in the file that the value names.
    pub(crate) fn secret(&self, value: &DeValue<'_>) -> Result<SecretString, Wrong> {
        self.secrets.secret(&self.secret_path(value)?)
    }

    /// The private key in the file that the value names.
    fn private_key(&self, value: &DeValue<'_>) -> Result<SecretString, Wrong> {
        self.secrets.private_key(&self.secret_path(value)?)
    }

    /// The path of a file with the private key of a certificate, and whether it may be renewed.
    fn tls_key(&self, value: &DeValue<'_>) -> Result<(PathBuf, bool), Wrong> {
        let path = self.secret_path(value)?;
        self.secrets.tls_key(&path)?;
        Ok((path, !text(value)?.starts_with(CREDENTIAL)))
    }

    /// The path of a file that somebody else writes tokens into.
    fn token_file(&self, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
        let path = self.path(value)?;
        self.secrets.token_file(&path)?;
        Ok(path)
    }
}

/// Reads everything; `None` after reporting what cannot be done without.
pub(crate) fn settings<P>(
    root: &Section<'_>,
    origin: &Origin<'_>,
    kinds: &[EscrowKind<P>],
) -> Option<Settings<P>> {
    let server = root
        .required_table("server")
        .and_then(|s| server::server(&s, origin));
    let organisation = root
        .required_table("organisation")
        .and_then(|s| server::organisation(&s));
    let support = root
        .required_table("support")
        .and_then(|s| server::support(&s));
    let store = root.required_table("store").and_then(|s| store(&s, origin));
    let tenants = entra::tenants(root, origin);
    let domains = active_directory::domains(root, origin);
    let around = Surroundings {
        origin,
        domains: &domains,
        tenants: &tenants,
    };
    let escrow = escrow::backends(root, &around, kinds);
    let directory = root
        .required_table("directory")
        .and_then(|s| directory::directory(&s, &around, &escrow));
    let mail = root
        .required_table("mail")
        .and_then(|s| mail::mail(&s, origin, &tenants));
    let approval = root.optional_table("approval");
    let terms = terms::terms(
        approval.as_ref(),
        root.optional_table("links").as_ref(),
        rotation::rotate_after(root, &escrow),
    );
    let policy = approval::policy(approval.as_ref(), &escrow, directory.as_ref(), &terms);
    let sign_in = sign_in::sign_in(
        root.optional_table("sign_in").as_ref(),
        origin,
        directory.as_ref(),
    );
    let has_more = |it: &SignIn| !it.providers.is_empty() || it.proxy.is_some();
    let by_more_than_mail = sign_in.as_ref().is_some_and(has_more);
    let gates = gates::gates(root.optional_table("gates").as_ref(), by_more_than_mail);
    let alarms = alarms::alarms(root.optional_table("alarms").as_ref(), origin);
    let claiming = sign_in.as_ref().map_or(0, |it| {
        let providers = it.providers.iter();
        providers.filter(|it| it.roles_claim.is_some()).count()
    });
    let section = root.optional_table("roles");
    let roles = roles::roles(section.as_ref(), directory.as_ref(), claiming);
    if let Some(section) = section.filter(|_| !roles.break_glass.is_empty() && alarms.is_nobody()) {
        section.problem(
            "break_glass",
            "`break_glass` is set, and [alarms] names nobody who is told of it",
            "Add `mail = [\"secops@example.com\"]` to [alarms].",
        );
    }
    let (webhooks, notices) = programs::programs(root, origin);
    let desks = desks::desks(root, origin);
    let taken = desks.iter().flatten().map(|desk| desk.name.0.clone());
    let senders = senders::senders(root, origin, taken.collect());
    let section = root.optional_table("audit");
    let audit = audit::audit(section.as_ref(), origin);
    let feeds = feeds::feeds(section.as_ref(), origin, store.as_ref());
    let hardening = hardening::hardening(root.optional_table("hardening").as_ref());
    Some(Settings {
        server: server?,
        organisation: organisation?,
        support: support?,
        store: store?,
        entra: entra::settings(tenants)?,
        escrow: escrow::settings(escrow)?,
        directory: directory?,
        mail: mail?,
        policy,
        terms,
        gates,
        alarms,
        webhooks: webhooks?,
        notices: notices?,
        sign_in: sign_in?,
        roles,
        senders: senders?,
        desks: desks?,
        feeds: feeds?,
        audit,
        hardening,
    })
}

fn store(section: &Section<'_>, origin: &Origin<'_>) -> Option<Store> {
    section.by_kind(&[("sqlite", &|section| {
        let path = section.required("path", |value| origin.path(value))?;
        Some(Store::Sqlite { path })
    })])
}
