//! Clients that ask for a key and then read nothing: nothing of the page waits for them.

use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::stopwatch::Stopwatch;
use super::wire::{DATA, Frame, GOAWAY, Http2, connect, is_of_time};
use super::{address, ended_in_time, forgets};
use crate::client::Browser;
use crate::harness::{Daemon, Installation, Kind, key_link, split, until};

const MARTIN: &str = "martin.vogt@example.com";

/// A key link of anna's, and the form on its page.
fn link_and_form(clavis: &Installation, daemon: &Daemon) -> (String, String) {
    let (_, link) = key_link(clavis, daemon, "LT-0042", MARTIN);
    let (base, path) = split(&link);
    let page = Browser::new(base).open(path).expect("the landing page");
    let token = page.html.split("name=\"form_token\" value=\"").nth(1);
    let token = token.and_then(|rest| rest.split('"').next());
    let form = format!("form_token={}", token.expect("a token"));
    (path.to_owned(), form)
}

#[test]
fn over_http_2_the_connection_of_a_key_page_ends_though_the_client_has_no_room() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let at = address(&daemon);
    let (path, form) = link_and_form(&clavis, &daemon);
    let before = daemon.resident_kib();
    // Another page waits for a client without room, and goes on waiting.
    let mut waiting = Http2::begin(connect(at), 0);
    waiting.ask(1, "/help", at, None);
    assert!(waiting.is_answered());

    let mut client = Http2::begin(connect(at), 0);
    client.ask(1, &path, at, Some(&form));
    let mut since_shown = None;
    let frames = std::iter::from_fn(|| client.next());
    let frames = frames.inspect(|frame| {
        if frame.is_ok() {
            since_shown.get_or_insert_with(Stopwatch::start);
        }
    });
    let frames: Vec<_> = frames.collect();
    ended_in_time(&since_shown.expect("an answer"));
    assert!(frames.iter().any(Frame::is_ok), "{frames:?}");
    let shown = frames.iter().filter(|frame| frame.kind == DATA);
    assert!(shown.clone().all(|frame| frame.payload.is_empty()));
    assert!(frames.iter().any(|frame| frame.kind == GOAWAY));

    let moment = Some(Duration::from_millis(50));
    waiting.0.set_read_timeout(moment).expect("a socket");
    let read = std::io::Read::read(&mut waiting.0, &mut [0; 1]);
    assert!(read.is_err_and(|error| is_of_time(&error)), "it is there");
    let shown = clavis.audit().matches("link.redeemed").count();
    assert_eq!(shown, 1);
    drop((waiting, client));
    forgets(&daemon, before);
}

#[test]
fn over_http_1_the_connection_of_a_key_page_ends_though_the_client_reads_nothing() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let (path, form) = link_and_form(&clavis, &daemon);
    let before = daemon.resident_kib();
    let at = address(&daemon);
    until("nobody else is connected", || {
        (daemon.connections() == 0).then_some(())
    });
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    // As little as there can be.
    socket.set_recv_buffer_size(1).expect("a socket");
    let peer: std::net::SocketAddr = at.parse().expect("an address");
    socket.connect(&peer.into()).expect("a connection");
    let mut stream = std::net::TcpStream::from(socket);
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it is sent");
    let minute = Some(Duration::from_mins(1));
    stream.set_read_timeout(minute).expect("a socket");
    // Looking at the first byte takes nothing.
    let peeked = stream.peek(&mut [0]).expect("an answer");
    assert_eq!(peeked, 1);
    let since_shown = Stopwatch::start();
    until("the connection has ended", || {
        (daemon.connections() == 0).then_some(())
    });
    ended_in_time(&since_shown);
    let shown = clavis.audit().matches("link.redeemed").count();
    assert_eq!(shown, 1);
    drop(stream);
    forgets(&daemon, before);
}
