//! Bodies that lie in memory until they are whole: strangers have short ones, and few.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use socket2::{Domain, Socket, Type};

use super::wire::{
    ACK, DATA, END_HEADERS, HEADERS, Http2, RST_STREAM, SETTINGS, WINDOW_UPDATE, connect, field,
    head, status,
};
use super::{address, answers, forgets};
use crate::client::Browser;
use crate::harness::{Daemon, Installation, Kind, until};

/// What the desk's messages show.
const PASSWORD: &str = "a password of the desk's";

const CONNECTIONS: u32 = 24;
/// As many as one connection may have.
const STREAMS: u32 = 100;
/// What a daemon may hold for one source that floods it: 16 MiB of requests, and what lies around these.
const OF_ONE_SOURCE_KIB: f64 = 32.0 * 1024.0;
/// What it may hold for all: 64 MiB of requests.
const OF_ALL_KIB: f64 = 96.0 * 1024.0;

/// An installation with a service desk whose messages it takes, and nobody in front of it.
fn with_desk() -> Installation {
    let clavis = Installation::new(&Kind::Files);
    for (name, text) in [("halo.secret", "secret"), ("halo.password", PASSWORD)] {
        let file = clavis.path().join(name);
        fs::write(&file, text).expect("a file");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    clavis.change(
        "[support]",
        "[[desks]]\nname = \"halo\"\nkind = \"halo\"\nurl = \"http://127.0.0.1:9\"\n\
         client_id = \"clavis\"\nclient_secret_file = \"halo.secret\"\nticket_type = 30\n\
         statuses = { done = 9, declined = 8, ended = 10 }\n\
         webhook_user = \"halo\"\nwebhook_password_file = \"halo.password\"\n[support]",
    );
    clavis
}

/// What a message shows of whose it is.
fn credential(password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("halo:{password}"))
    )
}

/// A connection from another source than this process has otherwise.
fn from_elsewhere(daemon: &Daemon) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let elsewhere: SocketAddr = "127.0.0.2:0".parse().expect("an address");
    socket.bind(&elsewhere.into()).expect("it is this machine");
    let peer: SocketAddr = address(daemon).parse().expect("an address");
    socket.connect(&peer.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("a socket");
    let minute = Some(Duration::from_mins(1));
    stream.set_read_timeout(minute).expect("a socket");
    stream.set_write_timeout(minute).expect("a socket");
    stream
}

/// A connection whose requests all have a body that never ends.
struct Flood<S> {
    client: Http2<S>,
    /// What a request still has to send, and how much of it the other side has room for.
    left: BTreeMap<u32, (usize, usize)>,
    room: usize,
    room_of_fresh: usize,
}

impl<S: Read + Write> Flood<S> {
    /// Begins so many messages, of so many bytes each as far as that is let in.
    fn of(stream: S, length: usize) -> Self {
        let mut flood = Self {
            client: Http2::begin(stream, 65_535),
            left: BTreeMap::new(),
            room: 65_535,
            room_of_fresh: 65_535,
        };
        let mut fields = head("POST", "/hooks/halo", "a");
        fields.extend(field("authorization", &credential("wrong")));
        for stream in (0..STREAMS).map(|it| 2 * it + 1) {
            let asked = flood.client.send(HEADERS, END_HEADERS, stream, &fields);
            asked.expect("it is sent");
            flood.left.insert(stream, (length, flood.room_of_fresh));
        }
        while flood.goes_on() {}
        flood
    }

    /// Sends what there is room for, or hears what has become of it; until all is sent.
    fn goes_on(&mut self) -> bool {
        if self.left.values().all(|(length, _)| *length == 0) {
            return false;
        }
        // All of them grow together.
        let open = self.left.iter_mut();
        let fitting = open.filter(|(_, (length, room))| self.room.min(*length).min(*room) > 0);
        let Some((stream, (length, room))) = fitting.max_by_key(|(_, (length, _))| *length) else {
            return self.hears();
        };
        let piece = self.room.min(*length).min(*room).min(16 * 1024);
        self.room -= piece;
        *length -= piece;
        *room -= piece;
        let sent = self.client.send(DATA, 0, *stream, &vec![b'a'; piece]);
        sent.is_ok() || self.has_ended()
    }

    /// With the connection, all that was begun on it has ended.
    fn has_ended(&mut self) -> bool {
        self.left.clear();
        false
    }

