//! Clients that send a byte now and then, or nothing at all.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustls::version::TLS13;

use super::tls::{hello, page, shake, with_tls};
use super::wire::{DATA, END_HEADERS, HEADERS, Http2, connect, field, head, header, rest};
use super::{address, answers, forgets};
use crate::harness::{Daemon, Installation, Kind};

/// Between two bytes.
const NOW_AND_THEN: Duration = Duration::from_millis(200);

/// Sends byte after byte until the other side has had enough; gives what it said.
fn trickle(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let ended = stream.try_clone().expect("a socket");
    let reader = std::thread::spawn(move || rest(&mut { ended }));
    for byte in bytes.chunks(1).cycle() {
        if reader.is_finished() || send(&mut stream, byte).is_err() {
            break;
        }
        std::thread::park_timeout(NOW_AND_THEN);
    }
    reader.join().expect("the connection ends")
}

fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// One slow client of each kind; each gives what it got for an answer.
fn slow_clients(daemon: &Daemon) -> Vec<(&'static str, std::thread::JoinHandle<Vec<u8>>)> {
    let at = address(daemon).to_owned();
    let begin = |stream: &mut TcpStream, text: &[u8]| send(stream, text).expect("it is sent");
    let mut stream = connect(&at);
    let silent = std::thread::spawn(move || rest(&mut stream));

    let stream = connect(&at);
    let slow_head = std::thread::spawn(move || trickle(stream, b"GET /sign-in HTTP/1.1\r\nx: y"));

    let mut stream = connect(&at);
    begin(&mut stream, b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
    let slow_second_head = std::thread::spawn(move || trickle(stream, b"G"));

    let mut stream = connect(&at);
    begin(
        &mut stream,
        b"POST /sign-in HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\
          content-type: application/x-www-form-urlencoded\r\n\r\n",
    );
    let slow_body = std::thread::spawn(move || trickle(stream, b"a"));

    let mut slow_frame = Http2::begin(connect(&at), 65_535).0;
    let frame = header(HEADERS, END_HEADERS, 1, 4000);
    begin(&mut slow_frame, &frame);
    let slow_frame = std::thread::spawn(move || trickle(slow_frame, &field("x", "y")));

    let slow_frames = std::thread::spawn(move || {
        let mut client = Http2::begin(connect(&at), 65_535);
        let fields = head("POST", "/sign-in", "a");
        let asked = client.send(HEADERS, END_HEADERS, 1, &fields);
        asked.expect("it is sent");
        let stream = client.0.try_clone().expect("a socket");
        let sending = std::thread::spawn(move || {
            let mut client = Http2(stream);
            while client.send(DATA, 0, 1, b"a").is_ok() {
                std::thread::park_timeout(NOW_AND_THEN);
            }
        });
        let mut frames = std::iter::from_fn(|| client.next());
        let answer = frames.find(|frame| frame.kind == HEADERS);
        assert!(answer.is_none_or(|answer| !answer.is_ok()), "an answer");
        // Which ends what the other thread does.
        let _ = client.0.shutdown(std::net::Shutdown::Both);
        sending.join().expect("it ends");
        Vec::new()
    });
    vec![
        ("nothing", silent),
        ("head", slow_head),
        ("second head", slow_second_head),
        ("body", slow_body),
        ("frame", slow_frame),
        ("frames", slow_frames),
    ]
}

#[test]
fn slow_clients_end_their_own_connections_and_nobody_elses() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    let clients = slow_clients(&daemon);
    while clients.iter().any(|(_, client)| !client.is_finished()) {
        answers(&daemon);
        std::thread::park_timeout(Duration::from_millis(100));
    }
    for (what, client) in clients {
        let answer = client.join().expect("its connection has ended");
        let answer = String::from_utf8_lossy(&answer);
        match what {
            "second head" => assert!(answer.starts_with("HTTP/1.1 200"), "{answer}"),
            "body" => assert!(answer.starts_with("HTTP/1.1 408"), "{answer}"),
            _ => assert!(!answer.contains(" 200 "), "{what}: {answer}"),
        }
    }
    answers(&daemon);
    daemon.wait_for_log("their requests did not come in time");
    let log = daemon.log();
    let lines = log.matches("their requests did not come in time").count();
    assert_eq!(lines, 1, "five were too slow, and one line says so: {log}");
    forgets(&daemon, before);
}

#[test]
fn slow_handshakes_end_their_own_connections_and_nobody_elses() {
    let clavis = Installation::new(&Kind::Files);
    with_tls(&clavis, "127.0.0.1");
    let daemon = clavis.start();
    let at = address(&daemon);
    let is_answered = || {
        let stream = shake(at, "127.0.0.1", &TLS13, "http/1.1").expect("a handshake");
        let answer = page(stream, "/sign-in");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    is_answered();
    let before = daemon.resident_kib();
    let hello = hello();
    // At this pace it takes much longer than a handshake may, and would be answered if each of its bytes
    // gave it more time.
    assert!(hello.len() > 100);
    let mut silent = connect(at);
    let stream = connect(at);
    let clients = [
        std::thread::spawn(move || rest(&mut silent)),
        std::thread::spawn(move || trickle(stream, &hello)),
    ];
    while clients.iter().any(|client| !client.is_finished()) {
        is_answered();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    for client in clients {
        let answer = client.join().expect("its connection has ended");
        assert!(answer.is_empty(), "{answer:?}");
    }
    is_answered();
    daemon.wait_for_log("their requests did not come in time");
    forgets(&daemon, before);
}
