//! Several organisations in one daemon, each with a configuration file of its own: they share
//! nothing, and what they would share is found before anything starts.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clavis_broker::units::Unit;
use uuid::Uuid;

use crate::escrow::EscrowKind;
use crate::load;
use crate::problems::{Problem, Problems};
use crate::settings::{Directory, FeedKind, Settings, Store};

/// Reads the configuration files of organisations that one daemon serves, as [`load`] reads each;
/// gives each file with its settings, in the same order.
///
/// # Errors
/// Everything that is wrong with any of them, and what keeps them from being served together.
pub fn load_all<'f, P>(
    files: &'f [PathBuf],
    kinds: &[EscrowKind<P>],
) -> Result<Vec<(&'f Path, Settings<P>)>, Problems> {
    let mut sound = Vec::new();
    let mut wrong = Vec::new();
    for file in files {
        match load(file, kinds) {
            Ok(settings) => sound.push((file.as_path(), settings)),
            Err(problems) => wrong.push(problems),
        }
    }
    wrong.extend(kept_apart(&sound).err());
    match Problems::joined(wrong) {
        Some(problems) => Err(problems),
        None => Ok(sound),
    }
}

/// Whether organisations, each with its file, have a host, a store and people of their own. Once the stores
/// were opened, all links to them lead somewhere: asked again then, the answer is certain.
///
/// # Errors
/// Every pair that does not, told at the later one's file.
pub fn kept_apart<P>(organisations: &[(&Path, Settings<P>)]) -> Result<(), Problems> {
    let mut found = Vec::new();
    for (at, (file, settings)) in organisations.iter().enumerate() {
        for (other_file, other) in &organisations[..at] {
            let mut report = |what: &str, remedy: &str| {
                found.push(Problem {
                    file: (*file).to_owned(),
                    line: None,
                    what: format!("{what} {}", other_file.display()),
                    remedy: remedy.to_owned(),
                });
            };
            if settings.server.host() == other.server.host() {
                report(
                    "`public_url` in [server] has the same host as that of",
                    "Give each organisation a host name of its own; another port is not enough, \
                     since browsers share cookies between all ports of a host.",
                );
            }
            let (server, other_server) = (&settings.server, &other.server);
            if server.listen == other_server.listen
                && server.tls.is_some() != other_server.tls.is_some()
            {
                report(
                    "`listen` in [server] is the same, with TLS in one and plain HTTP in the other, as that of",
                    "Give both `certificate_file` and `private_key_file`, or neither, or let them \
                     listen at different addresses.",
                );
            }
            if share_people(settings, other) {
                report(
                    "[directory] may have people of that of",
                    "Let each take part of them alone: give both `mail_domains` in [organisation] \
                     that do not meet, or a `search_base` apart; name tenants by their IDs. Whoever \
                     is in both could find and approve in both.",
                );
            }
            if fed_files(settings).any(|one| fed_files(other).any(|other| is_same_file(one, other)))
            {
                report(
                    "`path` in [[audit.feed]] is the same file as one of",
                    "Give each organisation files of its own: rows of one log have the numbers of \
                     another's.",
                );
            }
            if let (Some(one), Some(other)) = (&settings.audit.folder, &other.audit.folder)
                && is_same_file(one, other)
            {
                report(
                    "`checkpoint_folder` in [audit] is the same as that of",
                    "Give each organisation a folder of its own: two checkpoints of one size would \
                     look like two logs.",
                );
            }
            if is_hardened_otherwise(settings, other) {
                report(
                    "[hardening] is another than in",
                    "They are one process: write the same `mode` and `without` in both.",
                );
            }
            let (Store::Sqlite { path }, Store::Sqlite { path: other }) =
                (&settings.store, &other.store);
            if is_same_file(path, other) {
                report(
                    "`path` in [store] is the same file as that of",
                    "Give each organisation a database of its own.",
                );
            }
        }
    }
    Problems::of(found).map_or(Ok(()), Err)
}

/// The files that rows of the log go into.
fn fed_files<P>(settings: &Settings<P>) -> impl Iterator<Item = &Path> {
    settings.feeds.iter().filter_map(|feed| match &feed.kind {
        FeedKind::File { path } => Some(path.as_path()),
        FeedKind::Syslog(_) => None,
    })
}

/// Whether one process cannot be kept to both.
fn is_hardened_otherwise<P>(one: &Settings<P>, other: &Settings<P>) -> bool {
    // What either needs to reach, both can.
    let [one, other] = [one, other].map(|it| &it.hardening);
    one.mode != other.mode || one.without != other.without
}

/// Whether both may look the same people up, as far as their files tell, and nothing parts them.
fn share_people<P>(one: &Settings<P>, other: &Settings<P>) -> bool {
    let may_be_one = match (&one.directory, &other.directory) {
        // Different controllers may be of one domain.
        (Directory::ActiveDirectory(a), Directory::ActiveDirectory(b)) => {
            meet(a.search_base.as_deref(), b.search_base.as_deref())
        }
        // A tenant has an ID and several domains.
        (Directory::Entra(a), Directory::Entra(b)) => {
            let tenants = [tenant(one, &a.entra), tenant(other, &b.entra)];
            let ids = tenants.map(|tenant| tenant.and_then(|it| Uuid::parse_str(it).ok()));
            !matches!(ids, [Some(a), Some(b)] if a != b)
        }
        _ => false,
    };
    let domains = [one, other].map(|it| it.organisation.mail_domains.as_ref());
    may_be_one && !matches!(domains, [Some(a), Some(b)] if !a.meet(b))
}

/// Whether two search bases have something in common. None is a whole domain, whichever that is.
fn meet(one: Option<&str>, other: Option<&str>) -> bool {
    let [Some(one), Some(other)] = [one, other] else {
        return true;
    };
    match (Unit::parse(one), Unit::parse(other)) {
        (Ok(a), Ok(b)) => a.holds(other) || b.holds(one),
        _ => true,
    }
}

/// The tenant of an application, where it is named.
fn tenant<'s, P>(settings: &'s Settings<P>, entra: &str) -> Option<&'s str> {
    let mut all = settings.entra.iter();
    all.find(|it| it.name == entra)?.identity.tenant()
}

/// Whether two paths lead to one file, by whatever links. A file that is not there yet is told by
/// its name in its folder.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        (Err(_), Err(_)) => place(one) == place(other),
        _ => false,
    }
}

fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return path.to_owned(),
    };
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}
