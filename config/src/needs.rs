//! What the parts of these settings reach while they run: files and TCP ports.
//!
//! Each part says it of itself, so that a process can be kept to it. What is read once, before
//! anything runs, is not in it: the configuration and the secrets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use crate::settings::{
    AdDomain, Channel, Controllers, DeskKind, Directory, Entra, EntraCredential, EntraIdentity,
    FeedKind, LdapSecurity, MailKind, Provider, Settings, Store, SyslogSecurity, Webhook,
};

/// What parts reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files, and folders with all that is in them, to read.
    pub read: BTreeSet<PathBuf>,
    /// Folders in which files are made, changed and removed.
    pub write: BTreeSet<PathBuf>,
    /// Programs to start.
    pub execute: BTreeSet<PathBuf>,
    /// TCP ports to connect to.
    pub connect: BTreeSet<u16>,
    /// TCP ports to listen on.
    pub listen: BTreeSet<u16>,
    /// Whether more is reached than the settings tell.
    pub untold: bool,
}

impl Needs {
    /// A file that is read as it is.
    #[must_use]
    pub fn reading(mut self, file: &Path) -> Self {
        self.read.insert(file.to_owned());
        self
    }

    /// A file that somebody else replaces from time to time, by a new one of its name: with the
    /// folder that it is in, and the one that it leads to.
    #[must_use]
    pub fn reading_anew(mut self, file: &Path) -> Self {
        self.read.extend(folders(file));
        self
    }

    /// A file that is changed, and has others beside it.
    #[must_use]
    pub fn writing_beside(mut self, file: &Path) -> Self {
        self.write.extend(folders(file));
        self
    }

    /// A folder that files are made in, and that is made itself where it is missing.
    #[must_use]
    pub fn writing_into(mut self, folder: &Path) -> Self {
        if folder.is_dir() {
            self.write.insert(folder.to_owned());
            self
        } else {
            self.writing_beside(folder)
        }
    }

    /// TCP ports to connect to.
    #[must_use]
    pub fn connecting(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.connect.extend(ports);
        self
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.read.extend(other.read);
        self.write.extend(other.write);
        self.execute.extend(other.execute);
        self.connect.extend(other.connect);
        self.listen.extend(other.listen);
        self.untold |= other.untold;
        self
    }
}

impl<P> Settings<P> {
    /// What the parts of these settings reach, but for the escrow backends: each plan says that of
    /// itself.
    pub fn needs(&self) -> Needs {
        // Each field by its name, so that nobody adds one without thinking of this.
        let Self {
            server,
            organisation: _,
            support: _,
            store,
            entra,
            escrow: _,
            directory,
            mail,
            policy: _,
            terms: _,
            gates: _,
            alarms,
            webhooks,
            notices,
            sign_in,
            roles: _,
            senders: _,
            desks,
            feeds,
            audit,
            hardening,
        } = self;
        let mut needs = Needs::default();
        needs.listen.insert(server.listen.port());
        if let Some(pair) = &server.tls {
            needs = needs.reading_anew(&pair.certificate);
            // The folder of credentials has all the others as well.
            needs = if pair.is_renewed {
                needs.reading_anew(&pair.private_key)
            } else {
                needs.reading(&pair.private_key)
            };
        }
        needs.read.extend(hardening.read.iter().cloned());
        let Store::Sqlite { path } = store;
        needs = needs
            .writing_beside(path)
            .connecting(hardening.connect.iter().copied());
        if let Some(folder) = &audit.folder {
            needs = needs.writing_into(folder);
        }
        let parts = entra.iter().map(Entra::needs);
        let parts = parts.chain(sign_in.providers.iter().map(Provider::needs));
        let parts = parts.chain(feeds.iter().map(|feed| feed.kind.needs()));
        let parts = parts.chain(desks.iter().map(|desk| desk.kind.needs()));
        let parts = parts.chain([directory.needs(), mail.kind.needs()]);
        let hooks = [&alarms.webhook, &audit.webhook].into_iter().flatten();
        let hooks = hooks.chain(webhooks.iter().map(|it| &it.webhook));
        let parts = parts.chain(notices.iter().map(Channel::needs));
        let parts = parts.chain(hooks.map(Webhook::needs));
        parts.fold(needs, Needs::and)
    }
}

impl Directory {
    fn needs(&self) -> Needs {
        match self {
            Self::ActiveDirectory(it) => it.domain.needs(),
            Self::Entra(_) => Needs::default(),
            Self::File { path, escrow: _ } => Needs::default().reading(path),
        }
    }
}

impl MailKind {
    fn needs(&self) -> Needs {
        match self {
            Self::Smtp(smtp) => {
                let needs = Needs::default().connecting([smtp.port]);
                smtp.ca_file
                    .iter()
                    .fold(needs, |needs, it| needs.reading(it))
            }
            Self::Graph(_) => Needs::default(),
            Self::Folder { path } => Needs::default().writing_into(path),
        }
    }
}

impl DeskKind {
    fn needs(&self) -> Needs {
        match self {
            // It says itself where tokens are had; the usual port is taken to be among those.
            Self::Halo(halo) => {
                let needs = Needs::default().connecting([443, port_of_url(&halo.url)]);
                halo.ca_file
                    .iter()
                    .fold(needs, |needs, it| needs.reading(it))
            }
        }
    }
}

