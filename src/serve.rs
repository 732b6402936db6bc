//! The daemon: the pages, and what Clavis does by itself beside them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clavis_broker::service::Broker;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::{Outcome, assemble};

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

/// Runs the daemon of this configuration until it is told to stop.
pub(crate) async fn run(config: &Path, log: LogFormat) -> Outcome {
    start_log(log);
    let settings = assemble::load(config)?;
    let site = assemble::site(&settings);
    let supplies = assemble::supplies(&settings);
    let mailer = assemble::mailer(&settings, &supplies);
    let broker = assemble::broker(&settings, &supplies, &site, mailer)?;
    let listener = bind(settings.server.listen).await?;
    let address = listener.local_addr()?;
    let stop = told_to_stop()?;
    tracing::info!(%address, public_url = site.public_url, "clavis is ready");
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told that clavis is ready");
    }
    let pages = clavis_web::router(Arc::clone(&broker), site);
    serve(listener, pages, broker, stop).await?;
    tracing::info!("clavis has stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves pages and tends the broker until `stop` comes; then takes no new connection, finishes
/// what is under way, and returns.
pub(crate) async fn serve(
    listener: TcpListener,
    pages: Router,
    broker: Arc<Broker>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (tell, told) = watch::channel(false);
    let tending = tokio::spawn(broker.tend(told.clone()));
    let mut until = told.clone();
    let server = axum::serve(
        listener,
        pages.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move {
        let _ = until.wait_for(|told| *told).await;
    });
    let answering = tokio::spawn(server.into_future());
    stop.await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = tell.send(true);
    let ended = tokio::time::timeout(GRACE, async {
        let outcome = answering.await;
        let tended = tending.await;
        (outcome, tended)
    });
    match ended.await {
        Ok((Ok(outcome), _)) => outcome,
        Ok((Err(panic), _)) => Err(std::io::Error::other(panic)),
        Err(_) => {
            tracing::warn!("some connections did not end in time and were cut");
            Ok(())
        }
    }
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
