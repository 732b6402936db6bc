//! One connection, from its beginning to its end.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clavis_web::Porter;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::course::{Course, End};
use super::notices::Notice;
use super::places::Place;
use super::reception::Reception;
use super::wire::{Stream, Wire};
use super::{Hall, told};

/// The time for a TLS handshake, and where many wait for a place.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HANDSHAKE_WHEN_CROWDED: Duration = Duration::from_secs(3);
/// The largest head of a request, and the most headers in it. Tickets of Kerberos that a proxy passes
/// on fit.
const LARGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;
/// HTTP/2: requests at once on one connection, and the room for their bodies.
const STREAMS: u32 = 100;
const WINDOW: u32 = 64 * 1024;
/// HTTP/2: streams that the client has taken back, before we have looked at them, and that we had to
/// end for what was in them.
const RESETS: usize = 20;

/// One connection.
pub(crate) struct Connection {
    /// Where it comes from.
    pub(crate) peer: SocketAddr,
    /// By what limits of one source count.
    pub(crate) source: Option<IpAddr>,
    /// Its place.
    pub(crate) place: Place,
    /// The pages.
    pub(crate) pages: Router,
    /// Who says how long a body may be.
    pub(crate) porter: Arc<Porter>,
    /// What TLS is spoken with; plain HTTP without it.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// What it shares with others.
    pub(crate) hall: Arc<Hall>,
    /// Turns true when all have to go.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Connection {
    /// Answers what is asked on it until it ends.
    pub(crate) async fn serve(self, stream: TcpStream) {
        // Without it a short answer may wait for the client's acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else {
            return self.speak(stream).await;
        };
        let is_crowded = *self.hall.connections.crowded().borrow();
        let time = if is_crowded {
            HANDSHAKE_WHEN_CROWDED
        } else {
            HANDSHAKE
        };
        match timeout(time, TlsAcceptor::from(tls).accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(error)) => self.hall.notices.tell(Notice::NoHandshake, Some(&error)),
            Err(_) => self.hall.notices.tell(Notice::TooSlow, None),
        }
    }

    async fn speak<S: Stream>(self, stream: S) {
        let Self {
            peer,
            source,
            place: _place,
            pages,
            porter,
            hall,
            mut stop,
            ..
        } = self;
        let course = Arc::new(Course::new());
        let mut crowded = hall.connections.crowded();
        let reception = Reception {
            pages,
            porter,
            hall: Arc::clone(&hall),
            course: Arc::clone(&course),
            peer,
            source,
        };
        let wire = TokioIo::new(Wire::new(stream, Arc::clone(&course)));
        let http = http();
        let mut speaking = pin!(http.serve_connection(wire, reception));
        let mut is_leaving = false;
        let end = loop {
            let is_crowded = *crowded.borrow_and_update();
            let due = course.due(is_crowded);
            let overdue = async {
                match due {
                    Some((at, end)) => {
                        sleep_until(at).await;
                        end
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = &mut speaking => return,
                () = course.changed() => {
                    // The client is told in time that this is the last answer.
                    if !is_leaving && course.is_last() {
                        is_leaving = true;
                        speaking.as_mut().graceful_shutdown();
                    }
                }
                end = overdue => match (end, is_leaving) {
                    (End::Idle, false) => {
                        is_leaving = true;
                        course.told_to_leave();
                        speaking.as_mut().graceful_shutdown();
                    }
                    _ => break end,
                },
                _ = crowded.changed() => {}
                () = told(&mut stop), if !is_leaving => {
                    is_leaving = true;
                    course.told_to_leave();
                    speaking.as_mut().graceful_shutdown();
                }
            }
        };
        match end {
            End::SlowHead => hall.notices.tell(Notice::TooSlow, None),
            End::Stalled => hall.notices.tell(Notice::Stalled, None),
            End::Flood => hall.notices.tell(Notice::Flood, None),
            End::Idle | End::LastAnswer | End::NotGone => {}
        }
    }
}

/// What HTTP is spoken, and within which limits.
fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        // The course of the connection has limits of its own.
        .header_read_timeout(None)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * 4);
    http
}
