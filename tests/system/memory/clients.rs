//! Those who press the button of a key link: the ways that they come by, and what they do about the
//! answer.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use rustls::version::TLS13;

use super::links::Link;
use crate::door::tls::shake;
use crate::door::wire::{DATA, Http2, WINDOW_UPDATE, connect, rest};

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What a client does about the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Reads it to its end, and stays connected.
    Reads,
    /// Sees that it comes, takes nothing more of it, and stays connected.
    Stalls,
    /// Goes before it comes; over HTTP/2, before anything but its head comes.
    Leaves,
    /// Takes a byte now and then, for as long as it may.
    Dribbles,
    /// Goes in the middle of the page.
    LeavesInside,
}

/// Between two bytes of a client that dribbles: the page would take minutes.
const BETWEEN: Duration = Duration::from_millis(20);
/// So much of the page is there for a client that leaves inside it.
const BEGINNING: u32 = 64;

/// Where a daemon is, and whether it speaks TLS.
pub(super) struct Door {
    /// `host:port`.
    pub(super) address: String,
    pub(super) speaks_tls: bool,
}

/// A connection on which the answer is still to come. Whoever drops it leaves.
pub(super) enum Pressed {
    Http1(Box<dyn Stream>),
    Http2(Http2<Box<dyn Stream>>),
}

pub(super) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

impl Door {
    /// Presses the button of a link. Over HTTP/2 a client gives the answer as much room as it is to read of
    /// it.
    pub(super) fn press(&self, link: &Link, protocol: Protocol, habit: Habit) -> Pressed {
        let (Link { path, form, .. }, host) = (link, &*self.address);
        match protocol {
            Protocol::Http1 => {
                let mut stream = self.connect("http/1.1");
                let request = format!(
                    "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
                    form.len()
                );
                stream.write_all(request.as_bytes()).expect("it is sent");
                stream.flush().expect("it is sent");
                Pressed::Http1(stream)
            }
            Protocol::Http2 => {
                let room = match habit {
                    Habit::Reads => 65_535,
                    Habit::LeavesInside => BEGINNING,
                    Habit::Stalls | Habit::Leaves | Habit::Dribbles => 0,
                };
                let mut client = Http2::begin(self.connect("h2"), room);
                client.ask(1, path, host, Some(form));
                Pressed::Http2(client)
            }
        }
    }

    fn connect(&self, protocol: &str) -> Box<dyn Stream> {
        if self.speaks_tls {
            let shaken = shake(&self.address, "127.0.0.1", &TLS13, protocol);
            Box::new(shaken.expect("a handshake"))
        } else {
            Box::new(connect(&self.address))
        }
    }
}

impl Habit {
    /// Whether a client sees that there is an answer with keys, however little it takes of it.
    pub(super) fn sees_the_answer(self, protocol: Protocol) -> bool {
        (self, protocol) != (Self::Leaves, Protocol::Http1)
    }
}

impl Pressed {
    /// Does about the answer what a client of this habit does; gives the connection for as long as it
    /// has one.
    pub(super) fn go_on(mut self, habit: Habit) -> Option<Self> {
        match habit {
            Habit::Reads => {
                let answer = self.answer();
                assert!(answer.contains("id=\"key-1\""), "{answer}");
            }
            Habit::Stalls => self.begins(),
            Habit::Leaves => {
                if let Self::Http2(_) = self {
                    self.begins();
                }
                return None;
            }
            Habit::Dribbles => {
                self.begins();
                thread::spawn(move || self.dribbles());
                return None;
            }
            Habit::LeavesInside => {
                self.begins();
                self.comes_to_the_body();
                return None;
            }
        }
        Some(self)
    }

    /// Takes the answer byte by byte, until the connection ends.
    fn dribbles(&mut self) {
        let mut byte = [0];
        loop {
            let has_ended = match self {
                Self::Http1(stream) => !matches!(stream.read(&mut byte), Ok(1)),
                Self::Http2(client) => {
                    let room = client.send(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
                    room.is_err() || client.next().is_none()
                }
            };
            if has_ended {
                return;
            }
            thread::park_timeout(BETWEEN);
        }
    }

    /// Reads as far as some bytes of the page.
    fn comes_to_the_body(&mut self) {
        match self {
            Self::Http1(stream) => {
                let mut read = Vec::new();
                let mut byte = [0];
                while !read.ends_with(b"\r\n\r\n<!") {
                    stream.read_exact(&mut byte).expect("a page");
                    read.extend(byte);
                }
            }
            Self::Http2(client) => loop {
                let frame = client.next().expect("a page");
                if frame.kind == DATA && !frame.payload.is_empty() {
                    break;
                }
            },
        }
    }

    /// The answer, from its beginning to its end.
    pub(super) fn answer(&mut self) -> String {
        self.begins();
        let body = match self {
            Self::Http1(stream) => rest(stream),
            Self::Http2(client) => client.body(),
        };
        String::from_utf8(body).expect("text")
    }

    /// Waits for the beginning of an answer with keys.
    fn begins(&mut self) {
        match self {
            Self::Http1(stream) => {
                let mut beginning = [0; 12];
                stream.read_exact(&mut beginning).expect("an answer");
                assert_eq!(&beginning, b"HTTP/1.1 200");
            }
            Self::Http2(client) => assert!(client.is_answered(), "no answer with keys"),
        }
    }
}
