//! A program that a webhook tells something, and that checks who calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::Value;

use crate::harness::{Installation, private};

const SECRET: &[u8; 24] = b"twenty-four bytes of key";
/// The one that a receiver knew before.
pub(crate) const EARLIER: &[u8; 24] = b"twenty-four bytes before";

/// A program that takes what it is told: the heads that belong to the signature, and the body.
pub(crate) struct Program {
    pub(crate) url: String,
    told: Receiver<Message>,
    status: Arc<AtomicU16>,
}

/// A message as it came.
pub(crate) struct Message {
    pub(crate) id: String,
    timestamp: String,
    signatures: String,
    body: String,
}

impl Program {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/clavis", listener.local_addr().expect("a port"));
        let (tell, told) = channel();
        let status = Arc::new(AtomicU16::new(204));
        let answer = Arc::clone(&status);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(message) = receive(&stream, answer.load(Ordering::Relaxed))
                    && tell.send(message).is_err()
                {
                    break;
                }
            }
        });
        Self { url, told, status }
    }

    /// Answers with this status from now on. What is answered otherwise than with 2xx counts as told
    /// here all the same.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Writes the secret that it shares with an installation, and gives the name of the file.
    pub(crate) fn share(clavis: &Installation) -> &'static str {
        Self::share_as(clavis, "webhook.secret", SECRET);
        "webhook.secret"
    }

    /// Writes a secret into a file.
    pub(crate) fn share_as(clavis: &Installation, file: &str, secret: &[u8]) {
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(secret));
        private(&clavis.path().join(file), &secret);
    }

    /// The next message, signed or not.
    pub(crate) fn next_message(&self) -> Message {
        let message = self.told.recv_timeout(Duration::from_secs(30));
        message.expect("a message")
    }

    /// The next message, whose signature is right.
    pub(crate) fn next(&self) -> Value {
        let message = self.next_message();
        assert!(message.is_signed_with(SECRET));
        message.json()
    }
}

impl Message {
    /// Whether one of its signatures is by this secret.
    pub(crate) fn is_signed_with(&self, secret: &[u8]) -> bool {
        let Self {
            id,
            timestamp,
            signatures,
            body,
        } = self;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let right = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        let right = format!("v1,{}", BASE64_STANDARD.encode(right));
        signatures.split(' ').any(|signature| signature == right)
    }

    /// How many signatures it has.
    pub(crate) fn signatures(&self) -> usize {
        self.signatures.split_whitespace().count()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Reads one request and answers it; `None` for one that is no message, as that of `clavis check`.
fn receive(stream: &TcpStream, status: u16) -> Option<Message> {
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
    let head = "connection: close\r\ncontent-length: 0";
    let answer = format!("HTTP/1.1 {status} Answered\r\n{head}\r\n\r\n");
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).ok()?;
    let body = String::from_utf8(body).ok()?;
    (!body.is_empty()).then(|| Message {
        id: field("webhook-id").unwrap_or_default(),
        timestamp: field("webhook-timestamp").unwrap_or_default(),
        signatures: field("webhook-signature").unwrap_or_default(),
        body,
    })
}
