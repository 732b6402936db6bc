//! Those who press the button of a key link, and what they do about the answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::client::Browser;
use crate::harness::split;

/// What a client does about the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// Reads it to its end, and stays connected.
    Reads,
    /// Knows that it has come, reads nothing of it, and stays connected.
    ReadsNothing,
    /// Has gone before it comes.
    Leaves,
}

/// A request with the button pressed, on its way.
pub(super) struct Pressed {
    connection: TcpStream,
}

impl Client {
    /// What they all do.
    pub(super) const ALL: [Self; 3] = [Self::Reads, Self::ReadsNothing, Self::Leaves];

    /// Presses the button of a link, and gives the connection for as long as the client has one.
    pub(super) fn redeem(self, link: &str) -> Option<TcpStream> {
        let Pressed { mut connection } = Pressed::at(link);
        match self {
            Self::Reads => {
                read(&mut connection);
            }
            Self::ReadsNothing => {
                let arrived = connection.peek(&mut [0; 12]).expect("an answer");
                assert!(arrived > 0, "the connection ended without an answer");
            }
            Self::Leaves => return None,
        }
        Some(connection)
    }
}

impl Pressed {
    /// Opens the page of a link, as a browser of its own, and presses its button.
    pub(super) fn at(link: &str) -> Self {
        let (base, path) = split(link);
        let page = Browser::new(base).open(path).expect("the page of the link");
        assert_eq!(page.status, 200, "{}", page.html);
        let fields = page.hidden_fields().into_iter();
        let form: Vec<_> = fields
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let form = form.join("&");
        let host = base.trim_start_matches("http://");
        let mut connection = TcpStream::connect(host).expect("a connection");
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        connection.write_all(request.as_bytes()).expect("sent");
        Self { connection }
    }

    /// Waits for the answer.
    pub(super) fn answer(mut self) -> String {
        read(&mut self.connection)
    }
}

fn read(connection: &mut TcpStream) -> String {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("id=\"key-1\""), "{answer}");
    answer
}
