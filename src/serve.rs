//! The daemon: the pages, and what Clavis does by itself beside them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clavis_broker::causes::with_causes;
use clavis_config::settings::{self, HardeningMode, Measure};
use clavis_web::Porter;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::Outcome;
use crate::assemble::{self, Settings};
use crate::door::{Door, Hall, OpenFiles, Room, Unlocked};
use crate::hardening::{Begun, Unread};
use crate::organisations::{self, Organisation};
use crate::tls::Keyring;

/// How log lines are written.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading.
    Text,
}

/// So many connections may wait to be taken in, as far as the kernel allows (listen(2)).
const QUEUE: u32 = 4096;
/// How long connections that are under way may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the daemon of these configurations, an organisation each, until it is told to stop.
pub(crate) fn run(configs: &[PathBuf], log: LogFormat, unread: Unread) -> Outcome {
    clavis_process::keep_one_heap();
    let begun = Begun::begin(unread);
    start_log(log);
    let loaded = assemble::load_all(configs)?;
    // What tells these is out of reach later.
    let workers = std::thread::available_parallelism()?;
    let files = OpenFiles::raise();
    begun.confine(loaded.iter().map(|(_, settings)| settings))?;
    let runtime = crate::runtime().worker_threads(workers.get()).build()?;
    crate::finish(runtime, run_organisations(&loaded, files))
}

async fn run_organisations(loaded: &[(&Path, Settings)], files: OpenFiles) -> Outcome {
    let organisations = organisations::assemble(loaded)?;
    let (mut doors, mut addresses): (Vec<Door>, Vec<String>) = Default::default();
    for (address, behind) in organisations::by_address(&organisations) {
        let listener = bind(address)?;
        addresses.push(listener.local_addr()?.to_string());
        let houses = behind
            .iter()
            .map(|it| (Arc::clone(&it.broker), Arc::clone(&it.site)));
        let houses: Vec<_> = houses.collect();
        doors.push(Door {
            listener,
            porter: Arc::new(Porter::new(houses.clone())),
            pages: clavis_web::front(houses),
            proxies: proxies(&behind),
            tls: keyring(&behind)?,
        });
    }
    let stop = told_to_stop()?;
    let urls: Vec<_> = organisations
        .iter()
        .map(|organisation| organisation.site.public_url.as_str())
        .collect();
    warn_of_demonstrations(loaded);
    tracing::info!(
        address = addresses.join(", "),
        public_url = urls.join(", "),
        "clavis is ready"
    );
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told that clavis is ready");
    }
    tokio::spawn(show_life());
    let has_to_be_locked = loaded.first().is_some_and(|(_, settings)| {
        let hardening = &settings.hardening;
        hardening.mode == HardeningMode::Require
            && !hardening.without.contains(&Measure::LockedMemory)
    });
    serve(doors, &organisations, files, has_to_be_locked, stop).await?;
    tracing::info!("clavis has stopped");
    Ok(ExitCode::SUCCESS)
}

/// Says of which places the keys are not kept as they should be: whoever relies on them learns of it.
fn warn_of_demonstrations(loaded: &[(&Path, Settings)]) {
    let sources = loaded.iter().flat_map(|(_, settings)| &settings.escrow);
    for source in sources.filter(|it| it.plan.is_for_demonstrations()) {
        tracing::warn!(
            backend = %source.name,
            remedy = "name the place of the real keys in [[escrow]]",
            "this place of keys is for demonstrations: they lie there in plain, and nothing shows that no copy of them stays in memory"
        );
    }
}

/// Tells systemd again and again that work goes on, where it wants to know (`WatchdogSec=`).
async fn show_life() {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut often = tokio::time::interval(patience / 2);
    loop {
        often.tick().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

/// Serves pages and tends the organisations until `stop` comes; then takes no new connection,
/// finishes what is under way, and returns.
///
/// # Errors
/// Where memory has to be locked, it ends as well once that is not so any more.
pub(crate) async fn serve(
    doors: Vec<Door>,
    organisations: &[Organisation],
    files: OpenFiles,
    has_to_be_locked: bool,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Unlocked> {
    let (tell, told) = watch::channel(false);
    let mut tending = JoinSet::new();
    for organisation in organisations {
        tending.spawn(organisation.tend(told.clone(), organisations.len() == 1));
    }
    let mut answering = JoinSet::new();
    let hall = Hall::new(room(organisations, files));
    let mut airing = tokio::spawn(Arc::clone(&hall).tend(has_to_be_locked));
    for door in doors {
        answering.spawn(door.open(Arc::clone(&hall), told.clone()));
    }
    let outcome = tokio::select! {
        () = stop => Ok(()),
        Ok(unlocked) = &mut airing => Err(unlocked),
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = tell.send(true);
    let ended = tokio::time::timeout(GRACE, async {
        while answering.join_next().await.is_some() {}
        while tending.join_next().await.is_some() {}
    });
    let ended = ended.await;
    airing.abort();
    if ended.is_err() {
        tracing::warn!("some connections did not end in time and were cut");
    }
    outcome
}

/// The room that there is: of several organisations, the largest that one of them wants, as far as
/// the system allows.
fn room(organisations: &[Organisation], files: OpenFiles) -> Room {
    let most = |of: fn(&settings::Room) -> u32| {
        let most = organisations.iter().map(|it| of(&it.room)).max();
        most.unwrap_or_default() as usize
    };
    Room {
        connections: files.room_for(most(|it| it.connections)),
        connections_per_source: most(|it| it.connections_per_source),
        requests: most(|it| it.requests),
    }
}

/// The certificates of these, where they speak TLS; all of them do, or none.
fn keyring(
    organisations: &[&Organisation],
) -> Result<Option<Arc<Keyring>>, Box<dyn std::error::Error + Send + Sync>> {
    let hosts: Option<Vec<_>> = organisations.iter().map(|it| it.tls.clone()).collect();
    let opened = hosts.map(Keyring::open).transpose();
    opened.map_err(|error| format!("{}. {}", with_causes(&error), error.remedy()).into())
}

/// The proxies of all of these, the one that names people included.
fn proxies(organisations: &[&Organisation]) -> Vec<IpAddr> {
    let sites = organisations.iter().map(|it| &it.site);
    let proxies = sites.flat_map(|site| {
        let naming = site.trusted_header.iter().flat_map(|it| &it.from);
        site.trusted_proxies.iter().chain(naming).copied()
    });
    proxies.collect()
}

/// Listens, or says which setting to change.
pub(crate) fn bind(
    address: SocketAddr,
) -> Result<TcpListener, Box<dyn std::error::Error + Send + Sync>> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(QUEUE)
    };
    listen().map_err(|error: std::io::Error| {
        format!("cannot listen on {address}: {error}; change `listen` in [server], or stop what listens there").into()
    })
}

/// Comes when the process is asked to end.
pub(crate) fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("CLAVIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.init(),
    }
}
