//! Clients that send a byte now and then, or nothing at all.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::wire::{DATA, END_HEADERS, HEADERS, Http2, connect, field, head, header, rest};
use super::{address, answers, forgets};
use crate::harness::{Daemon, Installation, Kind};

/// Between two bytes.
const NOW_AND_THEN: Duration = Duration::from_millis(200);

/// Sends byte after byte until the other side has had enough; gives what it said.
fn trickle(mut stream: TcpStream, bytes: &[u8]) -> String {
    let ended = stream.try_clone().expect("a socket");
    let reader = std::thread::spawn(move || rest(&mut { ended }));
    for byte in bytes.chunks(1).cycle() {
        if reader.is_finished() || send(&mut stream, byte).is_err() {
            break;
        }
        std::thread::park_timeout(NOW_AND_THEN);
    }
    let answer = reader.join().expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// One slow client of each kind; each gives what it got for an answer.
fn slow_clients(daemon: &Daemon) -> Vec<(&'static str, std::thread::JoinHandle<String>)> {
    let at = address(daemon).to_owned();
    let begin = |stream: &mut TcpStream, text: &[u8]| send(stream, text).expect("it is sent");
    let mut stream = connect(&at);
    let silent = std::thread::spawn(move || {
        let answer = rest(&mut stream);
        String::from_utf8_lossy(&answer).into_owned()
    });

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
        String::new()
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
