//! What every program on a machine needs, whatever it does: names, certificates, time zones,
//! libraries.

use std::path::{Path, PathBuf};

use clavis_config::needs::Needs;

/// Files and folders that the C library, the DNS resolver and TLS read while they run.
const READ: &[&str] = &[
    // Names of machines and of users.
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/group",
    // Certificates of authorities, as distributions have them.
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    // Time zones.
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    // Libraries: those that look names up are loaded when the first name is.
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    // What the machine has.
    "/sys/devices/system/cpu",
    "/dev/urandom",
];

/// What is written by whoever has nothing to say.
const NOWHERE: &str = "/dev/null";

/// Where systems keep programs, and what they are made of.
const PROGRAMS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// What programs read beside that.
const READ_BY_PROGRAMS: &[&str] = &[
    "/etc/alternatives",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/mime.types",
    "/dev/random",
    "/dev/zero",
    "/proc",
];

/// The port of the DNS, for answers that are too long for UDP.
const DNS: u16 = 53;

/// What Clavis needs whatever it is told to do.
pub(super) fn needs() -> Needs {
    Needs {
        read: paths(READ).collect(),
        write: paths(&[NOWHERE]).collect(),
        ..Needs::default()
    }
    .connecting([DNS])
}

/// What these programs need beside what their settings name: each with the folder that it is in.
pub(super) fn needs_of_programs(programs: &[PathBuf]) -> Needs {
    let real = programs.iter().filter_map(|path| path.canonicalize().ok());
    let folders = programs.iter().cloned().chain(real);
    let folders = folders.filter_map(|path| path.parent().map(Path::to_owned));
    let folders = folders.filter(|folder| folder != Path::new("/"));
    Needs {
        read: paths(READ_BY_PROGRAMS).collect(),
        execute: paths(PROGRAMS).chain(folders).collect(),
        ..Needs::default()
    }
}

/// Whether systemd hears of the start over an abstract socket, as it did once.
pub(super) fn is_notified_by_abstract_socket() -> bool {
    std::env::var_os("NOTIFY_SOCKET")
        .is_some_and(|socket| socket.as_encoded_bytes().starts_with(b"@"))
}

fn paths(names: &[&str]) -> impl Iterator<Item = PathBuf> {
    names.iter().map(PathBuf::from)
}
