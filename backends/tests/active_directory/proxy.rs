//! A TCP proxy before the controller that can be cut or fall silent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::controller::address;

#[derive(Clone, Copy)]
enum Mode {
    /// Everything passes.
    Pass,
    /// Connections end, new ones at once.
    Cut,
    /// Nothing passes on the connections with a smaller number, which stay open.
    Silent(usize),
}

/// A proxy before a port of the controller.
pub(crate) struct Proxy {
    at: SocketAddr,
    mode: watch::Sender<Mode>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1, which is in the controller's certificate.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (mode, watched) = watch::channel(Mode::Pass);
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let controller = format!("{}:{port}", address());
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(relay(near, controller.clone(), number, watched.clone()));
            }
        });
        Self {
            at,
            mode,
            connections,
        }
    }

    /// The controller's address for the settings.
    pub(crate) fn host(&self) -> String {
        self.at.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self) {
        self.mode.send_replace(Mode::Pass);
    }

    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Nothing passes any more, and nobody is told.
    pub(crate) fn fall_silent(&self) {
        self.mode.send_replace(Mode::Silent(usize::MAX));
    }

    /// As a firewall that has forgotten the connections that it let through.
    pub(crate) fn forget_connections(&self) {
        self.mode.send_replace(Mode::Silent(self.connections()));
    }
}

async fn relay(
    mut near: TcpStream,
    controller: String,
    number: usize,
    mut watched: watch::Receiver<Mode>,
) {
    let mut far = TcpStream::connect(controller).await.unwrap();
    loop {
        let mode = *watched.borrow_and_update();
        match mode {
            Mode::Cut => return,
            Mode::Silent(below) if number < below => watched.changed().await.unwrap_or(()),
            Mode::Pass | Mode::Silent(_) => tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
                changed = watched.changed() => if changed.is_err() { return },
            },
        }
    }
}
