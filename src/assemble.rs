//! Settings become parts, and parts a broker.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_backends::Supplies;
use clavis_backends::checkpoints::{CheckpointFolder, CheckpointHook};
use clavis_backends::directory::{
    ActiveDirectoryPeople, EntraPeople, FileDirectory, WithinDomains,
};
use clavis_backends::entra::{Tenant, Uses};
use clavis_backends::escrow::{KINDS, Plan};
use clavis_backends::feed::{FileSink, SyslogSink};
use clavis_backends::hook::{Purpose, SignedSender, Webhook};
use clavis_backends::identity::{Addresses, OidcProvider};
use clavis_backends::mail::{FolderMailer, GraphMailer, SmtpMailer};
use clavis_backends::notice::{Channel, House};
use clavis_backends::store::SqliteStore;
use clavis_backends::tickets::HaloDesk;
use clavis_broker::export::HostName;
use clavis_broker::ports::{
    CheckpointSink, Clock, Directory, Hook, IdentityProvider, LogSink, Mailer, Notifier, Random,
    Sender, StoreError,
};
use clavis_broker::service::{
    Alarms, AuditTerms, Broker, Desk, Parts, SignInTerms, Source, Subscriber,
};
use clavis_config::escrow::Connection;
use clavis_config::problems::Problems;
use clavis_config::settings::{self, DeskKind, FeedKind, MailKind, ProxyPersonBy, SmtpProof};
use clavis_web::{Colour, Letters, Names, Site, Support, TrustedHeader};

use crate::system::{SystemClock, SystemRandom};

/// The settings of this program, which knows every built-in kind of backend.
pub(crate) type Settings = settings::Settings<Plan>;

/// Reads a configuration file and the secret files that it names.
pub(crate) fn load(config: &Path) -> Result<Settings, Problems> {
    clavis_config::load(config, KINDS)
}

/// Reads the configuration files of organisations that are served together, and gives each with its
/// settings.
pub(crate) fn load_all(files: &[PathBuf]) -> Result<Vec<(&Path, Settings)>, Problems> {
    clavis_config::load_all(files, KINDS)
}

/// A part could not be made of its settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssemblyError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of a file backend is not as it should be.
    #[error(transparent)]
    File(#[from] Problems),
}

/// A broker of these settings over this store, sending by this mailer. Reaches nothing.
pub(crate) fn broker(
    settings: &Settings,
    store: SqliteStore,
    supplies: &Supplies,
    site: &Arc<Site>,
    mailer: Arc<dyn Mailer>,
) -> Result<Arc<Broker>, AssemblyError> {
    Ok(Arc::new(Broker::new(Parts {
        store: Arc::new(store),
        directory: directory(settings, supplies)?,
        escrow: sources(settings, supplies)?,
        mailer,
        renderer: Arc::new(Letters::new(Arc::clone(site), settings.gates)),
        clock: Arc::clone(&supplies.clock),
        random: Arc::clone(&supplies.random),
        policy: settings.policy.clone(),
        gates: settings.gates,
        alarms: alarms(settings),
        terms: settings.terms,
        sign_in: SignInTerms {
            code_by_mail: settings.sign_in.code_by_mail,
            code_valid_for: settings.sign_in.code_valid_for,
            idle: settings.sign_in.idle,
            at_most: settings.sign_in.at_most,
            begun_a_minute: settings.sign_in.begun_a_minute.into(),
        },
        providers: providers(settings, supplies, site),
        roles: settings.roles.clone(),
        senders: senders(settings),
        desks: desks(settings, supplies),
        subscribers: subscribers(settings),
        notifiers: notifiers(settings),
        audit: audit(settings),
    })))
}

/// Who is told of alarms.
fn alarms(settings: &Settings) -> Alarms {
    let alarms = &settings.alarms;
    Alarms {
        mail: alarms.mail.clone(),
        hook: hook(settings),
        usual: alarms.usual,
    }
}

/// The webhook for alarms, where one is set.
pub(crate) fn hook(settings: &Settings) -> Option<Arc<dyn Hook>> {
    let webhook = settings.alarms.webhook.as_ref()?;
    Some(Arc::new(Webhook::new(Purpose::Alarms, webhook.clone())))
}

/// The programs that are told what becomes of requests.
pub(crate) fn subscribers(settings: &Settings) -> Vec<Subscriber> {
    let subscribers = settings.webhooks.iter().map(|subscriber| {
        let (name, webhook) = (subscriber.name.clone(), subscriber.webhook.clone());
        let hook = Webhook::new(Purpose::Requests(name.clone()), webhook);
        Subscriber {
            name,
            hook: Arc::new(hook),
            events: subscriber.events.clone(),
        }
    });
    subscribers.collect()
}

