//! HTTP/2: frames that ask for nothing, and requests that are taken back at once.

use super::wire::{
    DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PING, RST_STREAM, SETTINGS, connect, head,
};
use super::{address, answers, forgets};
use crate::harness::{Installation, Kind};

/// A frame that is sent over and over: its type, flags and payload.
type Sent<'a> = (u8, u8, &'a [u8]);

#[test]
fn floods_end_their_connection_and_the_log_says_so_once() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    answers(&daemon);
    let before = daemon.resident_kib();
    let request = head("GET", "/sign-in", "a");
    let open = (HEADERS, END_HEADERS | END_STREAM, &request[..]);
    let floods: [(&str, Vec<Sent<'_>>); 4] = [
        ("pings", vec![(PING, 0, &[0; 8])]),
        ("settings", vec![(SETTINGS, 0, &[])]),
        (
            "requests taken back",
            vec![open, (RST_STREAM, 0, &[0, 0, 0, 8])],
        ),
        (
            "data that is none",
            vec![(HEADERS, END_HEADERS, &request), (DATA, 0, &[])],
        ),
    ];
    for (what, frames) in floods {
        let mut client = Http2::begin(connect(address(&daemon)), 65_535);
        let mut ended = false;
        for round in 0..20_000_u32 {
            let fresh = 2 * round + 1;
            for (kind, flags, payload) in &frames {
                let stream = match *kind {
                    PING | SETTINGS => 0,
                    _ if what == "data that is none" => 1,
                    _ => fresh,
                };
                let again = what == "data that is none" && round > 0 && *kind == HEADERS;
                if !again {
                    ended |= client.send(*kind, *flags, stream, payload).is_err();
                }
            }
            if ended {
                break;
            }
        }
        // What is left to read of it comes to an end as well.
        while client.next().is_some() {}
        answers(&daemon);
    }
    daemon.wait_for_log("they sent frames without end");
    let log = daemon.log();
    let lines = log.matches("they sent frames without end").count();
    assert_eq!(lines, 1, "{log}");
    forgets(&daemon, before);
}

#[test]
fn a_client_that_only_asks_much_is_no_flood() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let mut client = Http2::begin(connect(address(&daemon)), 1 << 20);
    for round in 0..600 {
        client.ask(2 * round + 1, "/healthz", "a", None);
        assert!(client.is_answered(), "request {round}");
    }
}
