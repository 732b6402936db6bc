//! Settings become parts, and parts a broker.

use std::path::Path;
use std::sync::Arc;

use clavis_backends::directory::{ActiveDirectoryPeople, FileDirectory};
use clavis_backends::escrow::{KINDS, Plan, Supplies};
use clavis_backends::mail::{FolderMailer, SmtpMailer};
use clavis_backends::store::SqliteStore;
use clavis_broker::ports::{Clock, Directory, Mailer, StoreError};
use clavis_broker::service::{Broker, Parts, SignInTerms, Source};
use clavis_config::problems::Problems;
use clavis_config::settings::{self, MailKind};
use clavis_web::{Letters, Site, Support};

use crate::system::{SystemClock, SystemRandom};

/// The settings of this program, which knows every built-in kind of backend.
pub(crate) type Settings = settings::Settings<Plan>;

/// Reads a configuration file and the secret files that it names.
pub(crate) fn load(config: &Path) -> Result<Settings, Problems> {
    clavis_config::load(config, KINDS)
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

/// A broker of these settings, sending by this mailer. Opens the store; reaches nothing else.
pub(crate) fn broker(
    settings: &Settings,
    site: &Arc<Site>,
    mailer: Arc<dyn Mailer>,
) -> Result<Arc<Broker>, AssemblyError> {
    Ok(Arc::new(Broker::new(Parts {
        store: Arc::new(store(settings)?),
        directory: directory(settings)?,
        escrow: sources(settings)?,
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

fn sources(settings: &Settings) -> Result<Vec<Source>, Problems> {
    let supplies = supplies();
    let sources = settings.escrow.iter().map(|it| {
        Ok(Source {
            backend: it.plan.backend(&it.name, &supplies)?,
            serves: it.serves.clone(),
        })
    });
    sources.collect()
}

/// What escrow backends are made with.
pub(crate) fn supplies() -> Supplies {
    Supplies {
        clock: clock(),
        random: Arc::new(SystemRandom),
    }
}

/// The mailer.
pub(crate) fn mailer(settings: &Settings) -> Arc<dyn Mailer> {
    let mail = settings.mail.clone();
    match &settings.mail.kind {
        MailKind::Smtp(smtp) => Arc::new(SmtpMailer::new(mail, smtp.clone(), clock())),
        MailKind::Folder { path } => Arc::new(FolderMailer::new(mail, path.clone(), clock())),
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
