//! The front door: connections are taken in as long as there is room, each is watched for as long as
//! it lasts, and what a client does too slowly, too often or not at all ends its own connection and
//! nothing else.
//!
//! Read in this order: who is let in (`places`), when a connection ends (`course`), what that is told
//! by (`wire`, `frames`, `bodies`), how a request gets to the pages (`reception`), and one connection
//! from its beginning to its end (`connection`).

mod bodies;
mod connection;
mod course;
mod ebb;
mod frames;
mod notices;
mod open_files;
mod places;
mod reception;
mod wire;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clavis_broker::networks::network;
use clavis_web::Porter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, watch};
use tokio::task::JoinSet;

use crate::tls::Keyring;
use connection::Connection;
use notices::{Notice, Notices};
use places::{Places, Refused};

pub(crate) use ebb::Unlocked;
pub(crate) use open_files::OpenFiles;

/// A listener, and what is behind it.
pub(crate) struct Door {
    /// Where connections come from.
    pub(crate) listener: TcpListener,
    /// The pages.
    pub(crate) pages: Router,
    /// Who says how long a body may be.
    pub(crate) porter: Arc<Porter>,
    /// The reverse proxies: many people come through each, so that it is held to no limit of one
    /// source.
    pub(crate) proxies: Vec<IpAddr>,
    /// What TLS is spoken with; plain HTTP without it.
    pub(crate) tls: Option<Arc<Keyring>>,
}

/// How much may go on at once. All doors of a daemon share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Connections, from everywhere.
    pub(crate) connections: usize,
    /// Connections from one source.
    pub(crate) connections_per_source: usize,
    /// Requests in work, from everywhere.
    pub(crate) requests: usize,
}

/// What all doors of a daemon share.
pub(crate) struct Hall {
    connections: Places,
    requests: Places,
    /// The bytes that requests and their answers hold.
    held: Places,
    notices: Notices,
    /// Shared by all who have keys in memory, or are about to; memory is unlocked by whoever has it
    /// alone.
    keys: Arc<RwLock<()>>,
}

/// How long a door waits where the system gives it no further connection, which needs a file handle
/// that somebody else has to free.
const PAUSE: Duration = Duration::from_millis(200);
/// One source has at most this part of all requests in work, and of what all may hold.
const SHARE: usize = 4;
/// So many bytes may requests hold until their answers have gone: four thousand forms, or a thousand of the
/// longest heads or bodies.
const MOST_HELD: usize = 64 * 1024 * 1024;
/// So many connections make a flood, and so many bytes that requests hold.
const FLOOD: usize = 500;
const FLOOD_OF_BYTES: usize = 8 * 1024 * 1024;

impl Hall {
    /// One with this much room.
    pub(crate) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            connections: Places::new(room.connections, room.connections_per_source, FLOOD),
            requests: Places::new(room.requests, room.requests.div_ceil(SHARE), FLOOD),
            held: Places::new(MOST_HELD, MOST_HELD / SHARE, FLOOD_OF_BYTES),
            notices: Notices::default(),
            keys: Arc::default(),
        })
    }

    /// What goes on beside the doors, for as long as it is polled. Comes to an end only where memory
    /// has to be locked, and cannot be any more.
    pub(crate) async fn tend(self: Arc<Self>, has_to_be_locked: bool) -> Unlocked {
        ebb::tend(self, has_to_be_locked).await
    }
}

impl Door {
    /// Takes connections in until `stop` turns true; then lets those end that there are.
    pub(crate) async fn open(self, hall: Arc<Hall>, mut stop: watch::Receiver<bool>) {
        let mut inside = JoinSet::new();
        let until = stop.clone();
        if let Some(keyring) = &self.tls {
            inside.spawn(Arc::clone(keyring).tend(until.clone()));
        }
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = told(&mut stop) => break,
                // Those that have ended are not kept.
                Some(_) = inside.join_next() => continue,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        if !is_of_one_connection(&error) {
                            hall.notices.tell(Notice::NotAccepted, Some(&error));
                            tokio::time::sleep(PAUSE).await;
                        }
                        continue;
                    }
                },
            };
            let source = self.source(peer.ip());
            match hall.connections.take(source) {
                Ok(place) => {
                    let connection = Connection {
                        peer,
                        source,
                        place,
                        pages: self.pages.clone(),
                        porter: Arc::clone(&self.porter),
                        tls: self.tls.as_ref().map(|keyring| keyring.config()),
                        hall: Arc::clone(&hall),
                        stop: until.clone(),
                    };
                    inside.spawn(connection.serve(stream));
                }
                Err(refused) => {
                    hall.notices.tell(
                        match refused {
                            Refused::Full => Notice::TooManyConnections,
                            Refused::OfOneSource => Notice::TooManyOfOneSource,
                        },
                        None,
                    );
                    if self.tls.is_none() {
                        turn_away(&stream);
                    }
                }
            }
        }
        drop(self.listener);
        while inside.join_next().await.is_some() {}
    }

    /// By what limits of one source count; `None` for a proxy.
    fn source(&self, peer: IpAddr) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        let mut proxies = self.proxies.iter();
        let is_proxy = proxies.any(|proxy| proxy.to_canonical() == peer);
        (!is_proxy).then(|| network(peer))
    }
}

/// Comes when it turns true, or when nobody is left who could turn it.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|told| *told).await;
}

/// Whether it is the fault of one connection, which was gone before it was taken in.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// An answer for whoever finds no place, if their socket takes it at once.
fn turn_away(stream: &TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        connection: close\r\ncontent-length: 0\r\n\r\n";
    // What was read is what the answer is not lost for: a socket with unread bytes is reset.
    let _ = stream.try_read(&mut [0; 1024]);
    let _ = stream.try_write(BUSY);
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sources {
    use super::*;

    #[tokio::test]
    async fn a_proxy_is_no_source_and_a_network_is_one() {
        let door = Door {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            pages: Router::new(),
            porter: Arc::default(),
            tls: None,
            proxies: vec!["10.0.0.5".parse().unwrap(), "2001:db8::5".parse().unwrap()],
        };
        let source = |peer: &str| door.source(peer.parse().unwrap()).map(|it| it.to_string());
        for proxy in ["10.0.0.5", "::ffff:10.0.0.5", "2001:db8::5"] {
            assert_eq!(source(proxy), None, "{proxy}");
        }
        assert_eq!(source("10.0.0.6").as_deref(), Some("10.0.0.6"));
        assert_eq!(source("2001:db8::6").as_deref(), Some("2001:db8::"));
        assert_eq!(source("2001:db8:0:1::5").as_deref(), Some("2001:db8:0:1::"));
    }
}
