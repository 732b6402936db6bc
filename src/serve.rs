//! The daemon: the pages, and what Clavis does by itself beside them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::Outcome;
use crate::assemble::{self, Settings};
use crate::hardening::{Begun, Unread};
use crate::organisations::{self, Organisation};

/// How log lines are written.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading.
    Text,
}

/// How long connections that are under way may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// A listener, and the pages that are behind it.
pub(crate) type Door = (TcpListener, Router);

/// Runs the daemon of these configurations, an organisation each, until it is told to stop.
pub(crate) fn run(configs: &[PathBuf], log: LogFormat, unread: Unread) -> Outcome {
    let begun = Begun::begin(unread);
    start_log(log);
    let loaded = assemble::load_all(configs)?;
    // What tells it is out of reach later.
    let workers = std::thread::available_parallelism()?;
    begun.confine(loaded.iter().map(|(_, settings)| settings))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(workers.get()).enable_all().build()?;
    runtime.block_on(run_organisations(&loaded))
}

async fn run_organisations(loaded: &[(&Path, Settings)]) -> Outcome {
    let organisations = organisations::assemble(loaded)?;
    let (mut doors, mut addresses): (Vec<Door>, Vec<String>) = Default::default();
    for (address, behind) in organisations::by_address(&organisations) {
        let listener = bind(address).await?;
        addresses.push(listener.local_addr()?.to_string());
        let houses = behind
            .iter()
            .map(|it| (Arc::clone(&it.broker), Arc::clone(&it.site)));
        doors.push((listener, clavis_web::front(houses.collect())));
    }
    let stop = told_to_stop()?;
    let urls: Vec<_> = organisations
        .iter()
        .map(|organisation| organisation.site.public_url.as_str())
        .collect();
    tracing::info!(
        address = addresses.join(", "),
        public_url = urls.join(", "),
        "clavis is ready"
    );
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told that clavis is ready");
    }
    tokio::spawn(show_life());
    serve(doors, &organisations, stop).await?;
    tracing::info!("clavis has stopped");
    Ok(ExitCode::SUCCESS)
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
pub(crate) async fn serve(
    doors: Vec<Door>,
    organisations: &[Organisation],
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (tell, told) = watch::channel(false);
    let mut tending = JoinSet::new();
    for organisation in organisations {
        tending.spawn(organisation.tend(told.clone(), organisations.len() == 1));
    }
    let mut answering = JoinSet::new();
    for (listener, pages) in doors {
        let mut until = told.clone();
        let server = axum::serve(
            listener,
            pages.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move {
            let _ = until.wait_for(|told| *told).await;
        });
        answering.spawn(server.into_future());
    }
    stop.await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = tell.send(true);
    let ended = tokio::time::timeout(GRACE, async {
        let mut outcome = Ok(());
        while let Some(ended) = answering.join_next().await {
            outcome = outcome.and(ended.unwrap_or_else(|panic| Err(std::io::Error::other(panic))));
        }
        while tending.join_next().await.is_some() {}
        outcome
    });
    ended.await.unwrap_or_else(|_| {
        tracing::warn!("some connections did not end in time and were cut");
        Ok(())
    })
}

/// Listens, or says which setting to change.
pub(crate) async fn bind(
    address: SocketAddr,
) -> Result<TcpListener, Box<dyn std::error::Error + Send + Sync>> {
    TcpListener::bind(address).await.map_err(|error| {
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