    fn hears(&mut self) -> bool {
        let Some(frame) = self.client.next() else {
            return self.has_ended();
        };
        let number = |bytes: &[u8]| {
            let bytes: Option<[u8; 4]> = bytes.try_into().ok();
            bytes.map_or(0, u32::from_be_bytes) as usize
        };
        match frame.kind {
            WINDOW_UPDATE if frame.stream == 0 => self.room += number(&frame.payload),
            WINDOW_UPDATE => {
                if let Some((_, room)) = self.left.get_mut(&frame.stream) {
                    *room += number(&frame.payload);
                }
            }
            SETTINGS if frame.flags & ACK == 0 => {
                for setting in frame.payload.chunks(6).filter(|it| it[..2] == [0, 4]) {
                    let room = number(&setting[2..]);
                    for (_, of_stream) in self.left.values_mut() {
                        *of_stream = (*of_stream + room).saturating_sub(self.room_of_fresh);
                    }
                    self.room_of_fresh = room;
                }
                let taken = self.client.send(SETTINGS, ACK, 0, &[]);
                return taken.is_ok() || self.has_ended();
            }
            HEADERS | RST_STREAM => {
                self.left.remove(&frame.stream);
            }
            _ => {}
        }
        true
    }
}

/// Floods a daemon with bodies of this length, each begun and none finished.
fn flood(length: usize, connect: impl Fn() -> TcpStream + Sync) -> Vec<Flood<TcpStream>> {
    std::thread::scope(|all| {
        let connections = 0..CONNECTIONS;
        let floods = connections.map(|_| all.spawn(|| Flood::of(connect(), length)));
        let floods: Vec<_> = floods.collect();
        let floods = floods.into_iter().map(ScopedJoinHandle::join);
        floods.map(|it| it.expect("it has begun")).collect()
    })
}

#[test]
fn bodies_of_one_source_have_little_memory_and_others_are_answered() {
    let clavis = with_desk();
    clavis.change("trusted_proxies = [\"127.0.0.1\"]\n", "");
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    // Longer than a stranger's may be, and as long as they may be.
    for (length, fits) in [(262_000, false), (32_000, true)] {
        let floods = flood(length, || from_elsewhere(&daemon));
        let while_there = daemon.resident_kib();
        let begun: usize = floods.iter().map(|flood| flood.left.len()).sum();
        assert!(fits || begun == 0, "{begun} of {length} bytes go on");
        assert!(
            while_there < before + OF_ONE_SOURCE_KIB,
            "{length}: {before} KiB became {while_there} KiB"
        );
        answers(&daemon);
    }
    daemon.wait_for_log("hold as much memory as one may");
}

#[test]
fn all_bodies_together_have_some_memory_and_it_goes_back() {
    let clavis = with_desk();
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    // Behind a proxy, nobody can tell whose they are.
    let floods = flood(32_000, || connect(address(&daemon)));
    let while_there = daemon.resident_kib();
    assert!(
        while_there < before + OF_ALL_KIB,
        "{before} KiB became {while_there} KiB"
    );
    let probe = Browser::new(&daemon.url).open("/healthz");
    assert_eq!(probe.expect("an answer").status, 200);
    drop(floods);
    forgets(&daemon, before);
    until("nobody is refused any more", || {
        let page = Browser::new(&daemon.url).open("/sign-in");
        (page.expect("an answer").status == 200).then_some(())
    });
}

#[test]
fn a_service_desk_sends_long_messages_and_a_stranger_short_ones() {
    let clavis = with_desk();
    let daemon = clavis.start();
    let send = |path: &str, credential: &str, length: usize, is_sent: bool| {
        let body = format!("{{\"id\":7,\"x\":\"{}\"}}", "a".repeat(length));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
             content-type: application/json\r\nauthorization: {credential}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let body = if is_sent { &body } else { "" };
        status(address(&daemon), format!("{head}{body}").as_bytes())
    };
    let (right, wrong) = (credential(PASSWORD), credential("wrong"));
    assert_eq!(send("/hooks/halo", &right, 200_000, true), Some(204));
    // What is refused for its length is so before it is sent.
    assert_eq!(send("/hooks/halo", &right, 300_000, false), Some(413));
    for (path, credential) in [("/hooks/halo", &wrong), ("/hooks/other", &right)] {
        assert_eq!(send(path, credential, 20_000, true), Some(401), "{path}");
        assert_eq!(send(path, credential, 200_000, false), Some(413), "{path}");
    }
}
