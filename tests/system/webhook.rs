//! A program that a webhook tells something, and that checks who calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::Value;

use crate::harness::{Installation, private};

const SECRET: &[u8; 24] = b"twenty-four bytes of key";

/// A program that takes what it is told: the heads that belong to the signature, and the body.
pub(crate) struct Program {
    pub(crate) url: String,
    told: Receiver<Message>,
}

struct Message {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Program {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/clavis", listener.local_addr().expect("a port"));
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(message) = receive(&stream)
                    && tell.send(message).is_err()
                {
                    break;
                }
            }
        });
        Self { url, told }
    }

    /// Writes the secret that it shares with an installation, and gives the name of the file.
    pub(crate) fn share(clavis: &Installation) -> &'static str {
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(SECRET));
        private(&clavis.path().join("webhook.secret"), &secret);
        "webhook.secret"
    }

    /// The next message, whose signature is right.
    pub(crate) fn next(&self) -> Value {
        let message = self.told.recv_timeout(Duration::from_secs(30));
        let message = message.expect("a message");
        let Message {
            id,
            timestamp,
            signature,
            body,
        } = message;
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        let right = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        let signed = signature.strip_prefix("v1,").expect("a signature");
        assert_eq!(signed, BASE64_STANDARD.encode(right));
        serde_json::from_str(&body).expect("JSON")
    }
}

/// Reads one request and answers 204; `None` for one that is no message, as that of `clavis check`.
fn receive(stream: &TcpStream) -> Option<Message> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        head.push(std::mem::take(&mut line));
    }
    let field = |name: &str| {
        let mut fields = head
            .iter()
            .filter_map(|line| line.trim_end().split_once(": "));
        let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let mut stream = stream;
    stream.write_all(answer).ok()?;
    Some(Message {
        id: field("webhook-id")?,
        timestamp: field("webhook-timestamp")?,
        signature: field("webhook-signature")?,
        body: String::from_utf8(body).ok()?,
    })
}
