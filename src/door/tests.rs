//! A whole door with pages of a test's own behind it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Door, Hall, MOST_HELD, Room, SHARE};

const ROOM: Room = Room {
    connections: 100,
    connections_per_source: 100,
    requests: 8,
};

/// An open door, before pages of which `/slow` waits for a permit.
struct Opened {
    at: std::net::SocketAddr,
    permits: Arc<Semaphore>,
    /// Has a permit for each request that has come as far as `/slow`.
    begun: Arc<Semaphore>,
    hall: Arc<Hall>,
    stop: watch::Sender<bool>,
    open: JoinHandle<()>,
}

async fn open(room: Room, is_proxy: bool) -> Opened {
    let [permits, begun] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    let (waited_for, begins) = (Arc::clone(&permits), Arc::clone(&begun));
    let slow = || async move {
        begins.add_permits(1);
        let permit = waited_for.acquire().await;
        drop(permit);
        "slow"
    };
    let pages = Router::new()
        .route("/slow", get(slow.clone()))
        .route("/key/slow", post(slow))
        .fallback(async || "fast");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let proxies = is_proxy.then(|| at.ip());
    let door = Door {
        listener,
        pages,
        porter: Arc::default(),
        proxies: proxies.into_iter().collect(),
        tls: None,
    };
    let (stop, told) = watch::channel(false);
    let hall = Hall::new(room);
    let open = tokio::spawn(door.open(Arc::clone(&hall), told));
    Opened {
        at,
        permits,
        begun,
        hall,
        stop,
        open,
    }
}

impl Opened {
    /// Asks for a page, and does not wait for it.
    async fn ask(&self, path: &str) -> TcpStream {
        self.send("GET", path).await
    }

    async fn send(&self, method: &str, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// The answer to a request.
    async fn get(&self, path: &str) -> String {
        answer(self.ask(path).await).await
    }
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    let read = timeout(Duration::from_mins(1), read).await;
    read.expect("an answer").unwrap();
    text
}

#[tokio::test]
async fn beyond_so_many_requests_the_next_is_refused_at_once_and_probes_are_answered() {
    let door = open(ROOM, true).await;
    let mut waiting = Vec::new();
    for _ in 0..ROOM.requests {
        waiting.push(door.ask("/slow").await);
    }
    drop(door.begun.acquire_many(8).await);
    let refused = door.get("/").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: 5\r\n"), "{refused}");
    for probe in ["/healthz", "/readyz"] {
        assert!(door.get(probe).await.ends_with("fast"), "{probe}");
    }
    door.permits.add_permits(1);
    for stream in waiting {
        assert!(answer(stream).await.ends_with("slow"));
    }
    assert!(door.get("/").await.ends_with("fast"));
}

#[tokio::test]
async fn where_requests_hold_all_they_may_the_next_is_refused_at_once_and_probes_are_answered() {
    for is_proxy in [true, false] {
        let door = open(ROOM, is_proxy).await;
        let source = (!is_proxy).then(|| door.at.ip());
        let mut held = door.hall.held.none_yet(source);
        let most = if is_proxy {
            MOST_HELD
        } else {
            MOST_HELD / SHARE
        };
        held.take(most).unwrap();
        let refused = door.get("/").await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains("retry-after: 5\r\n"), "{refused}");
        for probe in ["/healthz", "/readyz"] {
            assert!(door.get(probe).await.ends_with("fast"), "{probe}");
        }
        drop(held);
        assert!(door.get("/").await.ends_with("fast"));
        assert_eq!(door.hall.held.taken(), 0);
    }
}

#[tokio::test]
async fn memory_is_nobodys_alone_while_somebody_asks_for_keys_and_they_wait_while_it_is() {
    let door = open(ROOM, true).await;
    let pressed = door.send("POST", "/key/slow").await;
    door.begun.acquire().await.unwrap().forget();
    assert!(door.hall.keys.try_write().is_err());
    door.permits.add_permits(2);
    assert!(answer(pressed).await.ends_with("slow"));
    let alone = door.hall.keys.write().await;
    let waits = door.send("POST", "/key/slow").await;
    // Nobody else does.
    assert!(door.get("/slow").await.ends_with("slow"));
    door.begun.acquire().await.unwrap().forget();
    assert!(door.begun.try_acquire().is_err());
    drop(alone);
    assert!(answer(waits).await.ends_with("slow"));
}

#[tokio::test]
async fn one_source_that_is_no_proxy_has_a_quarter_of_the_work() {
    let door = open(ROOM, false).await;
    let mut waiting = Vec::new();
    for _ in 0..ROOM.requests / 4 {
        waiting.push(door.ask("/slow").await);
    }
    drop(door.begun.acquire_many(2).await);
    let refused = door.get("/").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    drop(waiting);
    // Whoever goes away gives the place back.
    while !door.get("/").await.ends_with("fast") {}
}

#[tokio::test]
async fn one_source_that_is_no_proxy_has_only_so_many_connections() {
    let room = Room {
        connections_per_source: 3,
        ..ROOM
    };
    let door = open(room, false).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(door.at).await.unwrap());
    }
    let one_more = TcpStream::connect(door.at).await.unwrap();
    assert!(answer(one_more).await.starts_with("HTTP/1.1 503 "));
    drop(held);
    loop {
        let mut stream = TcpStream::connect(door.at).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        // Where the door has not noticed yet, it turns this one away as well.
        let mut text = String::new();
        if stream.write_all(request).await.is_ok()
            && stream.read_to_string(&mut text).await.is_ok()
            && text.ends_with("fast")
        {
            break;
        }
    }
    let proxied = open(room, true).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(TcpStream::connect(proxied.at).await.unwrap());
    }
    assert!(proxied.get("/").await.ends_with("fast"), "a proxy");
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_is_under_way_and_ends_what_is_idle() {
    let door = open(ROOM, true).await;
    let mut idle = TcpStream::connect(door.at).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    let waiting = door.ask("/slow").await;
    drop(door.begun.acquire().await);
    door.stop.send(true).unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    door.permits.add_permits(1);
    assert!(answer(waiting).await.ends_with("slow"));
    door.open.await.unwrap();
    assert!(TcpStream::connect(door.at).await.is_err());
}