impl FeedKind {
    fn needs(&self) -> Needs {
        match self {
            Self::Syslog(collector) => {
                let needs = Needs::default().connecting([collector.port]);
                match &collector.security {
                    SyslogSecurity::Tls { ca_file } => {
                        ca_file.iter().fold(needs, |needs, it| needs.reading(it))
                    }
                    SyslogSecurity::Plain => needs,
                }
            }
            // It may be rotated away, and is then made anew.
            Self::File { path } => Needs::default().writing_beside(path),
        }
    }
}

impl AdDomain {
    /// What a connection to it reaches.
    pub fn needs(&self) -> Needs {
        let usual = match self.security {
            LdapSecurity::Ldaps => 636,
            LdapSecurity::StartTls => 389,
        };
        let needs = match &self.controllers {
            Controllers::Named(hosts) => {
                let ports = hosts.iter().map(|host| port_of(host).unwrap_or(usual));
                Needs::default().connecting(ports)
            }
            Controllers::Discovered { dns_server, .. } => {
                let dns = dns_server.map(|server| server.port());
                Needs::default().connecting(dns).connecting([usual])
            }
        };
        self.ca_file
            .iter()
            .fold(needs, |needs, it| needs.reading(it))
    }
}

impl Entra {
    fn needs(&self) -> Needs {
        let urls = [&self.graph_url, &self.login_url];
        let needs =
            Needs::default().connecting(urls.map(|url| url.as_deref().map_or(443, port_of_url)));
        match &self.identity {
            EntraIdentity::Managed { .. } => {
                let metadata = self.identity_url.as_deref().map_or(80, port_of_url);
                needs.connecting([metadata])
            }
            EntraIdentity::App { credential, .. } => match credential {
                EntraCredential::Secret(_) => needs,
                EntraCredential::Certificate { certificate, .. } => needs.reading(certificate),
                EntraCredential::Federated { token_file } => needs.reading_anew(token_file),
            },
        }
    }
}

impl Provider {
    fn needs(&self) -> Needs {
        // The issuer says where else it is reached; the usual port is taken to be among those.
        let needs = Needs::default().connecting([443, port_of_url(&self.issuer)]);
        self.ca_file
            .iter()
            .fold(needs, |needs, it| needs.reading(it))
    }
}

impl Webhook {
    fn needs(&self) -> Needs {
        let needs = Needs::default().connecting([port_of_url(&self.url)]);
        self.ca_file
            .iter()
            .fold(needs, |needs, it| needs.reading(it))
    }
}

impl Channel {
    fn needs(&self) -> Needs {
        let needs = Needs::default().connecting([port_of_url(self.url.expose_secret())]);
        self.ca_file
            .iter()
            .fold(needs, |needs, it| needs.reading(it))
    }
}

/// The port of an address that begins with `https://` or `http://`.
pub fn port_of_url(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let place = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = place.rsplit('@').next().unwrap_or(place);
    port_of(host).unwrap_or(if scheme == "http" { 80 } else { 443 })
}

/// The port of `host:port`; the colons of an IPv6 address name none.
fn port_of(host: &str) -> Option<u16> {
    let (name, port) = host.rsplit_once(':')?;
    if name.contains(':') && !name.ends_with(']') {
        return None;
    }
    port.parse().ok()
}

/// The folder of a file, and of what it leads to. A file at the very root stands for itself: its
/// folder is everything.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let led_to = file.canonicalize().ok();
    let files = [Some(file.to_owned()), led_to].into_iter().flatten();
    let folder = |file: PathBuf| match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) if folder != Path::new("/") => folder.to_owned(),
        _ => file,
    };
    files.map(folder).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn ports_are_those_of_the_address_or_the_usual_ones() {
        for (url, port) in [
            ("https://graph.example.com", 443),
            ("https://graph.example.com/v1.0", 443),
            ("http://169.254.169.254/metadata", 80),
            ("http://127.0.0.1:40342/x:1", 40342),
            ("https://[2001:db8::1]", 443),
            ("https://[2001:db8::1]:8443/", 8443),
            ("http://user:secret@proxy.example.com:3128", 3128),
        ] {
            assert_eq!(port_of_url(url), port, "{url}");
        }
        assert_eq!(port_of("dc1.example.com:3636"), Some(3636));
        assert_eq!(port_of("dc1.example.com"), None);
        assert_eq!(port_of("2001:db8::636"), None);
    }

    #[test]
    fn a_file_that_is_replaced_is_read_where_it_is_and_where_it_leads() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for folder in ["live", "archive"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        fs::write(root.join("archive/cert2.pem"), "").unwrap();
        symlink(root.join("archive/cert2.pem"), root.join("live/cert.pem")).unwrap();
        let needs = Needs::default().reading_anew(&root.join("live/cert.pem"));
        let both = [root.join("archive"), root.join("live")];
        assert_eq!(needs.read, BTreeSet::from(both));
        // One that is not there yet is looked for where it will be.
        let needs = Needs::default().reading_anew(Path::new("/nowhere/token"));
        assert_eq!(needs.read, BTreeSet::from([PathBuf::from("/nowhere")]));
        // And a folder that is everything is never named.
        let needs = Needs::default().writing_beside(Path::new("/clavis.db"));
        assert_eq!(needs.write, BTreeSet::from([PathBuf::from("/clavis.db")]));
        let needs = Needs::default().writing_beside(Path::new("clavis.db"));
        assert!(needs.write.contains(Path::new(".")));
    }
}
