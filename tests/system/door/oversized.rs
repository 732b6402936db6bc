//! Heads and bodies that are larger than anybody needs.

use std::io::Write;

use super::wire::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, Http2, connect, field, head, length, rest,
    status,
};
use super::{address, answers, forgets};
use crate::harness::{Installation, Kind};

#[test]
fn what_is_too_large_is_refused_and_the_service_goes_on() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    let at = address(&daemon);
    let head_of = |more: &str| format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{more}\r\n");
    let long = "a".repeat(40_000);
    let many = "x: y\r\n".repeat(150);
    for (what, request) in [
        ("one long header", head_of(&format!("x: {long}\r\n"))),
        ("many headers", head_of(&many)),
        (
            "a long path",
            format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"),
        ),
        ("a head without end", long.repeat(3)),
    ] {
        let status = status(at, request.as_bytes());
        let refused = [Some(400), Some(414), Some(431)].contains(&status);
        assert!(refused, "{what}: {status:?}");
    }
    // A ticket of Kerberos that a proxy passes on fits.
    let ticket = format!("authorization: Negotiate {}\r\n", "a".repeat(16_000));
    let closing = format!("{ticket}connection: close\r\n");
    assert_eq!(status(at, head_of(&closing).as_bytes()), Some(200));

    let form = "POST /sign-in HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
        content-type: application/x-www-form-urlencoded\r\n";
    let announced = format!("{form}content-length: 99999999999\r\n\r\n");
    assert_eq!(status(at, announced.as_bytes()), Some(413));
    let mut stream = connect(at);
    let begun = format!("{form}transfer-encoding: chunked\r\n\r\n");
    let mut chunks = begun.into_bytes();
    for _ in 0..40 {
        chunks.extend(b"400\r\n");
        chunks.extend([b'a'; 0x400]);
        chunks.extend(b"\r\n");
    }
    stream.write_all(&chunks).expect("it is sent");
    let answer = rest(&mut stream);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // What fits into a form but not into its fields is told by a page.
    let typed = format!("mail={}", "a".repeat(20_000));
    let sent = format!("{form}content-length: {}\r\n\r\n{typed}", typed.len());
    assert_eq!(status(at, sent.as_bytes()), Some(413));
    answers(&daemon);
    daemon.wait_for_log("their bodies are larger than what is sent here may be");
    let said = daemon.log();
    assert!(!said.contains("did not come in time"), "{said}");
    forgets(&daemon, before);
}

#[test]
fn heads_of_http_2_that_grow_are_refused_before_they_have_grown() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    let at = address(&daemon);
    // A field of 4000 bytes, remembered once (RFC 7541, section 6.2.1) and named thousands of times.
    let mut bomb = head("GET", "/healthz", "a");
    bomb.push(0x40);
    bomb.extend([1, b'x']);
    bomb.extend(length(4000));
    bomb.extend([b'a'; 4000]);
    let names = vec![0xBE; 16_000 - bomb.len()];
    bomb.extend(names);
    let mut client = Http2::begin(connect(at), 65_535);
    let sent = client.send(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    sent.expect("it is sent");
    assert!(!client.is_answered(), "64 MB of fields");

    // Fields without end, frame by frame (CONTINUATION, RFC 9113, section 6.10).
    let mut client = Http2::begin(connect(at), 65_535);
    let sent = client.send(HEADERS, END_STREAM, 1, &head("GET", "/healthz", "a"));
    sent.expect("it is sent");
    let more = field("x", &"a".repeat(8000));
    for _ in 0..1000 {
        if client.send(CONTINUATION, 0, 1, &more).is_err() {
            break;
        }
    }
    assert!(!client.is_answered(), "a head without end");
    answers(&daemon);
    forgets(&daemon, before);
}
