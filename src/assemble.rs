//! Settings become parts, and parts a broker.

use std::collections::BTreeMap;
use std::sync::Arc;

use clavis_backends::directory::{ActiveDirectoryPeople, FileDirectory};
use clavis_backends::entra::{Tenant, Uses};
use clavis_backends::escrow::{ActiveDirectoryEscrow, FileEscrow};
use clavis_backends::mail::{FolderMailer, GraphMailer, SmtpMailer};
use clavis_backends::store::SqliteStore;
use clavis_broker::ports::{Clock, Directory, EscrowBackend, Mailer, StoreError};
use clavis_broker::service::{Broker, Parts, SignInTerms};
use clavis_config::problems::Problems;
use clavis_config::settings::{self, EscrowKind, MailKind, Settings, SmtpProof};
use clavis_web::{Letters, Site, Support};

use crate::system::{SystemClock, SystemRandom};

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

/// A broker of these settings, sending by this mailer. Opens the store; reaches nothing else.
pub(crate) fn broker(
    settings: &Settings,
    site: &Arc<Site>,
    mailer: Arc<dyn Mailer>,
) -> Result<Arc<Broker>, AssemblyError> {
    Ok(Arc::new(Broker::new(Parts {
        store: Arc::new(store(settings)?),
        directory: directory(settings)?,
        escrow: settings
            .escrow
            .iter()
            .map(escrow)
            .collect::<Result<_, _>>()?,
        mailer,
        renderer: Arc::new(Letters::new(Arc::clone(site))),
        clock: clock(),
        random: Arc::new(SystemRandom),
        nominated: settings.approval.nominated.clone(),
        terms: settings.terms,
        sign_in: SignInTerms {
            code_valid_for: settings.sign_in.code_valid_for,
            idle: settings.sign_in.idle,
            at_most: settings.sign_in.at_most,
        },
    })))
}

/// What pages and letters say of this installation.
pub(crate) fn site(settings: &Settings) -> Arc<Site> {
    Arc::new(Site {
        public_url: settings.server.public_url.clone(),
        organisation: settings.organisation.name.clone(),
        time_zone: settings.organisation.time_zone.clone(),
        support: Support {
            phone: settings.support.phone.clone(),
            hours: settings.support.hours.clone(),
            mail: settings.support.mail.clone(),
        },
        trusted_proxies: settings.server.trusted_proxies.clone(),
    })
}

/// The store.
pub(crate) fn store(settings: &Settings) -> Result<SqliteStore, StoreError> {
    match &settings.store {
        settings::Store::Sqlite { path } => SqliteStore::open(path),
    }
}

/// The directory.
pub(crate) fn directory(settings: &Settings) -> Result<Arc<dyn Directory>, Problems> {
    Ok(match &settings.directory {
        settings::Directory::ActiveDirectory(settings) => {
            Arc::new(ActiveDirectoryPeople::new(settings.clone(), clock()))
        }
        settings::Directory::File { path, escrow } => {
            Arc::new(FileDirectory::open(path.clone(), escrow.clone())?)
        }
    })
}

/// One escrow backend.
pub(crate) fn escrow(settings: &settings::Escrow) -> Result<Arc<dyn EscrowBackend>, Problems> {
    let name = settings.name.clone();
    Ok(match &settings.kind {
        EscrowKind::ActiveDirectory(settings) => {
            Arc::new(ActiveDirectoryEscrow::new(name, settings.clone()))
        }
        EscrowKind::File { path } => Arc::new(FileEscrow::open(name, path.clone())?),
    })
}

/// The applications in Entra ID by the names of their sections. Each is made once, so that all
/// parts that use one share its tokens.
pub(crate) type Tenants = BTreeMap<String, Arc<Tenant>>;

/// The applications in Entra ID.
pub(crate) fn tenants(settings: &Settings) -> Tenants {
    (settings.entra.iter())
        .map(|entra| {
            let uses = uses(&entra.name, settings);
            let tenant = Tenant::new(entra.clone(), uses, clock(), Arc::new(SystemRandom));
            (entra.name.clone(), Arc::new(tenant))
        })
        .collect()
}

/// The mailer.
pub(crate) fn mailer(settings: &Settings, tenants: &Tenants) -> Arc<dyn Mailer> {
    let mail = settings.mail.clone();
    match &settings.mail.kind {
        MailKind::Smtp(smtp) => {
            let proof = smtp.sign_in.as_ref().map(|sign_in| &sign_in.proof);
            let tenant = match proof {
                Some(SmtpProof::Token { entra }) => tenants.get(entra).cloned(),
                _ => None,
            };
            Arc::new(SmtpMailer::new(mail, smtp.clone(), tenant, clock()))
        }
        MailKind::Graph(graph) => {
            // The settings are sound: what they name is there.
            let tenant = Arc::clone(&tenants[&graph.entra]);
            let mailbox = graph.mailbox.clone();
            Arc::new(GraphMailer::new(mail, mailbox, tenant, clock()))
        }
        MailKind::Folder { path } => Arc::new(FolderMailer::new(mail, path.clone(), clock())),
    }
}

/// Which parts use an application.
fn uses(name: &str, settings: &Settings) -> Uses {
    let mail = match &settings.mail.kind {
        MailKind::Graph(graph) => graph.entra == name,
        _ => false,
    };
    let smtp = match &settings.mail.kind {
        MailKind::Smtp(smtp) => smtp.sign_in.as_ref().is_some_and(
            |sign_in| matches!(&sign_in.proof, SmtpProof::Token { entra } if entra == name),
        ),
        _ => false,
    };
    Uses {
        mail,
        smtp,
        ..Uses::default()
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