/// The channels that are told of reviews that wait.
pub(crate) fn notifiers(settings: &Settings) -> Vec<Arc<dyn Notifier>> {
    let house = House {
        organisation: settings.organisation.name.clone(),
        public_url: settings.server.public_url.clone(),
        time_zone: settings.organisation.time_zone.clone(),
    };
    let channels = settings.notices.iter().map(|channel| {
        let channel = Channel::new(channel.clone(), house.clone(), Arc::new(SystemClock));
        Arc::new(channel) as _
    });
    channels.collect()
}

/// Checkpoints of the log, and where they go.
fn audit(settings: &Settings) -> AuditTerms {
    let audit = settings.audit.clone();
    AuditTerms {
        signer: audit.signer,
        every: audit.every,
        mail: audit.mail,
        sinks: checkpoint_sinks(settings),
        keep_for: audit.keep_for,
    }
}

/// Where checkpoints of the log are brought, beside mails.
pub(crate) fn checkpoint_sinks(settings: &Settings) -> Vec<Arc<dyn CheckpointSink>> {
    let audit = &settings.audit;
    let folder = checkpoint_folder(settings).map(|it| Arc::new(it) as Arc<dyn CheckpointSink>);
    let program = audit.webhook.as_ref().map(|webhook| {
        let hook = Arc::new(Webhook::new(Purpose::Checkpoints, webhook.clone()));
        Arc::new(CheckpointHook::new(hook, Arc::new(SystemClock))) as _
    });
    folder.into_iter().chain(program).collect()
}

/// The folder that checkpoints of the log are brought to, where one is set.
pub(crate) fn checkpoint_folder(settings: &Settings) -> Option<CheckpointFolder> {
    settings.audit.folder.clone().map(CheckpointFolder::new)
}

/// What pages and letters say of this installation.
pub(crate) fn site(settings: &Settings) -> Arc<Site> {
    Arc::new(Site {
        public_url: settings.server.public_url.clone(),
        organisation: settings.organisation.name.clone(),
        colour: match settings.organisation.colour {
            settings::Colour::Blue => Colour::Blue,
            settings::Colour::Green => Colour::Green,
            settings::Colour::Teal => Colour::Teal,
            settings::Colour::Violet => Colour::Violet,
            settings::Colour::Wine => Colour::Wine,
            settings::Colour::Slate => Colour::Slate,
        },
        time_zone: settings.organisation.time_zone.clone(),
        support: Support {
            phone: settings.support.phone.clone(),
            hours: settings.support.hours.clone(),
            mail: settings.support.mail.clone(),
        },
        trusted_proxies: settings.server.trusted_proxies.clone(),
        trusted_header: settings.sign_in.proxy.as_ref().map(trusted_header),
    })
}

fn trusted_header(proxy: &settings::SignInProxy) -> TrustedHeader {
    TrustedHeader {
        header: proxy.header.clone(),
        from: proxy.from.clone(),
        names: match proxy.person_by {
            ProxyPersonBy::Login => Names::Login,
            ProxyPersonBy::Mail => Names::Mail,
        },
        account: proxy.name.clone(),
    }
}

/// The store, which is made where it is missing: for the daemon, and for what is run before it.
pub(crate) fn store(settings: &Settings) -> Result<SqliteStore, StoreError> {
    match &settings.store {
        settings::Store::Sqlite { path } => SqliteStore::open(path),
    }
}

/// The store that the daemon keeps. A command that made one where there is none would say of an empty
/// one what was asked of the other.
pub(crate) fn existing_store(settings: &Settings) -> Result<SqliteStore, StoreError> {
    match &settings.store {
        settings::Store::Sqlite { path } => SqliteStore::open_existing(path),
    }
}

/// The same, for reading alone: that of a copy, too, which nobody can write to.
pub(crate) fn store_to_read(settings: &Settings) -> Result<SqliteStore, StoreError> {
    match &settings.store {
        settings::Store::Sqlite { path } => SqliteStore::open_to_read(path),
    }
}

/// The directory, of which only those take part whom the organisation's mail domains let in.
pub(crate) fn directory(
    settings: &Settings,
    supplies: &Supplies,
) -> Result<Arc<dyn Directory>, Problems> {
    let whole = whole_directory(settings, supplies)?;
    Ok(match settings.organisation.mail_domains.clone() {
        Some(domains) => Arc::new(WithinDomains::new(whole, domains)),
        None => whole,
    })
}

fn whole_directory(
    settings: &Settings,
    supplies: &Supplies,
) -> Result<Arc<dyn Directory>, Problems> {
    Ok(match &settings.directory {
        settings::Directory::ActiveDirectory(settings) => {
            let clock = Arc::clone(&supplies.clock);
            Arc::new(ActiveDirectoryPeople::new(settings.clone(), clock))
        }
        settings::Directory::Entra(settings) => {
            let tenant = supplies.tenant(&settings.entra);
            Arc::new(EntraPeople::new(tenant, settings.escrow.clone()))
        }
        settings::Directory::File { path, escrow } => {
            Arc::new(FileDirectory::open(path.clone(), escrow.clone())?)
        }
    })
}

