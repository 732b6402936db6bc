//! Ten thousand connections.

use std::io::Write;
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{address, answers, forgets};
use crate::harness::{Daemon, Installation, Kind, until};

const MANY: u32 = 10_000;

/// Room for the files of so many connections in this process, and in the daemon, which inherits it.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let enough = limit
        .maximum
        .is_none_or(|hard| hard >= u64::from(MANY) + 1000);
    assert!(
        enough,
        "at most {:?} files may be open here: raise the hard limit (`ulimit -Hn 65536` as root, or --ulimit of the container)",
        limit.maximum
    );
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be the hard one");
}

/// Opens so many, which the daemon holds all at once, each with the beginning of a request.
fn flood(daemon: &Daemon) -> Vec<TcpStream> {
    // Once something was asked on a connection, it may wait for longer than all of them take to come.
    let ask = |_| {
        let mut stream = TcpStream::connect(address(daemon)).expect("a connection");
        let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request).expect("it is sent");
        stream
    };
    let mut streams: Vec<_> = (0..MANY).map(ask).collect();
    until("all are held", || {
        (daemon.connections() >= streams.len()).then_some(())
    });
    for stream in &mut streams {
        stream.write_all(b"GET / HT").expect("it is sent");
    }
    streams
}

#[test]
fn ten_thousand_connections_come_and_go_and_leave_nothing_behind() {
    raise_limit();
    let clavis = Installation::new(&Kind::Files);
    clavis.change("[organisation]", "connections = 100000\n[organisation]");
    let daemon = clavis.start();
    answers(&daemon);
    let (before, locked) = (daemon.resident_kib(), daemon.is_locked());
    for _ in 0..2 {
        let held = flood(&daemon);
        answers(&daemon);
        drop(held);
        until("all are gone", || (daemon.connections() < 20).then_some(()));
        answers(&daemon);
        forgets(&daemon, before);
        until("memory is locked where it was", || {
            (daemon.is_locked() == locked).then_some(())
        });
    }
}

#[test]
fn where_there_is_room_for_few_the_rest_is_turned_away_and_the_service_goes_on() {
    let clavis = Installation::new(&Kind::Files);
    clavis.change("[organisation]", "connections = 64\n[organisation]");
    let daemon = clavis.start();
    let mut held: Vec<_> = (0..64)
        .map(|_| super::wire::connect(address(&daemon)))
        .collect();
    let mut one_more = super::wire::connect(address(&daemon));
    let answer = super::wire::rest(&mut one_more);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"));
    daemon.wait_for_log("as many are open as there may be");
    // Those that ask for nothing go soon, since others wait.
    until("the first is gone", || {
        let first = &mut held[0];
        let minute = std::time::Duration::from_millis(50);
        first.set_read_timeout(Some(minute)).expect("a socket");
        matches!(std::io::Read::read(first, &mut [0; 1]), Ok(0)).then_some(())
    });
    answers(&daemon);
}
