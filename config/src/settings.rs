//! What can be set, typed. A value of [`Settings`] has been checked as a whole.

mod alarms;
mod desks;
mod entra;
mod feeds;
mod hardening;
mod programs;
mod sign_in;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clavis_broker::devices::{BackendName, Serves};
use clavis_broker::lifecycle::Terms;
use clavis_broker::mail_domains::MailDomains;
use clavis_broker::people::MailAddress;
use clavis_broker::policy::Policy;
use clavis_broker::proof::note::Signer;
use clavis_broker::roles::RoleGroups;
use clavis_broker::service::Gates;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::escrow::Connection;

pub use alarms::Alarms;
pub use desks::{Desk, DeskKind, Halo, HaloAssetField, HaloStatuses, HaloWebhook};
pub use entra::{Cloud, Entra, EntraCredential, EntraIdentity};
pub use feeds::{Feed, FeedKind, Syslog, SyslogSecurity};
pub use hardening::{Hardening, HardeningMode, Measure};
pub use programs::{Channel, ChannelKind, Sender, Subscriber, Webhook};
pub use sign_in::{PersonBy, Provider, ProxyPersonBy, SignIn, SignInProxy};

/// Everything. `P` is what the kinds of escrow backends make of their sections.
#[derive(Debug, Clone)]
pub struct Settings<P> {
    /// The front door.
    pub server: Server,
    /// Whose installation this is.
    pub organisation: Organisation,
    /// Whom to call.
    pub support: Support,
    /// Where requests and the log are kept.
    pub store: Store,
    /// Applications in Entra ID, by which parts below reach it; each with a name of its own.
    pub entra: Vec<Entra>,
    /// Where recovery keys lie; at least one.
    pub escrow: Vec<Escrow<P>>,
    /// Who people are.
    pub directory: Directory,
    /// How mails leave.
    pub mail: Mail,
    /// Who approves.
    pub policy: Policy,
    /// How long things may take.
    pub terms: Terms,
    /// What is needed beside a link.
    pub gates: Gates,
    /// Who is told of what is odd.
    pub alarms: Alarms,
    /// Programs elsewhere that are told what becomes of requests.
    pub webhooks: Vec<Subscriber>,
    /// Channels that are told of reviews that wait.
    pub notices: Vec<Channel>,
    /// Signing in.
    pub sign_in: SignIn,
    /// Who has which role.
    pub roles: RoleGroups,
    /// Programs elsewhere that send messages; each with a name of its own.
    pub senders: Vec<Sender>,
    /// Service desks whose tickets ask for keys; each with a name of its own.
    pub desks: Vec<Desk>,
    /// Where rows of the log go beside the store; each with a name of its own.
    pub feeds: Vec<Feed>,
    /// Checkpoints of the log, and how long it names people.
    pub audit: Audit,
    /// What the process is kept to.
    pub hardening: Hardening,
}

/// Checkpoints of the log, and how long it names people.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// Who signs checkpoints; none are made where nobody does.
    pub signer: Option<Arc<Signer>>,
    /// How often one is made, where rows have come.
    pub every: SignedDuration,
    /// The folder that they are written to.
    pub folder: Option<PathBuf>,
    /// Who gets them by mail.
    pub mail: Vec<MailAddress>,
    /// Which program gets them.
    pub webhook: Option<Webhook>,
    /// How long personal fields of rows are kept; for ever where there is no end.
    pub keep_for: Option<SignedDuration>,
}

/// The front door.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where to listen: any address with TLS; in plain HTTP a loopback address, or one that a named
    /// proxy reaches.
    pub listen: SocketAddr,
    /// The address that people use, without a slash at the end: `https://keys.example.com`.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// With what TLS is spoken; plain HTTP without it.
    pub tls: Option<CertificateFiles>,
    /// How much may go on at once.
    pub room: Room,
}

/// A certificate and its private key, in PEM files that are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and after it those that lead to an authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// Whether the key may be renewed while the daemon runs: a credential is not.
    pub is_renewed: bool,
}

/// How much may go on at once at the front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Connections, from everywhere.
    pub connections: u32,
    /// Connections from one source: an IPv4 address, or a /64 of IPv6.
    pub connections_per_source: u32,
    /// Requests in work.
    pub requests: u32,
}

impl Server {
    /// The host that people use, without its port.
    pub fn host(&self) -> &str {
        let (_, place) = self.public_url.split_once("://").unwrap_or_default();
        match place.split_once(']') {
            Some((address, _)) => address.trim_start_matches('['),
            None => place.split(':').next().unwrap_or(place),
        }
    }
}

/// Whose installation this is.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// The name on pages and in mails.
    pub name: String,
    /// The colour of pages and letters.
    pub colour: Colour,
    /// The time zone of times on pages and in mails: an IANA name.
    pub time_zone: jiff::tz::TimeZone,
    /// Whose people take part: those with an address in these domains. Everybody in the directory
    /// when not set.
    pub mail_domains: Option<MailDomains>,
}

/// The colour of pages and letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// Blue.
    #[default]
    Blue,
    /// Green.
    Green,
    /// Teal.
    Teal,
    /// Violet.
    Violet,
    /// Wine red.
    Wine,
    /// Slate grey.
    Slate,
}

