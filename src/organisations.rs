//! The organisations that one daemon serves: each is a configuration file of its own, and has a
//! store, a directory, backends, a sender and a look of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use clavis_backends::store::SqliteStore;
use clavis_broker::ports::LogSink;
use clavis_broker::service::Broker;
use clavis_config::settings::{CertificateFiles, Room};
use clavis_web::Site;
use tokio::sync::watch;
use tracing::Instrument;

use crate::assemble::{self, AssemblyError, Settings};

/// One organisation, whole.
pub(crate) struct Organisation {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The host that people use and its certificate, where TLS is spoken.
    pub(crate) tls: Option<(String, CertificateFiles)>,
    /// How much may go on at once at its door.
    pub(crate) room: Room,
    /// What its pages and letters say of it.
    pub(crate) site: Arc<Site>,
    /// Its broker.
    pub(crate) broker: Arc<Broker>,
    /// Where rows of its log go beside the store.
    pub(crate) sinks: Vec<Arc<dyn LogSink>>,
}

/// One of them cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be served")]
struct Unusable {
    file: String,
    #[source]
    why: AssemblyError,
}

impl Organisation {
    /// Of these settings, over this store, sending as they say. Reaches nothing.
    pub(crate) fn of(settings: &Settings, store: SqliteStore) -> Result<Self, AssemblyError> {
        let site = assemble::site(settings);
        let supplies = assemble::supplies(settings);
        let mailer = assemble::mailer(settings, &supplies);
        Ok(Self {
            listen: settings.server.listen,
            tls: tls(settings),
            room: settings.server.room,
            broker: assemble::broker(settings, store, &supplies, &site, mailer)?,
            site,
            sinks: assemble::sinks(settings),
        })
    }

    /// Tends its broker and feeds its log until `stop` turns true. What is logged meanwhile names it
    /// where it is one of several.
    pub(crate) fn tend(
        &self,
        stop: watch::Receiver<bool>,
        is_alone: bool,
    ) -> impl Future<Output = ()> + Send + 'static {
        let span = if is_alone {
            tracing::Span::none()
        } else {
            tracing::error_span!("organisation", public_url = self.site.public_url)
        };
        let tended = Arc::clone(&self.broker).tend(stop.clone());
        let fed = Arc::clone(&self.broker).feed(self.sinks.clone(), stop);
        async move {
            tokio::join!(tended, fed);
        }
        .instrument(span)
    }
}

fn tls(settings: &Settings) -> Option<(String, CertificateFiles)> {
    let files = settings.server.tls.clone()?;
    Some((settings.server.host().to_owned(), files))
}

/// All organisations of these files; none where one of them is not sound, or where they would
/// share something.
pub(crate) fn assemble(
    loaded: &[(&Path, Settings)],
) -> Result<Vec<Organisation>, Box<dyn std::error::Error + Send + Sync>> {
    let organisations = loaded.iter().map(|(file, settings)| {
        let store = assemble::store(settings).map_err(AssemblyError::from);
        let organisation = store.and_then(|store| Organisation::of(settings, store));
        organisation.map_err(|why| Unusable {
            file: file.display().to_string(),
            why,
        })
    });
    let organisations = organisations.collect::<Result<_, _>>()?;
    // Opening the stores has made those that were not there.
    clavis_config::kept_apart(loaded)?;
    Ok(organisations)
}

/// The organisations by where they listen, in the order in which the files name the addresses.
pub(crate) fn by_address(organisations: &[Organisation]) -> Vec<(SocketAddr, Vec<&Organisation>)> {
    let mut doors: Vec<(SocketAddr, Vec<&Organisation>)> = Vec::new();
    for organisation in organisations {
        match doors.iter_mut().find(|(at, _)| *at == organisation.listen) {
            Some((_, behind)) => behind.push(organisation),
            None => doors.push((organisation.listen, vec![organisation])),
        }
    }
    doors
}