fn sources(settings: &Settings, supplies: &Supplies) -> Result<Vec<Source>, Problems> {
    let sources = settings.escrow.iter().map(|it| {
        Ok(Source {
            backend: it.plan.backend(&it.name, supplies)?,
            serves: it.serves.clone(),
        })
    });
    sources.collect()
}

/// The identity providers.
pub(crate) fn providers(
    settings: &Settings,
    supplies: &Supplies,
    site: &Site,
) -> Vec<Arc<dyn IdentityProvider>> {
    let providers = settings.sign_in.providers.iter().map(|provider| {
        let addresses = Addresses {
            callback: site.callback(&provider.name),
            signed_out: site.signed_out(),
        };
        let clock = Arc::clone(&supplies.clock);
        Arc::new(OidcProvider::new(provider.clone(), addresses, clock)) as _
    });
    providers.collect()
}

/// Programs elsewhere that send messages.
fn senders(settings: &Settings) -> Vec<Arc<dyn Sender>> {
    let senders = settings.senders.iter().cloned();
    let senders = senders.map(|it| Arc::new(SignedSender::new(it)) as _);
    senders.collect()
}

/// The service desks.
pub(crate) fn desks(settings: &Settings, supplies: &Supplies) -> Vec<Desk> {
    let desks = settings.desks.iter().map(|desk| {
        let (name, clock) = (desk.name.clone(), Arc::clone(&supplies.clock));
        let system = match &desk.kind {
            DeskKind::Halo(halo) => HaloDesk::new(name, desk.approves, halo.clone(), clock),
        };
        Desk {
            system: Arc::new(system),
            approves: desk.approves,
        }
    });
    desks.collect()
}

/// The mailer.
pub(crate) fn mailer(settings: &Settings, supplies: &Supplies) -> Arc<dyn Mailer> {
    let (mail, clock) = (settings.mail.clone(), Arc::clone(&supplies.clock));
    match &settings.mail.kind {
        MailKind::Smtp(smtp) => {
            let tenant = smtp.sign_in.as_ref().and_then(|it| match &it.proof {
                SmtpProof::Token { entra } => Some(supplies.tenant(entra)),
                SmtpProof::Password(_) => None,
            });
            Arc::new(SmtpMailer::new(mail, smtp.clone(), tenant, clock))
        }
        MailKind::Graph(graph) => {
            let tenant = supplies.tenant(&graph.entra);
            Arc::new(GraphMailer::new(mail, graph.mailbox.clone(), tenant, clock))
        }
        MailKind::Folder { path } => Arc::new(FolderMailer::new(mail, path.clone(), clock)),
    }
}

/// Where rows of the log go beside the store.
pub(crate) fn sinks(settings: &Settings) -> Vec<Arc<dyn LogSink>> {
    let host = HostName::new(settings.server.host());
    let sinks = settings.feeds.iter().map(|feed| {
        let (name, format) = (feed.name.clone(), feed.format);
        match &feed.kind {
            FeedKind::Syslog(collector) => {
                let (collector, host) = (collector.clone(), host.clone());
                Arc::new(SyslogSink::new(name, collector, format, host)) as Arc<dyn LogSink>
            }
            FeedKind::File { path } => Arc::new(FileSink::new(name, path.clone(), format)),
        }
    });
    sinks.collect()
}

/// What the parts of these settings are made with.
pub(crate) fn supplies(settings: &Settings) -> Supplies {
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    let tenants = settings.entra.iter().map(|entra| {
        let uses = uses(&entra.name, settings);
        let tenant = Tenant::new(entra.clone(), uses, Arc::clone(&clock), Arc::clone(&random));
        (entra.name.clone(), Arc::new(tenant))
    });
    Supplies {
        tenants: tenants.collect(),
        clock,
        random,
    }
}

/// Which parts use an application.
pub(crate) fn uses(name: &str, settings: &Settings) -> Uses {
    let connection = Some(Connection::Entra(name.to_owned()));
    let escrow = settings.escrow.iter().any(|it| it.connection == connection);
    let (mail, smtp) = match &settings.mail.kind {
        MailKind::Graph(graph) => (graph.entra == name, false),
        MailKind::Smtp(smtp) => {
            let proof = smtp.sign_in.as_ref().map(|it| &it.proof);
            (
                false,
                matches!(proof, Some(SmtpProof::Token { entra }) if entra == name),
            )
        }
        MailKind::Folder { .. } => (false, false),
    };
    Uses {
        escrow,
        rotation: escrow && settings.terms.rotate_after.is_some(),
        directory: matches!(&settings.directory, settings::Directory::Entra(it) if it.entra == name),
        mail,
        smtp,
    }
}