/// Whom people call when Clavis cannot help them.
#[derive(Debug, Clone)]
pub struct Support {
    /// A telephone number, as people write it.
    pub phone: String,
    /// When somebody answers.
    pub hours: String,
    /// A mail address, where there is one.
    pub mail: Option<MailAddress>,
}

/// Where requests and the log are kept.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file.
    Sqlite {
        /// The file; its folder must exist.
        path: PathBuf,
    },
}

/// One escrow backend.
#[derive(Debug, Clone)]
pub struct Escrow<P> {
    /// Its name in pages and logs; unique.
    pub name: BackendName,
    /// Which names of devices it is asked about.
    pub serves: Serves,
    /// The section with the connection that it uses, where it uses one.
    pub connection: Option<Connection>,
    /// What its kind made of its section.
    pub plan: P,
}

/// People in a directory.
#[derive(Debug, Clone)]
pub enum Directory {
    /// Active Directory.
    ActiveDirectory(AdDirectory),
    /// Entra ID.
    Entra(EntraDirectory),
    /// A TOML file, for demonstrations and tests.
    File {
        /// The file.
        path: PathBuf,
        /// The escrow backend that has the devices of the file's people.
        escrow: BackendName,
    },
}

/// People in Active Directory.
#[derive(Debug, Clone)]
pub struct AdDirectory {
    /// How to reach the domain.
    pub domain: AdDomain,
    /// Where people, groups and computers are searched: a DN. The domain's root when not set.
    pub search_base: Option<String>,
    /// The escrow backend that has people's devices: one over a domain, or over a tenant that the
    /// computers are synchronised to. Without it, nobody's devices are listed.
    pub escrow: Option<BackendName>,
    /// The computer's attribute that holds its owner's DN.
    pub owner_attribute: String,
}

/// People in Entra ID.
#[derive(Debug, Clone)]
pub struct EntraDirectory {
    /// The name of the application's section, `[entra.NAME]`.
    pub entra: String,
    /// The escrow backend that has people's devices: one over a tenant, or over a domain whose
    /// computers are synchronised there. Without it, nobody's devices are listed.
    pub escrow: Option<BackendName>,
}

/// How to reach an Active Directory domain.
#[derive(Debug, Clone)]
pub struct AdDomain {
    /// Its controllers, tried in this order.
    pub controllers: Controllers,
    /// How the connection is protected.
    pub security: LdapSecurity,
    /// Certificates of the authorities to trust (PEM file); the system's when not set.
    pub ca_file: Option<PathBuf>,
    /// Whom to sign in as: a DN or a user principal name.
    pub bind_name: String,
    /// The password, read from a file.
    pub password: SecretString,
    /// How long one operation may take, connecting included.
    pub timeout: SignedDuration,
}

/// Where the controllers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Controllers {
    /// These hosts, `name` or `name:port`, tried in this order. The name is checked against the
    /// certificate.
    Named(Vec<String>),
    /// Those that the DNS names for the domain (`_ldap._tcp.dc._msdcs.DOMAIN`), by RFC 2782.
    Discovered {
        /// The domain's DNS name.
        domain: String,
        /// The DNS server to ask; the system's when not set.
        dns_server: Option<SocketAddr>,
    },
}

/// How an LDAP connection is protected. There is no unprotected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LdapSecurity {
    /// TLS from the first byte, port 636 unless said otherwise.
    Ldaps,
    /// TLS by the `StartTLS` operation before anything else, port 389 unless said otherwise.
    StartTls,
}

/// How mails leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender's address.
    pub from: MailAddress,
    /// The sender's name.
    pub from_name: String,
    /// Of which kind the mailer is.
    pub kind: MailKind,
}

/// The kinds of mailers.
#[derive(Debug, Clone)]
pub enum MailKind {
    /// An SMTP server.
    Smtp(Smtp),
    /// Microsoft Graph.
    Graph(GraphMail),
    /// A folder with a file for each mail, for demonstrations and tests.
    Folder {
        /// The folder; made when it is not there.
        path: PathBuf,
    },
}

/// An SMTP server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name, checked against its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Certificates of the authorities to trust (PEM file); the system's when not set.
    pub ca_file: Option<PathBuf>,
    /// Whom to sign in as, where the server wants it.
    pub sign_in: Option<SmtpSignIn>,
    /// How long sending one mail may take, waiting for one of the connections included.
    pub timeout: SignedDuration,
    /// The most connections at once.
    pub connections: u32,
}

/// Whom to sign in as at an SMTP server.
#[derive(Debug, Clone)]
pub struct SmtpSignIn {
    /// The account; with a token the mailbox.
    pub username: String,
    /// What proves it.
    pub proof: SmtpProof,
}

/// What proves to an SMTP server who signs in.
#[derive(Debug, Clone)]
pub enum SmtpProof {
    /// A password, read from a file.
    Password(SecretString),
    /// A token that this `[entra.NAME]` gets (`XOAUTH2`).
    Token {
        /// Its name.
        entra: String,
    },
}

/// Mails through Microsoft Graph.
#[derive(Debug, Clone)]
pub struct GraphMail {
    /// The `[entra.NAME]` that may send.
    pub entra: String,
    /// The mailbox to send from: a user principal name or the ID of a user.
    pub mailbox: String,
}

/// How an SMTP connection is protected. There is no unprotected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte, port 465 unless said otherwise.
    Tls,
    /// STARTTLS, required, port 587 unless said otherwise.
    StartTls,
}
